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
    jobs.retain(|job| job.part.to_ns > begins_ns && job.running_ns >= JOB_LEAST_NS);
    jobs.sort_by_key(|job| job.part.from_ns);
    // All requests are of one kind, so each takes about as long as the others. A worker that finds more in the queue goes on
    // without a wait in between.
    let total_ns: u64 = jobs.iter().map(|job| job.running_ns).sum();
    let each_ns = total_ns as f64 / passed.len() as f64;
    let mut passed = passed.into_iter().peekable();
    for job in jobs {
        let number = (job.running_ns as f64 / each_ns).round() as usize;
        for _ in 0..number {
            let taken = passed.next_if(|&request| follows(&parts[request], job.part));
            if let Some(request) = taken {
                let [read, reply] = [parts[request][0], parts[request][1]];
                // Behind the part of the thread that read it.
                let part = Part {
                    from_ns: job.part.from_ns.max(read.from_ns),
                    to_ns: job.part.to_ns.min(reply.to_ns),
                    ..job.part
                };
                parts[request].insert(1, part);
            }
        }
    }
}

/// Whether this may be what a worker did between the thread that read a request and the one that sent the reply.
fn follows(parts: &[Part], job: Part) -> bool {
    job.to_ns > parts[0].from_ns && job.from_ns < parts[1].to_ns
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

/// What a worker did between two waits: the jobs of one request, or of several.
#[derive(Debug)]
struct Job {
    part: Part,
    running_ns: u64,
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
        jobs.extend(job(lane, timeline, from_ns, to_ns));
        from_ns = next_ns;
    }
    jobs
}

/// What a worker did within a time, if it ran in it.
fn job(lane: usize, timeline: &Timeline, from_ns: u64, to_ns: u64) -> Option<Job> {
    let running = timeline
        .slices
        .iter()
        .filter(|slice| slice.state == State::Running);
    let within = running.map(|slice| (slice.from_ns.max(from_ns), slice.to_ns.min(to_ns)));
    let within: Vec<_> = within.filter(|(from_ns, to_ns)| from_ns < to_ns).collect();
    Some(Job {
        part: Part {
            lane,
            from_ns: within.first()?.0,
            to_ns,
        },
        running_ns: within.iter().map(|(from_ns, to_ns)| to_ns - from_ns).sum(),
    })
}
