//! One thread serves all connections, each a little at a time, whenever something has happened to it.
//!
//! ```text
//!               ┌───────────── poll: what has happened? ◀────────────┐
//!               ▼                                                    │
//!    listener: accept    A: read, answer, write    timer: wake B     │
//!               └────────────────────┴───────────────────┴───────────┘
//! ```
//!
//! What blocks: only `poll`, and only while nothing happens. A connection that has to wait (for a request, for a slow
//! peer, for a `sleep` to end) returns to the loop, which keeps it as a few hundred bytes. But a handler that computes
//! or blocks (`pi`, `spin`, `block`, and `work` in part) holds the thread, and every connection waits for it.
//!
//! What it costs: no thread per connection, and no switch while there is work. One `poll` serves all events since the
//! last one, so the cost of a request falls as the load grows. The price is a more complex program. A blocking server
//! keeps its place in a call that has not returned. Here it is a state of the connection.
//!
//! Flags: only those that every server takes.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use event_loop::EventLoop;
use serving::model::{BlockHolds, CrashLoses, Lineage, Model, Serves, WaitHolds};
use serving::{Listener, Options, Result, Stop};

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
    // A request to stop closes the listener at once, even while a handler holds the loop.
    let (listener, stop) = Listener::open(options, stop)?.closing_at(stop);
    let mut event_loop = EventLoop::new(options.service(), stop)?;
    event_loop.listen(listener.to_std()?, options.max_connections());
    listener.announce()?;
    while !event_loop.is_over() {
        // The only call that waits: for the listener, a connection, a timer or a signal.
        event_loop.poll()?;
        if stop.requested() {
            event_loop.drain();
        }
        while let Some(connection) = event_loop.next_ready() {
            // It reads, answers and writes, until it would have to wait or has used up its turn.
            if let Some(job) = event_loop.turn(connection) {
                // A handler that computes or blocks runs here, while every connection waits.
                let outcome = serving::perform(job, stop);
                event_loop.finish(connection, outcome);
            }
        }
        // New connections come last, because one may take the place of a connection that has just ended.
        event_loop.accept()?;
    }
    Ok(())
}
