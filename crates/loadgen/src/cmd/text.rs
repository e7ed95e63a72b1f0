//! A result as a page that can be pasted into a message.

use std::fmt::{Result, Write};
use std::time::Duration;

use loadgen::plan::{SEED_USUAL, TIMEOUT_USUAL};
use loadgen::{Report, advice};
use schema::load::{Arrivals, LoopKind, Options, Quantiles};

use super::stages;

/// What was asked, what was reached, how long it took, and what to make of it.
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
        "\n  {} connections, {} in flight on each{}; {} threads; {} after {} s of warm-up\n",
        options.connections,
        options.pipeline,
        if report.loop_kind == LoopKind::Open {
            " at most"
        } else {
            ""
        },
        options.threads,
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
            "  a new connection after every {requests} requests: {opened} opened in the window"
        )?;
    }
    if let Some(others) = &report.background {
        writeln!(
            page,
            "  besides, {} idle connections and {} silent ones",
            others.idle, others.silent
        )?;
    }
    let unusual = unusual(options);
    if !unusual.is_empty() {
        writeln!(page, "  {}", unusual.join(", "))?;
    }
    writeln!(page)
}

/// The server as it was named, and the addresses that were used if these are others.
fn server(report: &Report) -> String {
    let addresses = report.addresses.join(", ");
    if addresses.is_empty() || addresses == report.target {
        report.target.clone()
    } else {
        format!("{} ({addresses})", report.target)
    }
}

/// What the requests ask for.
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

/// What few ask for, and nobody who reads the page would guess.
fn unusual(options: &Options) -> Vec<String> {
    let timeout_s = options.timeout_s;
    let cpus: Vec<_> = options.cpus.iter().map(ToString::to_string).collect();
    let all = [
        (Duration::try_from_secs_f64(timeout_s) != Ok(TIMEOUT_USUAL))
            .then(|| format!("timeout {timeout_s} s")),
        (options.seed != SEED_USUAL).then(|| format!("seed {}", options.seed)),
        options.two_writes.then(|| "two writes a request".to_owned()),
        (!cpus.is_empty()).then(|| format!("on processors {}", cpus.join(","))),
    ];
    all.into_iter().flatten().collect()
}

fn reached(page: &mut String, report: &Report) -> Result {
    let counts = &report.requests;
    writeln!(page, "rate         {:.0} requests/s", report.throughput_per_s)?;
    writeln!(
        page,
        "requests     {} due = {} sent + {} unsent; sent = {} ok + {} wrong + {} error + {} timeout + {} reset + {} in flight",
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
            "outage       no connection for {:.1} s in all, {:.1} s at the most ({} ×), warm-up included",
            outage.total_s, outage.longest_s, outage.count
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
            "client       {cpu_us:.2} µs of CPU a request; {} at work for {} % of the time{}",
            if report.client.threads == 1 {
                "its thread"
            } else {
                "its threads"
            },
            busy.collect::<Vec<_>>().join(", "),
            waited(report.client.waited)
        )?;
    }
    writeln!(page)
}

/// How long the busiest thread was ready and had no processor, where it is worth a word: some of it always is.
fn waited(share: f64) -> String {
    if share < 0.01 {
        String::new()
    } else {
        format!(", and waiting for a processor for {:.0} %", share * 100.0)
    }
}

fn times(page: &mut String, report: &Report) -> Result {
    let parts: Vec<_> = (0..report.parts.len()).map(|index| part(report, index)).collect();
    let longest = parts.iter().map(|name| name.chars().count() + 1).max();
    let width = longest.unwrap_or(0).max(12);
    let row = |page: &mut String, name, quantiles| row(page, width, name, quantiles);
    writeln!(
        page,
        "{:width$}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}",
        "", "min", "mean", "p50", "p90", "p99", "p99.9", "p99.99", "max"
    )?;
    row(page, "latency", report.latency_us.as_ref())?;
    if report.loop_kind == LoopKind::Open {
        row(page, "service", report.service_us.as_ref())?;
        row(page, "lateness", report.send_delay_us.as_ref())?;
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
            "  beyond",
            latency.beyond(0.5),
            latency.beyond(0.9),
            latency.beyond(0.99),
            latency.beyond(0.999),
            latency.beyond(0.9999)
        )?;
    }
    writeln!(page)
}

/// The name of the mix's part of this number. Results of before these were told have only its operation.
fn part(report: &Report, index: usize) -> &str {
    let asked = report.options.mix.as_ref().and_then(|parts| parts.get(index));
    asked.map_or(&report.parts[index].op, |part| &part.name)
}

