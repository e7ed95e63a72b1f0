//! What the load generator itself did.

use serde::{Deserialize, Serialize};

/// What the load generator itself spent within the window.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct Client {
    /// CPU time per good reply.
    pub cpu_us_per_request: Option<f64>,
    /// The share of the window that the busiest thread spent on a CPU. Watching the clock until a request is due does not
    /// count.
    pub busy: f64,
    /// The share of the window that this thread was runnable while other threads had the CPU. It counts as busy in the
    /// question whether the client was the bottleneck, since it could not have done more. 0 in results of older versions.
    #[serde(default)]
    pub waited: f64,
    /// How busy each thread was, the busiest first. Empty in results of older versions.
    #[serde(default)]
    pub busy_each: Vec<f64>,
    /// How many threads drove the connections.
    pub threads: usize,
}

/// Pauses of the load generator: it did not check for events, because it was stopped or had no CPU. A reply that comes in a
/// pause is read after it, so its latency may be too long. It is never a timeout: a request's time stands still meanwhile.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq)]
pub struct ClientPauses {
    /// A pause is longer than this: 100 ms, or half the timeout if that is less, but 10 ms at least.
    pub bound_us: f64,
    /// How many there were in the window and the drain.
    pub count: u64,
    /// The length of the longest.
    pub longest_us: f64,
    /// How many requests were in the system during one.
    pub requests: u64,
}

/// A client thread that is on a CPU, or waits for one, for more than this share of the window keeps requests waiting.
pub const CLIENT_BUSY_MOST: f64 = 0.9;

/// Above this share of the highest rate that the load generator reaches on this machine, it may be the bottleneck. (A
/// pipeline of a closed loop sends many requests at once and reaches many times that rate: there only the threads show it.)
pub const CEILING_SHARE_MOST: f64 = 0.7;
