//! A result as text that can be pasted into a message.

use std::fmt::{Result, Write};
use std::time::Duration;

use loadgen::plan::{SEED_USUAL, TIMEOUT_USUAL};
use loadgen::{Report, advice};
use schema::load::{Arrivals, LoopKind, Options, Quantiles};

use super::format::{shortened, time};
use super::stages;

/// The plan, the rate and the counts, the latencies, the checks and the advice.
pub(crate) fn page(report: &Report) -> String {
    let mut page = String::new();
    // Writing to a string can't fail.
    let _ = asked(&mut page, report)
        .and_then(|()| reached(&mut page, report))
        .and_then(|()| times(&mut page, report))
        .and_then(|()| stages::table(&mut page, report))
        .and_then(|()| checks(&mut page, report));
    page
}

fn asked(page: &mut String, report: &Report) -> Result {
    let options = &report.options;
    let (server, work) = (server(report), work(options));
    match report.loop_kind {
        LoopKind::Closed => write!(page, "closed loop on {server}: {work}")?,
        LoopKind::Open => write!(
            page,
            "open loop on {server}: {}, {} arrivals, {} pacing: {work}",
            options
                .rate_per_s
                .map_or("rate by stages".to_owned(), |rate| format!("{rate} requests/s")),
            options.arrivals.as_deref().unwrap_or_default(),
            options.pacing.as_deref().unwrap_or_default(),
        )?,
    }
    write!(
        page,
        "\n  {}, {}{} in flight on each; {}; {} after {} s of warm-up\n",
        plural(options.connections, "connection"),
        if report.loop_kind == LoopKind::Open {
            "at most "
        } else {
            ""
        },
        plural(options.pipeline, "request"),
        plural(options.threads, "thread"),
        match (options.duration_s, options.requests) {
            (Some(duration_s), _) => format!("{duration_s} s"),
            (None, requests) => format!("{} requests", requests.unwrap_or(0)),
        },
        options.warmup_s
    )?;
    if let Some(requests) = options.requests_per_connection {
        let opened = report.connections.reconnects;
        writeln!(
            page,
            "  {requests} requests per connection: {opened} connections replaced in the window"
        )?;
    }
    if let Some(background) = &report.background {
        writeln!(
            page,
            "  background connections: {} idle, {} silent",
            background.idle, background.silent
        )?;
    }
    let others = other_options(options);
    if !others.is_empty() {
        writeln!(page, "  {}", others.join(", "))?;
    }
    writeln!(page)
}

