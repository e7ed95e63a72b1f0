//! Makes a trace: lanes, wake-ups and requests from what a source recorded and what the load generator noted.

mod offloaded;
mod requests;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
mod timeline;

use std::collections::HashMap;

use schema::trace::{
    Connection, Lane, Marks, Part, Recorded, Request, RequestMark, Slice, Trace, Wake, Waker, Workload,
};
use thiserror::Error;

use self::timeline::{Timeline, Woken};
use crate::event::Recording;

/// What a trace is of.
#[derive(Debug, Clone)]
pub struct About {
    /// The contender's name.
    pub model: String,
    /// What was asked of the server.
    pub workload: Workload,
    /// Where and when it was recorded.
    pub recorded: Recorded,
}

/// Why there is no trace.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BuildError {
    /// Nothing was answered.
    #[error("no request was answered")]
    NoRequests,
    /// The load is not all within the recording.
    #[error(
        "the recording began {late_ns} ns after the load, or ended {early_ns} ns before it; record it again"
    )]
    Incomplete {
        /// How much later than the load it began.
        late_ns: u64,
        /// How much earlier than the load it ended.
        early_ns: u64,
    },
    /// There was no thread of the server.
    #[error("no thread of the server was recorded")]
    NoThreads,
}

/// How much of the time before the first connection is shown.
const BEFORE_NS: u64 = 30_000;
/// How much of the time after the last reply is shown: this share of the time that the requests took, and at least so much.
const AFTER_SHARE: f64 = 0.03;
const AFTER_LEAST_NS: u64 = 100_000;

/// Makes a trace.
pub fn trace(recording: &Recording, marks: &Marks, about: About) -> Result<Trace, BuildError> {
    let window = Window::around(recording, marks)?;
    let (timelines, woken) = timeline::follow(recording, &marks.threads);
    let mut mark_order = marks.requests.clone();
    mark_order.sort_by_key(|mark| (mark.sent_ns, mark.connection));
    let mut parts = requests::parts(&timelines, &mark_order);
    offloaded::add(&mut parts, &timelines, &woken);
    let (lanes, places) = lanes(&timelines, window);
    if lanes.is_empty() {
        return Err(BuildError::NoThreads);
    }
    let requests = mark_order.iter().zip(parts).enumerate();
    let requests = requests.map(|(place, (mark, parts))| request(place + 1, mark, &parts, window, &places));
    Ok(Trace {
        model: about.model,
        source: recording.source,
        lacks: recording.lacks.clone(),
        workload: about.workload,
        recorded: about.recorded,
        length_ns: window.to_ns - window.from_ns,
        zero_ns: window.zero_ns - window.from_ns,
        wakes: wakes(&woken, window, &places),
        connections: connections(marks, window),
        requests: requests.collect(),
        lanes,
    })
}

/// The time that a trace shows, in the clock's own time.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "units stand last in a name")]
struct Window {
    from_ns: u64,
    to_ns: u64,
    /// When the first request was due.
    zero_ns: u64,
}

impl Window {
    fn around(recording: &Recording, marks: &Marks) -> Result<Self, BuildError> {
        let requests = &marks.requests;
        let due = requests.iter().map(|mark| mark.due_ns);
        let (Some(zero_ns), Some(answered_ns)) =
            (due.min(), requests.iter().map(|mark| mark.received_ns).max())
        else {
            return Err(BuildError::NoRequests);
        };
        let opened = marks.connections.iter().map(|mark| mark.opens_ns);
        let begins_ns = opened.chain([zero_ns]).min().unwrap_or(zero_ns);
        let late_ns = recording.from_ns.saturating_sub(begins_ns);
        let early_ns = answered_ns.saturating_sub(recording.to_ns);
        if late_ns > 0 || early_ns > 0 {
            return Err(BuildError::Incomplete { late_ns, early_ns });
        }
        let after_ns = ((answered_ns - zero_ns) as f64 * AFTER_SHARE) as u64;
        Ok(Self {
            from_ns: begins_ns.saturating_sub(BEFORE_NS).max(recording.from_ns),
            to_ns: (answered_ns + after_ns.max(AFTER_LEAST_NS)).min(recording.to_ns),
            zero_ns,
        })
    }

