//! The values that both runs have, side by side.

use std::collections::BTreeSet;

use stats::Comparison;

use super::note::{Note, Place};
use super::pair::{Pair, Relation};
use super::pairs::Pairs;
use super::selection::Selection;
use crate::metric::{self, Metric};
use crate::recorded::Recorded;

/// A value of a model before and after. By a reference, both are multiples of the reference's value in the same round. Within
/// one run, `before` is the reference's value and `after` the model's.
#[derive(Debug, Clone)]
pub struct Difference {
    /// The model.
    pub model: String,
    /// The experiment and the setting.
    pub place: Place,
    /// The metric.
    pub metric: &'static Metric,
    /// What the experiment calls it.
    pub name: String,
    /// Its median before.
    pub before: f64,
    /// Its median after.
    pub after: f64,
    /// The ratio of the second to the first, with its interval.
    pub comparison: Comparison,
    /// How many trials have it, before and after.
    pub trials: (usize, usize),
}

/// All that two runs have in common, and what they do not.
#[derive(Debug, Default)]
pub struct Differences {
    /// In the order of the earlier run.
    pub values: Vec<Difference>,
    /// What the earlier run measured and the later one did not.
    pub gone: Vec<Note>,
    /// Where requests failed in either run.
    pub errors: Vec<Note>,
    /// What the runs did not measure under the same conditions.
    pub not_compared: Vec<Note>,
}

impl Differences {
    /// Compares two runs.
    #[must_use]
    pub fn between(before: &Recorded, after: &Recorded, selection: &Selection) -> Self {
        let (before, after) = (selection.narrow(before), selection.narrow(after));
        let mut pairs = Pairs::between(&before, &after, selection.reference.as_deref());
        let mut differences = Self {
            errors: pairs.errors(),
            gone: std::mem::take(&mut pairs.gone),
            not_compared: std::mem::take(&mut pairs.not_compared),
            ..Self::default()
        };
        for pair in &pairs.both {
            differences.add(pair, selection);
        }
        differences
    }

    fn add(&mut self, pair: &Pair<'_>, selection: &Selection) {
        match &pair.relation {
            Relation::Reference => return,
            Relation::Missing(why) => {
                self.not_compared.push(Note::new(pair.model, pair.place(), why));
                return;
            }
            Relation::None | Relation::To { .. } => {}
        }
        for metric in metrics(pair.experiment, selection) {
            match Difference::between(pair, metric) {
                Ok(difference) => self.values.push(difference),
                Err(_) => match pair.other_bound(metric) {
                    Some(why) => self.not_compared.push(Note::new(pair.model, pair.place(), why)),
                    // A trial may lack a metric, and too many errors are listed already. Both are no fault of the reference.
                    None => self.add_missing(pair, metric),
                },
            }
        }
    }

    /// Lists a value of the reference that nothing can be a multiple of, once for all models.
    fn add_missing(&mut self, pair: &Pair<'_>, metric: &Metric) {
        let Some((reference, why)) = pair.why_no_multiple(metric) else {
            return;
        };
        let note = Note::new(reference, pair.place(), why);
        if !self.not_compared.contains(&note) {
            self.not_compared.push(note);
        }
    }
}

/// The selected metrics of an experiment. Its headline may be among its other metrics too.
pub(super) fn metrics(
    experiment: &schema::experiment::Experiment,
    selection: &Selection,
) -> impl Iterator<Item = &'static Metric> {
    let mut seen = BTreeSet::new();
    let keys = experiment.metric_keys().filter(move |key| seen.insert(*key));
    keys.filter(|key| selection.takes_metric(key)).map(metric::named)
}

impl Difference {
    /// The reason, if a run has no value.
    pub(super) fn between(pair: &Pair<'_>, metric: &'static Metric) -> Result<Self, String> {
        if let Some(why) = pair.why_not(metric) {
            return Err(why);
        }
        let [before, after] = pair.values(metric);
        let compared = || {
            Some(Self {
                model: pair.model.to_owned(),
                place: pair.place(),
                metric,
                name: pair.name(metric),
                before: stats::median(&before)?,
                after: stats::median(&after)?,
                comparison: Comparison::unpaired(&before, &after)?,
                trials: (before.len(), after.len()),
            })
        };
        compared().ok_or_else(|| pair.why_no_value(metric))
    }
}
