//! What is written down of each trial, before anything is made of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::tree::Footprint;

/// The version of [`Record`] and of the environment beside it.
pub(crate) const SCHEMA: u32 = 1;

/// One trial: a line of `records.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// [`SCHEMA`].
    pub(crate) schema: u32,
    /// Its place in the order of the run, counted from 1.
    pub(crate) trial: usize,
    /// Its round, counted from 1.
    pub(crate) round: usize,
    /// The setting's key.
    pub(crate) setting: String,
    /// The model's name.
    pub(crate) model: String,
    /// When it began.
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
    /// What the server spent.
    pub(crate) cost: Cost,
    /// The most that the server's processes held.
    pub(crate) footprint: Footprint,
    /// The share of the time that a hypervisor took from the processors within the window, where the kernel tells.
    pub(crate) stolen_share: Option<f64>,
    /// What the load generator says.
    pub(crate) load: loadgen::Report,
}

/// What the server's processes spent on the whole load, warm-up and drain included, those that ended before the server did
/// counted too.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cost {
    /// CPU time, in microseconds.
    pub(crate) cpu_us: f64,
    /// Switches because a thread had to wait.
    pub(crate) voluntary_switches: u64,
    /// Switches because another thread was due.
    pub(crate) involuntary_switches: u64,
    /// Good replies in the same time.
    pub(crate) replies: u64,
}
