//! Quantiles, and how many samples must lie beyond one that answers a question.

use schema::record::Measured;

/// A quantile of the samples of a trial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantile {
    /// From 0 to 1.
    pub q: f64,
    pub samples: Samples,
}

/// What a quantile is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Samples {
    /// The latencies of all replies.
    Replies,
    /// The latencies of the operation that a mix lists as number 1.
    FirstOperation,
    /// The times to open a connection.
    Connections,
}

/// This many samples must lie beyond a headline above the median. Their number has a standard deviation of its square root,
/// so it is known to a quarter or better. In other columns ten are enough ([`schema::load::BEYOND_LEAST`]).
const BEYOND_LEAST: f64 = 20.0;
/// The same for a median, which a few slow replies cannot move.
const BEYOND_LEAST_OF_A_MEDIAN: f64 = 5.0;

impl Quantile {
    /// How many of this many samples lie beyond it.
    #[must_use]
    pub fn beyond(self, samples: f64) -> f64 {
        // In whole millionths, since 1 − 0.9 is a little less than a tenth in binary.
        samples * ((1.0 - self.q) * 1e6).round() / 1e6
    }

    /// How many samples must lie beyond it in a headline.
    #[must_use]
    pub fn beyond_least(self) -> f64 {
        if self.q > 0.5 {
            BEYOND_LEAST
        } else {
            BEYOND_LEAST_OF_A_MEDIAN
        }
    }

    /// Whether this many samples are enough for a headline.
    #[must_use]
    pub fn has_enough(self, samples: f64) -> bool {
        self.beyond(samples) >= self.beyond_least()
    }

    /// How many samples of its kind a trial has.
    pub(super) fn samples_in(self, trial: &Measured) -> Option<u64> {
        let load = &trial.load;
        let quantiles = match self.samples {
            Samples::Replies => load.latency_us,
            Samples::FirstOperation => load.parts.first()?.latency_us,
            Samples::Connections => load.connecting_us,
        };
        Some(quantiles?.count)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ALL, load};
    use crate::fixture::measured;

    #[test]
    fn a_p99_with_eight_samples_beyond_is_no_headline() {
        let mut trial = measured();
        for (count, is_headline) in [(800, false), (1_999, false), (2_000, true)] {
            let latency = trial.load.latency_us.as_mut().unwrap();
            latency.count = count;
            latency.p99 = Some(100.0);
            assert_eq!(load::P99.headline_value(&trial).is_some(), is_headline, "{count}");
            assert_eq!((load::P99.value)(&trial), Some(100.0), "it is in other columns");
        }
    }

    #[test]
    fn every_metric_named_as_a_quantile_is_one() {
        for metric in ALL {
            let named_so = ["p50", "p90", "p99"].iter().any(|name| metric.key.contains(name));
            assert_eq!(metric.quantile.is_some(), named_so, "{}", metric.key);
        }
    }
}
