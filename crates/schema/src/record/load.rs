//! What the load generator reports of a trial.

use serde::{Deserialize, Serialize};

use crate::load::{
    BackgroundConnections, Checks, Client, Connections, Failures, Fairness, Interval, LoopKind, Part,
    Quantiles, Report, Requests, Within,
};

/// The load generator's report, without what stands in the environment of the run, and without what does not apply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadMetrics {
    /// Whether each request waits for the last reply (`closed`) or is due on a schedule (`open`).
    #[serde(rename = "loop")]
    pub loop_kind: LoopKind,
    /// The offered rate, in an open loop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_per_s: Option<f64>,
    /// How long was measured.
    pub window_s: f64,
    /// Good replies within the window, divided by its length.
    pub throughput_per_s: f64,
    /// The requests of the window, by how they ended.
    pub requests: Requests,
    /// The connections.
    pub connections: Connections,
    /// From when a request was due to its reply; in a closed loop from when it was sent.
    pub latency_us: Option<Quantiles>,
    /// The good replies whose latency was at most a bound. Only where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Within>,
    /// From when a request was sent to its reply. Only in an open loop: in a closed one it is the latency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_us: Option<Quantiles>,
    /// From when a request was due to when it was sent. Only in an open loop.
    #[serde(default, rename = "lateness_us", skip_serializing_if = "Option::is_none")]
    pub send_delay_us: Option<Quantiles>,
    /// How long it took to open a connection.
    pub connecting_us: Option<Quantiles>,
    /// The latency of each operation of a mix. Only where there is more than one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// How evenly the connections were served.
    pub fairness: Option<Fairness>,
    /// The connections without load. Only where there were any.
    #[serde(default, rename = "bystanders", skip_serializing_if = "Option::is_none")]
    pub background: Option<BackgroundConnections>,
    /// What the load generator itself used.
    pub client: Client,
    /// Whether the load was what it should be.
    pub checks: Checks,
    /// The window in slices. Only in trials that kill a worker.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intervals: Vec<Interval>,
    /// Failed requests and connections by kind. Only where there were any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failures>,
    /// Whether the server answered at first, and then no more until the window's end.
    #[serde(default)]
    pub stopped_answering: bool,
    /// How many of the requests that timed out were on connections that were never served.
    #[serde(default)]
    pub never_served_timeouts: u64,
}

impl LoadMetrics {
    /// How many requests failed, without those on connections that were never served.
    #[must_use]
    pub fn failed(&self) -> u64 {
        let not_ok = self.requests.sent.saturating_sub(self.requests.ok);
        not_ok.saturating_sub(self.never_served_timeouts)
    }
}

impl From<Report> for LoadMetrics {
    fn from(report: Report) -> Self {
        let open = report.loop_kind == LoopKind::Open;
        Self {
            stopped_answering: stopped_answering(&report),
            never_served_timeouts: never_served_timeouts(&report),
            loop_kind: report.loop_kind,
            rate_per_s: report.options.rate_per_s,
            window_s: report.window_s,
            throughput_per_s: report.throughput_per_s,
            requests: report.requests,
            connections: report.connections,
            latency_us: report.latency_us,
            within: report.within,
            service_us: report.service_us.filter(|_| open),
            send_delay_us: report.send_delay_us,
            connecting_us: report.connecting_us,
            parts: report.parts,
            fairness: report.fairness,
            background: report.background,
            client: report.client,
            checks: report.checks,
            intervals: Vec::new(),
            failures: report.failures,
        }
    }
}

/// How many requests timed out on connections that were never served. On each of those, as many requests wait as may be in
/// flight, and for longer than a window lasts.
fn never_served_timeouts(report: &Report) -> u64 {
    let waiting = report.connections_never_served() * report.options.pipeline as u64;
    report.requests.timeout.min(waiting)
}

/// Whether the server answered within the window and then stopped. That is so if requests were lost and either no reply came
/// in the last interval, or each connection that had been served ended with requests that were never answered.
fn stopped_answering(report: &Report) -> bool {
    let requests = &report.requests;
    let lost = requests.timeout + requests.in_flight - never_served_timeouts(report);
    let answered = report.intervals.iter().any(|interval| interval.ok > 0);
    let last_is_empty = report.intervals.last().is_some_and(|last| last.ok == 0);
    let held = report.connections.served * report.options.pipeline as u64;
    lost > 0 && answered && (last_is_empty || (held > 0 && lost >= held))
}
