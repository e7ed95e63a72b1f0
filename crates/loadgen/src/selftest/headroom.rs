//! Whether a result is marked that is the client's own limit.

use anyhow::Result;
use loadgen::{Arrivals, Pacing};

use super::finding::Finding;
use super::server::Manner;
use super::{Bench, open};

pub(super) fn headroom(bench: &Bench<'_>) -> Result<Vec<Finding>> {
    let limited = |ceiling_per_s: f64, rate: f64| -> Result<bool> {
        let outcome = bench.load(Manner::Echo, |plan| {
            plan.load = open(rate, Arrivals::Poisson, Pacing::Hybrid);
            plan.ceiling_per_s = Some(ceiling_per_s);
        })?;
        Ok(outcome.report.checks.client_limited == Some(true))
    };
    Ok(vec![
        Finding::same(
            "marked at 5,000/s with a ceiling of 1,000,000/s",
            &limited(1e6, 5_000.0)?.to_string(),
            "false",
        ),
        Finding::same(
            "marked at 5,000/s with a ceiling of 6,000/s",
            &limited(6e3, 5_000.0)?.to_string(),
            "true",
        ),
    ])
}
