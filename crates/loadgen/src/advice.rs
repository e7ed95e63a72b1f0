//! What to make of a result before quoting it: what it can't show, and what to do about it.

use schema::load::{
    ANDERSON_DARLING_DOUBTFUL, CLIENT_BUSY_MOST, Cause, DRIFT_MOST, Failure, Failures, KEPT_BUSY_LEAST,
    LATE_SHARE_MOST, LITTLE_ERROR_MOST, LoopKind, Report, UNSENT_SHARE_MOST,
};

/// What the reader should know before quoting a figure of this result, a sentence or two each; nothing if all is well.
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
        "The run ended early: {reason}. The metrics are of {:.1} s.",
        report.window_s
    ))
}

fn accounting(report: &Report) -> Option<String> {
    (!report.checks.accounting)
        .then(|| "The requests do not add up: this is a fault of the load generator, and nothing here may be quoted.".to_owned())
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
        " A connection with a reply that is no frame, or that answers no request, is closed and opened again."
    } else {
        ""
    };
    Some(format!(
        "Replies were not what was asked for ({listed}). The metrics are not those of the work that was asked for; find the \
         cause before quoting them.{ends}"
    ))
}

fn nothing_sent(report: &Report) -> Option<String> {
    if report.requests.planned > 0 || report.ended_early.is_some() {
        return None;
    }
    Some(match (report.loop_kind, report.options.rate_per_s) {
        (LoopKind::Open, Some(rate_per_s)) => format!(
            "Nothing was due in the window: {rate_per_s} requests/s for {:.1} s are {:.3} on average. Give more --duration, or \
             a higher --rate.",
            report.window_s,
            rate_per_s * report.window_s
        ),
        (LoopKind::Open, None) => {
            "Nothing was due in the window. Give the stages higher rates, or longer times.".to_owned()
        }
        (LoopKind::Closed, _) => {
            "Nothing was sent in the window, because no connection was open in it. Check the server, or \
                                  give more --duration."
                .to_owned()
        }
    })
}

fn failures(report: &Report) -> Option<String> {
    let failed = report.requests.failed();
    (failed > 0).then(|| {
        format!(
            "{failed} of {} requests were not answered well. No percentile includes them, so the latencies are those of the \
             others; find the cause before comparing.",
            report.requests.sent
        )
    })
}

fn out_of_ports(report: &Report) -> Option<String> {
    let listed = listed(report.failures.iter().filter(|failures| failures.are_of_ports()))?;
    Some(format!(
        "This client had no port left to connect from ({listed}): a port is not free again at once when its connection has \
         ended. It is no fault of the server's. Have connections carry more (--requests-per-connection), or give this machine \
         more ports (net.ipv4.ip_local_port_range)."
    ))
}

/// What the server, or the network, did to connections. Wrong replies and missing ports have sentences of their own.
fn lost_connections(report: &Report) -> Option<String> {
    let lost = || {
        report
            .failures
            .iter()
            .filter(|failures| failures.cause() == Cause::Silence)
    };
    let listed = listed(lost())?;
    let but = if report.requests.failed() > 0 {
        "Connections were lost, given up"
    } else {
        "No request of the window failed, but connections were lost, given up"
    };
    // Who closes a connection in good order may do so after so many requests.
    let closes = lost().any(|failures| failures.kind == Failure::Closed.name());
    let or = if closes {
        ", or close them from here (--requests-per-connection)"
    } else {
        ""
    };
    Some(format!(
        "{but} or not opened ({listed}). To open them again is work that the metrics include. Find the cause{or}."
    ))
}

/// Whether some connection ended before its time, or could not be opened, for whatever reason.
fn has_lost_connections(report: &Report) -> bool {
    report.connections.failed > 0 || report.failures.iter().any(Failures::are_of_connections)
}

/// Such as "3 × closed, 1 × reset in the whole run, warm-up included"; nothing if there are none.
fn listed<'a>(failures: impl Iterator<Item = &'a Failures>) -> Option<String> {
    let kinds: Vec<_> = failures
        .map(|failures| format!("{} × {}", failures.count, failures.kind))
        .collect();
    (!kinds.is_empty()).then(|| format!("{} in the whole run, warm-up included", kinds.join(", ")))
}

fn unserved(report: &Report) -> Option<String> {
    let unserved = report.connections_never_served();
    // What else went wrong may be why.
    let only_waited = |failures: &Failures| failures.kind == Failure::Timeout.name();
    let then = if report.failures.iter().all(only_waited) {
        "Ask for fewer connections, or use a server that serves as many."
    } else {
        "Find the cause of the failures first."
    };
    // Where nothing was sent, that is said already.
    (unserved > 0 && report.requests.sent > 0).then(|| {
        format!(
            "{unserved} of {} connections were never served: they had no good reply. The latencies are those of the others. \
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
        "Overloaded: offered load exceeded capacity. {} requests were answered each second, and the backlog of those that \
         were due went from {} to {} in the window. The latencies grow with its length. Offer less, or give more \
         --connections if the server can serve more at once.{lost}",
        report.throughput_per_s.round(),
        backlog.at_open,
        backlog.at_close
    ))
}

/// Where the load was too much, that is said already.
fn unsent(report: &Report) -> Option<String> {
    let (unsent, planned) = (report.requests.unsent, report.requests.planned);
    let overloaded = report.overloaded == Some(true);
    let paused = report.client_pauses.is_some_and(|pauses| pauses.count > 0);
    let then = if report.options.requests.is_some() {
        "The run ended before they could be sent."
    } else if paused {
        "The load generator paused, so it may have had no time to send them."
    } else {
        "They were still waiting for a free connection. Offer less, or give more --connections."
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
    // With a number of requests, fewer are left towards the end.
    let is_short = report.loop_kind == LoopKind::Closed
        && report.options.requests.is_none()
        && report.options.requests_per_connection.is_none()
        && little.l < KEPT_BUSY_LEAST * asked;
    let why = if has_lost_connections(report) {
        "connections were lost, given up or not opened"
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
    let mut causes = vec!["a server that was not warm", "a queue that grows"];
    if has_lost_connections(report) {
        causes.push("connections that were lost");
    }
    if report.client_pauses.is_some_and(|pauses| pauses.count > 0) {
        causes.push("a pause of the load generator");
    }
    (change.abs() > DRIFT_MOST).then(|| {
        format!(
            "The median latency went from {:.1} µs in the first third of the window to {:.1} µs in the last. Possible causes: \
             {}. Give more --warmup, or offer less.",
            drift.first_p50_us,
            drift.last_p50_us,
            causes.join(", ")
        )
    })
}

fn bystanders(report: &Report) -> Option<String> {
    let bystanders = report.background?;
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
