//! A server that stalls once: the latency of every request that falls due meanwhile has to include the stall.

use std::time::Duration;

use anyhow::Result;
use loadgen::{Arrivals, Pacing};

use super::bench::{Bench, open};
use super::finding::Finding;
use super::server::Behavior;
use super::theory;

pub(super) fn stall(bench: &Bench<'_>) -> Result<Vec<Finding>> {
    const STALL: Duration = Duration::from_millis(800);
    const LENGTH: Duration = Duration::from_secs(8);
    let mut findings = Vec::new();
    for connections in [1, 1_000] {
        let behavior = Behavior::StallsOnce {
            after: Duration::from_secs(2),
            lasts: STALL,
        };
        let outcome = bench.load(behavior, |plan| {
            plan.connections = connections;
            plan.duration = LENGTH;
            plan.timeout = Duration::from_secs(3);
            // Uniform, so that the number of requests due in the stall follows from its length. Few enough that one connection
            // works off the queue behind it in a small fraction of it: a hundredth, where an answer takes 40 µs.
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
