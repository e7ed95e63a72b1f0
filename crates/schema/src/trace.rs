//! What the threads of a server really did while it served a few requests, as the kernel recorded it.
//!
//! All times are nanoseconds since the beginning of the trace, from `CLOCK_MONOTONIC`, for the server and the load alike.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::cpus::CpuSet;

/// A trace of one server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// The contender's name.
    pub model: String,
    /// Where the records are from.
    pub source: Source,
    /// What the source can't show here, a sentence each.
    pub lacks: Vec<String>,
    /// What was asked of the server.
    pub workload: Workload,
    /// Where and when it was recorded.
    pub recorded: Recorded,
    /// The length of the trace.
    pub length_ns: u64,
    /// When the first request was due: the zero of the time axis.
    pub zero_ns: u64,
    /// One per thread of the server: its first thread, then the others in the order in which they began.
    pub lanes: Vec<Lane>,
    /// Who woke which thread, in the order of time.
    pub wakes: Vec<Wake>,
    /// The connections of the load generator, in the order of their numbers.
    pub connections: Vec<Connection>,
    /// The requests, in the order of their numbers.
    pub requests: Vec<Request>,
}

/// Where the records of a trace are from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// perf(1), from the kernel's tracepoints: all there is.
    Perf,
    /// The context switches of the server's threads by `perf_event_open(2)`, and their system calls by strace(1).
    Switches,
    /// strace(1) alone: system calls, and no context switch.
    Strace,
}

/// What was asked of the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Workload {
    /// The operation of all requests.
    pub op: String,
    /// Their parameters.
    pub params: serde_json::Value,
    /// The number of connections.
    pub connections: usize,
    /// The number of requests on all connections together.
    pub requests: u64,
    /// Requests/s of an open loop; none for a closed loop.
    pub rate_per_s: Option<f64>,
}

/// Where and when a trace was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// When it began.
    pub at: Timestamp,
    /// The release of the kernel.
    pub kernel: String,
    /// The commit of the sources, if it is known.
    pub commit: Option<String>,
    /// The command that started the server.
    pub command: Vec<String>,
    /// The CPUs of the server.
    pub server_cpus: CpuSet,
    /// The CPUs of the load generator.
    pub client_cpus: CpuSet,
    /// How long the same requests took while nothing was recorded, right before each recording: from when the first was due
    /// until the last was answered, the median.
    pub unrecorded_ns: Option<u64>,
}

/// A thread of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    /// The number of its process.
    pub process: i32,
    /// Its own number.
    pub thread: i32,
    /// The text at the lane, different for each: `main`, `process 2`, or the name that the thread has.
    pub name: String,
    /// Its states in the order of time, without a gap. They begin with the trace or with the thread, and end with either.
    pub slices: Vec<Slice>,
}

/// A time in which a thread was in one state, and in one system call or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// Its beginning.
    pub from_ns: u64,
    /// Its end, which is later than its beginning.
    pub to_ns: u64,
    /// The state.
    pub state: State,
    /// The CPU that the thread ran on, if it ran and that is known.
    pub cpu: Option<u32>,
    /// The name of the system call that it was in. A thread that runs in none runs the program's own code. A thread that
    /// blocks outside of any, as in a page fault, has `no system call` here.
    pub call: Option<String>,
}

/// The state of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// On a CPU.
    Running,
    /// Ready to run, and waiting for a CPU.
    Runnable,
    /// Waiting for something else.
    Blocked,
}

/// A thread that was blocked becomes runnable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wake {
    /// When.
    pub at_ns: u64,
    /// The index of the woken thread's lane.
    pub lane: usize,
    /// Who woke it.
    pub by: Waker,
}

/// Who woke a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Waker {
    /// The thread of this lane, in a system call.
    Lane(usize),
    /// The load generator, which connected, sent or closed.
    Client,
    /// The kernel itself: a timer, or a thread that has no lane.
    Kernel,
}

/// A connection of the load generator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Its number, counted from 1.
    pub number: usize,
    /// When the load generator began to connect.
    pub opens_ns: u64,
}

/// A request, and the threads that worked on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Its number, counted from 1 in the order of sending.
    pub number: usize,
    /// The number of its connection.
    pub connection: usize,
    /// When it was due. In a closed loop that is when it was sent.
    pub due_ns: u64,
    /// When the load generator sent it.
    pub sent_ns: u64,
    /// When the load generator had its whole reply.
    pub received_ns: u64,
    /// Its band: the threads that held it, in the order of time. It is empty if the records do not show a thread that read
    /// it.
    pub parts: Vec<Part>,
}

/// A time in which a thread held a request: from reading it, or from taking it over, until the thread had sent the reply,
/// passed it on, or waited for anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The index of the thread's lane.
    pub lane: usize,
    /// Its beginning.
    pub from_ns: u64,
    /// Its end.
    pub to_ns: u64,
}

/// What the load generator noted of a load: the times that only the client knows.
///
/// These times are nanoseconds of `CLOCK_MONOTONIC` itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// The numbers of the load generator's threads that connect, send and receive.
    pub threads: Vec<i32>,
    /// The connections that were opened.
    pub connections: Vec<ConnectionMark>,
    /// The requests that were answered.
    pub requests: Vec<RequestMark>,
}

impl Marks {
    /// How long the requests took: from when the first was due until the last was answered. None if nothing was answered.
    #[must_use]
    pub fn span_ns(&self) -> Option<u64> {
        let due = self.requests.iter().map(|request| request.due_ns).min()?;
        let answered = self.requests.iter().map(|request| request.received_ns).max()?;
        Some(answered - due)
    }
}

/// What was noted of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionMark {
    /// Its index in the load, counted from 0. A connection that replaces another has the same.
    pub connection: usize,
    /// The port of the load generator's side.
    pub port: u16,
    /// When the load generator began to connect.
    pub opens_ns: u64,
}

/// What was noted of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestMark {
    /// The index of its connection.
    pub connection: usize,
    /// The port of the load generator's side.
    pub port: u16,
    /// When it was due.
    pub due_ns: u64,
    /// When it was sent.
    pub sent_ns: u64,
    /// When its reply was there.
    pub received_ns: u64,
}

impl Slice {
    /// Its length.
    #[must_use]
    pub fn length_ns(&self) -> u64 {
        self.to_ns - self.from_ns
    }
}

impl Lane {
    /// When it begins and ends; nothing for a lane without states.
    #[must_use]
    pub fn span_ns(&self) -> Option<(u64, u64)> {
        Some((self.slices.first()?.from_ns, self.slices.last()?.to_ns))
    }

    /// Whether it exists at this time.
    #[must_use]
    pub fn lives_at(&self, at_ns: u64) -> bool {
        self.span_ns()
            .is_some_and(|(from_ns, to_ns)| (from_ns..=to_ns).contains(&at_ns))
    }

    /// The time that it spent in a state.
    #[must_use]
    pub fn total_ns(&self, state: State) -> u64 {
        let slices = self.slices.iter().filter(|slice| slice.state == state);
        slices.map(Slice::length_ns).sum()
    }
}
