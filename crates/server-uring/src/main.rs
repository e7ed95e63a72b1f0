//! One thread serves all connections. It asks the kernel to accept, receive and send, and learns when that is done.
//!
//! ```text
//!      queue:  multishot accept · multishot receive from A · send to B
//!                 │
//!                 ▼
//!      submit_and_wait: one system call for all of them ◀────────────────────────────────┐
//!                 │                                                                      │
//!                 ▼                                                                      │
//!      done:  accepted C          A received 38 bytes          B was sent    timer: D    │
//!             queue a receive     read, answer, queue a send   free its bytes wake D     │
//!                 └──────────────────────┴──────────────────────┴───────────────┴────────┘
//! ```
//!
//! What blocks: only `submit_and_wait`, and only while nothing happens. A connection that waits is a state, as in every
//! event loop. A handler that computes or blocks (`pi`, `spin`, `block`, and `work` in part) holds the thread, and every
//! connection waits for it.
//!
//! What it costs: with epoll, a loop waits to learn that a call would not block, and then makes that call, for each
//! connection. Here the kernel makes the calls. So a round of the loop is one system call, however many connections take
//! part. Only a job has a further call before it, so that replies do not wait for its end. A multishot accept or receive is
//! submitted once and stays in force. The price is memory in flight: the kernel may use bytes until it reports the operation
//! as done, so they must neither move nor be freed before. Received bytes are in buffers that the kernel chooses, and replies
//! are copied to where they can stay. A connection ends only after its operations have. Many sandboxes refuse io_uring,
//! because it has had security faults.
//!
//! A plain ping gains little, because TCP's own work is most of its cost (docs/EXPERIMENTS.md, Completions or readiness).
//! Sockets in a table of the ring (direct descriptors) saved about a tenth in the least server. They are not used here,
//! because `FIONREAD`, which the drain needs, takes a descriptor.
//!
//! Flags: only those that every server takes.

#![forbid(unsafe_code)]

mod acceptor;
mod connections;
mod setup;
mod stream;
mod token;

use std::process::ExitCode;

use connections::{Connections, Done};
use serving::model::{BlockHolds, CrashLoses, Lineage, Model, Serves, WaitHolds};
use serving::{Listener, Options, Result, Stop};

const MODEL: Model = Model {
    name: "uring",
    summary: "one loop on completions (io_uring), which serves all connections",
    lineage: Lineage::Further,
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
    let Some(ring) = setup::ring(stop)? else {
        return Ok(());
    };
    // A request to stop closes the listener at once, even while a handler holds the loop.
    let (listener, stop) = Listener::open(options, stop)?.closing_at(stop);
    let mut connections =
        Connections::new(ring, listener, options.max_connections(), options.service(), stop)?;
    listener.announce()?;
    while !connections.is_over() {
        // The only call that waits. It submits all that was queued since the last one.
        connections.submit_and_wait()?;
        while let Some(done) = connections.next_done()? {
            match done {
                // One accept serves all connections. Each gets one receive, which serves all its requests.
                Done::Accepted(socket) => connections.add(socket),
                Done::Progress(connection) => connections.queue(connection),
            }
        }
        if stop.requested() {
            connections.drain();
        }
        while let Some(connection) = connections.next_ready() {
            // It reads what has been received, answers, and queues a send: the next wait submits it.
            if let Some(job) = connections.turn(connection)? {
                // A handler that computes or blocks runs here, while every connection waits.
                let outcome = serving::perform(job, stop);
                connections.finish(connection, outcome)?;
            }
        }
        // A multishot accept stays in force, unless descriptors or `--max-connections` have stopped that.
        connections.accept();
    }
    Ok(())
}
