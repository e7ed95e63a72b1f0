//! Curves of an experiment with an axis: a panel for each name that its settings give one.

#![allow(
    clippy::float_cmp,
    reason = "places on an axis are those of settings as they were given, and are compared with nothing computed"
)]

use crate::metric::{Kind, Metric, load};
use crate::numbers::{count, list};
use crate::plot::{Curves, Panel, Point, Scale, Series};
use crate::remark;
use crate::standing::Reason;
use crate::summary::{Answer, Results, Row};

/// From this ratio of the highest to the lowest value on, low values would look like 0 on a linear axis.
const LOGARITHMIC_FROM: f64 = 12.0;
/// The longest title of a setting that is a label on the axis, in letters.
const TICK_LETTERS_MOST: usize = 8;

/// The curves of the metric in this place of the experiment's, and their notes; none if no model has a value.
pub(super) fn curves(results: &Results<'_>, index: usize) -> Option<(Curves, Vec<String>)> {
    let axis = results.experiment.axis.as_ref()?;
    let metric = results.answers.first()?.metric(index);
    let beyond_from = beyond_from(results, metric);
    let common = common_words(results);
    let panels: Vec<Panel> = panels(results)
        .into_iter()
        .map(|(title, answers)| Panel {
            title: title.strip_suffix(&common).unwrap_or(title).to_owned(),
            series: with_remarks(measured(&answers, index, beyond_from), &answers, index)
                .into_iter()
                .chain(expected(results, &answers, metric))
                .collect(),
        })
        .filter(|panel| !panel.series.is_empty())
        .collect();
    if panels.is_empty() {
        return None;
    }
    let mut curves = Curves {
        x: Scale {
            title: axis.title.clone(),
            is_logarithmic: axis.logarithmic,
            ticks: ticks(results),
        },
        is_logarithmic: false,
        panels,
        reference: "theory".to_owned(),
    };
    curves.is_logarithmic = is_logarithmic(metric, &curves);
    let notes = notes(results, index, &curves);
    Some((curves, notes))
}

/// An answer, and its place on the axis.
type Placed<'r, 'a> = (f64, &'r Answer<'a>);

/// The panels in the order of their first settings.
fn panels<'r, 'a>(results: &'r Results<'a>) -> Vec<(&'r str, Vec<Placed<'r, 'a>>)> {
    let mut panels: Vec<(&str, Vec<Placed<'_, '_>>)> = Vec::new();
    for (index, answer) in results.answers.iter().enumerate() {
        let title = answer.setting.panel.as_deref().unwrap_or_default();
        let placed = (place(answer, index), answer);
        match panels.iter_mut().find(|(other, _)| *other == title) {
            Some((_, answers)) => answers.push(placed),
            None => panels.push((title, vec![placed])),
        }
    }
    panels
}

/// The words with which the names of all panels end, with a space before: ` service times` of `constant service times`. The
/// headings have no room for them, and the measure has them once.
pub(super) fn common_words(results: &Results<'_>) -> String {
    let panels = panels(results);
    let [(first, _), rest @ ..] = &*panels else {
        return String::new();
    };
    // At least one word is left.
    let ends = first.match_indices(' ').map(|(at, _)| &first[at..]);
    let is_common =
        |end: &&str| !rest.is_empty() && rest.iter().all(|(title, _)| title.ends_with(end) && title != end);
    ends.into_iter().find(is_common).unwrap_or_default().to_owned()
}

fn place(answer: &Answer<'_>, index: usize) -> f64 {
    answer.setting.x.unwrap_or(index as f64)
}

/// The settings of all panels from left to right, with names that are short.
fn ticks(results: &Results<'_>) -> Vec<(f64, String)> {
    let answers = results.answers.iter().enumerate();
    let mut ticks: Vec<(f64, String)> = answers
        .map(|(index, answer)| {
            let at = place(answer, index);
            (at, short(&answer.setting.title).unwrap_or_else(|| number(at)))
        })
        .collect();
    ticks.sort_by(|a, b| a.0.total_cmp(&b.0));
    ticks.dedup_by(|a, b| a.0 == b.0);
    ticks
}

/// A title that has room on an axis, or the number with its unit that it begins with: `30 %` of `30 % of its capacity`.
fn short(title: &str) -> Option<String> {
    let is_number = title.starts_with(|letter: char| letter.is_ascii_digit());
    let mut words = title.split(' ');
    if let (true, Some(number), Some(unit)) = (is_number, words.next(), words.next()) {
        // The title of the axis names what is counted: `1` of `1 worker`.
        let is_unit = ["%", "B", "KiB", "MiB"].contains(&unit);
        return is_unit.then(|| format!("{number} {unit}"));
    }
    (title.chars().count() <= TICK_LETTERS_MOST).then(|| title.to_owned())
}

fn number(value: f64) -> String {
    if value.fract() == 0.0 {
        count(value)
    } else {
        format!("{value}")
    }
}

