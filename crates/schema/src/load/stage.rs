//! The result of one stage of a rate that changes.

use serde::{Deserialize, Serialize};

use super::quantiles::Quantiles;

/// A stage of a run, and its result. Replies and failures count in the stage in which they came, whenever their requests
/// were due.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct StageResult {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// The rate at its start, in requests per second.
    pub from_per_s: f64,
    /// The rate at its end.
    pub to_per_s: f64,
    /// When it began, in seconds from the start of the window.
    pub starts_s: f64,
    /// When it ended.
    pub ends_s: f64,
    /// How many requests fell due in it.
    pub due: u64,
    /// How many good replies came in it.
    pub ok: u64,
    /// How many requests failed in it.
    pub failed: u64,
    /// Good replies per second.
    pub throughput_per_s: f64,
    /// The latencies of those replies.
    pub latency_us: Option<Quantiles>,
}
