//! The parent accepts, and passes each connection to the worker process that has the fewest. Node's cluster passes connections
//! too, but in turn.
//!
//! ```text
//!   parent    accept ── who has the fewest? ──┬───────────┬───────────┐      a descriptor through a socket pair
//!                                             ▼           ▼           ▼
//!   workers                                loop: A, D   loop: B, E   loop: C
//!                                             └───────────┴───────────┴── how many have ended ──▶ parent
//! ```
//!
//! What blocks: a handler that computes or blocks holds its loop. The connections of that loop wait, those of the
//! others do not. New connections go to the other workers while those have fewer. The parent never blocks: where the socket
//! pair of a worker is full, another gets the connection.
//!
//! What it costs: as much as `prefork-async` for each request, because the parent is not involved. For each connection it
//! costs more: the parent accepts it, sends it (`SCM_RIGHTS`, unix(7)) and closes its copy, and a worker receives it. One
//! parent does that for all, so it bounds the rate of new connections. In return connections are spread by count and not
//! by chance. Workers report how many have ended, at most once in a turn of their loop.
//!
//! A worker that dies loses its own connections only. Those that were sent to it and not received are still in its socket
//! pair, of which the parent keeps a duplicate. So it takes them back, and gives them to others.
//!
//! Flags: `--workers`, `--start-retries` and `--tally`, beside those that every server takes.

#![forbid(unsafe_code)]

mod channel;
mod inbox;
mod parent;
mod team;

use std::num::NonZeroU16;
use std::process::ExitCode;

use clap::Parser;
use serving::model::{
    BlockHolds, CrashLoses, DefaultWorkers, Lineage, Model, Serves, WaitHolds, WorkerKind, Workers,
};
use serving::{Fork, Options, Result, Service, SupervisionOptions};

use crate::inbox::Worker;
use crate::parent::{Next, Parent};

const MODEL: Model = Model {
    name: "handoff",
    summary: "a parent that accepts, and worker processes with an event loop in each",
    lineage: Lineage::Further,
    serves: Serves::Many,
    workers: Some(Workers {
        kind: WorkerKind::Processes,
        default: DefaultWorkers::Cpus,
    }),
    wait_holds: WaitHolds::Nothing,
    block_holds: BlockHolds::Loop,
    crash_loses: CrashLoses::Worker,
    accept: &[],
    tally: true,
};

#[derive(Parser)]
#[command(version)]
struct Flags {
    /// Number of worker processes, 1 to 65535. Each can keep one CPU busy, so the default is the number of available CPUs
    #[arg(long, value_name = "N", default_value_t = MODEL.default_workers())]
    workers: NonZeroU16,

    #[command(flatten)]
    supervision: SupervisionOptions,

    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    serving::main(&MODEL, run)
}

fn run(flags: &Flags) -> Result<()> {
    let workers = usize::from(flags.workers.get());
    let mut parent = Parent::listen(&flags.options, workers, &flags.supervision)?;
    loop {
        match parent.next()? {
            Next::Vacancy(slot) => {
                if parent.fork(slot)? == Fork::Child {
                    return work(parent.into_worker(slot), flags.options.service());
                }
            }
            // Sent to the worker that has the fewest. The parent's copy closes here: as long as it is open, the peer does
            // not see the worker close.
            Next::Connection(connection) => parent.deal(connection),
            Next::Stop => return parent.drain(),
        }
    }
}

fn work(mut worker: Worker, service: Service) -> Result<()> {
    // This is after the fork: an epoll instance that was made before it would be shared by all workers.
    let mut event_loop = event_loop::EventLoop::new(service, worker.stop)?;
    event_loop.watch(&worker.inbox)?;
    worker.supervisor.ready()?;
    while !(event_loop.is_over() && worker.inbox.has_ended()) {
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
        worker.inbox.deliver(&mut event_loop, &worker.supervisor);
    }
    worker.tally.append(event_loop.served())
}
