//! The threads together, and the window in which they measure.

use std::io::{self, ErrorKind};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crossbeam::channel;
use hdrhistogram::Histogram;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use thiserror::Error;

use crate::background::Background;
use crate::clock::Clock;
use crate::connecting::reach;
use crate::cpu::pin_thread;
use crate::driver::{Driver, Schedule};
use crate::histogram::interval;
use crate::plan::{Plan, PlanError};
use crate::report;
use crate::slices::{Aggregator, Slice, Times};
use crate::slicing::Slicing;
use crate::source_addresses::{SourceAddresses, TooFewPorts};
use crate::tally::Tally;
use schema::load::{Interval, Report};

/// What is told while a run goes on, on the thread that called [`run()`].
pub trait Observer {
    /// All connections are open that could be, and nothing has been sent on them: the load begins when this returns. Here a
    /// server may be given the time to take them.
    fn connections_open(&mut self) {}
    /// The warm-up is over: from here on everything counts.
    fn window_opens(&mut self) {}
    /// A second of the window is over, or a third of a short one, and what all threads measured in it is there.
    fn interval(&mut self, _interval: &Interval, _times: &Times) {}
    /// The window is over: nothing more is sent.
    fn window_closes(&mut self) {}
    /// All requests have ended. These are the times of those of the window whose replies came after it, and when the last of
    /// them came. They stand in no interval, and in the times of the whole run.
    fn after_window(&mut self, _until: &Interval, _times: &Times) {}
}

/// Nobody watches.
impl Observer for () {}

/// What came out.
#[derive(Debug)]
pub struct Outcome {
    /// All of it, for people and programs.
    pub report: Report,
    /// The times of the good replies, in nanoseconds.
    pub times: Times,
    /// For a mix, the latencies of each of its parts.
    pub parts: Vec<Histogram<u64>>,
    /// Good replies from the first to the last, those of the warm-up and those after the window included.
    pub answered_total: u64,
    /// The longest that a thread which was not asleep took from one look at the clock to the next: what it did in between
    /// was a few microseconds of work, and the rest of that time the machine had its processor.
    pub longest_gap: Duration,
}

/// Why there was no run.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The plan can't be carried out.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Nobody answers there.
    #[error("can't connect to {target} (is the server running there?)")]
    Unreachable {
        /// Where.
        target: String,
        /// Why not.
        source: io::Error,
    },
    /// The connections that carry no load can't all be opened.
    #[error("can't open {wanted} idle and silent connections to {target} before the load")]
    Background {
        /// How many.
        wanted: usize,
        /// Where.
        target: String,
        /// Why not.
        source: io::Error,
    },
    /// More connections than this process may have.
    #[error(
        "{connections} connections on {threads} threads need more descriptors than the {limit} this process may open; raise the limit (ulimit -n) or ask for fewer"
    )]
    Descriptors {
        /// How many were asked for.
        connections: usize,
        /// On how many threads.
        threads: usize,
        /// How many descriptors it may have.
        limit: u64,
    },
    /// More connections than there are ports for.
    #[error(
        "{connections} connections to {target} need more ports than the {ports} this machine gives out (net.ipv4.ip_local_port_range); ask for fewer"
    )]
    Ports {
        /// How many were asked for.
        connections: usize,
        /// Where.
        target: String,
        /// How many ports there are.
        ports: usize,
    },
    /// A processor that the machine does not have, or this process may not use.
    #[error("can't run on processor {cpu}")]
    Processor {
        /// Its number.
        cpu: usize,
        /// Why not.
        source: io::Error,
    },
    /// It was cancelled while the server was awaited.
    #[error("interrupted before the load began")]
    Cancelled,
    /// The kernel refused something.
    #[error("can't {what}")]
    System {
        /// What was attempted.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
}

