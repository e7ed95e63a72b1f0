//! A fixed set of threads, each of which serves one connection at a time: as Apache's worker MPM does it. Tomcat, Puma and
//! gunicorn's `gthread` have such threads too, but keep a connection without a request in an event loop beside them.
//!
//! ```text
//!   main thread    accept ──▶ E D C  a queue; when it is full, F waits in the backlog
//!                               │
//!   threads            ┌────────┴┐
//!                      ▼         ▼
//!                   serve A   serve B     each to its end, and then the next of the queue
//! ```
//!
//! What blocks: a thread, from when it takes a connection to its close. Where many connections stay open, N of them have a
//! thread each, even silent ones. The rest wait, first in the queue and then in the backlog, until one of the N closes.
//!
//! What it costs: as much as `thread` for a request: a switch for each, because the thread that a request wakes is seldom the
//! one that ran last. No thread is started for a connection. Instead the main thread hands the connection to a waiting one,
//! which is another switch. The number of threads is fixed, and with it the memory. With `--accept shared` each thread
//! accepts for itself, without queue and without that switch.
//!
//! Flags: `--workers`, `--accept`, `--queue` and `--tally`, beside those that every server takes.

#![forbid(unsafe_code)]

use std::num::NonZeroU16;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use crossbeam::channel::bounded;
use serving::model::{
    BlockHolds, CrashLoses, DefaultWorkers, Lineage, Model, Serves, WaitHolds, WorkerKind, Workers,
};
use serving::{
    Accepted, Error, Listening, Options, Result, Served, Service, TallyOptions, ThreadPool, Work,
    WorkerThread,
};

const MODEL: Model = Model {
    name: "pool",
    summary: "a fixed set of threads, each serving one connection at a time",
    lineage: Lineage::Further,
    serves: Serves::Workers,
    workers: Some(Workers {
        kind: WorkerKind::Threads,
        default: DefaultWorkers::Fixed(200),
    }),
    wait_holds: WaitHolds::Thread,
    block_holds: BlockHolds::Connection,
    crash_loses: CrashLoses::Everything,
    accept: &["queue", "shared"],
    tally: true,
};

#[derive(Parser)]
#[command(version)]
struct Flags {
    /// Number of threads, 1 to 65535. Each serves one connection at a time, so this is also the number of clients served at
    /// once (Tomcat has 200)
    #[arg(long, value_name = "N", default_value_t = MODEL.default_workers())]
    workers: NonZeroU16,

    /// How threads get connections
    #[arg(long, value_enum, default_value_t = Accept::Queue)]
    accept: Accept,

    /// Connections that may wait for a free thread, 1 to 65535. When the queue is full, further ones wait in the backlog
    /// [default: as many as --workers]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    queue: Option<NonZeroU16>,

    #[command(flatten)]
    tally: TallyOptions,

    #[command(flatten)]
    options: Options,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Accept {
    /// The main thread accepts, and puts connections into a queue. A thread that is free takes the next one
    Queue,
    /// Each thread accepts for itself from one listener. Connections wait in the backlog only
    Shared,
}

fn main() -> ExitCode {
    serving::main(&MODEL, run)
}

fn run(flags: &Flags) -> Result<()> {
    let (options, accept) = (&flags.options, flags.accept);
    if let (Accept::Shared, Some(queue)) = (accept, flags.queue) {
        let problem = "there is no queue with --accept shared; leave it out, or use --accept queue";
        return Err(Error::flag("--queue <N>", queue, problem));
    }
    let mut threads = ThreadPool::listen(options, flags.workers, Listening::Shared, &flags.tally)?;
    let service = options.service();
    // The queue only has to bridge the time until a thread takes the next connection, so one place for each is enough.
    let places = flags.queue.map_or(threads.workers(), |n| n.get().into());
    let (queue, waiting) = bounded(places);
    threads.start(move |worker, listener| {
        let waiting = waiting.clone();
        let next = move |worker: &WorkerThread| match accept {
            Accept::Queue => Ok(worker.receive(&waiting)),
            Accept::Shared => worker.accept(listener),
        };
        Ok(Work::new(move || work(worker, next, &service)))
    })?;
    match accept {
        Accept::Queue => {
            while let Some(connection) = threads.accept(|| !queue.is_full())? {
                // There is room. A receiver is always left.
                let _ = queue.send(connection);
            }
        }
        Accept::Shared => threads.supervise()?,
    }
    drop(queue);
    threads.drain()
}

fn work(
    worker: WorkerThread,
    next: impl Fn(&WorkerThread) -> Result<Option<Accepted>>,
    service: &Service,
) -> Result<()> {
    let mut served = Served::default();
    while let Some(connection) = next(&worker)? {
        served.add(worker.serve(connection, service));
    }
    worker.tally.append(served)
}
