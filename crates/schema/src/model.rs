//! How a server model describes itself: what `server-MODEL --describe` prints, and what may stand in a contenders file.
//!
//! Experiments, the conformance suite and the reports decide by these capabilities, and never by a model's name.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The version of [`Description`].
pub const SCHEMA: u32 = 1;

/// A server's description of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The key in records and the label in tables: the program's name without `server-`.
    pub name: String,
    /// What it is, in a line.
    pub summary: String,
    /// Where the design comes from.
    pub lineage: Lineage,
    /// How many connections it serves at the same time.
    pub serves: Serves,
    /// Its workers, if it has a fixed set of them.
    pub workers: Option<Workers>,
    /// What a `sleep` occupies while it lasts.
    pub wait_holds: WaitHolds,
    /// What a `block` stops, its own connection aside.
    pub block_holds: BlockHolds,
    /// What is lost when the process or thread that serves a connection dies.
    pub crash_loses: CrashLoses,
    /// The values that `--accept` takes; empty for a model without that flag.
    pub accept: Vec<String>,
    /// Whether it takes `--tally FILE`.
    pub tally: bool,
}

/// Where a model comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lineage {
    /// One of the six of the article.
    Article,
    /// One that was added.
    Further,
}

/// How many connections a server serves at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Serves {
    /// One.
    One,
    /// As many as it has workers.
    Workers,
    /// As many as there are descriptors, processes or threads for.
    Many,
}

/// A fixed set of workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workers {
    /// What a worker is.
    pub kind: WorkerKind,
    /// How many there are without `--workers`.
    pub default: u16,
}

/// What a worker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkerKind {
    /// A process, which a supervisor replaces when it dies.
    Processes,
    /// A thread of the one process.
    Threads,
}

/// What a `sleep` occupies while it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaitHolds {
    /// The thread that serves the connection.
    Thread,
    /// A timer only.
    Nothing,
}

/// What a `block` stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlockHolds {
    /// Its own connection only.
    Connection,
    /// Every connection of the same event loop.
    Loop,
    /// Every connection of the server.
    Everything,
}

/// What is lost with the process or thread that dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CrashLoses {
    /// The connection that it served.
    Connection,
    /// The connections of the same worker.
    Worker,
    /// Every connection of the server.
    Everything,
}

impl fmt::Display for Serves {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::One => "one connection at a time",
            Self::Workers => "one connection per worker",
            Self::Many => "many connections",
        })
    }
}
