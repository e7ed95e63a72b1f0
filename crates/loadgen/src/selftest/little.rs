//! Little's law: the mean number of requests in the system, found in two ways.

use anyhow::{Context, Result};
use loadgen::{Arrivals, Load, Pacing};

use super::bench::{Bench, open};
use super::finding::Finding;
use super::server::Behavior;

pub(super) fn little(bench: &Bench<'_>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let loads = [
        ("closed, 64 × 1", Load::Closed, 1),
        ("closed, 64 × 8", Load::Closed, 8),
        (
            "open, 10,000/s",
            open(10_000.0, Arrivals::Poisson, Pacing::Hybrid),
            1,
        ),
    ];
    for (what, load, pipeline) in loads {
        let outcome = bench.load(Behavior::Echo, |plan| {
            plan.load = load;
            plan.pipeline = pipeline;
        })?;
        let little = outcome
            .report
            .checks
            .little
            .context("no request was in the system")?;
        findings.push(Finding::near(
            format!("{what}: λW, expected L"),
            "",
            little.lambda_w,
            little.l,
            0.01,
        ));
        if load == Load::Closed {
            let asked = (64 * pipeline) as f64;
            findings.push(Finding::near(
                format!("{what}: L, expected connections × pipeline"),
                "",
                little.l,
                asked,
                0.01,
            ));
        }
    }
    Ok(findings)
}