/// Such as "1 thread" and "2 threads".
fn plural(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

/// The server as it was given, and the addresses that were used if they differ.
fn server(report: &Report) -> String {
    let addresses = report.addresses.join(", ");
    if addresses.is_empty() || addresses == report.target {
        report.target.clone()
    } else {
        format!("{} ({addresses})", report.target)
    }
}

/// The operations of the requests.
fn work(options: &Options) -> String {
    if let Some(parts) = &options.mix {
        let parts = parts
            .iter()
            .map(|part| format!("{} × {}", part.weight, part.name));
        return format!("a mix of {}", parts.collect::<Vec<_>>().join(", "));
    }
    let op = &options.op;
    match (options.payload_bytes, &options.params) {
        (Some(bytes), Some(_)) => format!("{op} of {bytes} bytes"),
        (Some(bytes), None) => format!("{op} of {bytes} bytes (different each time)"),
        (None, Some(params)) => format!("{op} {}", shortened(params)),
        (None, None) => format!("{op} (different each time)"),
    }
}

/// Options that differ from their defaults.
fn other_options(options: &Options) -> Vec<String> {
    let timeout_s = options.timeout_s;
    let cpus: Vec<_> = options.cpus.iter().map(ToString::to_string).collect();
    let all = [
        (Duration::try_from_secs_f64(timeout_s) != Ok(TIMEOUT_USUAL))
            .then(|| format!("timeout {timeout_s} s")),
        (options.seed != SEED_USUAL).then(|| format!("seed {}", options.seed)),
        options.two_writes.then(|| "two writes per request".to_owned()),
        (!cpus.is_empty()).then(|| format!("on CPUs {}", cpus.join(","))),
    ];
    all.into_iter().flatten().collect()
}

fn reached(page: &mut String, report: &Report) -> Result {
    let counts = &report.requests;
    writeln!(page, "rate         {:.0} requests/s", report.throughput_per_s)?;
    writeln!(
        page,
        "requests     {} planned = {} sent + {} unsent; sent = {} ok + {} wrong + {} error + {} timeout + {} reset + {} in flight",
        counts.planned,
        counts.sent,
        counts.unsent,
        counts.ok,
        counts.wrong,
        counts.error,
        counts.timeout,
        counts.reset,
        counts.in_flight
    )?;
    if let Some(within) = &report.within {
        let bound = time(within.bound_us);
        write!(page, "in time      {} answered within {bound}", within.ok)?;
        if let Some(share) = within.share(counts) {
            write!(page, ", {:.2} % of those planned", share * 100.0)?;
        }
        writeln!(page)?;
    }
    let connections = &report.connections;
    write!(
        page,
        "connections  {} asked, {} opened, {} served",
        connections.asked, connections.opened, connections.served
    )?;
    if let Some(fairness) = &report.fairness {
        write!(
            page,
            "; {} to {} requests each",
            fairness.least_served, fairness.most_served
        )?;
        if let Some(jain) = fairness.jain {
            write!(page, ", Jain's index {jain:.3}")?;
        }
    }
    writeln!(page)?;
    if let Some(outage) = &report.outage {
        writeln!(
            page,
            "outages      {} without any connection, {:.1} s in total, {:.1} s at most, warm-up included",
            outage.count, outage.total_s, outage.longest_s
        )?;
    }
    if let Some(cpu_us) = report.client.cpu_us_per_request {
        let busy = report
            .client
            .busy_each
            .iter()
            .map(|busy| format!("{:.0}", busy * 100.0));
        writeln!(
            page,
            "client       {cpu_us:.2} µs of CPU per request; {} busy {} % of the time{}",
            if report.client.threads == 1 {
                "thread"
            } else {
                "threads"
            },
            busy.collect::<Vec<_>>().join(", "),
            waited(report.client.waited)
        )?;
    }
    writeln!(page)
}

/// How long the busiest thread waited for a CPU. Below 1 % is normal, and not shown.
fn waited(share: f64) -> String {
    if share < 0.01 {
        String::new()
    } else {
        format!(", waiting for a CPU {:.0} %", share * 100.0)
    }
}

fn times(page: &mut String, report: &Report) -> Result {
    let parts: Vec<_> = (0..report.parts.len()).map(|index| part(report, index)).collect();
    let longest = parts.iter().map(|name| name.chars().count() + 1).max();
    let width = longest.unwrap_or(0).max(16);
    let row = |page: &mut String, name, quantiles| row(page, width, name, quantiles);
    writeln!(
        page,
        "{:width$}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}",
        "", "min", "mean", "p50", "p90", "p99", "p99.9", "p99.99", "max"
    )?;
    row(page, "latency", report.latency_us.as_ref())?;
    if report.loop_kind == LoopKind::Open {
        row(page, "service", report.service_us.as_ref())?;
        row(page, "send delay", report.send_delay_us.as_ref())?;
    }
    if report.options.requests_per_connection.is_some() {
        row(page, "connecting", report.connecting_us.as_ref())?;
    }
    for (name, part) in parts.iter().zip(&report.parts) {
        row(page, name, part.latency_us.as_ref())?;
    }
    if let Some(latency) = &report.latency_us {
        writeln!(
            page,
            "{:width$}{:>30}{:>10}{:>10}{:>10}{:>10}",
            "  samples above",
            latency.beyond(0.5),
            latency.beyond(0.9),
            latency.beyond(0.99),
            latency.beyond(0.999),
            latency.beyond(0.9999)
        )?;
    }
    writeln!(page)
}

/// The name of a part of the mix. Results of older versions have only its operation.
fn part(report: &Report, index: usize) -> &str {
    let asked = report.options.mix.as_ref().and_then(|parts| parts.get(index));
    asked.map_or(&report.parts[index].op, |part| &part.name)
}

fn row(page: &mut String, width: usize, name: &str, quantiles: Option<&Quantiles>) -> Result {
    let Some(quantiles) = quantiles else {
        return writeln!(page, "{name:width$}{:>10}", "–");
    };
    let shown = |us: Option<f64>| us.map_or("–".to_owned(), time);
    writeln!(
        page,
        "{name:width$}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}",
        time(quantiles.min),
        time(quantiles.mean),
        shown(quantiles.p50),
        shown(quantiles.p90),
        shown(quantiles.p99),
        shown(quantiles.p999),
        shown(quantiles.p9999),
        time(quantiles.max)
    )
}

/// The failures by kind, the checks, and the advice.
fn checks(page: &mut String, report: &Report) -> Result {
    for failures in &report.failures {
        writeln!(
            page,
            "failed       {} × {}, warm-up included; first: {}",
            failures.count, failures.kind, failures.first
        )?;
    }
    if let Some(little) = &report.checks.little {
        writeln!(
            page,
            "Little's law: {:.3} in the system by the latencies, {:.3} counted ({:.2} % apart)",
            little.lambda_w,
            little.l,
            little.error * 100.0
        )?;
    }
    if let Some(arrivals) = &report.checks.arrivals {
        writeln!(
            page,
            "arrivals: Anderson–Darling {:.2} (19 of 20 Poisson streams: below {}), correlation of gaps {:+.3}",
            arrivals.anderson_darling,
            Arrivals::ANDERSON_DARLING_MOST,
            arrivals.lag1
        )?;
    }
    let advice = advice::advise(report);
    if advice.is_empty() {
        return writeln!(page, "all checks passed");
    }
    for sentence in advice {
        writeln!(page, "! {sentence}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