/// From which place on the offered load exceeded the capacity of all models, in all panels. Latencies only grow with the length
/// of the load there. None if there is no such place, or if nothing would be left of some panel.
fn beyond_from(results: &Results<'_>, metric: &Metric) -> Option<f64> {
    let answers = results.answers.iter().enumerate().filter(|_| metric.is_latency);
    let all = answers.map(|(index, answer)| (place(answer, index), answer));
    let is_overloaded = |(_, answer): &Placed<'_, '_>| answer.rows.iter().all(Row::is_overloaded);
    let within = all
        .clone()
        .filter(|placed| !is_overloaded(placed))
        .map(|(x, _)| x);
    let last_within = within.reduce(f64::max)?;
    let from = all
        .map(|(x, _)| x)
        .filter(|x| *x > last_within)
        .reduce(f64::min)?;
    let is_left = |answers: &Vec<Placed<'_, '_>>| answers.iter().any(|(x, _)| *x < from);
    panels(results)
        .iter()
        .all(|(_, answers)| is_left(answers))
        .then_some(from)
}

fn measured(answers: &[Placed<'_, '_>], index: usize, beyond_from: Option<f64>) -> Vec<Series> {
    series(answers, false, |answer, row, x| {
        let value = row.values[index];
        let estimate = value.estimate?;
        Some(Point {
            x,
            y: estimate.median,
            low: estimate.low,
            high: estimate.high,
            is_unranked: value.standing.is_err_and(is_of_the_model),
            is_at_least: remark::is_client_bound(row, answer.metric(index)),
            is_beyond: beyond_from.is_some_and(|from| x >= from),
        })
    })
}

/// The series with the reasons why their last values are not ranked. Where all have the same one, the note is enough.
fn with_remarks(mut all: Vec<Series>, answers: &[Placed<'_, '_>], index: usize) -> Vec<Series> {
    for series in &mut all {
        let last = series.points.iter().max_by(|a, b| a.x.total_cmp(&b.x));
        let Some(last) = last.filter(|point| point.is_unranked) else {
            continue;
        };
        let answers = answers.iter().filter(|(x, _)| *x == last.x);
        let mut rows = answers.flat_map(|(_, answer)| &answer.rows);
        let row = rows.find(|row| row.place == series.place);
        let words = row.and_then(|row| remark::in_short(row, row.values[index].standing.err()?));
        series.remark = words.unwrap_or_default();
    }
    if let [first, rest @ ..] = &*all
        && rest.iter().all(|series| series.remark == first.remark)
        && !rest.is_empty()
    {
        for series in &mut all {
            series.remark.clear();
        }
    }
    all
}

/// Whether a reason is one of the model, and not of the metric or the run.
fn is_of_the_model(reason: Reason) -> bool {
    !matches!(reason, Reason::NoDirection | Reason::Smoke | Reason::NoValue)
}

/// What theory predicts for the mean latency.
fn expected(results: &Results<'_>, answers: &[Placed<'_, '_>], metric: &Metric) -> Vec<Series> {
    let theories = results.experiment.theory.iter().filter(|_| *metric == load::MEAN);
    theories
        .flat_map(|theory| {
            series(answers, true, |answer, row, x| {
                let expected = row.expected_us(theory, answer.setting)?;
                Some(Point {
                    x,
                    y: expected,
                    low: expected,
                    high: expected,
                    is_unranked: false,
                    is_at_least: false,
                    is_beyond: false,
                })
            })
        })
        .collect()
}

/// A series for each model, with the point of each setting.
fn series(
    answers: &[Placed<'_, '_>],
    is_reference: bool,
    point: impl Fn(&Answer<'_>, &Row<'_>, f64) -> Option<Point>,
) -> Vec<Series> {
    let mut all: Vec<Series> = Vec::new();
    for (x, answer) in answers {
        for row in &answer.rows {
            let Some(point) = point(answer, row, *x) else {
                continue;
            };
            match all.iter_mut().find(|series| series.place == row.place) {
                Some(series) => series.points.push(point),
                None => all.push(Series {
                    place: row.place,
                    name: row.model.to_owned(),
                    is_reference,
                    remark: String::new(),
                    points: vec![point],
                }),
            }
        }
    }
    all.sort_by_key(|series| series.place);
    all
}

/// Whether the values need a logarithmic axis. A share does not: its ends are nothing and all.
fn is_logarithmic(metric: &Metric, curves: &Curves) -> bool {
    let least = curves.shown().map(|point| point.y).fold(f64::INFINITY, f64::min);
    let most = curves.shown().map(|point| point.y).fold(0.0, f64::max);
    metric.kind != Kind::Share && least > 0.0 && most / least > LOGARITHMIC_FROM
}

/// What a reader must know: what arrows lead to, and why values are not ranked.
fn notes(results: &Results<'_>, index: usize, curves: &Curves) -> Vec<String> {
    let mut notes = Vec::new();
    if curves.shown().any(|point| point.low < point.high) {
        notes.push("Vertical lines: 95 % intervals.".to_owned());
    }
    notes.extend(beyond(results, index, curves));
    notes.extend(unranked(results, index));
    notes.extend(client_bound(curves));
    notes
}

