//! The same server under both loops.

use std::time::Duration;

use anyhow::{Context, Result};
use loadgen::{Arrivals, Pacing};
use schema::load::Report;

use super::bench::{Bench, open};
use super::finding::Finding;
use super::queue::{SERVICE, rate_per_s};
use super::server::Behavior;

pub(super) fn loops(bench: &Bench<'_>) -> Result<Vec<Finding>> {
    let behavior = Behavior::Fixed(SERVICE);
    let open = bench.load(behavior, |plan| {
        plan.load = open(rate_per_s(0.8), Arrivals::Poisson, Pacing::Hybrid);
        plan.duration = Duration::from_secs(5);
    })?;
    let closed = bench.load(behavior, |plan| plan.connections = 1)?;
    let names = format!("{:?} and {:?}", open.report.loop_kind, closed.report.loop_kind);
    Ok(vec![
        Finding::at_least(
            "mean latency of the open loop at ρ = 0.8 / that of the closed loop",
            "",
            mean_us(&open.report)? / mean_us(&closed.report)?,
            2.0,
        ),
        Finding::same("loops named in the results", &names, "Open and Closed"),
    ])
}

fn mean_us(report: &Report) -> Result<f64> {
    Ok(report.latency_us.context("no request was answered")?.mean)
}
