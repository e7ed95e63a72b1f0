//! The plots of an experiment: curves by its axis, or bars for each of its settings.

mod bars;
mod curves;

use schema::contender::Contender;
use stats::Better;

use super::plot::{Drawing, Plot};
use super::summary::{Answer, Results};

/// A plot for each metric that gets one, without those that nothing was measured of. The contenders are those of the run.
pub(crate) fn plots(results: &Results<'_>, contenders: &[Contender]) -> Vec<Plot> {
    let experiment = results.experiment;
    let keys = experiment.plot_keys();
    let indexes = keys.filter_map(|key| experiment.metric_keys().position(|other| other == key));
    let plots = indexes.filter_map(|index| {
        let answer = results.answers.first()?;
        let (drawing, notes) = if has_curves(results) {
            let (curves, notes) = curves::curves(results, index)?;
            (Drawing::Curves(curves), notes)
        } else {
            let (groups, notes) = bars::bars(results, contenders, index)?;
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
            measure: measure(answer, index, &drawing),
            drawing,
            notes,
        })
    });
    plots.collect()
}

/// Whether some settings lie beside each other on an axis.
fn has_curves(results: &Results<'_>) -> bool {
    let settings = || results.answers.iter().map(|answer| answer.setting);
    let is_beside = |panel: &Option<String>| settings().filter(|setting| setting.panel == *panel).count() > 1;
    results.experiment.axis.is_some() && settings().any(|setting| is_beside(&setting.panel))
}

/// The metric with its unit, which direction is better, and whether the axis is logarithmic.
fn measure(answer: &Answer<'_>, index: usize, drawing: &Drawing) -> String {
    let direction = answer.metric(index).better.map(|better| match better {
        Better::Less => "less is better",
        Better::More => "more is better",
    });
    let is_logarithmic = matches!(drawing, Drawing::Curves(curves) if curves.is_logarithmic);
    let remarks: Vec<&str> = direction
        .into_iter()
        .chain(is_logarithmic.then_some("logarithmic"))
        .collect();
    let title = answer.metric_title(index);
    if remarks.is_empty() {
        title
    } else {
        format!("{title} ({})", remarks.join(", "))
    }
}

#[cfg(test)]
mod tests;
