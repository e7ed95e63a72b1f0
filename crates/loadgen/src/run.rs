//! The threads together, and the window in which they measure.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use crossbeam::channel::{self, RecvTimeoutError};
use hdrhistogram::Histogram;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::Pid;
use thiserror::Error;

use crate::driver::{Driver, Schedule};
use crate::plan::{Plan, PlanError};
use crate::report::{Checks, Client, Fairness, LoopKind, Options, Quantiles, Report, SCHEMA};
use crate::tally::Tally;

/// What is told while a run goes on, on the thread that called [`run()`].
pub trait Observer {
    /// The warm-up is over: from here on everything counts.
    fn window_opens(&mut self) {}
    /// The window is over: nothing more is sent.
    fn window_closes(&mut self) {}
}

/// Nobody watches.
impl Observer for () {}

/// What came out.
#[derive(Debug)]
pub struct Outcome {
    /// All of it, for people and programs.
    pub report: Report,
    /// The latencies of the good replies, in nanoseconds.
    pub latency: Histogram<u64>,
    /// Good replies from the first to the last, those of the warm-up and those after the window included.
    pub answered_total: u64,
}

/// Why there was no run.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The plan can't be carried out.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Nobody answers there.
    #[error("can't connect to {target}: {source}; is the server running there?")]
    Unreachable {
        /// Where.
        target: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// More connections than this process may have.
    #[error(
        "{connections} connections need more descriptors than the {limit} this process may open; raise the limit (ulimit -n) or ask for fewer"
    )]
    Descriptors {
        /// How many were asked for.
        connections: usize,
        /// How many descriptors it may have.
        limit: u64,
    },
    /// A processor that the machine does not have, or this process may not use.
    #[error("can't run on processor {cpu} of --cpus: {source}")]
    Processor {
        /// Its number.
        cpu: usize,
        /// Why not.
        source: io::Error,
    },
    /// The kernel refused something.
    #[error("can't {what}: {source}")]
    System {
        /// What was attempted.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
}

/// Loads the server and measures, until the plan is done, `cancel` is set, or the server is gone.
///
/// All connections are opened first. The load then runs for the warm-up, for the window, and on without new requests until
/// those on their way are answered or have timed out, so that the slowest are not lost to the end of the window.
///
/// # Panics
/// If one of its own threads does.
pub fn run(plan: &Plan, cancel: &AtomicBool, observer: &mut dyn Observer) -> Result<Outcome, LoadError> {
    plan.check()?;
    allow_descriptors(plan.connections)?;
    // A dead address is told at once, not connection by connection.
    TcpStream::connect_timeout(&plan.target, plan.timeout).map_err(|source| LoadError::Unreachable {
        target: plan.target,
        source,
    })?;
    let tally = crossbeam::thread::scope(|scope| {
        let (opened, all_opened) = channel::unbounded();
        let (done, all_done) = channel::unbounded();
        let starts: Vec<_> = (0..plan.threads)
            .map(|thread| {
                let (start, started) = channel::bounded(1);
                let (opened, done) = (opened.clone(), done.clone());
                scope.spawn(move |_| {
                    let driver = open(plan, thread, cancel).map_err(|error| opened.send(Err(error)));
                    // A thread that panics hangs up as well, and so holds up nobody.
                    let Ok(driver) = driver else { return };
                    let _ = opened.send(Ok(()));
                    drop(opened);
                    if let Ok(schedule) = started.recv() {
                        let tally = driver.run(schedule, cancel).map_err(system("run the load"));
                        let _ = done.send(tally);
                    }
                });
                start
            })
            .collect();
        drop((opened, done));
        // If one can't, the others are not started, because `starts` is dropped.
        all_opened.iter().collect::<Result<(), LoadError>>()?;
        let schedule = Schedule::from(Instant::now(), plan);
        for start in starts {
            let _ = start.send(schedule);
        }
        conduct(plan, schedule, &all_done, observer)
    })
    .expect("a thread of the load generator panicked")?;
    Ok(outcome(plan, &tally))
}

