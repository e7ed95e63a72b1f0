//! A result as a page that can be pasted into a message.

use std::fmt::Write;

use loadgen::Report;
use loadgen::report::Quantiles;

/// What was asked, what was reached, how long it took, and what to make of it.
pub(crate) fn page(report: &Report) -> String {
    let mut page = String::new();
    // Writing to a string can't fail.
    let _ = write(&mut page, report);
    page
}

fn write(page: &mut String, report: &Report) -> std::fmt::Result {
    let options = &report.options;
    let params = options.params.as_deref().unwrap_or("(different each time)");
    writeln!(
        page,
        "closed loop on {}: {} {}",
        report.target,
        options.op,
        shortened(params)
    )?;
    writeln!(
        page,
        "  {} connections, {} in flight on each, {} threads; {} s after {} s of warm-up",
        options.connections, options.pipeline, options.threads, options.duration_s, options.warmup_s
    )?;
    if let Some(requests) = options.requests_per_connection {
        writeln!(
            page,
            "  a new connection after every {requests} requests: {} opened",
            report.connections.reconnects
        )?;
    }
    writeln!(page)?;
    writeln!(page, "requests/s     {:.0}", report.throughput_per_s)?;
    let client = &report.client;
    if let Some(cpu_us) = client.cpu_us_per_request {
        writeln!(
            page,
            "client         {cpu_us:.2} µs of CPU a request, busiest thread {:.0} %",
            client.busy * 100.0
        )?;
    }
    if let Some(latency) = &report.latency_us {
        writeln!(page, "latency        {}", line(latency))?;
    }
    let counts = &report.requests;
    writeln!(
        page,
        "requests       {} sent = {} ok + {} wrong + {} error + {} timeout + {} reset + {} in flight",
        counts.sent, counts.ok, counts.wrong, counts.error, counts.timeout, counts.reset, counts.in_flight
    )?;
    let connections = &report.connections;
    writeln!(
        page,
        "connections    {} asked, {} opened, {} served",
        connections.asked, connections.opened, connections.served
    )?;
    if let Some(fairness) = &report.fairness {
        writeln!(
            page,
            "fairness       Jain's index {:.3}; {} to {} requests a connection",
            fairness.jain, fairness.least_served, fairness.most_served
        )?;
    }
    for failure in &report.failures {
        writeln!(
            page,
            "failure        {} × {}, first: {}",
            failure.count, failure.kind, failure.first
        )?;
    }
    notes(page, report)
}

/// What the reader should know before quoting a figure.
fn notes(page: &mut String, report: &Report) -> std::fmt::Result {
    let connections = &report.connections;
    if let Some(reason) = &report.ended_early {
        writeln!(page, "! the run ended early: {reason}")?;
    }
    if connections.failed > 0 {
        writeln!(page, "! {} connections could not be opened", connections.failed)?;
    }
    let unserved = connections.opened.saturating_sub(connections.served);
    if unserved > 0 {
        writeln!(
            page,
            "! {unserved} connections were open and never served: the server holds no more at once"
        )?;
    }
    if report.client.busy > 0.9 {
        writeln!(
            page,
            "! the busiest client thread was {:.0} % busy: the server may be faster than this shows; give the client \
                        more --threads on processors of their own",
            report.client.busy * 100.0
        )?;
    }
    if !report.checks.accounting {
        writeln!(
            page,
            "! the requests do not add up: this is a fault of the load generator"
        )?;
    }
    Ok(())
}

fn line(latency: &Quantiles) -> String {
    let named = [
        ("p50", latency.p50),
        ("p90", latency.p90),
        ("p99", latency.p99),
        ("p99.9", latency.p999),
        ("p99.99", latency.p9999),
        ("max", Some(latency.max)),
    ];
    let told: Vec<_> = named
        .iter()
        .filter_map(|(name, us)| us.map(|us| format!("{name} {}", time(us))))
        .collect();
    told.join("  ")
}

/// A time in the unit that suits it, to three digits.
fn time(us: f64) -> String {
    let (value, unit) = match us {
        us if us < 1e3 => (us, "µs"),
        us if us < 1e6 => (us / 1e3, "ms"),
        us => (us / 1e6, "s"),
    };
    let digits = if value < 10.0 {
        2
    } else {
        usize::from(value < 100.0)
    };
    format!("{value:.digits$} {unit}")
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= 60 {
        text.to_owned()
    } else {
        text.chars().take(60).chain(['…']).collect()
    }
}
