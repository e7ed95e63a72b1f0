//! What a run came to, with the field names that other tools rely on.
//!
//! All times are in microseconds unless a name ends in `_s`. A field that does not apply, or that the samples can't carry,
//! is null.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

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
    /// The server's address.
    pub target: String,
    /// The flags of the run.
    pub options: Options,
    /// How long was measured, in seconds.
    pub window_s: f64,
    /// Good replies that came within the window, by its length.
    pub throughput_per_s: f64,
    /// The requests sent within the window, by how they ended.
    pub requests: Requests,
    /// The connections.
    pub connections: Connections,
    /// From when a request was due to its reply; in a closed loop from when it was sent.
    pub latency_us: Option<Quantiles>,
    /// From when a request was sent to its reply.
    pub service_us: Option<Quantiles>,
    /// From when a request was due to when it was sent; null in a closed loop, where none is due.
    pub lateness_us: Option<Quantiles>,
    /// How evenly the connections were served.
    pub fairness: Option<Fairness>,
    /// What the load generator itself spent.
    pub client: Client,
    /// What the run says of itself.
    pub checks: Checks,
    /// The window, second by second.
    pub intervals: Vec<Interval>,
    /// What went wrong, by kind, with the first example of each.
    pub failures: Vec<Failures>,
    /// Why the run ended before its time, if it did.
    pub ended_early: Option<String>,
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

/// The flags of a run, as they were understood.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
#[allow(missing_docs)]
pub struct Options {
    pub connections: usize,
    pub threads: usize,
    pub duration_s: f64,
    pub warmup_s: f64,
    pub op: String,
    pub params: Option<String>,
    pub pipeline: usize,
    pub requests_per_connection: Option<u64>,
    pub timeout_s: f64,
    pub two_writes: bool,
    pub cpus: Vec<usize>,
}

/// The requests sent within the window. Always: planned = sent + unsent, and sent = ok + wrong + error + timeout + reset +
/// `in_flight`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Requests {
    /// Due within the window; in a closed loop those that were sent.
    pub planned: u64,
    /// Due and never sent.
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

/// The connections of a run.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Connections {
    /// As many as the plan wants at once.
    pub asked: u64,
    /// Of these, how many could be opened.
    pub opened: u64,
    /// How many could never be opened.
    pub failed: u64,
    /// How many had a good reply within the window.
    pub served: u64,
    /// How often one was opened again in the place of one that had ended, within the window.
    pub reconnects: u64,
}

/// A distribution of times in microseconds. A percentile that fewer than [`BEYOND_LEAST`] samples lie beyond is null.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq)]
#[allow(missing_docs)]
pub struct Quantiles {
    pub min: f64,
    pub mean: f64,
    pub p50: Option<f64>,
    pub p90: Option<f64>,
    pub p99: Option<f64>,
    pub p999: Option<f64>,
    pub p9999: Option<f64>,
    pub max: f64,
}

/// How many samples have to lie beyond a percentile for it to be told. With fewer, the next run may well show another
/// value: the number of samples beyond has a standard deviation of its square root.
pub const BEYOND_LEAST: f64 = 10.0;

impl Quantiles {
    /// What a histogram of nanoseconds says; nothing if it is empty.
    #[must_use]
    pub fn of(histogram: &Histogram<u64>) -> Option<Self> {
        let us = |ns: u64| ns as f64 / 1e3;
        let least = histogram.min();
        let most = histogram.max();
        // A bucket's upper end may lie beyond all that was recorded in it.
        let quantile = |q: f64| us(histogram.value_at_quantile(q).clamp(least, most));
        let carried = |q: f64| (histogram.len() as f64 * (1.0 - q) >= BEYOND_LEAST).then(|| quantile(q));
        (!histogram.is_empty()).then(|| Self {
            min: us(least),
            mean: histogram.mean() / 1e3,
            p50: Some(quantile(0.5)),
            p90: carried(0.9),
            p99: carried(0.99),
            p999: carried(0.999),
            p9999: carried(0.9999),
            max: us(most),
        })
    }
}

/// How evenly the connections were served within the window.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq)]
pub struct Fairness {
    /// Jain's index, (Σx)² / (n·Σx²) over the good replies x of each of n connections: 1 when all had the same, 1/n when
    /// one had them all (Jain, Chiu and Hawe, DEC-TR-301, 1984).
    pub jain: f64,
    /// The fewest that a connection had.
    pub least_served: u64,
    /// The most that a connection had.
    pub most_served: u64,
}

impl Fairness {
    /// Of these numbers of good replies, a connection each; nothing if there were none at all.
    #[must_use]
    pub fn of(served: &[u64]) -> Option<Self> {
        let sum: f64 = served.iter().map(|&x| x as f64).sum();
        let squares: f64 = served.iter().map(|&x| (x as f64).powi(2)).sum();
        (sum > 0.0).then(|| Self {
            jain: sum.powi(2) / (served.len() as f64 * squares),
            least_served: served.iter().copied().min().unwrap_or(0),
            most_served: served.iter().copied().max().unwrap_or(0),
        })
    }
}

/// What the load generator itself spent within the window.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq)]
pub struct Client {
    /// Processor time by good replies.
    pub cpu_us_per_request: Option<f64>,
    /// The share of the window that its busiest thread was on a processor.
    pub busy: f64,
    /// How many threads drove the connections.
    pub threads: usize,
}

/// What a run says of itself. A check that was not made is null.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, PartialEq)]
pub struct Checks {
    /// Little's law.
    pub little: Option<Little>,
    /// Whether the identities of [`Requests`] hold.
    pub accounting: bool,
    /// Whether arrivals were as they should be.
    pub arrivals: Option<Arrivals>,
    /// Whether the load generator ran out before the server did.
    pub client_limited: Option<bool>,
}

/// Little's law: the mean number in flight is the rate times the mean time in flight.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq)]
#[allow(missing_docs)]
pub struct Little {
    pub lambda_w: f64,
    pub l: f64,
    pub error: f64,
}

/// How the gaps between arrivals compare with those of a Poisson process.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq)]
#[allow(missing_docs)]
pub struct Arrivals {
    pub anderson_darling: f64,
    pub lag1: f64,
}

/// One second of the window; the last may be shorter.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq)]
pub struct Interval {
    /// When it ended, in seconds from the window's start.
    pub t_s: f64,
    /// Good replies in it.
    pub ok: u64,
    /// Their median latency.
    pub p50_us: Option<f64>,
    /// Their 99th percentile.
    pub p99_us: Option<f64>,
}

/// Failures of one kind, those of the warm-up included.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Failures {
    /// What kind.
    pub kind: String,
    /// How many.
    pub count: u64,
    /// The first of them.
    pub first: String,
}
