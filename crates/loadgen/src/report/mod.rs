//! What a run came to, with the field names that other tools rely on.
//!
//! All times are in microseconds unless a name ends in `_s`. A field that does not apply, or that the samples can't carry,
//! is null.

mod checks;
mod quantiles;

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

pub use self::checks::{Arrivals, Checks, Drift, Little};
use self::checks::{is_near_ceiling, late_share};
pub use self::quantiles::{BEYOND_LEAST, Quantiles};
use crate::distribution::Distribution;
use crate::failure::{Cause, Effect, Failure};
use crate::outages::Outages;
use crate::pauses;
use crate::plan::{Load, Plan, RIDE_OUT_USUAL};
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

impl Options {
    fn of(plan: &Plan) -> Self {
        let (rate_per_s, arrivals, pacing) = match plan.load {
            Load::Closed => (None, None, None),
            Load::Open {
                rate_per_s,
                arrivals,
                pacing,
            } => (
                plan.stages.is_empty().then_some(rate_per_s),
                Some(arrivals.to_string()),
                Some(pacing.to_string()),
            ),
        };
        Self {
            connections: plan.connections,
            threads: plan.threads,
            rate_per_s,
            arrivals,
            pacing,
            seed: plan.seed,
            duration_s: plan.requests.is_none().then(|| plan.window().as_secs_f64()),
            requests: plan.requests,
            warmup_s: plan.warmup.as_secs_f64(),
            op: plan.work.operation(),
            params: plan.work.fixed_params(),
            payload_bytes: plan.work.payload_bytes(),
            mix: plan.work.mix_parts(),
            pipeline: plan.pipeline,
            requests_per_connection: plan.requests_per_connection,
            idle: plan.idle,
            silent: plan.silent,
            timeout_s: plan.timeout.as_secs_f64(),
            wait_for_server_s: plan.wait_for_server.as_secs_f64(),
            ride_out_s: plan.ride_out.as_secs_f64(),
            two_writes: plan.two_writes,
            cpus: plan.cpus.clone(),
        }
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

/// The flags of a run, as they were understood. Results of before a flag was told have the default for it.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
#[allow(missing_docs)]
pub struct Options {
    pub connections: usize,
    pub threads: usize,
    pub rate_per_s: Option<f64>,
    pub arrivals: Option<String>,
    pub pacing: Option<String>,
    pub seed: u64,
    /// Null where the number of requests was given.
    pub duration_s: Option<f64>,
    #[serde(default)]
    pub requests: Option<u64>,
    pub warmup_s: f64,
    pub op: String,
    pub params: Option<String>,
    #[serde(default)]
    pub payload_bytes: Option<usize>,
    #[serde(default)]
    pub mix: Option<Vec<MixPart>>,
    pub pipeline: usize,
    pub requests_per_connection: Option<u64>,
    #[serde(default)]
    pub idle: usize,
    #[serde(default)]
    pub silent: usize,
    pub timeout_s: f64,
    #[serde(default)]
    pub wait_for_server_s: f64,
    #[serde(default = "ride_out_usual_s")]
    pub ride_out_s: f64,
    pub two_writes: bool,
    pub cpus: Vec<usize>,
}

/// Results of before it was a flag had no other.
fn ride_out_usual_s() -> f64 {
    RIDE_OUT_USUAL.as_secs_f64()
}

/// A part of a mix, as it was asked for.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct MixPart {
    /// Its operation and what that is asked with, such as `spin 20`, or `sleep bimodal 1|50:0.1` for times that are drawn;
    /// with its number, `spin 20 #3`, where another part would have the same name.
    pub name: String,
    /// Its share of the requests is this by the sum of all weights.
    pub weight: u64,
    /// Its operation.
    pub op: String,
    /// Its params, if they are the same each time.
    pub params: Option<String>,
    /// How long the string of its pings is, where that was asked for.
    pub payload_bytes: Option<usize>,
    /// What its times are drawn from, where they are.
    pub times: Option<Distribution>,
}

/// The requests that were in the system at some time within the window: due before it closed (in a closed loop: sent), and
/// not ended before it opened. Always: planned = sent + unsent, and sent = ok + wrong + error + timeout + reset +
/// `in_flight`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Requests {
    /// In the system as the window opened, or due within it, counted apart from the sending; in a closed loop those that
    /// connections had room for.
    pub planned: u64,
    /// Due and not sent before the window closed.
    pub unsent: u64,
    /// Sent.
    pub sent: u64,
    /// Answered with what was asked for.
    pub ok: u64,
    /// Answered with something else.
    pub wrong: u64,
    /// Answered with an error.
    pub error: u64,
    /// Not answered in time.
    pub timeout: u64,
    /// Lost with their connection.
    pub reset: u64,
    /// Still unanswered when the run was cut short.
    pub in_flight: u64,
}

/// Requests in the system: due and not ended, whether they waited for a connection or for their reply.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Backlog {
    /// As the window opened.
    pub at_open: u64,
    /// As it closed.
    pub at_close: u64,
}

impl Backlog {
    /// Whether it grew by more in the window than the chance of a Poisson stream explains: by more than a hundredth of what
    /// fell due in the window, and by more than two standard deviations of that number. Those that met a pause of the client
    /// may be in it because of that, and are not held against the server.
    #[must_use]
    pub fn outgrew(&self, requests: &Requests, met_pause: u64) -> bool {
        let due = requests.planned.saturating_sub(self.at_open) as f64;
        let growth = self
            .at_close
            .saturating_sub(self.at_open)
            .saturating_sub(met_pause) as f64;
        growth > 0.01 * due && growth > 2.0 * due.sqrt()
    }
}

