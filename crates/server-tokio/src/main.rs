//! A task for each connection, on tokio's runtime: as async/await is written in Rust today.
//!
//! ```text
//!   runtime           accept ── spawn ──┬────────┬────────┐
//!                                       ▼        ▼        ▼
//!   tasks                            read A   read B   read C      each .await lets the thread run another task
//!                                       └────────┼────────┘
//!   worker threads        1      2      …      N: each takes the next task that can go on, or steals one
//!
//!   blocking threads      spin A     block B     started when needed, 512 at most, kept for later jobs
//! ```
//!
//! What blocks: nothing, as long as each task reaches its next `.await` soon. So a job that computes or blocks (`pi`,
//! `spin`, `block`, and `work` in part) goes to a blocking thread by `spawn_blocking`, and only its connection waits. When
//! 512 jobs have a thread each, further ones wait. With `--blocking inline` a job runs where its request was read. This
//! common mistake is hard to see, because the code looks almost the same. It holds a worker, and with as many jobs as workers
//! every connection waits. One job can be enough to stop everything. One idle worker waits for socket events. If that worker
//! takes the job, no one waits for events until it ends.
//!
//! What it costs: the code reads like a thread for each connection, and waits like an event loop. A task is a state machine,
//! which the compiler writes. It has buffers of its own, and an idle connection keeps them, where an event loop can lend its
//! own (`compare run --experiments idle-connections` shows the memory). Workers share the tasks, so that no connection is tied
//! to a busy one, but a request may wake a worker on another CPU. A job on a blocking thread costs two switches, which a job
//! of a few microseconds does not repay.
//!
//! Flags: `--workers`, `--flavor` and `--blocking`, beside those that every server takes.

#![forbid(unsafe_code)]

mod connection;
mod generation;
mod incoming;
mod jobs;

use std::num::NonZeroU16;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use serving::model::{
    BlockHolds, CrashLoses, DefaultWorkers, Lineage, Model, Serves, WaitHolds, WorkerKind, Workers,
};
use serving::{Error, Options, Result};
use tokio::runtime::Builder;
use tokio::select;

use crate::connection::Connection;
use crate::incoming::Incoming;
use crate::jobs::{BlockingThreads, MOST_THREADS};

const MODEL: Model = Model {
    name: "tokio",
    summary: "a task for each connection, on tokio's worker threads",
    lineage: Lineage::Further,
    serves: Serves::Many,
    workers: Some(Workers {
        kind: WorkerKind::Threads,
        default: DefaultWorkers::Cpus,
    }),
    wait_holds: WaitHolds::Nothing,
    block_holds: BlockHolds::Connection,
    crash_loses: CrashLoses::Everything,
    accept: &[],
    tally: false,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Flavor {
    /// Worker threads that steal tasks from each other
    MultiThread,
    /// One thread, as in an event loop
    CurrentThread,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Blocking {
    /// On tokio's blocking threads, while the task waits
    Spawn,
    /// On the worker thread that runs the task, while other tasks wait
    Inline,
}

#[derive(Parser)]
#[command(version)]
struct Flags {
    /// Number of worker threads, 1 to 65535. Each can keep one CPU busy, so the default is the number of available CPUs
    #[arg(long, value_name = "N", default_value_t = MODEL.default_workers(), default_value_if("flavor", "current-thread", "1"))]
    workers: NonZeroU16,

    /// Runtime that runs the tasks
    #[arg(long, value_enum, default_value_t = Flavor::MultiThread)]
    flavor: Flavor,

    /// Where a request runs that computes or blocks
    #[arg(long, value_enum, default_value_t = Blocking::Spawn)]
    blocking: Blocking,

    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    serving::main(&MODEL, run)
}

fn run(flags: &Flags) -> Result<()> {
    let (flavor, blocking) = (flags.flavor, flags.blocking);
    let workers = usize::from(flags.workers.get());
    if flavor == Flavor::CurrentThread && workers > 1 {
        let problem = "a current-thread runtime has one; use 1, or --flavor multi-thread";
        return Err(Error::flag("--workers <N>", workers, problem));
    }
    // What `#[tokio::main]` does. It is done again on SIGHUP, while the old runtime drains.
    let start = || {
        let mut builder = match flavor {
            Flavor::MultiThread => Builder::new_multi_thread(),
            Flavor::CurrentThread => Builder::new_current_thread(),
        };
        builder
            .worker_threads(workers)
            .max_blocking_threads(MOST_THREADS)
            // tokio panics where it has no blocking thread and can start none. So the first one stays.
            .thread_keep_alive(Duration::MAX)
            .enable_all()
            .build()
    };
    generation::run(&flags.options, workers, start, move |incoming| {
        accept(incoming, blocking)
    })
}

async fn accept(mut incoming: Incoming, blocking: Blocking) -> Result<()> {
    let threads = BlockingThreads::new();
    // It waits for the next connection or for the request to drain, whichever comes first.
    while let Some(connection) = incoming.next().await? {
        tokio::spawn(serve(connection, blocking, threads.clone()));
    }
    Ok(())
}

async fn serve(mut connection: Connection, blocking: Blocking, threads: BlockingThreads) {
    // It reads, answers and writes, until there is a job or the connection is over. While it waits, the worker thread
    // runs other tasks.
    while let Some(job) = connection.next_job().await {
        let stop = connection.stop();
        let run = move || serving::perform(job, stop);
        let outcome = match blocking {
            // `spawn_blocking`, once there is a thread for the job.
            Blocking::Spawn => select! {
                outcome = threads.run(run) => outcome,
                () = connection.reset() => return,
            },
            // No `.await`: neither this task nor its thread can do anything else meanwhile.
            Blocking::Inline => Ok(run()),
        };
        // A job that has panicked has no outcome, and its connection closes.
        let Ok(outcome) = outcome else { return };
        connection.finish(outcome);
    }
}
