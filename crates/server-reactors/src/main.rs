//! Several threads in one process, with an event loop in each: as Netty, muduo and memcached have them. Those
//! assign connections round-robin; this model chooses the loop with the fewest.
//!
//! ```text
//!   main thread    accept ──┬─────────────┬─────────────┐   each goes to the loop with the fewest
//!                           ▼             ▼             ▼
//!   threads          event loop:    event loop:    event loop:
//!                    A, D, …        B, F, …        C, E, …
//! ```
//!
//! What blocks: a handler that computes or blocks holds its loop. The connections of that loop wait, those of the
//! others do not.
//!
//! What it costs: as much as `async`, on as many CPUs as there are loops. A connection stays with its loop, so loops
//! share nothing while they serve, and need no lock. A new connection costs a switch to its loop, if that sleeps. In return
//! connections stay evenly spread, even after some have closed. With `--accept reuseport` or `shared` each loop accepts for
//! itself. The kernel then spreads them by chance, or to whichever loop it wakes. One memory for all loops: a crash loses
//! everything.
//!
//! Flags: `--workers`, `--accept` and `--tally`, beside those that every server takes.

#![forbid(unsafe_code)]

mod dealer;

use std::num::NonZeroU16;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use event_loop::EventLoop;
use serving::model::{
    BlockHolds, CrashLoses, DefaultWorkers, Lineage, Model, Serves, WaitHolds, WorkerKind, Workers,
};
use serving::{Listening, Options, Result, TallyOptions, ThreadPool, Work, WorkerThread};

use crate::dealer::Dealer;

const MODEL: Model = Model {
    name: "reactors",
    summary: "a fixed set of threads, with an event loop in each",
    lineage: Lineage::Further,
    serves: Serves::Many,
    workers: Some(Workers {
        kind: WorkerKind::Threads,
        default: DefaultWorkers::Cpus,
    }),
    wait_holds: WaitHolds::Nothing,
    block_holds: BlockHolds::Loop,
    crash_loses: CrashLoses::Everything,
    accept: &["deal", "reuseport", "shared"],
    tally: true,
};

#[derive(Parser)]
#[command(version)]
struct Flags {
    /// Number of threads with an event loop, 1 to 65535. Each can keep one CPU busy, so the default is the number of
    /// available CPUs
    #[arg(long, value_name = "N", default_value_t = MODEL.default_workers())]
    workers: NonZeroU16,

    /// How loops get connections
    #[arg(long, value_enum, default_value_t = Accept::Deal)]
    accept: Accept,

    #[command(flatten)]
    tally: TallyOptions,

    #[command(flatten)]
    options: Options,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Accept {
    /// The main thread accepts, and gives each connection to the loop that has the fewest
    Deal,
    /// A listener for each loop, on the same port (SO_REUSEPORT). The kernel chooses one by a hash of the addresses
    #[expect(clippy::doc_markdown, reason = "help has no Markdown")]
    Reuseport,
    /// One listener in all loops. For each connection the kernel wakes one of them
    Shared,
}

fn main() -> ExitCode {
    serving::main(&MODEL, run)
}

fn run(flags: &Flags) -> Result<()> {
    let (options, accept) = (&flags.options, flags.accept);
    let listening = match accept {
        Accept::Deal | Accept::Shared => Listening::Shared,
        Accept::Reuseport => Listening::Reuseport,
    };
    let mut threads = ThreadPool::listen(options, flags.workers, listening, &flags.tally)?;
    let (mut dealer, inboxes) = Dealer::new(&threads);
    let service = options.service();
    threads.start(move |worker, listener| {
        let mut event_loop = EventLoop::new(service, worker.stop)?;
        match accept {
            Accept::Deal => event_loop.receive(inboxes[worker.slot].clone()),
            _ => event_loop.listen(listener.to_std()?, worker.max_connections),
        }
        let waker = event_loop.waker()?;
        Ok(Work::new(move || work(event_loop, worker)).woken_by(move || waker.wake()))
    })?;
    match accept {
        // Each connection goes to the loop that has the fewest.
        Accept::Deal => {
            while let Some(connection) = threads.accept_below_limit(|| dealer.open())? {
                dealer.deal(connection);
            }
        }
        _ => threads.supervise()?,
    }
    // No loop ends before it is certain that it gets no further connection.
    drop(dealer);
    threads.drain()
}

fn work(mut event_loop: EventLoop, worker: WorkerThread) -> Result<()> {
    let stop = worker.stop;
    while !event_loop.is_over() {
        // The only call that waits: for a connection, a timer, or the main thread.
        event_loop.poll()?;
        if stop.requested() {
            event_loop.drain();
        }
        while let Some(connection) = event_loop.next_ready() {
            // It reads, answers and writes, until it would have to wait or has used up its turn.
            if let Some(job) = event_loop.turn(connection) {
                // A handler that computes or blocks runs here, while every connection of this loop waits.
                let outcome = serving::perform(job, stop);
                event_loop.finish(connection, outcome);
            }
        }
        // New connections come last, because one may take the place of a connection that has just ended.
        event_loop.accept()?;
    }
    worker.tally.append(event_loop.served())
}
