//! Whether a result is marked that the load generator limits.

use anyhow::Result;
use loadgen::{Arrivals, Pacing};

use super::bench::{Bench, open};
use super::finding::Finding;
use super::server::Behavior;

pub(super) fn headroom(bench: &Bench<'_>) -> Result<Vec<Finding>> {
    let limited = |ceiling_per_s: f64, rate: f64| -> Result<bool> {
        let outcome = bench.load(Behavior::Echo, |plan| {
            plan.load = open(rate, Arrivals::Poisson, Pacing::Hybrid);
            plan.ceiling_per_s = Some(ceiling_per_s);
        })?;
        Ok(outcome.report.checks.client_limited == Some(true))
    };
    Ok(vec![
        Finding::same(
            "marked as client-limited at 5,000/s, with a ceiling of 1,000,000/s",
            &limited(1e6, 5_000.0)?.to_string(),
            "false",
        ),
        Finding::same(
            "marked as client-limited at 5,000/s, with a ceiling of 6,000/s",
            &limited(6e3, 5_000.0)?.to_string(),
            "true",
        ),
    ])
}
