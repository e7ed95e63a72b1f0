//! A fixed set of processes, each of which serves one connection at a time.
//!
//! ```text
//!   parent    fork × N, then wait; a worker that dies is replaced
//!                │
//!   workers      ├─ accept A, serve A to its end, accept …
//!                ├─ accept B, …                              one listener, or one each (--accept)
//!                └─ accept C, …             D waits in the backlog until one of them is free
//! ```
//!
//! What blocks: a worker, from accept to close. N clients that keep their connections open, even silent ones, occupy the
//! whole server. On a shared listener the kernel wakes the worker that has waited longest, so connections go round.
//!
//! What it costs: nothing for a new connection, because all forks are done beforehand. A switch between address spaces for
//! each request, as with `fork`. The number of processes is fixed, and with it the memory.
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
    name: "prefork",
    summary: "a fixed set of processes, each serving one connection at a time",
    lineage: Lineage::Article,
    serves: Serves::Workers,
    workers: Some(Workers {
        kind: WorkerKind::Processes,
        default: DefaultWorkers::Fixed(10),
    }),
    wait_holds: WaitHolds::Thread,
    block_holds: BlockHolds::Connection,
    crash_loses: CrashLoses::Connection,
    accept: &["shared", "reuseport"],
    tally: true,
};

#[derive(Parser)]
#[command(version)]
struct Flags {
    /// Number of worker processes, 1 to 65535. Each serves one connection at a time, so this is also the number of clients
    /// served at once (the original forks 10)
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
    worker.supervisor.ready()?;
    let mut served = serving::Served::default();
    while let Some(connection) = worker.listener.accept(worker.stop)? {
        served.add(serving::serve(&connection, &service, worker.stop));
    }
    worker.tally.append(served)
}
