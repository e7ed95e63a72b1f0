//! A process for each connection.
//!
//! ```text
//!   parent    accept ── fork ──┬────────┬────────┐      reaps those that have ended
//!                              ▼        ▼        ▼
//!   children                recv A   recv B   recv C    each ends with its connection
//! ```
//!
//! What blocks: a child, for its own connection only.
//!
//! What it costs: a fork for each connection, which is far more than a thread: the kernel copies the page tables, and then
//! each page that is written. A switch between address spaces for each request. The kernel memory of a process for each
//! open connection. In return connections are isolated: a child that crashes, leaks or is killed affects no other.
//!
//! Flags: only those that every server takes.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use serving::model::{BlockHolds, CrashLoses, Lineage, Model, Serves, WaitHolds};
use serving::{Children, Fork, Listener, Options, Result};

const MODEL: Model = Model {
    name: "fork",
    summary: "a process for each connection",
    lineage: Lineage::Article,
    serves: Serves::Many,
    workers: None,
    wait_holds: WaitHolds::Thread,
    block_holds: BlockHolds::Connection,
    crash_loses: CrashLoses::Connection,
    accept: &[],
    tally: false,
};

fn main() -> ExitCode {
    serving::main(&MODEL, run)
}

fn run(options: &Options) -> Result<()> {
    let mut children = Children::one_per_connection(options)?;
    let stop = children.stop();
    let listener = Listener::open(options, stop)?;
    let service = options.service();
    listener.announce()?;
    while let Some(connection) = children.accept(&listener)? {
        if children.fork()? == Fork::Child {
            // A child that kept the listener would keep the port after the parent is gone.
            drop(listener);
            serving::serve(&connection, &service, stop);
            return Ok(());
        }
        // The parent's copy has to close here: as long as it is open, the peer does not see the child close.
        drop(connection);
    }
    drop(listener);
    children.drain()
}
