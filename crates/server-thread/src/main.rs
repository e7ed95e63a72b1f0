//! A thread for each connection, in one process.
//!
//! ```text
//!   main thread    accept ──┬─────────┬─────────┐
//!                           ▼         ▼         ▼
//!   threads             recv A     recv B     recv C     each blocks for its own connection only
//! ```
//!
//! What blocks: a thread in its recv, in its send, in a handler that waits. The others go on, since the kernel runs
//! whichever can.
//!
//! What it costs: a thread started and ended for each connection; a switch for each request, since the thread that a
//! request wakes is seldom the one that ran last; and for each connection a stack, of which only the touched pages are
//! real. A panic or a leak is everybody's.

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
