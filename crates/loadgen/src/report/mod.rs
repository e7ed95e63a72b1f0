//! What a run came to, with the field names that other tools rely on.
//!
//! All times are in microseconds unless a name ends in `_s`. A field that does not apply, or that the samples can't carry,
//! is null.

mod checks;
mod client;
mod failures;
mod fairness;
mod options;
mod quantiles;
mod requests;

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

pub use self::checks::{Arrivals, Checks, Drift, Little};
use self::checks::{is_near_ceiling, late_share};
pub use self::client::{Client, ClientPauses};
pub use self::failures::Failures;
pub use self::fairness::{Fairness, SERVED_LEAST};
pub use self::options::{MixPart, Options};
pub use self::quantiles::{BEYOND_LEAST, Quantiles};
pub use self::requests::{Backlog, Connections, Requests};
use crate::outages::Outages;
use crate::pauses;
use crate::plan::{Load, Plan};
use crate::slices::Gatherer;
use crate::stages::StageResult;
use crate::tally::Tally;

/// The version of [`Report`].
pub const SCHEMA: u32 = 1;

/// What a run came to.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// `closed`: the next request waits for the last reply, so a slow server is asked less.
    #[serde(rename = "loop")]
    pub loop_kind: LoopKind,
    /// The server, as it was asked for.
    pub target: String,
    /// The addresses of it that connections were opened to: one, unless a name has several that took turns. Results of
    /// before this was written have none.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// The flags of the run.
    pub options: Options,
    /// How long was measured, in seconds.
    pub window_s: f64,
    /// Good replies that came within the window, by its length.
    pub throughput_per_s: f64,
    /// The requests that were in the system at some time within the window, by how they ended.
    pub requests: Requests,
    /// In an open loop, how many of them were in the system as the window opened, and as it closed.
    #[serde(default)]
    pub backlog: Option<Backlog>,
    /// Whether the offered load exceeded capacity: see [`Backlog::outgrew`]. Null in a closed loop, which can't be overloaded.
    #[serde(default)]
    pub overloaded: Option<bool>,
    /// The connections.
    pub connections: Connections,
    /// From when a request was due to its reply; in a closed loop from when it was sent.
    pub latency_us: Option<Quantiles>,
    /// From when a request was sent to its reply.
    pub service_us: Option<Quantiles>,
    /// From when a request was due to when it was sent; null in a closed loop, where none is due.
    pub lateness_us: Option<Quantiles>,
    /// How long it took to open a connection, those before the load included.
    pub connecting_us: Option<Quantiles>,
    /// For a mix of several, the latency of each of its parts, in their order, that of `options.mix`.
    pub parts: Vec<Part>,
    /// How evenly the connections were served.
    pub fairness: Option<Fairness>,
    /// The connections that carry no load, if there were any.
    pub bystanders: Option<Bystanders>,
    /// What the load generator itself spent.
    pub client: Client,
    /// When the load generator did not look.
    #[serde(default)]
    pub client_pauses: Option<ClientPauses>,
    /// What the run says of itself.
    pub checks: Checks,
    /// What came of each stage; empty without `--stages`.
    #[serde(default)]
    pub stages: Vec<StageResult>,
    /// The window, second by second.
    pub intervals: Vec<Interval>,
    /// What went wrong, by kind, with the first example of each.
    pub failures: Vec<Failures>,
    /// When no connection could be had, warm-up included; null if there was always one, or none was tried in vain.
    #[serde(default)]
    pub outage: Option<Outage>,
    /// Why the run ended before its time, if it did.
    pub ended_early: Option<String>,
}

/// A client thread that is at work, or waits for a processor, for more than this share of the window leaves requests waiting for itself.
pub const CLIENT_BUSY_MOST: f64 = 0.9;

/// A rate above this share of what the load generator can do at all is its own limit as likely as the server's. (A pipeline
/// of a closed loop sends many requests at once and can do many times as much: there its threads alone say how busy it was.)
pub const CEILING_SHARE_MOST: f64 = 0.7;

