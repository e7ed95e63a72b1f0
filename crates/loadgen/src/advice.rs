//! Advice on a result: what it does not show, and what to do about it.

use schema::load::{
    ANDERSON_DARLING_DOUBTFUL, CLIENT_BUSY_MOST, Cause, DRIFT_MOST, Failure, Failures, KEPT_BUSY_LEAST,
    LATE_SHARE_MOST, LITTLE_ERROR_MOST, LoopKind, Report, UNSENT_SHARE_MOST,
};

/// What to know before quoting a metric of this result, a few sentences each. Empty if there is nothing to know.
#[must_use]
pub fn advise(report: &Report) -> Vec<String> {
    let all = [
        ended_early(report),
        accounting(report),
        wrong_replies(report),
        nothing_sent(report),
        failures(report),
        out_of_ports(report),
        lost_connections(report),
        never_served(report),
        overloaded(report),
        unsent(report),
        client_pauses(report),
        client_limited(report),
        send_delay(report),
        arrivals(report),
        little(report),
        kept_busy(report),
        drift(report),
        background(report),
    ];
    all.into_iter().flatten().collect()
}

fn ended_early(report: &Report) -> Option<String> {
    let reason = report.ended_early.as_ref()?;
    Some(format!(
        "The run ended early: {reason}. The metrics cover {:.1} s.",
        report.window_s
    ))
}

fn accounting(report: &Report) -> Option<String> {
    (!report.checks.accounting)
        .then(|| "The requests do not add up. This is a bug of the load generator: do not quote this result, and report it.".to_owned())
}

fn wrong_replies(report: &Report) -> Option<String> {
    let replies = || {
        report
            .failures
            .iter()
            .filter(|failures| failures.are_of_replies())
    };
    let listed = listed(replies())?;
    let ends = if replies().any(Failures::are_of_connections) {
        " A connection with a reply that is no frame, or that answers no request, is closed and replaced."
    } else {
        ""
    };
    Some(format!(
        "Wrong replies ({listed}). The metrics are those of different work than was asked for. Find the cause before quoting \
         them.{ends}"
    ))
}

fn nothing_sent(report: &Report) -> Option<String> {
    if report.requests.planned > 0 || report.ended_early.is_some() {
        return None;
    }
    Some(match (report.loop_kind, report.options.rate_per_s) {
        (LoopKind::Open, Some(rate_per_s)) => format!(
            "No request was due in the window: {rate_per_s} requests/s for {:.1} s are {:.3} on average. Use a longer \
             --duration or a higher --rate.",
            report.window_s,
            rate_per_s * report.window_s
        ),
        (LoopKind::Open, None) => {
            "No request was due in the window. Use stages with higher rates or longer durations.".to_owned()
        }
        (LoopKind::Closed, _) => {
            "No request was sent in the window, because no connection was open. Check the server, or use a longer --duration."
                .to_owned()
        }
    })
}

fn failures(report: &Report) -> Option<String> {
    let failed = report.requests.failed();
    (failed > 0).then(|| {
        format!(
            "{failed} of {} requests failed. The latencies are those of the other requests. Find the cause before comparing.",
            report.requests.sent
        )
    })
}

fn out_of_ports(report: &Report) -> Option<String> {
    let listed = listed(report.failures.iter().filter(|failures| failures.are_of_ports()))?;
    Some(format!(
        "This client ran out of ports ({listed}): the port of a closed connection stays in use for a while. This is no fault \
         of the server. Use more --requests-per-connection, or give this machine more ports (net.ipv4.ip_local_port_range)."
    ))
}

