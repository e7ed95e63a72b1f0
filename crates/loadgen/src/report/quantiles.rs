//! A distribution of times, by its percentiles.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// A distribution of times in microseconds. A percentile that fewer than [`BEYOND_LEAST`] samples lie beyond is null.
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
pub const BEYOND_LEAST: f64 = 10.0;

impl Quantiles {
    /// What a histogram of nanoseconds says; nothing if it is empty.
    #[must_use]
    pub fn of(histogram: &Histogram<u64>) -> Option<Self> {
        let us = |ns: u64| ns as f64 / 1e3;
        let least = histogram.min();
        let most = histogram.max();
        // A bucket's upper end may lie beyond all that was recorded in it.
        let quantile = |q: f64| us(histogram.value_at_quantile(q).clamp(least, most));
        let carried = |q: f64| (histogram.len() as f64 * (1.0 - q) >= BEYOND_LEAST).then(|| quantile(q));
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
}
