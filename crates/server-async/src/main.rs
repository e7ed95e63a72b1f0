//! One thread serves all connections, each a little at a time, whenever something has happened to it.
//!
//! ```text
//!               ┌───────────── poll: what has happened? ◀────────────┐
//!               ▼                                                    │
//!    listener: accept    A: read, answer, write    timer: wake B     │
//!               └────────────────────┴───────────────────┴───────────┘
//! ```
//!
//! What blocks: only `poll`, when nothing has happened. A connection that can't go on (no request yet, a peer that does
//! not read, a `sleep`) returns to the loop, which remembers it as a few hundred bytes. But a handler that computes or
//! blocks (`pi`, `spin`, `block`) holds the thread, and with it every connection.
//!
//! What it costs: no thread, no switch while there is work, and one `poll` for all that happened meanwhile, so that the
//! cost of a request falls as the load grows. The price is in the program: state stands where a blocking server has a call
//! that has not returned yet.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use event_loop::EventLoop;
use serving::model::{BlockHolds, CrashLoses, Lineage, Model, Serves, WaitHolds};
use serving::{Error, Listener, Options, Result, Stop};

const MODEL: Model = Model {
    name: "async",
    summary: "one event loop, which serves all connections",
    lineage: Lineage::Article,
    serves: Serves::Many,
    workers: None,
    wait_holds: WaitHolds::Nothing,
    block_holds: BlockHolds::Loop,
    crash_loses: CrashLoses::Everything,
    accept: &[],
    tally: false,
};

fn main() -> ExitCode {
    serving::main(&MODEL, run)
}

fn run(options: &Options) -> Result<()> {
    let stop = Stop::install(options.drain_timeout)?;
    // A request to stop may come while a handler holds the loop. It closes the listener then, and not after the handler.
    let (listener, stop) = Listener::open(options, stop)?.closing_at(stop);
    let its_own = listener
        .to_std()
        .map_err(Error::system("duplicate the listener"))?;
    let mut event_loop = EventLoop::new(its_own, options.service(), options.max_connections(), stop)?;
    listener.announce()?;
    while !event_loop.is_over() {
        // The only call that waits: for an event of the listener or of a connection, for a timer, for a signal.
        event_loop.poll()?;
        if stop.requested() {
            event_loop.drain();
        }
        while let Some(connection) = event_loop.next_ready() {
            // It reads, answers and writes until it would have to wait, or until it is the others' turn.
            if let Some(work) = event_loop.turn(connection) {
                // A handler that computes or blocks is done here, and every connection waits for it.
                let outcome = serving::perform(work, stop);
                event_loop.finish(connection, outcome);
            }
        }
        // Last, because a new connection may take the place of one that has ended.
        event_loop.accept()?;
    }
    Ok(())
}
