//! A distribution of times, by its percentiles.

use serde::{Deserialize, Serialize};

/// A distribution of times in microseconds. The median is given for any number of samples. A higher percentile is null if
/// fewer than [`BEYOND_LEAST`] samples lie [beyond](Self::beyond) it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq)]
#[allow(missing_docs)]
pub struct Quantiles {
    pub count: u64,
    pub min: f64,
    pub mean: f64,
    pub p50: Option<f64>,
    pub p90: Option<f64>,
    pub p99: Option<f64>,
    pub p999: Option<f64>,
    pub p9999: Option<f64>,
    pub max: f64,
}

/// How many samples have to lie beyond a percentile above the median. With fewer, the next run may well show another
/// value: the number of samples beyond has a standard deviation of its square root.
pub const BEYOND_LEAST: u64 = 10;

impl Quantiles {
    /// How many samples lie beyond this quantile, from 0 to 1: count · (1 − q), rounded down.
    #[must_use]
    pub fn beyond(&self, quantile: f64) -> u64 {
        Self::beyond_of(self.count, quantile)
    }

    /// How many of `count` samples lie beyond this quantile.
    #[must_use]
    pub fn beyond_of(count: u64, quantile: f64) -> u64 {
        // In whole millionths, since 1 − 0.9 is a little less than a tenth in binary.
        let millionths = ((1.0 - quantile) * 1e6).round() as u128;
        (u128::from(count) * millionths / 1_000_000) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_beyond_a_percentile_are_counted_as_on_paper() {
        assert_eq!(Quantiles::beyond_of(100, 0.9), 10);
        assert_eq!(Quantiles::beyond_of(99, 0.9), 9);
        assert_eq!(Quantiles::beyond_of(1_000_000, 0.9999), 100);
    }
}
