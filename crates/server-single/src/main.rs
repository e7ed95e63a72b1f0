//! One thread serves one connection at a time, to its end, and then the next.
//!
//! ```text
//!   backlog        thread
//!   D C B  ──────▶  A      accept A, serve A until it closes, accept B, …
//! ```
//!
//! What blocks: everything. While A is connected, even if it says nothing, B, C and D wait in the kernel's backlog: they
//! are connected, their requests are received and acknowledged, and nobody reads them. One silent client stops the
//! service.
//!
//! What it costs: nothing but the request itself. There is no switch to another thread, no second buffer, no lock. With
//! one client at a time this is the least that a blocking server can do, and what the other models are measured by.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use serving::model::{BlockHolds, CrashLoses, Lineage, Model, Serves, WaitHolds};
use serving::{Listener, Options, Result, Stop};

const MODEL: Model = Model {
    name: "single",
    summary: "one thread, which serves one connection at a time",
    lineage: Lineage::Article,
    serves: Serves::One,
    workers: None,
    wait_holds: WaitHolds::Thread,
    block_holds: BlockHolds::Everything,
    crash_loses: CrashLoses::Everything,
    accept: &[],
    tally: false,
};

fn main() -> ExitCode {
    serving::main(&MODEL, run)
}

fn run(options: &Options) -> Result<()> {
    let stop = Stop::install(options.drain_timeout)?;
    // A request to stop comes while a connection is served. It closes the listener then, and not after that connection.
    let (listener, stop) = Listener::open(options, stop)?.closing_at(stop);
    let service = options.service();
    listener.announce()?;
    while let Some(stream) = listener.accept(stop)? {
        serving::serve(&stream, &service, stop);
    }
    Ok(())
}