    /// A time within the window, since its beginning.
    fn since_ns(self, at_ns: u64) -> u64 {
        at_ns.clamp(self.from_ns, self.to_ns) - self.from_ns
    }
}

/// The lanes of the threads that lived within the window, and the place of each timeline among them.
fn lanes(timelines: &[Timeline], window: Window) -> (Vec<Lane>, HashMap<usize, usize>) {
    let mut lanes: Vec<Lane> = Vec::new();
    let mut places = HashMap::new();
    for (number, timeline) in timelines.iter().enumerate() {
        let slices = clipped(&timeline.slices, window);
        if !slices.is_empty() {
            places.insert(number, lanes.len());
            lanes.push(Lane {
                process: timeline.process,
                thread: timeline.thread,
                name: timeline.name.clone(),
                slices,
            });
        }
    }
    name_all(&mut lanes);
    (lanes, places)
}

fn clipped(slices: &[Slice], window: Window) -> Vec<Slice> {
    let clipped = slices.iter().map(|slice| Slice {
        from_ns: window.since_ns(slice.from_ns),
        to_ns: window.since_ns(slice.to_ns),
        ..slice.clone()
    });
    clipped.filter(|slice| slice.from_ns < slice.to_ns).collect()
}

/// Gives each lane a name of its own: that of the thread, if it differs from that of the server's first thread.
fn name_all(lanes: &mut [Lane]) {
    let Some(first) = lanes.first() else { return };
    let (first, program) = (first.process, first.name.clone());
    let (mut processes, mut threads) = (0, 0);
    for (place, lane) in lanes.iter_mut().enumerate() {
        let leads = lane.process == lane.thread;
        processes += usize::from(leads && lane.process != first);
        threads += usize::from(!leads);
        if place == 0 && leads {
            lane.name.replace_range(.., "main");
        } else if lane.name == program && leads {
            lane.name = format!("process {processes}");
        } else if lane.name == program {
            lane.name = format!("thread {threads}");
        }
    }
    let mut counts: HashMap<String, usize> = HashMap::new();
    for lane in lanes.iter() {
        *counts.entry(lane.name.clone()).or_default() += 1;
    }
    let mut numbers: HashMap<String, usize> = HashMap::new();
    for lane in lanes.iter_mut().filter(|lane| counts[&lane.name] > 1) {
        let number = numbers.entry(lane.name.clone()).or_default();
        *number += 1;
        lane.name = format!("{} {number}", lane.name);
    }
}

fn wakes(woken: &[Woken], window: Window, places: &HashMap<usize, usize>) -> Vec<Wake> {
    let within = woken
        .iter()
        .filter(|woken| (window.from_ns..window.to_ns).contains(&woken.at_ns));
    let wakes = within.filter_map(|woken| {
        let by = match woken.by {
            Waker::Lane(by) => places.get(&by).map_or(Waker::Kernel, |&place| Waker::Lane(place)),
            other => other,
        };
        Some(Wake {
            at_ns: window.since_ns(woken.at_ns),
            lane: *places.get(&woken.timeline)?,
            by,
        })
    });
    wakes.collect()
}

/// Each connection once, from when it was opened first.
fn connections(marks: &Marks, window: Window) -> Vec<Connection> {
    let mut connections: Vec<_> = marks.connections.clone();
    connections.sort_by_key(|mark| (mark.connection, mark.opens_ns));
    connections.dedup_by_key(|mark| mark.connection);
    let connections = connections.iter().map(|mark| Connection {
        number: mark.connection + 1,
        opens_ns: window.since_ns(mark.opens_ns),
    });
    connections.collect()
}

fn request(
    number: usize,
    mark: &RequestMark,
    parts: &[Part],
    window: Window,
    places: &HashMap<usize, usize>,
) -> Request {
    let parts = parts.iter().filter_map(|part| {
        Some(Part {
            lane: *places.get(&part.lane)?,
            from_ns: window.since_ns(part.from_ns),
            to_ns: window.since_ns(part.to_ns),
        })
    });
    Request {
        number,
        connection: mark.connection + 1,
        due_ns: window.since_ns(mark.due_ns),
        sent_ns: window.since_ns(mark.sent_ns),
        received_ns: window.since_ns(mark.received_ns),
        parts: parts.collect(),
    }
}
