//! strace, attached to a server, from the beginning of a recording to its end.

use std::collections::HashSet;
use std::fs;

use meter::{Family, Strace, tree};

use super::calls::{Calls, Times};
use super::watch::Watch;
use crate::clock::{Offset, monotonic_ns};
use crate::event::{Kind, Thread};
use crate::threads;

/// Times with nanoseconds, durations of calls, and the sockets of descriptors. strace could write the ports of each socket too,
/// but it reads all connections of the machine for that, for 0.3 ms and more, in which the thread stands still. The strings
/// are long enough for a thread's name.
pub(super) const OPTIONS: [&str; 5] = [
    "--absolute-timestamps=format:unix,precision:ns",
    "--syscall-times=ns",
    "-y",
    "-s",
    "16",
];

/// What strace's stops change.
const STOPS: &str = "strace stops a thread at the beginning and at the end of each system call, each time for tens of \
                     microseconds, and longer on a busy machine: the server is slower than without it.";
/// What io_uring hides.
const IO_URING: &str = "io_uring receives and sends without system calls of its own, so strace does not show which thread \
                        served which request.";

/// An strace that records.
#[derive(Debug)]
pub(crate) struct Tracing {
    strace: Strace,
    watch: Watch,
    offset: Offset,
    /// The threads before strace was attached.
    attached: Vec<Thread>,
    /// The threads when the recording began.
    threads: Vec<Thread>,
    from_ns: u64,
}

/// What was recorded.
#[derive(Debug)]
pub(crate) struct Traced {
    pub(crate) calls: Calls,
    /// When each call began, and when it ended.
    pub(crate) times: Vec<Times>,
    /// The threads when the recording began, with the calls that they were in.
    pub(crate) threads: Vec<Thread>,
    pub(crate) from_ns: u64,
    pub(crate) to_ns: u64,
}

impl Tracing {
    /// Attaches strace, and waits until it has seen each thread.
    pub(crate) fn start(server: Family) -> Result<Self, String> {
        let offset = Offset::read()?;
        let attached = threads::in_server(server);
        let first = attached
            .first()
            .ok_or("the server has no thread that could be traced")?;
        let mut strace = Strace::attach(server, &OPTIONS)?;
        let output = strace.output().to_owned();
        let watch = Watch::begin(output.clone(), first.process)
            .map_err(|error| format!("can't follow what strace writes: {error}"))?;
        strace.wait_until(|| {
            let seen = fs::read(&output).map(|text| seen(&text)).unwrap_or_default();
            // What waits in a call is interrupted by strace, and begins the call again, which is a line.
            let mut in_calls = attached.iter().filter(|thread| thread.call.is_some());
            in_calls.all(|thread| seen.contains(&thread.thread) || has_ended(thread.thread))
        });
        Ok(Self {
            strace,
            watch,
            offset,
            attached,
            threads: threads::in_server(server),
            from_ns: monotonic_ns()?,
        })
    }

    /// Ends strace, and reads what it wrote.
    pub(crate) fn stop(self) -> Result<Traced, String> {
        let to_ns = monotonic_ns()?;
        let mut sockets = self.watch.end();
        let text = self
            .strace
            .finish()
            .map_err(|error| format!("can't read what strace wrote: {error}"))?;
        self.offset.check(Offset::read()?)?;
        let calls = Calls::read(&text, self.offset, &self.attached, &mut sockets);
        let mut traced = Traced {
            times: calls.times(),
            calls,
            threads: self.threads,
            from_ns: self.from_ns,
            to_ns,
        };
        traced.find_calls_at_beginning();
        Ok(traced)
    }
}

impl Traced {
    /// What strace can't show, a sentence each.
    pub(crate) fn lacks(&self) -> Vec<String> {
        let calls = &self.calls.all;
        let mut lacks = vec![STOPS.to_owned()];
        let uses_io_uring = calls.iter().any(|call| call.name == "io_uring_enter");
        let has_received = calls
            .iter()
            .any(|call| matches!(call.effect, Some(Kind::Received { .. })));
        if uses_io_uring && !has_received {
            lacks.push(IO_URING.to_owned());
        }
        let unknown = self.calls.on_unknown_sockets;
        if unknown > 0 {
            lacks.push(format!(
                "The server received or sent {unknown} × on connections whose client strace does not show, so it is unknown \
                 which thread served those requests."
            ));
        }
        lacks
    }

    /// Finds the calls that the threads were in when the recording began.
    pub(crate) fn find_calls_at_beginning(&mut self) {
        for thread in &mut self.threads {
            let own = self.calls.all.iter().zip(&self.times);
            let mut before = own
                .filter(|(call, times)| call.thread == thread.thread && times.entered_ns < self.from_ns)
                .peekable();
            // A thread without a line has been in one call from before strace was attached, or in none.
            if before.peek().is_some() {
                let has_left = |times: &Times| times.left_ns.is_some_and(|left_ns| left_ns < self.from_ns);
                let last = before.last().filter(|(_, times)| !has_left(times));
                thread.call = last.map(|(call, _)| call.name.clone());
            }
        }
    }
}

/// The threads that have a line.
fn seen(text: &[u8]) -> HashSet<i32> {
    let text = String::from_utf8_lossy(text);
    let numbers = text
        .lines()
        .filter_map(|line| line.split_whitespace().next()?.parse().ok());
    numbers.collect()
}

fn has_ended(thread: i32) -> bool {
    tree::stat(thread).map_or(true, |stat| tree::has_ended(&stat))
}
