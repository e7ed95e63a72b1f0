//! The events of the format, as far as a trace uses them.

use schema::trace::{Recorded, Source, State, Workload};
use serde::{Deserialize, Serialize};

/// The version of what is written.
pub(super) const SCHEMA: u32 = 1;

/// The number of the load generator's process in a trace. The kernel's numbers end at 2^22, so no server has it. The row of a
/// connection has this number plus the connection's.
pub(super) const CLIENT: i32 = 10_000_000;

/// The `call` of a thread that is blocked outside of a system call.
pub(super) const NO_CALL: &str = "none";

/// What the whole trace has: `otherData`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct OtherData {
    pub(super) schema: u32,
    pub(super) model: String,
    pub(super) source: Source,
    pub(super) lacks: Vec<String>,
    pub(super) workload: Workload,
    pub(super) recorded: Recorded,
    pub(super) length_ns: u64,
    pub(super) zero_ns: u64,
}

/// An event.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "ph")]
pub(super) enum Event<A> {
    /// A time on a thread.
    #[serde(rename = "X")]
    Complete {
        pid: i32,
        tid: i32,
        ts: Micros,
        dur: Micros,
        cat: Category,
        name: String,
        args: A,
    },
    /// A point in time on a thread.
    #[serde(rename = "i")]
    Instant {
        pid: i32,
        tid: i32,
        ts: Micros,
        cat: Category,
        name: String,
        /// How far it is drawn: `t`, its thread.
        s: String,
        args: A,
    },
    /// The beginning of an arrow.
    #[serde(rename = "s")]
    FlowStart {
        pid: i32,
        tid: i32,
        ts: Micros,
        cat: Category,
        name: String,
        id: usize,
    },
    /// The end of an arrow.
    #[serde(rename = "f")]
    FlowEnd {
        pid: i32,
        tid: i32,
        ts: Micros,
        cat: Category,
        name: String,
        id: usize,
        /// What it binds to: `e`, the enclosing event.
        bp: String,
    },
    /// A name, or a place in the order.
    #[serde(rename = "M")]
    Metadata {
        pid: i32,
        tid: i32,
        name: Metadata,
        args: A,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Category {
    State,
    Request,
    Connection,
    Mark,
    Wake,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Metadata {
    ProcessName,
    ProcessSortIndex,
    ThreadName,
    ThreadSortIndex,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Name {
    pub(super) name: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SortIndex {
    pub(super) sort_index: i64,
}

/// A state of a thread, or a piece of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StateArgs {
    pub(super) state: State,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cpu: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) call: Option<String>,
    /// Whether it belongs together with the event before it, which it was cut off from.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) continued: bool,
}

/// A thread holds a request. Pieces of the same part have the same numbers.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PartArgs {
    pub(super) number: usize,
    /// Counted from 1 within the request.
    pub(super) part: usize,
}

/// A request, as the load generator sees it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RequestArgs {
    pub(super) number: usize,
    pub(super) connection: usize,
    pub(super) due_us: Micros,
    pub(super) sent_us: Micros,
    pub(super) received_us: Micros,
}

/// The number of a connection, or of a request.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Number {
    pub(super) number: usize,
}

/// A wake-up without an arrow.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WakeArgs {
    /// Its place in the order of all wake-ups, which is the `id` of the others.
    pub(super) wake: usize,
    pub(super) by: By,
    /// The `thread_sort_index` of the thread that woke it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) lane: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum By {
    Kernel,
    Client,
    Lane,
}

/// A time in nanoseconds, written as microseconds. A trace of 50 days loses none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "f64", try_from = "f64")]
pub(super) struct Micros {
    pub(super) ns: u64,
}

impl From<Micros> for f64 {
    fn from(time: Micros) -> Self {
        time.ns as Self / 1000.0
    }
}

impl TryFrom<f64> for Micros {
    type Error = String;

    #[expect(clippy::float_cmp, reason = "the same quotient was written")]
    fn try_from(us: f64) -> Result<Self, String> {
        let time = Self {
            ns: (us * 1000.0).round() as u64,
        };
        if f64::from(time) == us {
            Ok(time)
        } else {
            Err(format!(
                "{us} is not a time in microseconds from 0 on with three decimals"
            ))
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}
