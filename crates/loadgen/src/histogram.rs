//! Histograms of nanoseconds.

use std::time::Duration;

use hdrhistogram::Histogram;
use schema::load::{BEYOND_LEAST, Interval, Quantiles};

/// Three significant digits: a value is off by at most a thousandth.
const DIGITS: u8 = 3;

/// Times up to this long are recorded without growing a histogram first, which takes hundreds of microseconds. Memory that
/// is not used is only reserved: the kernel gives a page when it is first written to.
const MOST_WITHOUT_GROWING_NS: u64 = 10_000_000_000;

/// A histogram of nanoseconds that grows as it needs to.
pub(crate) fn histogram() -> Histogram<u64> {
    let mut histogram =
        Histogram::new_with_max(MOST_WITHOUT_GROWING_NS, DIGITS).expect("three digits are allowed");
    histogram.auto(true);
    histogram
}

pub(crate) fn record(histogram: &mut Histogram<u64>, ns: u64) {
    histogram
        .record(ns)
        .expect("a histogram that grows takes any value");
}

pub(crate) fn add(to: &mut Histogram<u64>, other: &Histogram<u64>) {
    to.add(other).expect("a histogram that grows takes any other");
}

/// The percentiles of a histogram of nanoseconds, in microseconds; none if it is empty.
#[must_use]
pub fn quantiles(histogram: &Histogram<u64>) -> Option<Quantiles> {
    let us = |ns: u64| ns as f64 / 1e3;
    let least = histogram.min();
    let most = histogram.max();
    // A bucket's upper end may lie beyond all that was recorded in it.
    let quantile = |q: f64| us(histogram.value_at_quantile(q).clamp(least, most));
    let carried = |q: f64| (Quantiles::beyond_of(histogram.len(), q) >= BEYOND_LEAST).then(|| quantile(q));
    (!histogram.is_empty()).then(|| Quantiles {
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

/// The part of the window that ended then, from the latencies of its good replies and the number of failed requests.
pub(crate) fn interval(ends: Duration, latency: &Histogram<u64>, failed: u64) -> Interval {
    let quantiles = quantiles(latency);
    Interval {
        t_s: ends.as_secs_f64(),
        ok: latency.len(),
        failed,
        p50_us: quantiles.and_then(|quantiles| quantiles.p50),
        p99_us: quantiles.and_then(|quantiles| quantiles.p99),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn histogram_of(values: impl IntoIterator<Item = u64>) -> Histogram<u64> {
        let mut samples = histogram();
        values.into_iter().for_each(|ns| record(&mut samples, ns));
        samples
    }

    #[test]
    fn a_percentile_needs_ten_samples_beyond_it() {
        for (count, given) in [
            (99, [false; 3]),
            (100, [true, false, false]),
            (999, [true, false, false]),
        ]
        .into_iter()
        .chain([(1_000, [true, true, false]), (10_000, [true, true, true])])
        {
            let quantiles = quantiles(&histogram_of(0..count)).expect("there are samples");
            let percentiles = [quantiles.p90, quantiles.p99, quantiles.p999];
            assert_eq!(quantiles.count, count);
            assert!(quantiles.p50.is_some(), "{count}");
            assert_eq!(percentiles.map(|value| value.is_some()), given, "{count}");
        }
    }

    #[test]
    fn one_sample_has_a_median() {
        let quantiles = quantiles(&histogram_of([500])).expect("there is a sample");
        assert_eq!((quantiles.count, quantiles.beyond(0.5)), (1, 0));
        assert_eq!((quantiles.p50, quantiles.p90), (Some(0.5), None));
    }

    proptest! {
        #[test]
        fn a_quantile_is_within_a_thousandth_of_an_exact_sort(mut values in prop::collection::vec(1..u32::MAX, 200..2000)) {
            let quantiles = quantiles(&histogram_of(values.iter().map(|&ns| ns.into()))).unwrap();
            values.sort_unstable();
            let exact = |q: f64| f64::from(values[((values.len() as f64 * q).ceil() as usize).max(1) - 1]) / 1e3;
            for (got, q) in [(quantiles.p50, 0.5), (quantiles.p90, 0.9)] {
                let error = (got.unwrap() - exact(q)).abs() / exact(q);
                prop_assert!(error <= 1e-3, "{q}: {got:?} for {}", exact(q));
            }
            prop_assert!(quantiles.p50.unwrap() >= quantiles.min && quantiles.p90.unwrap() <= quantiles.max);
        }
    }
}
