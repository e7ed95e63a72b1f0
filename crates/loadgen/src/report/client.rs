//! What the load generator itself did.

use serde::{Deserialize, Serialize};

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
