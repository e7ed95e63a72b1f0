//! What a good trace holds.

use std::collections::{BTreeMap, BTreeSet};

/// What a trace holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The name of the server.
    pub model: String,
    /// Where the records are from: `perf`, `switches` or `strace`.
    pub source: String,
    /// What the source can't show.
    pub lacks: Vec<String>,
    /// The length of the trace.
    pub length_ns: i64,
    /// When the first request was due.
    pub zero_ns: i64,
    /// The server's threads, in their order.
    pub lanes: Vec<LaneFacts>,
    /// The connections of the client.
    pub connections: usize,
    /// The requests of the client.
    pub requests: usize,
    /// The times in which a thread held a request, on all lanes together.
    pub parts: usize,
    /// The lanes that held each request, by its number, in the order of time.
    pub held_by: BTreeMap<i64, Vec<usize>>,
    /// Wake-ups, as arrows and as points.
    pub wakes: usize,
    /// Those of them that are arrows.
    pub arrows: usize,
}

/// What a trace holds of a thread of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneFacts {
    /// Its name.
    pub name: String,
    /// The number of its process.
    pub process: i64,
    /// Its own number.
    pub thread: i64,
    /// When it begins.
    pub from_ns: i64,
    /// When it ends.
    pub to_ns: i64,
    /// How long it ran.
    pub running_ns: i64,
    /// How long it waited for a CPU.
    pub runnable_ns: i64,
    /// How long it waited for anything else.
    pub blocked_ns: i64,
    /// The system calls that it was in.
    pub calls: BTreeSet<String>,
    /// The CPUs that it ran on.
    pub cpus: BTreeSet<i64>,
}
