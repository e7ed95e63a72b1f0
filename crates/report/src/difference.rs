//! Two runs side by side: every figure that both have, whether their trials tell it apart, and whether a model got worse.

mod faults;
mod otherwise;
mod pairs;
mod verdict;

use std::collections::BTreeSet;

use crate::Recorded;
use crate::metric::{self, Metric};
use pairs::{Pair, Pairs};
use schema::record::Measured;
use stats::Comparison;
pub use verdict::{Judged, Verdict};

/// A figure of a model in both runs.
#[derive(Debug, Clone)]
pub struct Difference {
    pub model: String,
    /// The experiment and the setting.
    pub place: String,
    pub metric: &'static Metric,
    /// Its medians.
    pub before: f64,
    pub after: f64,
    pub comparison: Comparison,
}

/// What is said of a model in a setting, or of more than one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub model: String,
    /// The experiment, and the setting if it is of one.
    pub place: String,
    pub what: String,
}

/// All that two runs have in common, and what they don't.
#[derive(Debug)]
pub struct Differences {
    /// In the order of the earlier run.
    pub values: Vec<Difference>,
    /// What was measured before and not now.
    pub gone: Vec<Note>,
    /// Where requests failed in either run.
    pub errors: Vec<Note>,
    /// What was not asked of both in the same way.
    pub not_compared: Vec<Note>,
}

impl Difference {
    /// None if the figure is in no trial of one of the runs.
    fn of(pair: &Pair<'_>, metric: &'static Metric) -> Option<Self> {
        let (before, after) = (
            values(&pair.before.kept, metric),
            values(&pair.after.kept, metric),
        );
        Some(Self {
            model: pair.model.to_owned(),
            place: pair.place(),
            metric,
            before: stats::median(&before)?,
            after: stats::median(&after)?,
            comparison: Comparison::unpaired(&before, &after)?,
        })
    }
}

impl Note {
    fn of(model: &str, place: &str, what: impl Into<String>) -> Self {
        Self {
            model: model.to_owned(),
            place: place.to_owned(),
            what: what.into(),
        }
    }

    /// Of whoever was asked there.
    fn of_all(place: &str, what: impl Into<String>) -> Self {
        Self::of("all", place, what)
    }
}

/// All figures that both runs have.
pub fn between(before: &Recorded, after: &Recorded) -> Differences {
    let pairs = Pairs::of(before, after);
    let of_pair = |pair: &Pair<'_>| -> Vec<Difference> {
        let mut seen = BTreeSet::new();
        // The headline may stand among the others as well.
        let keys = pair.experiment.metric_keys().filter(|key| seen.insert(*key));
        keys.map(metric::named)
            .filter(|metric| pair.is_comparable(metric))
            .filter_map(|metric| Difference::of(pair, metric))
            .collect()
    };
    Differences {
        values: pairs.both.iter().flat_map(of_pair).collect(),
        gone: pairs.gone,
        errors: errors(&pairs.both),
        not_compared: pairs.not_compared,
    }
}

/// What went wrong in either run, and whether that keeps the rest from being compared.
fn errors(pairs: &[Pair<'_>]) -> Vec<Note> {
    let with_errors = pairs
        .iter()
        .filter(|pair| pair.before.errors().any() || pair.after.errors().any());
    let note = |pair: &Pair<'_>| {
        let sides = [&pair.before, &pair.after].map(|trials| match trials.errors() {
            errors if errors.any() => errors.in_words(),
            _ => "none".to_owned(),
        });
        let [before, after] = sides;
        let compared = if pair.has_too_many_errors() {
            "; nothing else of it is compared"
        } else {
            ""
        };
        Note::of(
            pair.model,
            &pair.place(),
            format!("before: {before}; after: {after}{compared}"),
        )
    };
    with_errors.map(note).collect()
}

/// What the trials have of a figure.
fn values(trials: &[&Measured], metric: &Metric) -> Vec<f64> {
    trials.iter().filter_map(|trial| value(trial, metric)).collect()
}

/// What never came back took longer than any that did: left out, it would make the others look better.
fn value(trial: &Measured, metric: &Metric) -> Option<f64> {
    if *metric == metric::load::RECOVERY && trial.never_recovered() {
        return Some(f64::INFINITY);
    }
    (metric.value)(trial)
}

#[cfg(test)]
mod tests;
