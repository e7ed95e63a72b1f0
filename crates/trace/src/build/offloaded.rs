//! Requests that a thread passes to another thread, which neither reads nor sends: the worker threads beside an event loop.
//!
//! The kernel does not see which request a worker thread takes from a queue in memory. It sees that the thread that read a
//! request woke a worker, and when workers computed. The queue is first in, first out, so the first request that was passed on
//! is the one that a worker began with first. A worker that is awake takes a request without being woken.

use std::collections::HashSet;

use schema::trace::{Part, State, Waker};

use super::requests::waits_for_next;
use super::timeline::{Timeline, Woken};

/// Workers that compute for less are not taken to have worked on a request: it takes as long to look at an empty queue.
const JOB_LEAST_NS: u64 = 20_000;

/// Adds the parts of worker threads.
pub(super) fn add(parts: &mut [Vec<Part>], timelines: &[Timeline], woken: &[Woken]) {
    // A request that one thread read and answered in one go was not passed on.
    let mut passed: Vec<_> = (0..parts.len())
        .filter(|&request| parts[request].len() > 1)
        .collect();
    passed.sort_by_key(|&request| parts[request][0].from_ns);
    let Some(&first) = passed.first() else { return };
    let begins_ns = parts[first][0].from_ns;
    let workers = workers(parts, timelines, woken);
    let mut jobs: Vec<_> = workers
        .iter()
        .flat_map(|&lane| jobs(lane, &timelines[lane]))
        .collect();
    jobs.retain(|job| job.to_ns > begins_ns && job.running_ns() >= JOB_LEAST_NS);
    // All requests are of one kind, so each takes about as long as the others. A worker that finds more in the queue goes on
    // without a wait in between.
    let total_ns: u64 = jobs.iter().map(Job::running_ns).sum();
    let each_ns = total_ns as f64 / passed.len() as f64;
    let mut turns: Vec<_> = jobs
        .iter()
        .flat_map(|job| job.divided((job.running_ns() as f64 / each_ns).round() as u64))
        .collect();
    turns.sort_by_key(|turn| turn.from_ns);
    for turn in turns {
        let Some(place) = passed.iter().position(|&request| follows(&parts[request], turn)) else {
            continue;
        };
        let request = passed.remove(place);
        let [read, reply] = [parts[request][0], parts[request][1]];
        // Behind the part of the thread that read it.
        let part = Part {
            from_ns: turn.from_ns.max(read.from_ns),
            to_ns: turn.to_ns.min(reply.to_ns),
            ..turn
        };
        parts[request].insert(1, part);
    }
}

/// Whether this may be what a worker did between the thread that read a request and the one that sent the reply. Its ends may
/// be a little off, if it was not divided by a wait.
fn follows(parts: &[Part], turn: Part) -> bool {
    let middle_ns = turn.from_ns.midpoint(turn.to_ns);
    (parts[0].from_ns..parts[1].to_ns).contains(&middle_ns)
}

/// The threads that were woken by one that held a request, and that never read.
fn workers(parts: &[Vec<Part>], timelines: &[Timeline], woken: &[Woken]) -> HashSet<usize> {
    let holds = |lane: usize, at_ns: u64| {
        let mut all = parts.iter().flatten();
        all.any(|part| part.lane == lane && (part.from_ns..=part.to_ns).contains(&at_ns))
    };
    let by_holder = woken.iter().filter(|woken| match woken.by {
        Waker::Lane(by) => by != woken.timeline && holds(by, woken.at_ns),
        Waker::Client | Waker::Kernel => false,
    });
    let reads = |lane: usize| timelines[lane].transfers.iter().any(|transfer| !transfer.is_sent);
    by_holder
        .map(|woken| woken.timeline)
        .filter(|&lane| !reads(lane))
        .collect()
}

/// What a worker did between two waits: what one request asked for, or several in turn.
#[derive(Debug)]
struct Job {
    lane: usize,
    /// When it ran: from when until when.
    running: Vec<(u64, u64)>,
    to_ns: u64,
}

impl Job {
    fn running_ns(&self) -> u64 {
        self.running.iter().map(|(from_ns, to_ns)| to_ns - from_ns).sum()
    }

    /// So many parts in which it ran for the same time.
    fn divided(&self, number: u64) -> impl Iterator<Item = Part> {
        let total_ns = self.running_ns();
        (0..number).map(move |place| Part {
            lane: self.lane,
            from_ns: self.runs_on_at(total_ns * place / number),
            to_ns: if place + 1 == number {
                self.to_ns
            } else {
                self.has_run_at(total_ns * (place + 1) / number)
            },
        })
    }

    /// When it goes on after it has run for so long.
    fn runs_on_at(&self, ns: u64) -> u64 {
        let mut left_ns = ns;
        for &(from_ns, to_ns) in &self.running {
            if left_ns < to_ns - from_ns {
                return from_ns + left_ns;
            }
            left_ns -= to_ns - from_ns;
        }
        self.to_ns
    }

    /// When it has run for so long.
    fn has_run_at(&self, ns: u64) -> u64 {
        self.runs_on_at(ns.saturating_sub(1)) + 1
    }
}

fn jobs(lane: usize, timeline: &Timeline) -> Vec<Job> {
    let mut jobs = Vec::new();
    let mut from_ns = timeline.slices.first().map_or(0, |slice| slice.from_ns);
    let end_ns = timeline.slices.last().map_or(0, |slice| slice.to_ns);
    let waits = timeline
        .calls
        .iter()
        .filter(|call| waits_for_next(timeline, call));
    let waits = waits.map(|call| (call.from_ns, call.to_ns));
    for (to_ns, next_ns) in waits.chain([(end_ns, end_ns)]) {
        let running = timeline
            .slices
            .iter()
            .filter(|slice| slice.state == State::Running);
        let within = running.map(|slice| (slice.from_ns.max(from_ns), slice.to_ns.min(to_ns)));
        jobs.push(Job {
            lane,
            running: within.filter(|(from_ns, to_ns)| from_ns < to_ns).collect(),
            to_ns,
        });
        from_ns = next_ns;
    }
    jobs
}
