//! The values that both runs have, side by side.

use std::collections::BTreeSet;

use stats::Comparison;

use super::note::Note;
use super::pairs::{Pair, Pairs};
use crate::metric::{self, Metric};
use crate::recorded::Recorded;

/// A value of a model in both runs.
#[derive(Debug, Clone)]
pub struct Difference {
    /// The model.
    pub model: String,
    /// The experiment and the setting.
    pub place: String,
    /// The metric.
    pub metric: &'static Metric,
    /// Its median in the earlier run.
    pub before: f64,
    /// Its median in the later run.
    pub after: f64,
    /// The ratio of the later run to the earlier, with its interval.
    pub comparison: Comparison,
}

/// All that two runs have in common, and what they do not.
#[derive(Debug)]
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
    pub fn between(before: &Recorded, after: &Recorded) -> Self {
        let pairs = Pairs::between(before, after);
        Self {
            values: pairs.both.iter().flat_map(Difference::all).collect(),
            errors: pairs.errors(),
            gone: pairs.gone,
            not_compared: pairs.not_compared,
        }
    }
}

impl Difference {
    fn all(pair: &Pair<'_>) -> Vec<Self> {
        let mut seen = BTreeSet::new();
        // The headline may be among the other metrics too.
        let keys = pair.experiment.metric_keys().filter(|key| seen.insert(*key));
        keys.map(metric::named)
            .filter(|metric| pair.is_comparable(metric))
            .filter_map(|metric| Self::between(pair, metric))
            .collect()
    }

    /// None if no trial of one of the runs has the metric.
    pub(super) fn between(pair: &Pair<'_>, metric: &'static Metric) -> Option<Self> {
        let (before, after) = (pair.before.values(metric), pair.after.values(metric));
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
