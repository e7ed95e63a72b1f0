//! A server that stops once: all that falls due meanwhile has to be seen to wait.

use std::time::Duration;

use anyhow::Result;
use loadgen::{Arrivals, Pacing};

use super::finding::Finding;
use super::server::Manner;
use super::{Bench, open, theory};

pub(super) fn stall(bench: &Bench<'_>) -> Result<Vec<Finding>> {
    const STALL: Duration = Duration::from_millis(800);
    const LENGTH: Duration = Duration::from_secs(8);
    let mut findings = Vec::new();
    for connections in [1, 1_000] {
        let manner = Manner::StallsOnce {
            after: Duration::from_secs(2),
            lasts: STALL,
        };
        let outcome = bench.load(manner, |plan| {
            plan.connections = connections;
            plan.duration = LENGTH;
            plan.timeout = Duration::from_secs(3);
            // Evenly, so that as many fall due in the stall as its length says; and few enough that one connection answers
            // the line of those that waited in a time that is small beside it, a hundredth where an answer takes 40 µs.
            plan.load = open(250.0, Arrivals::Uniform, Pacing::Hybrid);
        })?;
        for quantile in [0.95, 0.99, 0.999] {
            let expected_s = theory::quantile_of_a_stall(quantile, STALL.as_secs_f64(), LENGTH.as_secs_f64());
            let measured_s = outcome.times.latency.value_at_quantile(quantile) as f64 / 1e9;
            let what = format!("connections: {connections}, p{}", quantile * 100.0);
            findings.push(Finding::near(
                what,
                "ms",
                measured_s * 1e3,
                expected_s * 1e3,
                0.03,
            ));
        }
    }
    Ok(findings)
}