/// The connections of a run.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Connections {
    /// As many as the plan wants at once.
    pub asked: u64,
    /// Of these, how many could be opened.
    pub opened: u64,
    /// How many could never be opened.
    pub failed: u64,
    /// How many had a good reply within the window, or to a request of it: that of a slow operation may come when the window
    /// is over.
    pub served: u64,
    /// How often one was opened again in the place of one that had ended, within the window.
    pub reconnects: u64,
}

impl Connections {
    /// How many were asked something within the window, or could not be, and were not `served`. In an open loop the
    /// connections take turns, so with fewer requests `sent` than connections some are never asked.
    #[must_use]
    pub fn unserved(&self, loop_kind: LoopKind, sent: u64) -> u64 {
        let asked = match loop_kind {
            // A closed loop uses them all, unless it is to send fewer requests than it has connections.
            LoopKind::Closed => self.asked.min(sent.max(self.failed)),
            LoopKind::Open => self.opened.min(sent) + self.failed,
        };
        asked.saturating_sub(self.served)
    }
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

/// How evenly the connections were served within the window.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq)]
pub struct Fairness {
    /// Jain's index, (Σx)² / (n·Σx²) over the good replies x of each of n connections: 1 when all had the same, 1/n when
    /// one had them all (Jain, Chiu and Hawe, DEC-TR-301, 1984). Null where no connection had [`SERVED_LEAST`].
    pub jain: Option<f64>,
    /// The fewest that a connection had.
    pub least_served: u64,
    /// The most that a connection had.
    pub most_served: u64,
}

/// So many good replies on some connection are needed for Jain's index to say something of the server. One more or less is
/// not its doing: an open loop deals out the turns, and the ends of the window cut off a reply here and not there. Where all
/// have nine or ten the index is 0.997 at the least; where they have none or one, it is whatever share had one.
pub const SERVED_LEAST: u64 = 10;

impl Fairness {
    /// Of these numbers of good replies, a connection each; nothing if there were none at all.
    #[must_use]
    pub fn of(served: &[u64]) -> Option<Self> {
        let sum: f64 = served.iter().map(|&x| x as f64).sum();
        let squares: f64 = served.iter().map(|&x| (x as f64).powi(2)).sum();
        let most_served = served.iter().copied().max().unwrap_or(0);
        let jain = sum.powi(2) / (served.len() as f64 * squares);
        (sum > 0.0).then(|| Self {
            jain: (most_served >= SERVED_LEAST).then_some(jain),
            least_served: served.iter().copied().min().unwrap_or(0),
            most_served,
        })
    }
}

/// What the load generator itself spent within the window.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct Client {
    /// Processor time by good replies.
    pub cpu_us_per_request: Option<f64>,
    /// The share of the window that the thread with the least time left was at work on a processor; watching the clock until a request is
    /// due is no work.
    pub busy: f64,
    /// The share of the window that this thread was ready for a processor, which others had; it counts as busy where the client
    /// is asked whether it was the limit, since it could have done no more. Results of before this was told have 0.
    #[serde(default)]
    pub waited: f64,
    /// How busy each thread was, that one first. Results of before this was told have none.
    #[serde(default)]
    pub busy_each: Vec<f64>,
    /// How many threads drove the connections.
    pub threads: usize,
}

/// When the load generator did not look whether something had come, since it was stopped or had no CPU. What comes in such a
/// pause is read after it, so its latency may be too long. It is never a timeout: the time of a request does not run meanwhile.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq)]
pub struct ClientPauses {
    /// What is longer than this is a pause: 100 ms, or half the timeout if that is less, but 10 ms at least.
    pub bound_us: f64,
    /// How many there were in the window and the drain.
    pub count: u64,
    /// How long the longest was.
    pub longest_us: f64,
    /// How many requests were in the system during one.
    pub requests: u64,
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

/// Failures of one kind in the whole run, those of the warm-up included, whereas [`Requests`] are of the window.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Failures {
    /// What kind.
    pub kind: String,
    /// How many.
    pub count: u64,
    /// The first of them.
    pub first: String,
}

impl Failures {
    /// Whether they say that a reply was wrong, an error, no frame or nobody's, and not that there was none.
    #[must_use]
    pub fn are_of_replies(&self) -> bool {
        self.cause() == Cause::Reply
    }

    /// Whether they say that the client had no port to connect from.
    #[must_use]
    pub fn are_of_ports(&self) -> bool {
        self.cause() == Cause::Client
    }

    /// Whether they end a connection, or keep one from being opened.
    #[must_use]
    pub fn are_of_connections(&self) -> bool {
        self.effect() != Effect::GoesOn
    }

    /// Whose doing they are. A kind that this version does not know is one of the server's.
    pub(crate) fn cause(&self) -> Cause {
        Failure::from_name(&self.kind).map_or(Cause::Silence, Failure::cause)
    }

    pub(crate) fn effect(&self) -> Effect {
        Failure::from_name(&self.kind).map_or(Effect::MayEnd, Failure::effect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_of_a_few_requests_is_not_told() {
        let jain = |served: &[u64]| Fairness::of(served).and_then(|fairness| fairness.jain);
        // Twenty turns that an open loop dealt to 64 connections.
        let mut dealt = vec![0; 64];
        dealt[..20].fill(1);
        assert_eq!(jain(&dealt), None);
        assert_eq!(Fairness::of(&dealt).map(|fairness| fairness.most_served), Some(1));
        assert_eq!(jain(&[9; 64]), None);
        assert_eq!(jain(&[10; 64]), Some(1.0));
        assert!(jain(&[[9; 32], [10; 32]].concat()).is_some_and(|jain| jain > 0.997));
        assert_eq!(jain(&[40, 0, 0, 0]), Some(0.25));
        assert_eq!(Fairness::of(&[0; 4]), None);
    }
}
