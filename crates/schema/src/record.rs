//! The record of a trial: a line of `records.jsonl`. docs/RECORDS.md describes every field for readers.

mod load;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::load::LoadMetrics;
use crate::cost::{Disturbance, Footprint, Interference, Spent};

/// The version of [`Record`], of how it is stored, and of the [environment](crate::environment) beside it.
pub const SCHEMA: u32 = 3;

/// One trial: a line of `records.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Its place in the order of the run, counted from 1.
    pub trial: usize,
    /// Its round, counted from 1; 0 for a trial that only finds a contender's capacity.
    pub round: usize,
    /// The experiment's key.
    pub experiment: String,
    /// The setting's key.
    pub setting: String,
    /// The contender's name.
    pub model: String,
    /// When it began, to the second.
    pub started_at: Timestamp,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What came of a trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was measured.
    Measured(Box<Measured>),
    /// It failed, for this reason, and nothing of it is measured.
    Failed(String),
}

/// What was measured in a trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// From the server's start until it was ready.
    pub ready_ms: f64,
    /// From SIGTERM to the end of the server.
    pub drain_ms: f64,
    /// What the server's processes spent within the window.
    pub spent: Spent,
    /// The share of the time of the server's CPUs that they spent, from 0 to 1.
    pub server_busy_share: f64,
    /// The server's whole life, with its processes and threads that ended before it did.
    pub life: Life,
    /// What the server's processes held when it was ready and had no connections.
    pub at_ready: Footprint,
    /// The most that they held while the load ran.
    pub peak: Footprint,
    /// What else the machine did.
    pub interference: Interference,
    /// What the load generator measured.
    pub load: LoadMetrics,
    /// What each worker served, where the server reports it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workers: Vec<WorkerTally>,
    /// What a search for the highest rate found. Only in trials that search.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<SearchResult>,
    /// What killing a worker did. Only in trials that kill one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kill: Option<KillResult>,
    /// The system calls. Only in trials that count them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_calls: Option<SystemCalls>,
}

/// The whole life of a server, from its start until it was gone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Life {
    /// Context switches because a thread had to wait.
    pub voluntary_switches: u64,
    /// Context switches because another thread was due.
    pub involuntary_switches: u64,
    /// Good replies in that time.
    pub replies: u64,
}

/// What a worker reports that it has served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerTally {
    /// Its number among the workers.
    pub worker: u64,
    /// Its process.
    pub pid: i32,
    /// Connections that it accepted.
    pub connections: u64,
    /// Requests that it answered.
    pub requests: u64,
}

/// What the search for the highest rate under a latency bound found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchResult {
    /// The highest rate that kept the bound; null if no rate did.
    pub best_rate_per_s: Option<f64>,
    /// Whether even the highest rate that was tried kept the bound.
    pub beyond_reach: bool,
    /// The rates that were tried, in that order.
    pub tried: Vec<Tried>,
}

/// A rate that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// The offered rate.
    pub rate_per_s: f64,
    /// The p99 latency at that rate; null if there were too few replies for it.
    pub p99_us: Option<f64>,
    /// Whether the bound was kept, and every request answered.
    pub kept: bool,
    /// Whether the load generator was saturated, so that the server may be faster.
    pub client_limited: bool,
}

/// What killing a worker did.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct KillResult {
    /// Requests without a good reply: reset, timed out or answered wrongly.
    pub lost: u64,
    /// From the kill until the rate was back within a tenth of what it was; null if it never was.
    pub recovery_ms: Option<f64>,
    /// The lowest rate after the kill, as a share of the rate before it.
    pub lowest_rate_share: f64,
}

/// System calls of a server under load.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SystemCalls {
    /// How often each was called.
    pub by_name: BTreeMap<String, u64>,
    /// Good replies in the same time.
    pub replies: u64,
}

/// How far the time over which costs were read may differ from the window, as a share of it. A cost per request is a rate
/// divided by a rate, so a few hundredths do not matter while the load is steady.
const WINDOW_OFF_AT_MOST: f64 = 0.2;

impl Measured {
    /// Why the trial is excluded, if it is: the machine did something else at the time, or the server's costs were read so
    /// late that they are not those of the window.
    #[must_use]
    pub fn exclusion(&self) -> Option<Disturbance> {
        // The tracer takes CPU time from the client, and only the number of calls is taken from such a trial.
        if self.system_calls.is_some() {
            return None;
        }
        let off = (self.spent.elapsed_s / self.load.window_s - 1.0).abs();
        let late = || Disturbance {
            share: off,
            of_what: "of the window passed between its edges and the reading of the costs",
        };
        let reason = self.interference.exclusion();
        reason.or_else(|| (off > WINDOW_OFF_AT_MOST).then(late))
    }

    /// Whether some connection sent a request and was never served.
    #[must_use]
    pub fn has_never_served_connections(&self) -> bool {
        let load = &self.load;
        load.connections.never_served(load.loop_kind, load.requests.sent) > 0
    }

    /// Whether a worker was killed and the rate stayed down from then on.
    #[must_use]
    pub fn never_recovered(&self) -> bool {
        self.kill.is_some_and(|kill| kill.recovery_ms.is_none())
    }

    /// A trial with round numbers, for tests and examples to change.
    ///
    /// # Panics
    ///
    /// Never: a test reads it.
    #[must_use]
    pub fn example() -> Self {
        serde_json::from_str(include_str!("record/example.json")).expect("the example is a trial")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_is_read_as_it_is_written() {
        let measured = Measured::example();
        let text = serde_json::to_string(&measured).unwrap();
        assert_eq!(serde_json::from_str::<Measured>(&text).unwrap(), measured);
    }
}
