//! Runs a load: starts the threads, and measures in a common window.

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
use schema::trace::Marks;

/// Is called while a run goes on, on the thread that called [`run()`].
pub trait Observer {
    /// All connections that can be opened are open, and nothing has been sent. The load begins when this returns, so it may
    /// give the server time to accept them.
    fn connections_open(&mut self) {}
    /// The warm-up is over, and the window opens.
    fn window_opens(&mut self) {}
    /// An interval of the window is over on all threads: a second, or a third of a short window.
    fn interval(&mut self, _interval: &Interval, _times: &Times) {}
    /// The window is over: nothing more is sent.
    fn window_closes(&mut self) {}
    /// All requests have ended. These are the times of requests of the window whose replies came after it, until the last of
    /// them. They are part of no interval, but of the times of the whole run.
    fn after_window(&mut self, _until: &Interval, _times: &Times) {}
}

/// Ignores everything.
impl Observer for () {}

/// The outcome of a run.
#[derive(Debug)]
pub struct Outcome {
    /// The result.
    pub report: Report,
    /// The times of the good replies, in nanoseconds.
    pub times: Times,
    /// For a mix, the latencies of each part.
    pub parts: Vec<Histogram<u64>>,
    /// All good replies, those of the warm-up and those after the window included.
    pub answered_total: u64,
    /// The longest gap between two readings of the clock by a thread that did not sleep. Its work in between takes a few
    /// microseconds; for the rest another process had the CPU.
    pub longest_gap: Duration,
    /// The times of single connections and requests, if the plan asks for them. Connections are in the order in which they
    /// began to open, requests in the order in which they were sent.
    pub marks: Option<Marks>,
}

/// Why there was no run.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The plan can't be carried out.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// No server answers there.
    #[error("can't connect to {target}: {cause}; check that the server is running there")]
    Unreachable {
        /// The server.
        target: String,
        /// The cause.
        cause: io::Error,
    },
    /// Not all background connections can be opened.
    #[error("can't open {wanted} background connections to {target}: {cause}; use fewer --idle and --silent")]
    Background {
        /// The number of background connections.
        wanted: usize,
        /// The server.
        target: String,
        /// The cause.
        cause: io::Error,
    },
    /// More connections than this process may have.
    #[error(
        "{connections} connections on {threads} threads need more than the {limit} descriptors that this process may open; raise the limit (ulimit -n) or use fewer"
    )]
    Descriptors {
        /// The number of connections.
        connections: usize,
        /// The number of threads.
        threads: usize,
        /// The limit of descriptors.
        limit: u64,
    },
    /// More connections than there are ports for.
    #[error(
        "{connections} connections to {target} need more than the {ports} ports of this machine (net.ipv4.ip_local_port_range); use fewer"
    )]
    Ports {
        /// The number of connections.
        connections: usize,
        /// The server.
        target: String,
        /// The number of ports.
        ports: usize,
    },
    /// A CPU that the machine does not have, or that this process may not use.
    #[error("can't run on CPU {cpu}: {cause}; taskset -cp $$ lists those that it may use")]
    Cpu {
        /// Its number.
        cpu: usize,
        /// The cause.
        cause: io::Error,
    },
    /// It was cancelled while it waited for the server.
    #[error("interrupted before the load began")]
    Cancelled,
    /// The kernel refused something.
    #[error("can't {what}")]
    System {
        /// The attempt.
        what: &'static str,
        /// The cause.
        source: io::Error,
    },
}

