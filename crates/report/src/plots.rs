//! The plots of an experiment: curves by its axis, or bars for each of its settings.

mod bars;
mod curves;

use std::collections::HashSet;

use schema::contender::Contender;
use stats::Better;

use super::plot::{Drawing, Plot};
use super::summary::{Answer, Results, Row};
use super::tables;

/// A plot for each metric that gets one, without those that nothing was measured of. The contenders are those of the run.
pub(crate) fn plots(results: &Results<'_>, contenders: &[Contender]) -> Vec<Plot> {
    let experiment = results.experiment;
    let keys = experiment.plot_keys();
    let indexes = keys.filter_map(|key| experiment.metric_keys().position(|other| other == key));
    let plots = indexes.filter_map(|index| {
        let answer = results.answers.first()?;
        let (drawing, notes) = if has_curves(results, index) {
            let (curves, notes) = curves::curves(results, index)?;
            (Drawing::Curves(curves), notes)
        } else {
            let answers = if is_crowded(results) {
                tables::shown_answers(results)
            } else {
                results.answers.iter().collect()
            };
            let (groups, notes) = bars::bars(results, &answers, contenders, index)?;
            (Drawing::Bars(groups), notes)
        };
        let (key, title) = match index {
            0 => (experiment.key.clone(), experiment.title.clone()),
            _ => (
                format!(
                    "{}-{}",
                    experiment.key,
                    answer.metric(index).key.replace('_', "-")
                ),
                format!("{}: {}", experiment.title, answer.metric_name(index)),
            ),
        };
        Some(Plot {
            key,
            title,
            measure: measure(results, answer, index, &drawing),
            drawing,
            notes,
        })
    });
    plots.collect()
}

/// From so few settings on an axis, nothing is interpolated if a model serves at one and serves nothing at another: a line would
/// hide where it stops.
const SETTINGS_WITHOUT_LINES: usize = 3;

/// The lines of more models lie on each other. Bars of the settings that matter most are legible.
const LINES_MOST: usize = 8;

/// Whether so many models are measured that their lines would lie on each other. Panels have room for lines only.
fn is_crowded(results: &Results<'_>) -> bool {
    let has_panels = results
        .answers
        .iter()
        .any(|answer| answer.setting.panel.is_some());
    let models = results.answers.iter().map(|answer| answer.rows.len()).max();
    results.experiment.axis.is_some() && !has_panels && models > Some(LINES_MOST)
}

/// Whether some settings lie beside each other on an axis, and lines between them hide no end of service.
fn has_curves(results: &Results<'_>, index: usize) -> bool {
    if is_crowded(results) {
        return false;
    }
    let few = results.answers.len() <= SETTINGS_WITHOUT_LINES;
    if few && some_model_stops(results, index) {
        return false;
    }
    let settings = || results.answers.iter().map(|answer| answer.setting);
    let is_beside = |panel: &Option<String>| settings().filter(|setting| setting.panel == *panel).count() > 1;
    results.experiment.axis.is_some() && settings().any(|setting| is_beside(&setting.panel))
}

/// Whether a model has a value at some setting, and 0 or no value at another where it took part.
fn some_model_stops(results: &Results<'_>, index: usize) -> bool {
    let rows = || results.answers.iter().flat_map(|answer| &answer.rows);
    let serves = |row: &&Row<'_>| {
        row.values[index]
            .estimate
            .is_some_and(|estimate| estimate.median > 0.0)
    };
    let place = |row: &Row<'_>| row.place;
    let serving: HashSet<usize> = rows().filter(serves).map(place).collect();
    let is_more_better = results
        .answers
        .first()
        .is_some_and(|answer| answer.metric(index).better == Some(Better::More));
    is_more_better && rows().any(|row| !serves(&row) && serving.contains(&row.place))
}

/// The metric with its unit, which direction is better, and whether the axis is logarithmic.
fn measure(results: &Results<'_>, answer: &Answer<'_>, index: usize, drawing: &Drawing) -> String {
    let direction = answer.metric(index).better.map(|better| match better {
        Better::Less => "less is better",
        Better::More => "more is better",
    });
    let is_logarithmic = matches!(drawing, Drawing::Curves(curves) if curves.is_logarithmic);
    let remarks: Vec<&str> = direction
        .into_iter()
        .chain(is_logarithmic.then_some("logarithmic"))
        .collect();
    let mut words = vec![answer.metric_title(index)];
    if !remarks.is_empty() {
        words.push(format!(" ({})", remarks.join(", ")));
    }
    let panels = curves::common_words(results);
    if matches!(drawing, Drawing::Curves(_)) && !panels.is_empty() {
        words.push(format!(", by{panels}"));
    }
    words.concat()
}

#[cfg(test)]
mod tests;
