//! Figures that are quantiles, and how many samples have to lie beyond one that answers a question.

use super::Figure;
use crate::record::Measured;

/// A quantile of the replies of a trial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Quantile {
    /// From 0 to 1.
    pub(crate) q: f64,
    pub(crate) of: Samples,
}

/// What a quantile is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Samples {
    Replies,
    /// Of the first operation of a mix.
    FirstOperation,
    Connections,
}

/// So many samples have to lie beyond a quantile above the median for it to be a headline: their number has a standard
/// deviation of its square root, and so is known to a quarter or better. In other columns ten will do
/// ([`schema::load::BEYOND_LEAST`]).
const BEYOND_LEAST: f64 = 20.0;
/// The same of a median, which no few slow replies can move.
const BEYOND_LEAST_OF_A_MEDIAN: f64 = 5.0;

impl Quantile {
    /// The quantile that a figure is, if it is one.
    pub(crate) fn of(figure: &Figure) -> Option<Self> {
        let (q, of) = match figure.key {
            "p50_us" => (0.5, Samples::Replies),
            "p90_us" => (0.9, Samples::Replies),
            "p99_us" => (0.99, Samples::Replies),
            "p999_us" => (0.999, Samples::Replies),
            "first_op_p50_us" => (0.5, Samples::FirstOperation),
            "first_op_p99_us" => (0.99, Samples::FirstOperation),
            "connecting_p50_us" => (0.5, Samples::Connections),
            _ => return None,
        };
        Some(Self { q, of })
    }

    /// How many of so many samples lie beyond it.
    pub(crate) fn beyond(self, samples: f64) -> f64 {
        // In whole millionths, since 1 − 0.9 is a little less than a tenth where numbers are binary.
        samples * ((1.0 - self.q) * 1e6).round() / 1e6
    }

    /// How many have to.
    pub(crate) fn beyond_least(self) -> f64 {
        if self.q > 0.5 {
            BEYOND_LEAST
        } else {
            BEYOND_LEAST_OF_A_MEDIAN
        }
    }

    /// Whether it may be a headline with so many samples.
    pub(crate) fn is_carried_by(self, samples: f64) -> bool {
        self.beyond(samples) >= self.beyond_least()
    }

    fn samples(self, trial: &Measured) -> Option<u64> {
        let load = &trial.load;
        let quantiles = match self.of {
            Samples::Replies => load.latency_us,
            Samples::FirstOperation => load.parts.first()?.latency_us,
            Samples::Connections => load.connecting_us,
        };
        Some(quantiles?.count)
    }
}

impl Figure {
    /// What a trial has of it where it is the headline: nothing if too few samples lie beyond a quantile.
    pub(crate) fn as_headline(&self, trial: &Measured) -> Option<f64> {
        let value = (self.of)(trial)?;
        let carried = Quantile::of(self).is_none_or(|quantile| {
            let samples = quantile.samples(trial);
            samples.is_some_and(|samples| quantile.is_carried_by(samples as f64))
        });
        carried.then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::named;
    use crate::report::fixture::measured;

    #[test]
    fn a_p99_of_eight_samples_beyond_is_no_headline() {
        let p99 = named("p99_us");
        let mut trial = measured();
        for (count, is_headline) in [(800, false), (1_999, false), (2_000, true)] {
            let latency = trial.load.latency_us.as_mut().unwrap();
            latency.count = count;
            latency.p99 = Some(100.0);
            assert_eq!(p99.as_headline(&trial).is_some(), is_headline, "{count}");
            assert_eq!((p99.of)(&trial), Some(100.0), "it is in other columns");
        }
    }

    #[test]
    fn every_figure_named_as_a_quantile_has_the_rule() {
        for figure in &crate::figures::ALL {
            let named_so = ["p50", "p90", "p99"].iter().any(|name| figure.key.contains(name));
            assert_eq!(Quantile::of(figure).is_some(), named_so, "{}", figure.key);
        }
    }
}
