//! One event loop does all I/O, and a pool of threads runs the handlers that compute or block: as libuv does it, and
//! Tornado with an executor (half-sync/half-async).
//!
//! ```text
//!               ┌───────────── poll: what has happened? ◀────────────┐
//!     loop      ▼                                                    │
//!    listener: accept    A: read, answer, write    B: write outcome  │
//!               └────────────────────┴───────────────────┴───────────┘
//!                            C's job │                   ▲ wakes the loop
//!     pool                           ▼                   │
//!                       queue: E, D, C  ──▶  threads: B, F, G, H
//! ```
//!
//! What blocks: a handler (`pi`, `spin`, `block`, and `work` in part) holds a thread of the pool and its own connection.
//! All other connections go on. With all threads busy, jobs queue, and with a full queue each further one waits with its
//! connection. A connection is not read while its job waits or runs, so TCP slows its peer down. It has one job at a time,
//! and so its replies keep their order.
//!
//! What it costs: as much as `async` for what the loop answers itself. Each job costs a wake-up of a thread, a wake-up of
//! the loop, and the switches between them. A short job that comes alone can cost about a third more than in `async`. Where
//! many connections have jobs, these share wake-ups, and the difference is small. In return jobs use as many CPUs as there
//! are threads, and blocks overlap.
//!
//! Flags: `--workers` and `--queue`, beside those that every server takes.

#![forbid(unsafe_code)]

mod pool;

use std::num::NonZeroU16;
use std::process::ExitCode;

use clap::Parser;
use event_loop::EventLoop;
use serving::model::{
    BlockHolds, CrashLoses, DefaultWorkers, Lineage, Model, Serves, WaitHolds, WorkerKind, Workers,
};
use serving::{Listener, Options, Restart, Result, Stop};

use crate::pool::Pool;

const MODEL: Model = Model {
    name: "async-pool",
    summary: "one event loop for I/O, and a pool of threads for handlers that compute or block",
    lineage: Lineage::Further,
    serves: Serves::Many,
    workers: Some(Workers {
        kind: WorkerKind::Threads,
        default: DefaultWorkers::Fixed(4),
    }),
    wait_holds: WaitHolds::Nothing,
    block_holds: BlockHolds::Connection,
    crash_loses: CrashLoses::Everything,
    accept: &[],
    tally: false,
};

#[derive(Parser)]
#[command(version)]
struct Flags {
    /// Number of threads that run jobs, 1 to 65535. Each runs one job at a time. The default is that of libuv
    #[arg(long, value_name = "N", default_value_t = MODEL.default_workers())]
    workers: NonZeroU16,

    /// Jobs in the queue, 1 to 65535. It only has to keep the threads busy: with a full queue, further jobs wait with their
    /// connections
    #[arg(
        long,
        value_name = "JOBS",
        allow_negative_numbers = true,
        default_value = "128"
    )]
    queue: NonZeroU16,

    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    serving::main(&MODEL, run)
}

fn run(flags: &Flags) -> Result<()> {
    let options = &flags.options;
    let stop = Stop::install(options.drain_timeout)?;
    let restart = Restart::install()?;
    // A request to stop closes the listener at once.
    let (listener, stop) = Listener::open(options, stop)?.closing_at(stop);
    let mut event_loop = EventLoop::new(options.service(), stop)?;
    event_loop.wake_on_restart(&restart)?;
    let mut pool = Pool::start(flags.workers, flags.queue, event_loop.waker()?, stop)?;
    event_loop.listen(listener.to_std()?, options.max_connections());
    listener.announce()?;
    while !event_loop.is_over() {
        // The only call that waits: for the listener, a connection, a timer, an outcome or a signal.
        event_loop.poll()?;
        if stop.requested() {
            event_loop.drain();
        }
        if restart.requested() {
            pool.restart();
        }
        for (connection, outcome) in pool.outcomes() {
            event_loop.finish(connection, outcome);
        }
        while let Some(connection) = event_loop.next_ready() {
            // It reads, answers and writes, until it would have to wait or has used up its turn.
            if let Some(job) = event_loop.turn(connection) {
                // A handler that computes or blocks runs on a thread of the pool, while only its connection waits.
                pool.submit(event_loop.waiter(connection), job);
            }
        }
        // New connections come last, because one may take the place of a connection that has just ended.
        event_loop.accept()?;
    }
    Ok(())
}