/// Loads the server and measures, until the plan is complete, `cancel` is set, or the server is gone.
///
/// It opens all connections first and calls the observer. The load then runs for the warm-up and for the window. After that no
/// new requests are sent, and the run waits for those in flight to be answered or to time out, so that the slowest count.
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
    let first = first_address(plan, cancel)?;
    // These come first: the question is what a server has left for the other connections.
    let background = Background::open(plan, &sources, first, cancel).map_err(unless_cancelled(|cause| {
        LoadError::Background {
            wanted: plan.idle + plan.silent,
            target: plan.target.to_string(),
            cause,
        }
    }))?;
    let clock = Clock::start();
    let (tally, aggregator) = crossbeam::thread::scope(|scope| {
        let (go, begins) = channel::bounded(plan.threads);
        let (opened, all_opened) = channel::unbounded();
        let (done, all_done) = channel::unbounded();
        let (slices, all_slices) = channel::unbounded();
        // Nothing is sent here. When it is dropped, the threads may close their connections.
        let (release, released) = channel::bounded::<()>(0);
        let sources = &sources;
        let starts = (0..plan.threads)
            .map(|thread| {
                let (start, started) = channel::bounded(1);
                let (opened, done, slices) = (opened.clone(), done.clone(), slices.clone());
                let (released, begins) = (released.clone(), begins.clone());
                let drive = move |_: &_| {
                    // If a thread can't be started, `go` is dropped, and the others open nothing.
                    let Ok(()) = begins.recv() else { return };
                    let make = || Driver::new(plan, thread, clock, sources, slices, cancel);
                    let driver = open(plan, thread, first, make).map_err(|error| opened.send(Err(error)));
                    // A thread that panics drops its end of the channel too, so nothing waits for it.
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
                        // The observer may measure the server at the end of the window, with these connections open.
                        let _ = released.recv();
                        drop(connections);
                    }
                };
                let spawned = scope.builder().spawn(drive);
                spawned.map_err(system("start so many threads; use fewer --threads"))?;
                Ok(start)
            })
            .collect::<Result<Vec<_>, LoadError>>()?;
        for _ in &starts {
            let _ = go.send(());
        }
        drop((opened, done, slices));
        // If a thread can't open its connections, `starts` is dropped, and the others do not begin.
        all_opened.iter().collect::<Result<(), LoadError>>()?;
        observer.connections_open();
        // A moment from now, so that no thread begins late because it checks its connections first.
        let lead_ns = 1_000_000 + 1_000 * plan.connections as u64;
        let schedule = Schedule::from(clock.now_ns() + lead_ns, plan);
        for start in starts {
            let _ = start.send(schedule);
        }
        conduct(plan, clock, schedule, &all_slices, &all_done, release, observer)
    })
    .expect("a thread of the load generator panicked")?;
    Ok(Outcome {
        report: report::build(plan, &tally, &aggregator, background.count()),
        times: aggregator.whole,
        parts: tally.parts,
        answered_total: tally.answered_total,
        longest_gap: Duration::from_nanos(tally.longest_gap_ns),
        marks: tally.marks,
    })
}

/// The index of the address of the server that a connection can be opened to. An address where nothing listens is reported at
/// once, not for each connection.
fn first_address(plan: &Plan, cancel: &AtomicBool) -> Result<usize, LoadError> {
    if plan.marks {
        // This connection would be among those whose traces are wanted.
        return Ok(0);
    }
    let reached = reach(&plan.target, plan.timeout, plan.wait_for_server, cancel);
    let (_, first) = reached.map_err(unless_cancelled(|cause| LoadError::Unreachable {
        target: plan.target.to_string(),
        cause,
    }))?;
    Ok(first)
}

/// Prepares a thread: binds it to its CPU and opens its connections.
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

/// Merges what the threads measure, slice by slice, and calls the observer.
fn conduct(
    plan: &Plan,
    clock: Clock,
    schedule: Schedule,
    slices: &channel::Receiver<(usize, Slice)>,
    done: &channel::Receiver<Result<Tally, LoadError>>,
    release: channel::Sender<()>,
    observer: &mut dyn Observer,
) -> Result<(Tally, Aggregator), LoadError> {
    let mut aggregator = Aggregator::new(Slicing::from_plan(plan), plan.threads);
    // Waits until the window opens, or all threads have ended. If this thread wakes late, a slice may be there already.
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
    drop(release);
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

/// Raises the soft limit of descriptors if the connections need it and the hard limit allows it.
fn allow_descriptors(connections: usize, threads: usize) -> Result<(), LoadError> {
    /// A thread also opens an epoll instance and a timer.
    const PER_THREAD: usize = 2;
    /// Other descriptors of the process, with room to spare.
    const OTHERS: usize = 64;
    let (soft, hard) =
        getrlimit(Resource::RLIMIT_NOFILE).map_err(|error| system("read the limits")(error.into()))?;
    let needed = connections
        .saturating_add(threads.saturating_mul(PER_THREAD))
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

/// Binds a thread to one of the CPUs, in turn.
fn pin(cpus: &[usize], thread: usize) -> Result<(), LoadError> {
    if cpus.is_empty() {
        return Ok(());
    }
    let cpu = cpus[thread % cpus.len()];
    pin_thread(cpu).map_err(|cause| LoadError::Cpu { cpu, cause })
}

/// Maps an error of a wait, unless the run was cancelled meanwhile.
fn unless_cancelled(otherwise: impl FnOnce(io::Error) -> LoadError) -> impl FnOnce(io::Error) -> LoadError {
    |error| match error.kind() {
        ErrorKind::Interrupted => LoadError::Cancelled,
        _ => otherwise(error),
    }
}

fn system(what: &'static str) -> impl FnOnce(io::Error) -> LoadError {
    move |source| LoadError::System { what, source }
}