/// Connections that the server or the network ended or refused. Wrong replies and missing ports have their own advice.
fn lost_connections(report: &Report) -> Option<String> {
    let lost = || {
        report
            .failures
            .iter()
            .filter(|failures| failures.cause() == Cause::Silence)
    };
    let listed = listed(lost())?;
    let what = if report.requests.failed() > 0 {
        "Connections were lost, given up"
    } else {
        "No request of the window failed, but connections were lost, given up"
    };
    // A server that closes connections in good order may do so after a number of requests.
    let closes = lost().any(|failures| failures.kind == Failure::Closed.name());
    let or = if closes {
        ", or let the client close them (--requests-per-connection)"
    } else {
        ""
    };
    Some(format!(
        "{what} or not opened ({listed}). The metrics include the work of replacing them. Find the cause{or}."
    ))
}

/// Whether some connection was lost or could not be opened, for any reason.
fn has_lost_connections(report: &Report) -> bool {
    report.connections.failed > 0 || report.failures.iter().any(Failures::are_of_connections)
}

/// Such as "3 × closed, 1 × reset in the whole run, warm-up included"; none without failures.
fn listed<'a>(failures: impl Iterator<Item = &'a Failures>) -> Option<String> {
    let kinds: Vec<_> = failures
        .map(|failures| format!("{} × {}", failures.count, failures.kind))
        .collect();
    (!kinds.is_empty()).then(|| format!("{} in the whole run, warm-up included", kinds.join(", ")))
}

fn never_served(report: &Report) -> Option<String> {
    let count = report.connections_never_served();
    // Other failures may be the cause.
    let only_waited = |failures: &Failures| failures.kind == Failure::Timeout.name();
    let then = if report.failures.iter().all(only_waited) {
        "Use fewer --connections, or a server that serves as many."
    } else {
        "Find the cause of the failures first."
    };
    // If nothing was sent, other advice reports it.
    (count > 0 && report.requests.sent > 0).then(|| {
        format!(
            "{count} of {} connections were never served: they had no good reply. The latencies are those of the others. \
             {then}",
            report.connections.asked
        )
    })
}

fn overloaded(report: &Report) -> Option<String> {
    let backlog = report.backlog.filter(|_| report.overloaded == Some(true))?;
    let lost = if has_lost_connections(report) {
        " Connections were lost or not opened in this run, which lowers the capacity."
    } else {
        ""
    };
    Some(format!(
        "Overloaded: offered load exceeded capacity. The server answered {} requests/s, and the backlog went from {} to {} \
         requests in the window. The latencies depend on the length of the run. Use a lower rate, or more --connections if \
         the server can serve more at once.{lost}",
        report.throughput_per_s.round(),
        backlog.at_open,
        backlog.at_close
    ))
}

/// If the server was overloaded, other advice reports it.
fn unsent(report: &Report) -> Option<String> {
    let (unsent, planned) = (report.requests.unsent, report.requests.planned);
    let overloaded = report.overloaded == Some(true);
    let paused = report.client_pauses.is_some_and(|pauses| pauses.count > 0);
    let then = if report.options.requests.is_some() {
        "The run ended before they could be sent."
    } else if paused {
        "The load generator paused, so it may have had no time to send them."
    } else {
        "They were still waiting for a free connection. Use a lower rate or more --connections."
    };
    (!overloaded && unsent as f64 > UNSENT_SHARE_MOST * planned as f64).then(|| {
        format!("{unsent} of {planned} requests were not sent before the window closed, and have no latency. {then}")
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
            "The load generator paused {times} for more than {bound_ms:.0} ms, at most for {longest_s:.2} s: it was stopped or had \
             no CPU. {} requests were in the system meanwhile. Their latencies may include the pause; none timed out because \
             of it. Repeat the run with CPUs that no other process uses (--cpus).",
            pauses.requests
        )
    })
}

