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
//! What blocks: a worker, from accept to close. N clients that keep their connections, even silent ones, use the server
//! up. Blocking accepts on a shared listener go round: the kernel wakes the worker that has waited longest.
//!
//! What it costs: nothing for a new connection, since all forks are done beforehand; a switch between address spaces for
//! each request, as with `fork`. The number of processes, and so the memory, is fixed.

#![forbid(unsafe_code)]

use std::num::NonZeroU16;
use std::process::ExitCode;

use clap::Parser;
use serving::{Crew, Fork, Listener, Listeners, Options, Result, Service, Stop, WorkerOptions};

/// Serve with a fixed set of processes, each one connection at a time
#[derive(Parser)]
#[command(version)]
struct Flags {
    /// How many processes serve. Each holds one connection at a time, so this is the number of clients that can be
    /// connected and served, whatever the number of processors. 10 is what the original forks
    #[arg(long, value_name = "N", default_value = "10")]
    workers: NonZeroU16,

    #[command(flatten)]
    accepting: WorkerOptions,

    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    serving::main(run)
}

fn run(flags: &Flags) -> Result<()> {
    let workers = usize::from(flags.workers.get());
    let mut crew = Crew::of(workers, Stop::install(flags.options.drain_timeout)?)?;
    let listeners = Listeners::open(&flags.options, flags.accepting.accept, workers, crew.stop())?;
    listeners.announce();
    while let Some(seat) = crew.vacancy()? {
        if crew.fork(seat)? == Fork::Child {
            let listener = listeners.into_that_of(seat);
            work(&listener, flags.options.service(), crew.stop())?;
            return flags.accepting.append_tally(seat);
        }
    }
    // To drop them would leave them open in the workers; closed, they refuse connections and end every accept.
    listeners.close();
    crew.drain()
}

fn work(listener: &Listener, service: Service, stop: Stop) -> Result<()> {
    while let Some(stream) = listener.accept(stop)? {
        serving::serve(&stream, &service, stop);
    }
    Ok(())
}
