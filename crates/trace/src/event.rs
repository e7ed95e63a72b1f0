//! What a source recorded, in a form that all sources have in common.

use schema::trace::Source;
use serde::{Deserialize, Serialize};

/// What a source recorded of a server. All times are nanoseconds of `CLOCK_MONOTONIC`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// Where it is from.
    pub source: Source,
    /// What the source can't show here, a sentence each.
    pub lacks: Vec<String>,
    /// From when on, and until when, every event is here.
    pub from_ns: u64,
    /// See `from_ns`.
    pub to_ns: u64,
    /// The threads of the server when the recording began, its first thread first.
    pub threads: Vec<Thread>,
    /// The events in the order of time: those of the server's threads, and wake-ups by others.
    pub events: Vec<Event>,
}

/// A thread of the server when the recording began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thread {
    /// The number of its process.
    pub process: i32,
    /// Its own number.
    pub thread: i32,
    /// Its name, which is at most 15 bytes long.
    pub name: String,
    /// The system call that it is in, if it is in one and that is known.
    pub call: Option<String>,
}

/// Something that happened to a thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at_ns: u64,
    /// The number of the thread.
    pub thread: i32,
    /// What.
    pub kind: Kind,
}

/// What happened to a thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It began to run on this CPU.
    SwitchIn {
        /// The CPU.
        cpu: u32,
    },
    /// It stopped running. If it did not run, only `runnable` may have changed.
    SwitchOut {
        /// Whether it could have continued: it was preempted, or gave the CPU up without waiting for anything.
        runnable: bool,
    },
    /// It became runnable.
    Woken {
        /// The thread that ran on the CPU where that happened, which need not be the reason; 0 for an idle CPU, and
        /// for a timer that is known to be the reason.
        by: i32,
    },
    /// It started this thread, of its own process or of a new one.
    Started {
        /// The number of the new thread's process.
        process: i32,
        /// The number of the new thread.
        thread: i32,
    },
    /// It got this name.
    Named(String),
    /// It ended.
    Ended,
    /// It entered this system call.
    Enter(String),
    /// It left this system call.
    Exit(String),
    /// It read data from the connection whose other side has this port.
    Received {
        /// The port of the load generator's side.
        port: u16,
    },
    /// It sent data on the connection whose other side has this port.
    Sent {
        /// The port of the load generator's side.
        port: u16,
    },
}
