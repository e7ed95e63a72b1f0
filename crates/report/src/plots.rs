//! The plots of an experiment: its headline by its axis, or by its settings.

use super::plot::{Plot, Point, Scale, Series};
use super::summary::{Answer, Results, Row};
use crate::metric::load;

/// From this ratio of the highest to the lowest value on, low values would look like 0 on a linear axis.
const LOGARITHMIC_FROM: f64 = 20.0;

/// One plot, or none if nothing was measured.
pub(crate) fn plots(results: &Results<'_>) -> Vec<Plot> {
    let experiment = results.experiment;
    let mut series = measured(results);
    series.extend(expected(results));
    if series.is_empty() {
        return Vec::new();
    }
    let x = match &experiment.axis {
        Some(axis) => Scale {
            title: axis.title.clone(),
            logarithmic: axis.logarithmic,
            names: Vec::new(),
        },
        None => Scale {
            title: String::new(),
            logarithmic: false,
            names: results
                .answers
                .iter()
                .map(|answer| answer.setting.title.clone())
                .collect(),
        },
    };
    let y = Scale {
        title: results.headline_title(),
        logarithmic: is_wide(&series),
        names: Vec::new(),
    };
    vec![Plot {
        key: experiment.key.clone(),
        title: experiment.title.clone(),
        x,
        y,
        series,
        reference: "theory".to_owned(),
    }]
}

fn measured(results: &Results<'_>) -> Vec<Series> {
    series(results, false, |_, row| {
        let estimate = row.values[0].estimate?;
        Some((estimate.median, estimate.low, estimate.high))
    })
}

/// What theory predicts for the mean latency, where that is the headline.
fn expected(results: &Results<'_>) -> Vec<Series> {
    if *results.headline() != load::MEAN {
        return Vec::new();
    }
    let theories = results.experiment.theory.iter();
    theories
        .flat_map(|theory| {
            series(results, true, |answer, row| {
                let expected = row.expected_us(theory, answer.setting)?;
                Some((expected, expected, expected))
            })
        })
        .collect()
}

/// A series for each model, with the value and the interval of each setting.
fn series(
    results: &Results<'_>,
    is_reference: bool,
    value: impl Fn(&Answer<'_>, &Row<'_>) -> Option<(f64, f64, f64)>,
) -> Vec<Series> {
    let mut all: Vec<Series> = Vec::new();
    for (index, answer) in results.answers.iter().enumerate() {
        let x = match results.experiment.axis {
            Some(_) => answer.setting.x.unwrap_or(index as f64),
            None => index as f64,
        };
        for row in &answer.rows {
            let Some((y, low, high)) = value(answer, row) else {
                continue;
            };
            let point = Point { x, y, low, high };
            match all.iter_mut().find(|series| series.place == row.place) {
                Some(series) => series.points.push(point),
                None => all.push(Series {
                    place: row.place,
                    name: row.model.to_owned(),
                    is_reference,
                    points: vec![point],
                }),
            }
        }
    }
    all.sort_by_key(|series| series.place);
    all
}

fn is_wide(series: &[Series]) -> bool {
    let points = || series.iter().flat_map(|series| &series.points);
    let least = points()
        .map(|point| point.low.min(point.y))
        .fold(f64::INFINITY, f64::min);
    let most = points().map(|point| point.y).fold(0.0, f64::max);
    least > 0.0 && most / least > LOGARITHMIC_FROM
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn theory_is_drawn_beside_the_mean_latency_and_nothing_else() {
        let (environment, records) = fixture::run();
        for results in &fixture::summary(&environment, &records).results {
            let plots = plots(results);
            let has_theory = plots[0].series.iter().any(|series| series.is_reference);
            assert_eq!(has_theory, results.experiment.key == "past-capacity");
        }
    }

    #[test]
    fn settings_without_an_axis_are_named() {
        let (environment, records) = fixture::run();
        for results in &fixture::summary(&environment, &records).results {
            let plot = &plots(results)[0];
            assert_eq!(plot.x.names.is_empty(), results.experiment.axis.is_some());
        }
    }

    #[test]
    fn an_axis_from_zero_is_linear() {
        let one = |low| Series {
            place: 0,
            name: "a".to_owned(),
            is_reference: false,
            points: vec![low, 100.0]
                .into_iter()
                .map(|y| Point {
                    x: 0.0,
                    y,
                    low: y,
                    high: y,
                })
                .collect(),
        };
        assert!(is_wide(&[one(4.0)]));
        assert!(!is_wide(&[one(0.0)]) && !is_wide(&[one(6.0)]));
    }
}
