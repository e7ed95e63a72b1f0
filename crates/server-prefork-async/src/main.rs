//! A fixed set of processes, with an event loop in each: as nginx and uvicorn's workers do it.
//!
//! ```text
//!   parent    fork × N, then wait; a worker that dies is replaced
//!                │
//!   workers      ├─ event loop: A, D, E, …
//!                ├─ event loop: B, F, …                      one listener, or one each (--accept)
//!                └─ event loop: C, …
//! ```
//!
//! What blocks: a handler that computes or blocks holds its loop. The connections of that loop wait, those of the
//! others do not.
//!
//! What it costs: as much as `async`, on as many CPUs as there are workers. A connection stays with the loop that
//! accepted it, so the load is spread as evenly as the connections are. The kernel wakes mostly the same loop, so on one
//! listener it may get most connections. `--accept reuseport` spreads them by a hash.
//!
//! A new connection on a shared listener would wake every loop, and all but one would find nothing. So each loop adds the
//! listener to its epoll instance with `EPOLLEXCLUSIVE`, and the kernel wakes one of them.
//!
//! Flags: `--workers`, `--accept`, `--start-retries` and `--tally`, beside those that every server takes.

#![forbid(unsafe_code)]

use std::num::NonZeroU16;
use std::process::ExitCode;

use clap::Parser;
use serving::model::{
    BlockHolds, CrashLoses, DefaultWorkers, Lineage, Model, Serves, WaitHolds, WorkerKind, Workers,
};
use serving::{Crew, Fork, Options, Result, Service, Worker, WorkerOptions};

const MODEL: Model = Model {
    name: "prefork-async",
    summary: "a fixed set of processes, with an event loop in each",
    lineage: Lineage::Article,
    serves: Serves::Many,
    workers: Some(Workers {
        kind: WorkerKind::Processes,
        default: DefaultWorkers::Cpus,
    }),
    wait_holds: WaitHolds::Nothing,
    block_holds: BlockHolds::Loop,
    crash_loses: CrashLoses::Worker,
    accept: &["shared", "reuseport"],
    tally: true,
};

#[derive(Parser)]
#[command(version)]
struct Flags {
    /// Number of worker processes, 1 to 65535. Each can keep one CPU busy, so the default is the number of available CPUs
    #[arg(long, value_name = "N", default_value_t = MODEL.default_workers())]
    workers: NonZeroU16,

    #[command(flatten)]
    accepting: WorkerOptions,

    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    serving::main(&MODEL, run)
}

fn run(flags: &Flags) -> Result<()> {
    let workers = usize::from(flags.workers.get());
    let mut crew = Crew::listen(&flags.options, workers, &flags.accepting)?;
    while let Some(slot) = crew.vacancy()? {
        if crew.fork(slot)? == Fork::Child {
            return work(crew.into_worker(slot), flags.options.service());
        }
    }
    crew.drain()
}

fn work(worker: Worker, service: Service) -> Result<()> {
    // This is after the fork: an epoll instance that was made before it would be shared by all workers.
    let mut event_loop = event_loop::EventLoop::new(service, worker.stop)?;
    event_loop.listen(worker.listener.into_std(), worker.max_connections);
    worker.supervisor.ready()?;
    while !event_loop.is_over() {
        event_loop.poll()?;
        if worker.stop.requested() {
            event_loop.drain();
        }
        while let Some(connection) = event_loop.next_ready() {
            if let Some(job) = event_loop.turn(connection) {
                let outcome = serving::perform(job, worker.stop);
                event_loop.finish(connection, outcome);
            }
        }
        event_loop.accept()?;
    }
    worker.tally.append(event_loop.served())
}
