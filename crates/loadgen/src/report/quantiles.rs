//! A distribution of times, by its percentiles.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// A distribution of times in microseconds. A percentile above the median that fewer than [`BEYOND_LEAST`] samples lie
/// beyond is null; the median of any sample is told, and `count` says what it rests on. Beyond the q-quantile lie
/// count · (1 − q) samples, rounded down ([`beyond`](Self::beyond)).
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

/// How many samples have to lie beyond a percentile for it to be told. With fewer, the next run may well show another
/// value: the number of samples beyond has a standard deviation of its square root.
pub const BEYOND_LEAST: u64 = 10;

impl Quantiles {
    /// What a histogram of nanoseconds says; nothing if it is empty.
    #[must_use]
    pub fn of(histogram: &Histogram<u64>) -> Option<Self> {
        let us = |ns: u64| ns as f64 / 1e3;
        let least = histogram.min();
        let most = histogram.max();
        // A bucket's upper end may lie beyond all that was recorded in it.
        let quantile = |q: f64| us(histogram.value_at_quantile(q).clamp(least, most));
        let carried = |q: f64| (beyond(histogram.len(), q) >= BEYOND_LEAST).then(|| quantile(q));
        (!histogram.is_empty()).then(|| Self {
            count: histogram.len(),
            min: us(least),
            mean: histogram.mean() / 1e3,
            p50: Some(quantile(0.5)),
            p90: carried(0.9),
            p99: carried(0.99),
            p999: carried(0.999),
            p9999: carried(0.9999),
            max: us(most),
        })
    }

    /// How many of the samples lie beyond this quantile, from 0 to 1.
    #[must_use]
    pub fn beyond(&self, quantile: f64) -> u64 {
        beyond(self.count, quantile)
    }
}

/// In whole millionths, since 1 − 0.9 is a little less than a tenth where numbers are binary.
fn beyond(count: u64, quantile: f64) -> u64 {
    let millionths = ((1.0 - quantile) * 1e6).round() as u128;
    (u128::from(count) * millionths / 1_000_000) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slices::{histogram, record};

    #[test]
    fn a_percentile_is_told_from_ten_samples_beyond_it_on() {
        for (count, told) in [
            (99, [false; 3]),
            (100, [true, false, false]),
            (999, [true, false, false]),
        ]
        .into_iter()
        .chain([(1_000, [true, true, false]), (10_000, [true, true, true])])
        {
            let mut samples = histogram();
            (0..count).for_each(|ns| record(&mut samples, ns));
            let quantiles = Quantiles::of(&samples).expect("there are samples");
            let percentiles = [quantiles.p90, quantiles.p99, quantiles.p999];
            assert_eq!(quantiles.count, count);
            assert!(quantiles.p50.is_some(), "{count}");
            assert_eq!(percentiles.map(|told| told.is_some()), told, "{count}");
        }
    }

    #[test]
    fn the_median_of_one_sample_is_told() {
        let mut samples = histogram();
        record(&mut samples, 500);
        let quantiles = Quantiles::of(&samples).expect("there is a sample");
        assert_eq!((quantiles.count, quantiles.beyond(0.5)), (1, 0));
        assert_eq!((quantiles.p50, quantiles.p90), (Some(0.5), None));
    }

    #[test]
    fn samples_beyond_a_percentile_are_counted_as_on_paper() {
        assert_eq!(beyond(100, 0.9), 10);
        assert_eq!(beyond(99, 0.9), 9);
        assert_eq!(beyond(1_000_000, 0.9999), 100);
    }
}
