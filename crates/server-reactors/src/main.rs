//! Several threads in one process, with an event loop in each: as Netty, muduo and memcached do it.
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
//! connections are dealt evenly, also when some have closed. With `--accept reuseport` or `shared` each loop accepts for
//! itself. The kernel then spreads them by chance, or to whichever loop it wakes. One memory for all loops: a crash loses
//! everything.
//!
//! Flags: `--workers`, `--accept` and `--tally`, beside those that every server takes.

#![forbid(unsafe_code)]

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use event_loop::{Delivery, EventLoop, inbox};
use serving::model::{
    BlockHolds, CrashLoses, DefaultWorkers, Lineage, Model, Serves, WaitHolds, WorkerKind, Workers,
};
use serving::{Error, Listening, Options, Result, ThreadPool, Work, WorkerThread};

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

    /// File to which each worker appends a line of JSON as it drains: how many connections and requests it served
    #[arg(long, value_name = "FILE")]
    tally: Option<PathBuf>,

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
    let accept = flags.accept;
    let listening = match accept {
        Accept::Deal | Accept::Shared => Listening::Shared,
        Accept::Reuseport => Listening::Reuseport,
    };
    let mut threads = ThreadPool::listen(&flags.options, flags.workers, listening, flags.tally.as_deref())?;
    let service = flags.options.service();
    let inboxes = (0..threads.workers()).map(|_| inbox(threads.count_connections()));
    let (loops, inboxes): (Vec<_>, Vec<_>) = inboxes.unzip();
    threads.start(move |worker, listener| {
        let mut event_loop = EventLoop::new(service, worker.stop)?;
        let waker = event_loop.waker()?;
        let inbox = inboxes[worker.slot].clone();
        let its_own = match accept {
            Accept::Deal => None,
            Accept::Reuseport | Accept::Shared => Some(listener.to_std()),
        };
        let its_own = its_own
            .transpose()
            .map_err(Error::system("duplicate the listener"))?;
        let work = Work::new(move || {
            match its_own {
                None => event_loop.receive(inbox)?,
                Some(listener) => event_loop.listen(listener, worker.max_connections)?,
            }
            work(event_loop, worker)
        });
        Ok(work.woken_by(move || drop(waker.wake())))
    })?;
    match accept {
        Accept::Deal => deal(&mut threads, &loops)?,
        Accept::Reuseport | Accept::Shared => threads.supervise()?,
    }
    // No loop ends before it is certain that it gets no further connection.
    drop(loops);
    threads.drain()
}

/// Gives each connection to the loop that has the fewest, those included that it has not taken yet. Of several such loops it
/// is the next one's turn.
fn deal(threads: &mut ThreadPool, loops: &[Delivery]) -> Result<()> {
    let open = || loops.iter().map(Delivery::open).sum();
    let mut next = 0;
    while let Some(connection) = threads.accept_below_limit(open)? {
        let in_turn = (next..loops.len()).chain(0..next);
        let fewest = in_turn.min_by_key(|&slot| loops[slot].open()).unwrap_or(0);
        loops[fewest].deliver(connection);
        next = (fewest + 1) % loops.len();
    }
    Ok(())
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
