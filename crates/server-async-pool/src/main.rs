//! One event loop does all I/O, and a pool of threads runs the handlers that compute or block: as libuv and Tornado with
//! an executor do it (half-sync/half-async).
//!
//! ```text
//!               ┌──────── poll: what has happened? ◀───────┐
//!               ▼                    ▼                     │
//!    A: read, answer, write     an outcome: reply ─────────┘
//!               │                    ▲
//!          B's job                   │ outcome, wake the loop
//!               ▼                    │
//!    queue  [ C D … ]  ──▶  threads  B, E, F, G         A is served while they compute or block
//! ```
//!
//! What blocks: a handler holds a thread of the pool and its own connection, and no other. With all threads busy, jobs
//! wait in the queue. When that is full, each further job waits with its connection, in the order of requests. A
//! connection is not read while its job runs or waits, so its peer is slowed down by TCP. It has one job at a time, and so
//! its replies keep their order.
//!
//! What it costs: as much as `async` for all that the loop answers itself. A job costs two switches more, to a thread
//! and back: a futex wakes the thread, and an eventfd wakes the loop. For a short job that is more than the job. Outcomes
//! that come together share a wake-up. Jobs run on as many CPUs as there are threads, and blocks overlap.
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
use serving::{Error, Listener, Options, Restart, Result, Stop};

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
    /// Number of threads that run jobs, 1 to 65535. Each runs one job at a time. The default is libuv's
    #[arg(long, value_name = "N", default_value_t = MODEL.default_workers())]
    workers: NonZeroU16,

    /// Jobs that may wait for a thread, 1 to 65535. When so many wait, further ones wait with their connections, which are
    /// not read
    #[arg(long, value_name = "JOBS", default_value = "128")]
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
    let its_own = listener
        .to_std()
        .map_err(Error::system("duplicate the listener"))?;
    let mut event_loop = EventLoop::new(options.service(), stop)?;
    event_loop.wake_on_restart(&restart)?;
    let in_pool = stop.handled_elsewhere();
    let run_job = move |job| serving::perform(job, in_pool);
    let mut pool = Pool::start(flags.workers, flags.queue, event_loop.waker()?, run_job)?;
    event_loop.listen(its_own, options.max_connections())?;
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
