//! The result of a run.

use serde::{Deserialize, Serialize};

use super::checks::Checks;
use super::client::{Client, ClientPauses};
use super::connections::{BackgroundConnections, Connections, Outage};
use super::failure::Failures;
use super::fairness::Fairness;
use super::options::Options;
use super::quantiles::Quantiles;
use super::requests::{Backlog, LoopKind, Requests};
use super::stage::StageResult;
use super::within::Within;

/// The version of [`Report`].
pub const SCHEMA: u32 = 1;

/// The result of a run.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// `closed`: the next request waits for the last reply, so a slow server gets fewer requests.
    #[serde(rename = "loop")]
    pub loop_kind: LoopKind,
    /// The server, as it was given.
    pub target: String,
    /// Its addresses that connections were opened to: one, unless a name has several that took turns. Empty in results of
    /// older versions.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// The flags of the run.
    pub options: Options,
    /// The length of the window, in seconds.
    pub window_s: f64,
    /// Good replies within the window, divided by its length.
    pub throughput_per_s: f64,
    /// The requests that were in the system at some time within the window, by how they ended.
    pub requests: Requests,
    /// In an open loop: the number of requests in the system as the window opened, and as it closed.
    #[serde(default)]
    pub backlog: Option<Backlog>,
    /// Whether the offered load exceeded capacity: see [`Backlog::outgrew`]. Null in a closed loop, which can't be overloaded.
    #[serde(default)]
    pub overloaded: Option<bool>,
    /// The connections.
    pub connections: Connections,
    /// From when a request was due to its reply; in a closed loop from when it was sent.
    pub latency_us: Option<Quantiles>,
    /// With `--within`: the good replies whose latency was at most the bound; else null.
    #[serde(default)]
    pub within: Option<Within>,
    /// From when a request was sent to its reply.
    pub service_us: Option<Quantiles>,
    /// From when a request was due to when it was sent; null in a closed loop, where none is due.
    #[serde(rename = "lateness_us")]
    pub send_delay_us: Option<Quantiles>,
    /// How long it took to open a connection. Those that were opened before the load count too.
    pub connecting_us: Option<Quantiles>,
    /// For a mix of operations, the latency of each part, in the order of `options.mix`.
    pub parts: Vec<Part>,
    /// How evenly the connections were served.
    pub fairness: Option<Fairness>,
    /// The background connections, which carry no load, if there were any.
    #[serde(rename = "bystanders")]
    pub background: Option<BackgroundConnections>,
    /// What the load generator itself spent.
    pub client: Client,
    /// The pauses of the load generator.
    #[serde(default)]
    pub client_pauses: Option<ClientPauses>,
    /// The checks that the run made on itself.
    pub checks: Checks,
    /// The result of each stage; empty without `--stages`.
    #[serde(default)]
    pub stages: Vec<StageResult>,
    /// The window, second by second.
    pub intervals: Vec<Interval>,
    /// The failures by kind, with the first example of each.
    pub failures: Vec<Failures>,
    /// The times without any connection, warm-up included; null if there was none in which an attempt to connect failed.
    #[serde(default)]
    pub outage: Option<Outage>,
    /// Why the run ended early, if it did.
    pub ended_early: Option<String>,
}

impl Report {
    /// How many connections were never served: see [`Connections::never_served`].
    #[must_use]
    pub fn connections_never_served(&self) -> u64 {
        self.connections.never_served(self.loop_kind, self.requests.sent)
    }

    /// Why this may not be recorded as measured, if so: the run ended early, a reply was wrong, or the requests don't add up.
    #[must_use]
    pub fn disqualification(&self) -> Option<String> {
        if let Some(reason) = &self.ended_early {
            return Some(reason.clone());
        }
        if let Some(fault) = self.failures.iter().find(|failures| failures.are_of_replies()) {
            return Some(format!(
                "{} × {}; the first: {}",
                fault.count, fault.kind, fault.first
            ));
        }
        (!self.checks.accounting).then(|| "the load generator's own accounting does not add up".to_owned())
    }
}

/// The latency of one part of a mix.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct Part {
    /// Its operation.
    pub op: String,
    /// From when a request was due to its reply.
    pub latency_us: Option<Quantiles>,
}

/// One second of the window, or a third of a short one; the last may be shorter.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq)]
pub struct Interval {
    /// When it ended, in seconds from the start of the window.
    pub t_s: f64,
    /// Good replies in it.
    pub ok: u64,
    /// Requests that failed in it.
    pub failed: u64,
    /// Their median latency.
    pub p50_us: Option<f64>,
    /// Their 99th percentile.
    pub p99_us: Option<f64>,
}