/// Which models the load generator limited in some setting.
fn client_bound(curves: &Curves) -> Option<String> {
    let series = curves.panels.iter().flat_map(|panel| &panel.series);
    let bound = series.filter(|series| series.points.iter().any(|point| point.is_at_least));
    let mut models: Vec<(usize, &str)> = bound.map(|series| (series.place, &*series.name)).collect();
    models.sort_unstable();
    models.dedup();
    let names: Vec<_> = models.into_iter().map(|(_, name)| name).collect();
    (!names.is_empty()).then(|| {
        format!(
            "Limited by the load generator in some setting, so it may be faster: {}.",
            list(&names)
        )
    })
}

/// Where the arrows lead.
fn beyond(results: &Results<'_>, index: usize, curves: &Curves) -> Option<String> {
    let metric = results.answers.first()?.metric(index);
    let series = || curves.panels.iter().flat_map(|panel| &panel.series);
    let points = || {
        series()
            .flat_map(|series| &series.points)
            .filter(|point| point.is_beyond)
    };
    let settings = curves.x.ticks.iter().filter_map(|(x, title)| {
        let values = points().filter(|point| point.x == *x).map(|point| point.y);
        let least = values.clone().fold(f64::INFINITY, f64::min);
        let most = values.fold(f64::NEG_INFINITY, f64::max);
        let most_with_unit = metric.format_with_unit(most);
        least
            .is_finite()
            .then(|| format!("{title} ({} to {most_with_unit})", metric.format(least)))
    });
    let settings: Vec<_> = settings.collect();
    (!settings.is_empty()).then(|| {
        format!(
            "Arrows lead to {}: every model is overloaded, and latency grows as long as the load lasts.",
            list(&settings)
        )
    })
}

/// Which models are not ranked in some setting, and why.
fn unranked(results: &Results<'_>, index: usize) -> Vec<String> {
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for row in results.answers.iter().flat_map(|answer| &answer.rows) {
        let value = row.values[index];
        let Err(reason) = value.standing else {
            continue;
        };
        if value.estimate.is_none() || !is_of_the_model(reason) {
            continue;
        }
        // Numbers differ from setting to setting.
        let words = match reason {
            Reason::TooFew { .. } => "too few trials".to_owned(),
            Reason::Failed(_) => "over 1 % of the requests failed".to_owned(),
            Reason::BackgroundClosed(_) => "idle connections were closed".to_owned(),
            Reason::Overloaded => "overloaded".to_owned(),
            reason => reason.in_words(),
        };
        match reasons.iter_mut().find(|(one, _)| *one == words) {
            Some((_, models)) if models.contains(&row.model) => {}
            Some((_, models)) => models.push(row.model),
            None => reasons.push((words, vec![row.model])),
        }
    }
    let number = results
        .answers
        .iter()
        .map(|answer| answer.rows.len())
        .max()
        .unwrap_or(0);
    let sentence = |(words, models): (String, Vec<&str>)| {
        if models.len() >= number {
            format!("Hollow: {words}.")
        } else {
            format!("Hollow: {words} ({}).", list(&models))
        }
    };
    reasons.into_iter().map(sentence).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_values_have_a_logarithmic_axis_unless_they_are_shares() {
        let curves = |values: [f64; 2]| Curves {
            x: Scale {
                title: String::new(),
                is_logarithmic: false,
                ticks: Vec::new(),
            },
            is_logarithmic: false,
            panels: vec![Panel {
                title: String::new(),
                series: vec![Series {
                    place: 0,
                    name: "alpha".to_owned(),
                    is_reference: false,
                    remark: String::new(),
                    points: values
                        .map(|y| Point {
                            x: 1.0,
                            y,
                            low: y,
                            high: y,
                            is_unranked: false,
                            is_at_least: false,
                            is_beyond: false,
                        })
                        .to_vec(),
                }],
            }],
            reference: String::new(),
        };
        assert!(is_logarithmic(&load::MEAN, &curves([1.0, 100.0])));
        assert!(!is_logarithmic(&load::UNSENT_SHARE, &curves([0.01, 1.0])));
        assert!(!is_logarithmic(&load::MEAN, &curves([1.0, 10.0])));
        // Zero is on no logarithmic axis.
        assert!(!is_logarithmic(&load::MEAN, &curves([0.0, 100.0])));
    }

    #[test]
    fn a_setting_has_a_short_name_on_the_axis() {
        for (title, name) in [
            ("30 %", Some("30 %")),
            ("30 % of its capacity", Some("30 %")),
            ("512 KiB in one reply", Some("512 KiB")),
            ("none", Some("none")),
            ("1 silent client", None),
            ("1 worker", None),
            ("constant, 12,000/s", None),
        ] {
            assert_eq!(short(title).as_deref(), name, "{title}");
        }
    }
}
