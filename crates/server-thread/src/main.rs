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

mod open_connections;

use std::process::ExitCode;
use std::thread;

use serving::model::{BlockHolds, CrashLoses, Lineage, Model, Serves, WaitHolds};
use serving::{Error, Listener, Options, Result, Stop, Watch};

use crate::open_connections::OpenConnections;

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
    // The main thread alone sees signals; it wakes the others by closing what they read from.
    let watch = Watch::start(Stop::install(options.drain_timeout)?)?;
    let stop = watch.stop().woken_by_close();
    let listener = Listener::open(options, stop)?;
    let service = options.service();
    let open = OpenConnections::up_to(options.max_connections())?;
    start_one_thread()?;
    listener.announce()?;
    let mut served_here = Vec::new();
    while let Some(connection) = open.accept(&watch, &listener)? {
        let serve = move || serving::serve(connection.stream(), &service, stop);
        // A thread that can't be started now takes nothing with it: the connection waits for one that can.
        while let Err(error) = thread::Builder::new().spawn(serve.clone()) {
            if watch.stopping() {
                served_here.push(serve);
                break;
            }
            watch.ride_out("start a thread", &error)?;
        }
    }
    drop(listener);
    // From here on this thread only waits, and a second signal has to reach it.
    watch.release()?;
    // To ask starts the drain timeout, at whose end the process ends whatever its threads are doing.
    let _ = stop.requested();
    // A thread that waits in recv has not heard of it. Its socket is closed for reading, behind what has arrived.
    open.stop_reading();
    // What was accepted is answered, and this thread is free.
    for serve in served_here {
        serve();
    }
    open.wait_for_all();
    Ok(())
}

/// Fails where no thread can be started: such a server must not announce itself.
fn start_one_thread() -> Result<()> {
    let thread = thread::Builder::new()
        .spawn(|| {})
        .map_err(Error::system("start a thread"))?;
    // It can't panic.
    let _ = thread.join();
    Ok(())
}
