//! A thread for each connection, in one process.
//!
//! ```text
//!   main thread    accept ──┬─────────┬─────────┐
//!                           ▼         ▼         ▼
//!   threads             recv A     recv B     recv C     each blocks for its own connection only
//! ```
//!
//! What blocks: a thread in its recv, in its send, or in its handler. The other threads go on.
//!
//! What it costs: starting and ending a thread for each connection. A switch for each request, because the thread that a
//! request wakes is seldom the one that ran last. A stack for each connection, of which only the touched pages use memory.
//! All threads share one memory, so a crash or a leak in one affects every connection.
//!
//! Flags: only those that every server takes.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use serving::model::{BlockHolds, CrashLoses, Lineage, Model, Serves, WaitHolds};
use serving::{Listener, Options, Result, Threads};

const MODEL: Model = Model {
    name: "thread",
    summary: "a thread for each connection",
    lineage: Lineage::Article,
    serves: Serves::Many,
    workers: None,
    wait_holds: WaitHolds::Thread,
    block_holds: BlockHolds::Connection,
    crash_loses: CrashLoses::Everything,
    accept: &[],
    tally: false,
};

fn main() -> ExitCode {
    serving::main(&MODEL, run)
}

fn run(options: &Options) -> Result<()> {
    let mut threads = Threads::one_per_connection(options)?;
    let stop = threads.stop();
    let listener = Listener::open(options, stop)?;
    let service = options.service();
    listener.announce()?;
    while let Some(connection) = threads.accept(&listener)? {
        threads.spawn(connection, move |stream| serving::serve(stream, &service, stop))?;
    }
    drop(listener);
    threads.drain()
}