/// Loads the server and measures, until the plan is done, `cancel` is set, or the server is gone.
///
/// All connections are opened first, and the observer is told. The load then runs for the warm-up, for the window, and on without new requests until
/// those on their way are answered or have timed out, so that the slowest are not lost to the end of the window.
///
/// # Panics
/// If one of its own threads does.
pub fn run(plan: &Plan, cancel: &AtomicBool, observer: &mut dyn Observer) -> Result<Outcome, LoadError> {
    plan.check()?;
    let connections = plan
        .connections
        .saturating_add(plan.idle)
        .saturating_add(plan.silent);
    allow_descriptors(connections, plan.threads)?;
    let sources =
        SourceAddresses::for_connections(connections, &plan.target).map_err(|TooFewPorts { ports }| {
            LoadError::Ports {
                connections,
                target: plan.target.to_string(),
                ports,
            }
        })?;
    // A dead address is told at once, not connection by connection.
    let (_, first) = reach(&plan.target, plan.timeout, plan.wait_for_server, cancel).map_err(
        unless_cancelled(|source| LoadError::Unreachable {
            target: plan.target.to_string(),
            source,
        }),
    )?;
    // These come first: the question that they ask is what a server has left for the others.
    let background = Background::open(plan, &sources, first, cancel).map_err(unless_cancelled(|source| {
        LoadError::Background {
            wanted: plan.idle + plan.silent,
            target: plan.target.to_string(),
            source,
        }
    }))?;
    let clock = Clock::start();
    let (tally, aggregator) = crossbeam::thread::scope(|scope| {
        let (go, told) = channel::bounded(plan.threads);
        let (opened, all_opened) = channel::unbounded();
        let (done, all_done) = channel::unbounded();
        let (slices, all_slices) = channel::unbounded();
        // Nothing is sent here: it only tells the threads that the window's end has been looked at.
        let (looking, looked) = channel::bounded::<()>(0);
        let sources = &sources;
        let starts = (0..plan.threads)
            .map(|thread| {
                let (start, started) = channel::bounded(1);
                let (opened, done, slices) = (opened.clone(), done.clone(), slices.clone());
                let (looked, told) = (looked.clone(), told.clone());
                let drive = move |_: &_| {
                    // Where one can't be started, the others open nothing, because `go` is dropped.
                    let Ok(()) = told.recv() else { return };
                    let make = || Driver::new(plan, thread, clock, sources, slices, cancel);
                    let driver = open(plan, thread, first, make).map_err(|error| opened.send(Err(error)));
                    // A thread that panics hangs up as well, and so holds up nobody.
                    let Ok(driver) = driver else { return };
                    let _ = opened.send(Ok(()));
                    drop(opened);
                    if let Ok(schedule) = started.recv() {
                        let ran = driver.run(schedule).map_err(system("run the load"));
                        let (tally, connections) = ran.map_or_else(
                            |error| (Err(error), Vec::new()),
                            |(tally, connections)| (Ok(tally), connections),
                        );
                        let _ = done.send(tally);
                        drop(done);
                        // The thread and its connections are there as long as somebody may look at them.
                        let _ = looked.recv();
                        drop(connections);
                    }
                };
                let spawned = scope.builder().spawn(drive);
                spawned.map_err(system("start so many threads; give fewer"))?;
                Ok(start)
            })
            .collect::<Result<Vec<_>, LoadError>>()?;
        for _ in &starts {
            let _ = go.send(());
        }
        drop((opened, done, slices));
        // If one can't, the others are not started, because `starts` is dropped.
        all_opened.iter().collect::<Result<(), LoadError>>()?;
        observer.connections_open();
        // A moment from now, so that no thread begins late because it looks at its connections first.
        let lead_ns = 1_000_000 + 1_000 * plan.connections as u64;
        let schedule = Schedule::from(clock.now_ns() + lead_ns, plan);
        for start in starts {
            let _ = start.send(schedule);
        }
        conduct(plan, clock, schedule, &all_slices, &all_done, looking, observer)
    })
    .expect("a thread of the load generator panicked")?;
    Ok(Outcome {
        report: report::build(plan, &tally, &aggregator, background.count()),
        times: aggregator.whole,
        parts: tally.parts,
        answered_total: tally.answered_total,
        longest_gap: Duration::from_nanos(tally.longest_gap_ns),
    })
}

