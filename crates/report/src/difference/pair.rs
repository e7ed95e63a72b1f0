//! A model in a setting of both runs: its values there, as they are or as multiples of the reference model's.

use super::conditions;
use super::note::Place;
use super::trials::Trials;
use crate::metric::{self, Metric, Source};
use schema::experiment::{Experiment, Setting};

/// The trials of a model in a setting, measured under the same conditions in both runs. Each run has some that count.
#[derive(Debug)]
pub(super) struct Pair<'a> {
    /// As the earlier run had it.
    pub(super) experiment: &'a Experiment,
    pub(super) setting: &'a Setting,
    pub(super) model: &'a str,
    pub(super) before: Trials<'a>,
    pub(super) after: Trials<'a>,
    pub(super) relation: Relation<'a>,
}

/// What the values of a model are.
#[derive(Debug)]
pub(super) enum Relation<'a> {
    /// As they were measured.
    None,
    /// It is the reference itself, whose values are the unit of the others.
    Reference,
    /// Multiples of the values of the reference of this name, in the same round of the same run.
    To {
        reference: &'a str,
        before: Trials<'a>,
        after: Trials<'a>,
    },
    /// The reference has nothing to divide by here, for this reason.
    Missing(String),
}

impl Pair<'_> {
    /// Whether too many requests failed in either run for its latencies and costs to be compared.
    pub(super) fn has_too_many_errors(&self) -> bool {
        self.before.errors().are_too_many() || self.after.errors().are_too_many()
    }

    /// Why a metric can't be compared, whatever its values.
    pub(super) fn why_not(&self, metric: &Metric) -> Option<String> {
        let too_many = "too many errors to compare its latency and cost";
        if !metric.counts_failures && self.has_too_many_errors() {
            return Some(too_many.to_owned());
        }
        if let Some(why) = self.other_bound(metric) {
            return Some(why);
        }
        match &self.relation {
            Relation::None | Relation::Reference => None,
            Relation::Missing(why) => Some(why.clone()),
            Relation::To {
                reference,
                before,
                after,
            } => {
                let many = before.errors().are_too_many() || after.errors().are_too_many();
                (!metric.counts_failures && many)
                    .then(|| format!("the reference, {reference}, has {too_many}"))
            }
        }
    }

    /// Why a metric can't be compared, if it counts replies within a bound and the runs had different ones.
    pub(super) fn other_bound(&self, metric: &Metric) -> Option<String> {
        if metric.source != Source::Bound {
            return None;
        }
        let why = conditions::bound(self.before.bound_us(), self.after.bound_us())?;
        Some(format!("{}: {why}", self.name(metric)))
    }

    /// Its values before and after.
    pub(super) fn values(&self, metric: &Metric) -> [Vec<f64>; 2] {
        match &self.relation {
            Relation::To { before, after, .. } => {
                [(&self.before, before), (&self.after, after)].map(|(model, reference)| {
                    let rounds = model.beside(reference, metric).into_iter();
                    rounds.map(|(unit, value)| value / unit).collect()
                })
            }
            _ => [self.before.values(metric), self.after.values(metric)],
        }
    }

    /// The reference, and why none of its values of a metric can divide those of this model, which has some.
    pub(super) fn why_no_multiple(&self, metric: &Metric) -> Option<(&str, String)> {
        let Relation::To {
            reference,
            before,
            after,
        } = &self.relation
        else {
            return None;
        };
        let has_some = |trials: &Trials<'_>| !trials.values(metric).is_empty();
        if self.has_too_many_errors() || !has_some(&self.before) || !has_some(&self.after) {
            return None;
        }
        let name = self.name(metric);
        let many = before.errors().are_too_many() || after.errors().are_too_many();
        let why = if many && !metric.counts_failures {
            "too many errors for others to be compared by its latency and cost".to_owned()
        } else {
            format!(
                "no value above 0 of its {name} in the rounds of the others, so that nothing is compared by it"
            )
        };
        Some((reference, why))
    }

    /// Why a run has no value of a metric.
    pub(super) fn why_no_value(&self, metric: &Metric) -> String {
        let [before, _] = self.values(metric);
        let run = if before.is_empty() { "earlier" } else { "later" };
        let name = self.name(metric);
        match &self.relation {
            Relation::To { reference, .. } => format!(
                "no round of the {run} run has its {name} and that of {reference} as a number above 0"
            ),
            _ => format!("no trial of the {run} run has its {name}"),
        }
    }

    /// What the experiment calls the metric.
    pub(super) fn name(&self, metric: &Metric) -> String {
        name(self.experiment, metric)
    }

    pub(super) fn place(&self) -> Place {
        Place::setting(self.experiment, self.setting)
    }
}

/// What an experiment calls a metric.
pub(super) fn name(experiment: &Experiment, metric: &Metric) -> String {
    if experiment.headline == metric.key {
        metric::headline_name(experiment).to_owned()
    } else {
        metric.name.to_owned()
    }
}
