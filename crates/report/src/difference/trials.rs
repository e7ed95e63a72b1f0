//! The trials of a model in a setting of one run.

use std::collections::BTreeMap;

use crate::errors::Errors;
use crate::metric::{Metric, load};
use schema::record::Measured;

/// The trials of a model in a setting.
#[derive(Debug, Clone, Default)]
pub(super) struct Trials<'a> {
    /// Those that count, with their rounds.
    pub(super) kept: Vec<(usize, &'a Measured)>,
    /// Why others were not measured.
    pub(super) failed: Vec<&'a str>,
    /// How many do not count, because other activity on the machine disturbed them.
    pub(super) excluded: usize,
}

impl Trials<'_> {
    /// The values of a metric in the trials that count.
    pub(super) fn values(&self, metric: &Metric) -> Vec<f64> {
        let trials = self.kept.iter();
        trials.filter_map(|(_, trial)| value(trial, metric)).collect()
    }

    /// The value of the reference and of this model in each round that has both and that gives a ratio. Zero and infinity
    /// divide nothing.
    pub(super) fn beside(&self, reference: &Self, metric: &Metric) -> Vec<(f64, f64)> {
        let rounds = reference.kept.iter();
        let units: BTreeMap<usize, f64> = rounds
            .filter_map(|&(round, trial)| Some((round, value(trial, metric)?)))
            .filter(|(_, unit)| *unit > 0.0 && unit.is_finite())
            .collect();
        let trials = self.kept.iter();
        trials
            .filter_map(|&(round, trial)| Some((*units.get(&round)?, value(trial, metric)?)))
            .collect()
    }

    /// The bound of latency within which replies were counted, in microseconds. It is the same in all trials of a run.
    pub(super) fn bound_us(&self) -> Option<f64> {
        let mut trials = self.kept.iter();
        trials.find_map(|(_, trial)| Some(trial.load.within?.bound_us))
    }

    /// What went wrong in the trials that count.
    pub(super) fn errors(&self) -> Errors {
        Errors::from_trials(self.kept.iter().map(|(_, trial)| *trial), self.failed.len())
    }

    /// Why no trial counts, if that is so.
    pub(super) fn why_none(&self) -> String {
        let excluded = self.excluded;
        match &self.failed[..] {
            [] if excluded == 0 => "no trial was made".to_owned(),
            [] => format!("all trials ({excluded}) were excluded because of other activity on the machine"),
            [first, ..] if excluded == 0 => {
                format!("all trials ({}) failed; the first: {first}", self.failed.len())
            }
            [first, ..] => format!(
                "{} trials failed and {excluded} were excluded; the first that failed: {first}",
                self.failed.len()
            ),
        }
    }
}

/// The value of a trial. A rate that never recovered took longer than any that did: without it, the others would look better.
pub(super) fn value(trial: &Measured, metric: &Metric) -> Option<f64> {
    if *metric == load::RECOVERY && trial.never_recovered() {
        return Some(f64::INFINITY);
    }
    (metric.value)(trial)
}
