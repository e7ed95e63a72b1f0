//! One thread serves one connection to its end, and then the next.
//!
//! ```text
//!   backlog        thread
//!   D C B  ──────▶  A      accept A, serve A until it closes, accept B, …
//! ```
//!
//! What blocks: everything. While A is connected, even if it sends nothing, B, C and D wait in the kernel's backlog. They
//! are connected, and the kernel acknowledges their requests, but nobody reads them. One silent client stops the service.
//!
//! What it costs: only the request itself. There is no switch to another thread, and no lock. With one
//! client at a time this is the least that a blocking server can do.
//!
//! Flags: only those that every server takes.

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
    // A request to stop comes while a connection is served. The listener closes at once, and not after that connection, so
    // that nobody connects in vain.
    let (listener, stop) = Listener::open(options, stop)?.closing_at(stop);
    let service = options.service();
    listener.announce()?;
    while let Some(connection) = listener.accept(stop)? {
        serving::serve(&connection, &service, stop);
    }
    Ok(())
}
