//! What to make of a result before quoting it: what it can't show, and what to do about it.

use crate::checks::ANDERSON_DARLING_DOUBTFUL;
use crate::report::{CLIENT_BUSY_MOST, Failures, LoopKind, Report};

/// The two ways of Little's law may differ by this much.
pub const LITTLE_ERROR_MOST: f64 = 0.01;
/// A few requests of an open loop are always due so late that they are not sent before the window closes. More than this
/// share is worth a word.
pub const UNSENT_SHARE_MOST: f64 = 0.01;
/// Later than a tenth of the median latency, no more than this share of the requests may be sent.
pub const LATE_SHARE_MOST: f64 = 0.01;
/// The median of the last third (see [`Drift`](crate::report::Drift)) may differ from that of the first by this share.
pub const DRIFT_MOST: f64 = 0.1;
/// In a closed loop so much of the time each connection has all its requests in flight.
pub const KEPT_BUSY_LEAST: f64 = 0.99;

/// What the reader should know before quoting a figure of this result, a sentence or two each; nothing if all is well.
#[must_use]
pub fn of(report: &Report) -> Vec<String> {
    let all = [
        ended_early(report),
        accounting(report),
        wrong_replies(report),
        nothing_sent(report),
        failures(report),
        out_of_ports(report),
        lost_connections(report),
        unserved(report),
        overloaded(report),
        unsent(report),
        client_pauses(report),
        client_limited(report),
        lateness(report),
        arrivals(report),
        little(report),
        kept_busy(report),
        drift(report),
        bystanders(report),
    ];
    all.into_iter().flatten().collect()
}

fn ended_early(report: &Report) -> Option<String> {
    let reason = report.ended_early.as_ref()?;
    Some(format!(
        "The run ended early: {reason}. The figures are of {:.1} s.",
        report.window_s
    ))
}

fn accounting(report: &Report) -> Option<String> {
    (!report.checks.accounting)
        .then(|| "The requests do not add up: this is a fault of the load generator, and nothing here may be quoted.".to_owned())
}

fn wrong_replies(report: &Report) -> Option<String> {
    let told = told(
        report
            .failures
            .iter()
            .filter(|failures| failures.are_of_replies()),
    )?;
    Some(format!(
        "Replies were not what was asked for ({told}). Whatever this server did, it is not the work that the figures are of; \
         find the cause before quoting them."
    ))
}

fn nothing_sent(report: &Report) -> Option<String> {
    if report.requests.planned > 0 || report.ended_early.is_some() {
        return None;
    }
    Some(match report.options.rate_per_s {
        Some(rate_per_s) => format!(
            "Nothing was due in the window: {rate_per_s} requests/s for {:.1} s are {:.3} on average. Give more --duration, or \
             a higher --rate.",
            report.window_s,
            rate_per_s * report.window_s
        ),
        None => "Nothing was sent in the window, because no connection was open in it. Check the server, or give more \
                 --duration."
            .to_owned(),
    })
}

fn failures(report: &Report) -> Option<String> {
    let failed = report.requests.failed();
    (failed > 0).then(|| {
        format!(
            "{failed} of {} requests were not answered well. They stand in no percentile, so the latencies are those of a \
             server that was spared them; find the cause before comparing.",
            report.requests.sent
        )
    })
}

fn out_of_ports(report: &Report) -> Option<String> {
    let told = told(report.failures.iter().filter(|failures| failures.are_of_ports()))?;
    Some(format!(
        "This client had no port left to connect from ({told}): a port is not free again at once when its connection has \
         ended. It is no fault of the server's. Have connections carry more (--requests-per-connection), or give this machine \
         more ports (net.ipv4.ip_local_port_range)."
    ))
}

/// Where requests of the window failed as well, that is said already.
fn lost_connections(report: &Report) -> Option<String> {
    if report.requests.failed() > 0 {
        return None;
    }
    let told = told(lost(report))?;
    Some(format!(
        "No request of the window failed, but connections were lost or could not be opened ({told}). To open them again is \
         work that the figures include; find the cause, or close them from here (--requests-per-connection)."
    ))
}

/// The failures that end a connection, or keep it from being opened.
fn lost(report: &Report) -> impl Iterator<Item = &Failures> {
    report
        .failures
        .iter()
        .filter(|failures| !failures.are_of_replies() && !failures.are_of_ports())
}

/// Such as "3 × closed, 1 × reset in the whole run, warm-up included"; nothing if there are none.
fn told<'a>(failures: impl Iterator<Item = &'a Failures>) -> Option<String> {
    let kinds: Vec<_> = failures
        .map(|failures| format!("{} × {}", failures.count, failures.kind))
        .collect();
    (!kinds.is_empty()).then(|| format!("{} in the whole run, warm-up included", kinds.join(", ")))
}

fn unserved(report: &Report) -> Option<String> {
    let unserved = report.unserved_connections();
    // Where nothing was sent, that is said already.
    (unserved > 0 && report.requests.sent > 0).then(|| {
        format!(
            "{unserved} of {} connections were never served. The latencies are those of the others; ask for fewer \
             connections, or for a server that can hold as many.",
            report.connections.asked
        )
    })
}

fn overloaded(report: &Report) -> Option<String> {
    let backlog = report.backlog.filter(|_| report.overloaded == Some(true))?;
    Some(format!(
        "Overloaded: offered load exceeded capacity. {} requests were answered each second, and the backlog of those that \
         were due went from {} to {} in the window. The latencies grow with its length. Offer less, or give more \
         --connections if the server can serve more at once.",
        report.throughput_per_s.round(),
        backlog.at_open,
        backlog.at_close
    ))
}

