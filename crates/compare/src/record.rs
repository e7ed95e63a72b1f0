//! What is written down of each trial, before anything is made of it.

use jiff::Timestamp;
use schema::load::{
    BackgroundConnections, Checks, Client, Connections, Failures, Fairness, Interval, LoopKind, Part,
    Quantiles, Requests,
};
use serde::{Deserialize, Serialize};

use schema::cost::Disturbance;
pub(crate) use schema::cost::{Footprint, Interference, Spent};

/// The version of [`Record`], of how it is [stored](crate::stored), and of the environment beside it.
///
/// 1 wrote every figure under its name; nothing that was released wrote it.
pub(crate) const SCHEMA: u32 = 2;

/// One trial: a line of `records.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// [`SCHEMA`].
    pub(crate) schema: u32,
    /// Its place in the order of the run, counted from 1.
    pub(crate) trial: usize,
    /// Its round, counted from 1; 0 for a trial that only finds a contender's capacity.
    pub(crate) round: usize,
    /// The experiment's key.
    pub(crate) experiment: String,
    /// The setting's key.
    pub(crate) setting: String,
    /// The contender's name.
    pub(crate) model: String,
    /// When it began, to the second.
    pub(crate) started_at: Timestamp,
    /// What came of it.
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
}

/// What came of a trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// It was measured.
    Measured(Box<Measured>),
    /// There is nothing to be quoted, for this reason.
    Failed(String),
}

/// What was measured in a trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// From the server's start until it said that it was ready, in milliseconds.
    pub(crate) ready_ms: f64,
    /// From SIGTERM to the end of the server, in milliseconds.
    pub(crate) drain_ms: f64,
    /// What the server's processes spent within the window.
    pub(crate) spent: Spent,
    /// The share of the time of the servers' processors that they spent, from 0 to 1.
    pub(crate) server_busy: f64,
    /// Context switches of the server's whole life and the replies of that time, those of processes and threads that have
    /// ended included.
    pub(crate) life: Life,
    /// What the server's processes held when it was ready and had no connection.
    pub(crate) at_ready: Footprint,
    /// The most that they held while the load ran.
    pub(crate) peak: Footprint,
    /// What else went on.
    pub(crate) interference: Interference,
    /// What the load generator says.
    pub(crate) load: LoadFigures,
    /// What each worker served, where the server tells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) workers: Vec<WorkerTally>,
    /// What the search for the highest rate found, if the trial was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) search: Option<SearchFigures>,
    /// What killing a worker did, if the trial was about that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kill: Option<KillFigures>,
    /// System calls by name, and the replies in the same time, if the trial was about that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) system_calls: Option<SystemCalls>,
}

/// The whole life of a server, from its start until it was gone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Life {
    pub(crate) voluntary_switches: u64,
    pub(crate) involuntary_switches: u64,
    /// Good replies in that time.
    pub(crate) replies: u64,
}

/// What a worker says that it has served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WorkerTally {
    /// Its number among the workers.
    pub(crate) worker: u64,
    pub(crate) pid: i32,
    pub(crate) connections: u64,
    pub(crate) requests: u64,
}

/// What the search for the highest rate under a latency bound found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SearchFigures {
    /// The highest rate that kept the bound; none if no rate did.
    pub(crate) best_per_s: Option<f64>,
    /// Whether higher rates were out of the search's reach.
    pub(crate) beyond_reach: bool,
    /// What was tried, in that order.
    pub(crate) tried: Vec<Tried>,
}

/// A rate that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tried {
    pub(crate) rate_per_s: f64,
    pub(crate) p99_us: Option<f64>,
    pub(crate) kept: bool,
    /// Whether the load generator, and not the server, was at its limit.
    pub(crate) client_limited: bool,
}

/// What killing a worker did.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct KillFigures {
    /// Requests that were lost: reset, timed out or answered wrongly.
    pub(crate) lost: u64,
    /// From the kill until the rate was back within a tenth of what it was; none if it never was.
    pub(crate) back_ms: Option<f64>,
    /// The lowest rate after the kill, as a share of that before it.
    pub(crate) lowest_rate_share: f64,
}

/// System calls of a server under load.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SystemCalls {
    pub(crate) by_name: std::collections::BTreeMap<String, u64>,
    pub(crate) replies: u64,
}

