//! Servers that corrupt, swap or drop replies, and count them.

use std::time::Duration;

use anyhow::Result;

use super::bench::Bench;
use super::finding::Finding;
use super::server::{Behavior, Fault, ReferenceServer};

pub(super) fn replies(bench: &Bench<'_>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (what, how, pipeline) in [
        ("corrupted", Fault::Corrupt, 1),
        ("swapped", Fault::Swap, 4),
        ("dropped", Fault::Drop, 1),
    ] {
        // So often that more than one reply in a thousand is affected. A drop costs its connection a timeout.
        let every = match how {
            Fault::Corrupt => 3,
            Fault::Swap => 10,
            Fault::Drop => 5_000,
        };
        let server = ReferenceServer::start(Behavior::Faulty { every, how }, bench.placement.server_cpu)?;
        let mut plan = bench.plan(&server);
        // Every request counts.
        plan.warmup = Duration::ZERO;
        plan.connections = 8;
        plan.pipeline = pipeline;
        plan.timeout = Duration::from_millis(300);
        if how == Fault::Corrupt {
            // Enough that some of those that a planted fault does not check are corrupted, however slow the machine is.
            plan.requests = Some(40_000);
        }
        let report = bench.run(&plan)?.report;
        let counts = report.requests;
        let caught = if how == Fault::Drop {
            counts.timeout
        } else {
            counts.wrong
        };
        findings.push(Finding::same(
            format!("{what} replies that were caught"),
            &caught.to_string(),
            &server.changed().to_string(),
        ));
        if how == Fault::Swap {
            let (got, held) = (counts.timeout.to_string(), server.held().to_string());
            findings.push(Finding::same(
                "replies held back at the end, counted as timeouts",
                &got,
                &held,
            ));
        }
        findings.push(Finding::same(
            format!("requests add up ({what})"),
            &counts.add_up().to_string(),
            "true",
        ));
        findings.push(Finding::at_least(
            format!("{what} replies, by the server"),
            "",
            server.changed() as f64,
            1.0,
        ));
    }
    Ok(findings)
}
