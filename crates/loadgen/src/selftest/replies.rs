//! Servers that corrupt, swap or drop replies, and keep count of it.

use std::time::Duration;

use anyhow::Result;

use super::Bench;
use super::finding::Finding;
use super::server::{KnownServer, Manner, Spoil};

pub(super) fn replies(bench: &Bench<'_>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (what, how, pipeline) in [
        ("corrupted", Spoil::Corrupts, 1),
        ("swapped", Spoil::Swaps, 4),
        ("dropped", Spoil::Drops, 1),
    ] {
        // Often enough that one reply in a thousand can't be all that is missed; a drop costs its connection a timeout.
        let every = match how {
            Spoil::Corrupts => 3,
            Spoil::Swaps => 10,
            Spoil::Drops => 5_000,
        };
        let server = KnownServer::start(Manner::Spoils { every, how }, bench.places.server_cpu)?;
        let mut plan = bench.plan(&server);
        // Everything counts.
        plan.warmup = Duration::ZERO;
        plan.connections = 8;
        plan.pipeline = pipeline;
        plan.timeout = Duration::from_millis(300);
        if how == Spoil::Corrupts {
            // However slow the machine is, that many are enough for some of one in a thousand to be corrupted.
            plan.requests = Some(40_000);
        }
        let report = bench.run(&plan)?.report;
        let counts = report.requests;
        let caught = if how == Spoil::Drops {
            counts.timeout
        } else {
            counts.wrong
        };
        findings.push(Finding::same(
            format!("{what} replies that were caught"),
            &caught.to_string(),
            &server.spoiled().to_string(),
        ));
        if how == Spoil::Swaps {
            let (got, held) = (counts.timeout.to_string(), server.held().to_string());
            findings.push(Finding::same(
                "replies held back at the end, found missing",
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
            format!("replies that were {what}"),
            "",
            server.spoiled() as f64,
            1.0,
        ));
    }
    Ok(findings)
}