/// What the load generator says of a trial: its report, without what stands in the environment of the run already, and
/// without what does not apply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LoadFigures {
    #[serde(rename = "loop")]
    pub(crate) loop_kind: LoopKind,
    /// The offered rate, in an open loop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rate_per_s: Option<f64>,
    pub(crate) window_s: f64,
    pub(crate) throughput_per_s: f64,
    pub(crate) requests: Requests,
    pub(crate) connections: Connections,
    pub(crate) latency_us: Option<Quantiles>,
    /// In an open loop; in a closed one it is the latency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) service_us: Option<Quantiles>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lateness_us: Option<Quantiles>,
    pub(crate) connecting_us: Option<Quantiles>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) parts: Vec<Part>,
    pub(crate) fairness: Option<Fairness>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bystanders: Option<BackgroundConnections>,
    pub(crate) client: Client,
    pub(crate) checks: Checks,
    /// Only where the trial is about what happens within its window.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) intervals: Vec<Interval>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) failures: Vec<Failures>,
    /// Whether the server answered at first and then no more until the window's end. Records of before this was kept have
    /// false.
    #[serde(default)]
    pub(crate) stopped_answering: bool,
    /// How many of the requests that timed out were on connections that were never served. Records of before such requests
    /// counted have 0.
    #[serde(default)]
    pub(crate) unserved_timeouts: u64,
}

impl LoadFigures {
    /// How many requests failed, without those on connections that were never served.
    pub(crate) fn failed(&self) -> u64 {
        let not_ok = self.requests.sent.saturating_sub(self.requests.ok);
        not_ok.saturating_sub(self.unserved_timeouts)
    }
}

impl From<schema::load::Report> for LoadFigures {
    fn from(report: schema::load::Report) -> Self {
        let open = report.loop_kind == LoopKind::Open;
        Self {
            stopped_answering: stopped_answering(&report),
            unserved_timeouts: unserved_timeouts(&report),
            loop_kind: report.loop_kind,
            rate_per_s: report.options.rate_per_s,
            window_s: report.window_s,
            throughput_per_s: report.throughput_per_s,
            requests: report.requests,
            connections: report.connections,
            latency_us: report.latency_us,
            service_us: report.service_us.filter(|_| open),
            lateness_us: report.send_delay_us,
            connecting_us: report.connecting_us,
            parts: report.parts,
            fairness: report.fairness,
            bystanders: report.background,
            client: report.client,
            checks: report.checks,
            intervals: Vec::new(),
            failures: report.failures,
        }
    }
}

/// How many requests timed out on connections that were never served. Each of those waits with as many as a connection may
/// have in flight, and for longer than a window lasts.
fn unserved_timeouts(report: &schema::load::Report) -> u64 {
    let waiting = report.unserved_connections() * report.options.pipeline as u64;
    report.requests.timeout.min(waiting)
}

/// Whether the server answered within the window and then stopped: either no reply came in its last interval and requests
/// were lost, or each connection that had been served ended with requests that were never answered.
fn stopped_answering(report: &schema::load::Report) -> bool {
    let requests = &report.requests;
    let lost = requests.timeout + requests.in_flight - unserved_timeouts(report);
    let answered = report.intervals.iter().any(|interval| interval.ok > 0);
    let last_is_empty = report.intervals.last().is_some_and(|last| last.ok == 0);
    let held = report.connections.served * report.options.pipeline as u64;
    lost > 0 && answered && (last_is_empty || (held > 0 && lost >= held))
}

/// How far the time between the two looks at a server's costs may be from the window. Costs a request are rates by rates, so
/// a few hundredths do not matter while the load is steady.
const WINDOW_OFF_AT_MOST: f64 = 0.2;

impl Measured {
    /// Why the trial is set aside, if it is: the machine did something else at the time, or the looks at the server's costs
    /// came so late that they are not of the window.
    pub(crate) fn set_aside(&self) -> Option<Disturbance> {
        // The tracer takes the client's processor, and nothing but the number of calls is taken from such a trial.
        if self.system_calls.is_some() {
            return None;
        }
        let off = (self.spent.seconds / self.load.window_s - 1.0).abs();
        let late = || Disturbance {
            share: off,
            of_what: "of the window lay between its edges and the looks at its costs",
        };
        let reason = self.interference.set_aside();
        reason.or_else(|| (off > WINDOW_OFF_AT_MOST).then(late))
    }

    /// Whether some connection was asked something and never served.
    pub(crate) fn left_unserved(&self) -> bool {
        let LoadFigures {
            loop_kind,
            connections,
            requests,
            ..
        } = &self.load;
        connections.unserved(*loop_kind, requests.sent) > 0
    }

    /// Whether a worker was killed and the rate stayed down from then on.
    pub(crate) fn never_came_back(&self) -> bool {
        self.kill.is_some_and(|kill| kill.back_ms.is_none())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A trial with figures that are round and mean nothing, for tests to change.
    pub(crate) fn measured() -> Measured {
        serde_json::from_str(include_str!("../tests/golden/measured.json"))
            .expect("the fixed trial can be read")
    }

    #[test]
    fn a_trial_is_read_as_it_is_written() {
        let measured = measured();
        let text = serde_json::to_string(&measured).unwrap();
        assert_eq!(serde_json::from_str::<Measured>(&text).unwrap(), measured);
    }
}