/// What a thread does before the load starts: it goes to its processor and opens its connections.
fn open<'a>(
    plan: &Plan,
    thread: usize,
    first: usize,
    make: impl FnOnce() -> io::Result<Driver<'a>>,
) -> Result<Driver<'a>, LoadError> {
    pin(&plan.cpus, thread)?;
    let mut driver = make().map_err(system("make an event loop"))?;
    driver.prefer(first);
    driver.open_all().map_err(system("open connections"))?;
    Ok(driver)
}

/// Puts together what the threads measure, slice by slice, and tells the observer of it and of the window's ends.
fn conduct(
    plan: &Plan,
    clock: Clock,
    schedule: Schedule,
    slices: &channel::Receiver<(usize, Slice)>,
    done: &channel::Receiver<Result<Tally, LoadError>>,
    looking: channel::Sender<()>,
    observer: &mut dyn Observer,
) -> Result<(Tally, Aggregator), LoadError> {
    let mut aggregator = Aggregator::new(Slicing::from_plan(plan), plan.threads);
    // Until it is time, or all threads have ended. Only who looks late finds a slice there already.
    let early = slices.recv_deadline(clock.instant(schedule.opens_ns));
    observer.window_opens();
    let closes = clock.instant(schedule.closes_ns);
    let until_it_closes = std::iter::from_fn(|| slices.recv_deadline(closes).ok());
    for (number, slice) in early.into_iter().chain(until_it_closes) {
        aggregator.take(number, slice, |interval, times| {
            observer.interval(interval, times)
        });
    }
    observer.window_closes();
    drop(looking);
    for (number, slice) in slices {
        aggregator.take(number, slice, |interval, times| {
            observer.interval(interval, times)
        });
    }
    aggregator.close_rest(|interval, times| observer.interval(interval, times));
    let mut tallies = Vec::with_capacity(plan.threads);
    for tally in done {
        tallies.push(tally?);
    }
    let tally = tallies.into_iter().reduce(Tally::merge).unwrap_or_default();
    let late = &tally.after_window;
    if !late.latency.is_empty() {
        let ends = tally.window + tally.drain;
        observer.after_window(&interval(ends, &late.latency, 0), late);
        aggregator.whole.add(late);
    }
    Ok((tally, aggregator))
}

/// Raises the soft limit of descriptors if the connections need it and the hard one allows.
fn allow_descriptors(connections: usize, threads: usize) -> Result<(), LoadError> {
    /// What a thread has open besides its connections: its epoll instance and its timer.
    const OF_A_THREAD: usize = 2;
    /// What a process has open besides, with room to spare.
    const OTHERS: usize = 64;
    let (soft, hard) =
        getrlimit(Resource::RLIMIT_NOFILE).map_err(|error| system("read the limits")(error.into()))?;
    let needed = connections
        .saturating_add(threads.saturating_mul(OF_A_THREAD))
        .saturating_add(OTHERS) as u64;
    if needed > hard {
        return Err(LoadError::Descriptors {
            connections,
            threads,
            limit: hard,
        });
    }
    if needed > soft {
        setrlimit(Resource::RLIMIT_NOFILE, needed, hard)
            .map_err(|error| system("raise the limits")(error.into()))?;
    }
    Ok(())
}

/// Gives a thread one of the processors, each in its turn.
fn pin(cpus: &[usize], thread: usize) -> Result<(), LoadError> {
    if cpus.is_empty() {
        return Ok(());
    }
    let cpu = cpus[thread % cpus.len()];
    pin_thread(cpu).map_err(|source| LoadError::Processor { cpu, source })
}

/// What an error means while something is awaited, unless the run was cancelled meanwhile.
fn unless_cancelled(otherwise: impl FnOnce(io::Error) -> LoadError) -> impl FnOnce(io::Error) -> LoadError {
    |error| match error.kind() {
        ErrorKind::Interrupted => LoadError::Cancelled,
        _ => otherwise(error),
    }
}

fn system(what: &'static str) -> impl FnOnce(io::Error) -> LoadError {
    move |source| LoadError::System { what, source }
}