fn row(page: &mut String, width: usize, name: &str, quantiles: Option<&Quantiles>) -> Result {
    let Some(quantiles) = quantiles else {
        return writeln!(page, "{name:width$}{:>10}", "–");
    };
    let told = |us: Option<f64>| us.map_or("–".to_owned(), time);
    writeln!(
        page,
        "{name:width$}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}",
        time(quantiles.min),
        time(quantiles.mean),
        told(quantiles.p50),
        told(quantiles.p90),
        told(quantiles.p99),
        told(quantiles.p999),
        told(quantiles.p9999),
        time(quantiles.max)
    )
}

/// The checks, the failures by kind, and what to do about them.
fn checks(page: &mut String, report: &Report) -> Result {
    for failures in &report.failures {
        writeln!(
            page,
            "failed       {} × {}, warm-up included; the first: {}",
            failures.count, failures.kind, failures.first
        )?;
    }
    if let Some(little) = &report.checks.little {
        writeln!(
            page,
            "Little's law: {:.3} on their way by the latencies, {:.3} counted ({:.2} % apart)",
            little.lambda_w,
            little.l,
            little.error * 100.0
        )?;
    }
    if let Some(arrivals) = &report.checks.arrivals {
        writeln!(
            page,
            "arrivals: Anderson–Darling {:.2} (a Poisson stream: 19 in 20 below {}), correlation of gaps {:+.3}",
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

/// A time in the unit that suits it, to three digits.
pub(crate) fn time(us: f64) -> String {
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

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::{env, fs};

    use schema::load::{BackgroundConnections, Failures, MixPart, Part};

    use super::*;

    fn fixed() -> Report {
        serde_json::from_str(include_str!("../../tests/golden/report.json"))
            .expect("the fixed result can be read")
    }

    /// When a page is to change, look at the new one, and write it over the old:
    /// `UPDATE_GOLDEN=1 cargo test -p loadgen page_of`.
    #[track_caller]
    fn is_as_kept(name: &str, page: &str) {
        let kept = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/golden")
            .join(name);
        if env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&kept, page).expect("the file can be written");
        }
        let kept = fs::read_to_string(kept).expect("the file can be read");
        assert_eq!(page, kept, "{name} was\n{kept}\nand is\n{page}");
    }

    #[test]
    fn the_page_of_a_fixed_result_is_as_it_was() {
        is_as_kept("page.txt", &page(&fixed()));
    }

    /// A closed loop with all that is out of the usual, and with bad news.
    fn unusual() -> Report {
        let mut report = fixed();
        let mix = [("spin 20", 9), ("sleep bimodal 1|50:0.1", 1)];
        let (latency_us, options) = (report.latency_us, &mut report.options);
        options.mix = Some(mix.map(asked).to_vec());
        report.parts = vec![
            Part {
                op: "spin".to_owned(),
                latency_us,
            },
            Part {
                op: "sleep".to_owned(),
                latency_us: None,
            },
        ];
        (options.rate_per_s, options.requests_per_connection) = (None, Some(100));
        (options.timeout_s, options.seed, options.two_writes) = (2.5, 7, true);
        options.cpus = vec![1, 3];
        report.client.waited = 0.034;
        report.loop_kind = LoopKind::Closed;
        report.send_delay_us = None;
        (report.checks.arrivals, report.checks.late_share) = (None, None);
        report.background = Some(BackgroundConnections {
            idle: 10,
            idle_open: 9,
            silent: 2,
            silent_open: 2,
        });
        report.fairness.as_mut().expect("there is one").jain = None;
        report.failures = vec![Failures {
            kind: "wrong_value".to_owned(),
            count: 1,
            first: "pong 1 in place of pong 0".to_owned(),
        }];
        report
    }

    fn asked((name, weight): (&str, u64)) -> MixPart {
        MixPart {
            name: name.to_owned(),
            weight,
            op: name.split(' ').next().unwrap_or_default().to_owned(),
            params: None,
            payload_bytes: None,
            times: None,
        }
    }

    #[test]
    fn the_page_of_an_unusual_result_is_as_it_was() {
        is_as_kept("unusual.txt", &page(&unusual()));
    }

    #[test]
    fn a_page_says_what_a_ping_was_asked_with() {
        let mut options = fixed().options;
        assert_eq!(work(&options), "ping (different each time)");
        options.payload_bytes = Some(100_000);
        assert_eq!(work(&options), "ping of 100000 bytes (different each time)");
        options.params = Some("\"xxx\"".to_owned());
        options.payload_bytes = Some(3);
        assert_eq!(work(&options), "ping of 3 bytes");
        options.payload_bytes = None;
        assert_eq!(work(&options), "ping \"xxx\"");
    }
}
