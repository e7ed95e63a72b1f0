//! The percentiles of the histograms beside those of an exact sort.

use anyhow::{Context, Result};
use loadgen::histogram::quantiles;

use super::bench::Bench;
use super::finding::Finding;

pub(super) fn histogram(_: &Bench<'_>) -> Result<Vec<Finding>> {
    let mut exact = Vec::new();
    let mut measured = loadgen::slices::Times::default().latency;
    // Times from microseconds to seconds, as many in each decade.
    for number in 0..1_000_000_u64 {
        let ns = 1_000 + (1_000.0 * (number as f64 / 70_000.0).exp()) as u64;
        exact.push(ns);
        measured.record(ns)?;
    }
    exact.sort_unstable();
    let mut findings = Vec::new();
    for quantile in [0.5, 0.9, 0.99, 0.999, 0.9999] {
        let place = ((exact.len() as f64 * quantile).ceil() as usize).max(1) - 1;
        let (got, wanted) = (
            measured.value_at_quantile(quantile) as f64 / 1e3,
            exact[place] as f64 / 1e3,
        );
        findings.push(Finding::near(
            format!("p{} of a million times", quantile * 100.0),
            "µs",
            got,
            wanted,
            0.001,
        ));
    }
    let quantiles = quantiles(&measured).context("the histogram is empty")?;
    let inside = quantiles.p50 >= Some(quantiles.min) && quantiles.p9999 <= Some(quantiles.max);
    findings.push(Finding::same(
        "percentiles lie between min and max",
        &inside.to_string(),
        "true",
    ));
    Ok(findings)
}