/// Where the load was too much, that is said already.
fn unsent(report: &Report) -> Option<String> {
    let (unsent, planned) = (report.requests.unsent, report.requests.planned);
    let overloaded = report.overloaded == Some(true);
    (!overloaded && unsent as f64 > UNSENT_SHARE_MOST * planned as f64).then(|| {
        format!(
            "{unsent} of {planned} requests that were due were still waiting for a free connection when the window closed. \
             They have no latency. Offer less, or give more --connections."
        )
    })
}

fn client_pauses(report: &Report) -> Option<String> {
    let pauses = report.client_pauses?;
    let (longest_s, bound_ms) = (pauses.longest_us / 1e6, pauses.bound_us / 1e3);
    let times = match pauses.count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    };
    (pauses.count > 0 || pauses.requests > 0).then(|| {
        format!(
            "The load generator paused {times} for more than {bound_ms:.0} ms, at most for {longest_s:.2} s: it was stopped, or \
             had no CPU. {} requests were in the system meanwhile. Their latencies may include the pause, and none of them \
             timed out because of it. Repeat the run with CPUs of its own (--cpus).",
            pauses.requests
        )
    })
}

fn client_limited(report: &Report) -> Option<String> {
    let (busy, waited) = (report.client.busy, report.client.waited);
    match report.checks.client_limited {
        Some(true) if busy > CLIENT_BUSY_MOST => Some(format!(
            "The load generator was busy for {:.0} % of the time, so the rate and the latencies may be its own limit. Give \
             it more --threads on more processors, or compare CPU per request instead.",
            busy * 100.0
        )),
        Some(true) if busy + waited > CLIENT_BUSY_MOST => Some(format!(
            "The load generator was busy for {:.0} % of the time and waited for a processor for {:.0} %, so the rate and the \
             latencies may be its own limit. Give each of its --threads a processor (--cpus) that nobody else uses.",
            busy * 100.0,
            waited * 100.0
        )),
        Some(true) => Some(
            "The rate is above 70 % of what this load generator can do on this machine (loadgen calibrate), so it may be \
             its own limit. Give it more --threads on more processors."
                .to_owned(),
        ),
        _ => None,
    }
}

fn lateness(report: &Report) -> Option<String> {
    let late = report.checks.late_share?;
    (late > LATE_SHARE_MOST).then(|| {
        format!(
            "{:.1} % of the requests left later than a tenth of the median latency after they were due. Latency counts \
             that, service does not: a request had to wait for a free connection (give more --connections) or for this \
             client (give it --pacing spin, --threads, a processor of its own).",
            late * 100.0
        )
    })
}

fn arrivals(report: &Report) -> Option<String> {
    let arrivals = report.checks.arrivals?;
    let statistic = arrivals.anderson_darling;
    let lag1_most = arrivals.lag1_most();
    (statistic > ANDERSON_DARLING_DOUBTFUL || arrivals.lag1.abs() > lag1_most).then(|| {
        format!(
            "What was due was hardly a Poisson stream (Anderson–Darling {statistic:.2}, of which one true stream in a \
             hundred exceeds {ANDERSON_DARLING_DOUBTFUL}; correlation of neighbouring gaps {:.3}, usually below \
             {lag1_most:.3}). Try another --seed; if it stays so, this is a fault of the load generator.",
            arrivals.lag1
        )
    })
}

fn little(report: &Report) -> Option<String> {
    let little = report.checks.little?;
    (little.error > LITTLE_ERROR_MOST).then(|| {
        format!(
            "Little's law does not hold: by the latencies {:.2} requests were on their way on average, by counting them \
             {:.2}. Some latency was not told, or told wrong; do not quote it.",
            little.lambda_w, little.l
        )
    })
}

fn kept_busy(report: &Report) -> Option<String> {
    let little = report.checks.little?;
    let asked = report.options.connections as f64 * report.options.pipeline as f64;
    let is_short = report.loop_kind == LoopKind::Closed
        && report.options.requests_per_connection.is_none()
        && little.l < KEPT_BUSY_LEAST * asked;
    let connections_failed = report.connections.failed > 0 || lost(report).next().is_some();
    let why = if connections_failed {
        "connections were lost or could not be opened"
    } else if report.options.warmup_s <= 0.0 {
        "without --warmup the window holds the time that the first round took to be sent. Give it some, or more --duration"
    } else {
        "no connection was lost, so requests could not be written, because the server does not read, or this client had no \
         processor to write them. Give it one of its own (--cpus)"
    };
    is_short.then(|| {
        format!(
            "On average {:.1} requests were in flight, and not the {asked:.0} that were asked for: {why}.",
            little.l
        )
    })
}

fn drift(report: &Report) -> Option<String> {
    let drift = report.checks.drift?;
    let change = drift.last_p50_us / drift.first_p50_us - 1.0;
    (change.abs() > DRIFT_MOST).then(|| {
        format!(
            "The median latency went from {:.1} µs in the first third of the window to {:.1} µs in the last: the server \
             was not warm, or a queue was growing. Give more --warmup, or offer less.",
            drift.first_p50_us, drift.last_p50_us
        )
    })
}

fn bystanders(report: &Report) -> Option<String> {
    let bystanders = report.bystanders?;
    let closed = bystanders.idle + bystanders.silent - bystanders.idle_open - bystanders.silent_open;
    (closed > 0).then(|| {
        format!(
            "The server closed {closed} of the {} idle and silent connections before the end.",
            bystanders.idle + bystanders.silent
        )
    })
}

#[cfg(test)]
mod tests;