impl Report {
    pub(crate) fn of(
        plan: &Plan,
        tally: &Tally,
        gatherer: &Gatherer,
        bystanders: Option<Bystanders>,
    ) -> Self {
        let window_s = tally.window.as_secs_f64();
        let completed = tally.completed as f64;
        let is_open = matches!(plan.load, Load::Open { .. });
        let times = &gatherer.whole;
        let latency_us = Quantiles::of(&times.latency);
        let throughput_per_s = if window_s > 0.0 { completed / window_s } else { 0.0 };
        let parts = plan.work.parts().zip(&tally.parts);
        Self {
            schema: SCHEMA,
            loop_kind: if is_open { LoopKind::Open } else { LoopKind::Closed },
            target: plan.target.to_string(),
            addresses: {
                let opened = plan.target.addresses().iter().zip(&tally.opened_to);
                let used = opened.filter(|&(_, &count)| count > 0);
                used.map(|(address, _)| address.to_string()).collect()
            },
            options: Options::of(plan),
            window_s,
            throughput_per_s,
            requests: tally.requests,
            backlog: is_open.then_some(tally.backlog),
            overloaded: is_open.then(|| {
                tally.completed > 0 && tally.backlog.outgrew(&tally.requests, tally.pauses.requests)
            }),
            connections: tally.connections(plan.connections as u64),
            latency_us,
            service_us: if is_open {
                Quantiles::of(&times.service)
            } else {
                latency_us
            },
            lateness_us: Quantiles::of(&times.lateness),
            connecting_us: Quantiles::of(&tally.connecting),
            parts: parts
                .map(|(op, latency)| Part {
                    op: op.to_owned(),
                    latency_us: Quantiles::of(latency),
                })
                .collect(),
            fairness: Fairness::of(&tally.served),
            bystanders,
            client: Client {
                cpu_us_per_request: (tally.completed > 0).then(|| tally.cpu.as_secs_f64() * 1e6 / completed),
                busy: tally.busiest().busy,
                waited: tally.busiest().waited,
                busy_each: tally.threads.iter().map(|time| time.busy).collect(),
                threads: plan.threads,
            },
            client_pauses: Some(ClientPauses {
                bound_us: pauses::bound(plan.timeout).as_secs_f64() * 1e6,
                count: tally.pauses.count,
                longest_us: tally.pauses.longest_ns as f64 / 1e3,
                requests: tally.pauses.requests,
            }),
            checks: Checks {
                little: Little::of(tally),
                accounting: tally.requests.add_up(),
                arrivals: Arrivals::of(&tally.gaps),
                client_limited: Some(
                    tally.busiest().taken() > CLIENT_BUSY_MOST || is_near_ceiling(plan, throughput_per_s),
                ),
                late_share: latency_us.and_then(|latency| late_share(&times.lateness, latency.p50?)),
                // Where the rate changes, so does the latency.
                drift: gatherer.drift().filter(|_| plan.stages.is_empty()),
            },
            stages: stage_results(plan, gatherer),
            intervals: gatherer.intervals.clone(),
            failures: tally.failures(),
            outage: Outage::find(&tally.outages),
            ended_early: tally.ended_early.clone(),
        }
    }
}

/// What came of each stage that was begun.
fn stage_results(plan: &Plan, gatherer: &Gatherer) -> Vec<StageResult> {
    let mut starts_s = 0.0;
    let stages = plan.stages.iter().zip(&gatherer.stages);
    let results = stages.map(|(stage, totals)| {
        let ends_s = totals.ends.as_secs_f64();
        let length_s = ends_s - starts_s;
        let result = StageResult {
            name: stage.name.clone(),
            from_per_s: stage.from_per_s,
            to_per_s: stage.to_per_s,
            starts_s,
            ends_s,
            due: totals.due,
            ok: totals.ok,
            failed: totals.failed,
            throughput_per_s: if length_s > 0.0 {
                totals.ok as f64 / length_s
            } else {
                0.0
            },
            latency_us: totals.latency_us,
        };
        starts_s = ends_s;
        result
    });
    results.collect()
}

impl Report {
    /// How many connections went unserved: see [`Connections::unserved`].
    #[must_use]
    pub fn unserved_connections(&self) -> u64 {
        self.connections.unserved(self.loop_kind, self.requests.sent)
    }
}

/// Which loop the requests come from.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LoopKind {
    /// Each connection waits for its replies.
    Closed,
    /// Requests are due on a schedule that owes nothing to the replies.
    Open,
}

/// When there was no connection and none could be opened: on all threads at the same time.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq)]
pub struct Outage {
    /// How often.
    pub count: u64,
    /// How long in all.
    pub total_s: f64,
    /// How long at the most.
    pub longest_s: f64,
}

impl Outage {
    fn find(outages: &Outages) -> Option<Self> {
        let lengths: Vec<_> = outages.lengths_ns().map(|ns| ns as f64 / 1e9).collect();
        (!lengths.is_empty()).then(|| Self {
            count: lengths.len() as u64,
            total_s: lengths.iter().sum(),
            longest_s: lengths.iter().copied().fold(0.0, f64::max),
        })
    }
}

/// The latency of one part of a mix.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct Part {
    /// Its operation.
    pub op: String,
    /// From when its requests were due to their replies.
    pub latency_us: Option<Quantiles>,
}

/// The connections that carry no load: how many were opened, and how many of them the server held to the end.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
pub struct Bystanders {
    /// Those that only exist.
    pub idle: u64,
    /// Of these, how many were open at the end.
    pub idle_open: u64,
    /// Those that sent half a frame and then nothing.
    pub silent: u64,
    /// Of these, how many were open at the end.
    pub silent_open: u64,
}

/// One second of the window, or a third of a short one; the last may be shorter.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq)]
pub struct Interval {
    /// When it ended, in seconds from the window's start.
    pub t_s: f64,
    /// Good replies in it.
    pub ok: u64,
    /// Requests that ended in it otherwise than well.
    pub failed: u64,
    /// Their median latency.
    pub p50_us: Option<f64>,
    /// Their 99th percentile.
    pub p99_us: Option<f64>,
}

impl Interval {
    /// Of the latencies, in nanoseconds, of the good replies in it.
    pub(crate) fn new(ends: Duration, latency: &Histogram<u64>, failed: u64) -> Self {
        let quantiles = Quantiles::of(latency);
        Self {
            t_s: ends.as_secs_f64(),
            ok: latency.len(),
            failed,
            p50_us: quantiles.and_then(|quantiles| quantiles.p50),
            p99_us: quantiles.and_then(|quantiles| quantiles.p99),
        }
    }
}