/// What a thread does before the load starts: it goes to its processor and opens its connections.
fn open<'a>(plan: &'a Plan, thread: usize, cancel: &AtomicBool) -> Result<Driver<'a>, LoadError> {
    pin(&plan.cpus, thread)?;
    let mut driver = Driver::new(plan, thread).map_err(system("make an event loop"))?;
    driver.open_all(cancel).map_err(system("open connections"))?;
    Ok(driver)
}

/// Tells the observer when the window opens and closes, and gathers what the threads counted.
fn conduct(
    plan: &Plan,
    schedule: Schedule,
    done: &channel::Receiver<Result<Tally, LoadError>>,
    observer: &mut dyn Observer,
) -> Result<Tally, LoadError> {
    let mut tallies = Vec::with_capacity(plan.threads);
    for (edge, opens) in [(schedule.window_opens, true), (schedule.window_closes, false)] {
        while tallies.len() < plan.threads {
            match done.recv_deadline(edge) {
                Ok(tally) => tallies.push(tally?),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        if opens {
            observer.window_opens()
        } else {
            observer.window_closes()
        }
    }
    for tally in done {
        tallies.push(tally?);
    }
    Ok(tallies.into_iter().reduce(Tally::merge).unwrap_or_default())
}

fn outcome(plan: &Plan, tally: &Tally) -> Outcome {
    let latency = tally.latency();
    let window_s = tally.window.as_secs_f64();
    let cpu_s = tally.cpu.as_secs_f64();
    let completed = tally.completed as f64;
    let report = Report {
        schema: SCHEMA,
        loop_kind: LoopKind::Closed,
        target: plan.target.to_string(),
        options: Options {
            connections: plan.connections,
            threads: plan.threads,
            duration_s: plan.duration.as_secs_f64(),
            warmup_s: plan.warmup.as_secs_f64(),
            op: plan.work.operation().to_owned(),
            params: plan.work.fixed_params().map(str::to_owned),
            pipeline: plan.pipeline,
            requests_per_connection: plan.requests_per_connection,
            timeout_s: plan.timeout.as_secs_f64(),
            two_writes: plan.two_writes,
            cpus: plan.cpus.clone(),
        },
        window_s,
        throughput_per_s: if window_s > 0.0 { completed / window_s } else { 0.0 },
        requests: tally.requests,
        connections: tally.connections(plan.connections as u64),
        latency_us: Quantiles::of(&latency),
        service_us: Quantiles::of(&latency),
        lateness_us: None,
        fairness: Fairness::of(&tally.served),
        client: Client {
            cpu_us_per_request: (tally.completed > 0).then(|| cpu_s * 1e6 / completed),
            busy: tally.busiest,
            threads: plan.threads,
        },
        checks: Checks {
            accounting: tally.requests.add_up(),
            ..Checks::default()
        },
        intervals: tally.intervals(),
        failures: tally.failures(),
        ended_early: tally.ended_early.clone(),
    };
    Outcome {
        report,
        latency,
        answered_total: tally.answered_total,
    }
}

/// Raises the soft limit of descriptors if the connections need it and the hard one allows.
fn allow_descriptors(connections: usize) -> Result<(), LoadError> {
    /// What a process has open besides its connections, with room to spare.
    const OTHERS: u64 = 64;
    let (soft, hard) =
        getrlimit(Resource::RLIMIT_NOFILE).map_err(|error| system("read the limits")(error.into()))?;
    let needed = connections as u64 + OTHERS;
    if needed > hard {
        return Err(LoadError::Descriptors {
            connections,
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
    let mut set = CpuSet::new();
    set.set(cpu)
        .and_then(|()| sched_setaffinity(Pid::from_raw(0), &set))
        .map_err(|error| LoadError::Processor {
            cpu,
            source: error.into(),
        })
}

fn system(what: &'static str) -> impl FnOnce(io::Error) -> LoadError {
    move |source| LoadError::System { what, source }
}