fn client_limited(report: &Report) -> Option<String> {
    let (busy, waited) = (report.client.busy, report.client.waited);
    match report.checks.client_limited {
        Some(true) if busy > CLIENT_BUSY_MOST => Some(format!(
            "Load generator saturated: busy for {:.0} % of the time, so the server may be faster. Use more --threads on more \
             CPUs, or compare CPU per request instead.",
            busy * 100.0
        )),
        Some(true) if busy + waited > CLIENT_BUSY_MOST => Some(format!(
            "Load generator saturated: busy for {:.0} % of the time and waiting for a CPU for {:.0} %, so the server may be faster. \
             Give each thread a CPU that no other process uses (--cpus).",
            busy * 100.0,
            waited * 100.0
        )),
        Some(true) => Some(
            "The rate is above 70 % of the highest that loadgen calibrate measured on this machine, so the load generator may be \
             the bottleneck. Use more --threads on more CPUs."
                .to_owned(),
        ),
        _ => None,
    }
}

fn send_delay(report: &Report) -> Option<String> {
    let late = report.checks.late_share?;
    (late > LATE_SHARE_MOST).then(|| {
        format!(
            "{:.1} % of the requests had a send delay of more than a tenth of the median latency. Latency includes it, service \
             does not. They waited for a free connection (use more --connections) or for this client (use --pacing spin, \
             more --threads, or a CPU of its own).",
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
            "The arrivals were probably not a Poisson stream: Anderson–Darling {statistic:.2} (one true stream in a hundred \
             exceeds {ANDERSON_DARLING_DOUBTFUL}), correlation of neighboring gaps {:.3} (usually below {lag1_most:.3}). Try \
             another --seed; if this repeats, it is a bug of the load generator.",
            arrivals.lag1
        )
    })
}

fn little(report: &Report) -> Option<String> {
    let little = report.checks.little?;
    (little.error > LITTLE_ERROR_MOST).then(|| {
        format!(
            "Little's law does not hold: on average {:.2} requests were in the system by the latencies, and {:.2} by counting. \
             Some latency is missing or wrong: do not quote it.",
            little.lambda_w, little.l
        )
    })
}

fn kept_busy(report: &Report) -> Option<String> {
    let little = report.checks.little?;
    let asked = report.options.connections as f64 * report.options.pipeline as f64;
    // With a fixed number of requests, fewer are in flight towards the end.
    let is_short = report.loop_kind == LoopKind::Closed
        && report.options.requests.is_none()
        && report.options.requests_per_connection.is_none()
        && little.l < KEPT_BUSY_LEAST * asked;
    let why = if has_lost_connections(report) {
        "connections were lost, given up or not opened"
    } else if report.options.warmup_s <= 0.0 {
        "without --warmup the window includes the time to send the first round. Use a --warmup or a longer --duration"
    } else {
        "no connection was lost, so requests could not be written: the server does not read, or this client had no CPU. Give \
         it a CPU of its own (--cpus)"
    };
    is_short.then(|| {
        format!(
            "On average {:.1} requests were in flight, not the {asked:.0} that were asked for: {why}.",
            little.l
        )
    })
}

fn drift(report: &Report) -> Option<String> {
    let drift = report.checks.drift?;
    let change = drift.last_p50_us / drift.first_p50_us - 1.0;
    let mut causes = vec!["a cold server", "a growing queue"];
    if has_lost_connections(report) {
        causes.push("lost connections");
    }
    if report.client_pauses.is_some_and(|pauses| pauses.count > 0) {
        causes.push("a pause of the load generator");
    }
    (change.abs() > DRIFT_MOST).then(|| {
        format!(
            "The median latency went from {:.1} µs in the first third of the window to {:.1} µs in the last. Possible causes: \
             {}. Use a longer --warmup or a lower rate.",
            drift.first_p50_us,
            drift.last_p50_us,
            causes.join(", ")
        )
    })
}

fn background(report: &Report) -> Option<String> {
    let background = report.background?;
    let all = background.idle + background.silent;
    let closed = all - background.idle_open - background.silent_open;
    (closed > 0)
        .then(|| format!("The server closed {closed} of the {all} background connections before the end."))
}

#[cfg(test)]
mod tests;
