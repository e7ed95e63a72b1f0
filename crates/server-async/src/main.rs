//! One process, one event loop, all connections: see the loop itself in `lib.rs`.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use server_async::EventLoop;
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
    let listener: &'static Listener = Box::leak(Box::new(Listener::open(options, stop)?));
    // A request to stop may come while a handler holds the loop. It closes the listener then, and not after the handler.
    let stop = stop.closing(listener);
    let its_own = listener
        .to_std()
        .map_err(Error::system("duplicate the listener"))?;
    let event_loop = EventLoop::new(its_own, options.service(), options.max_connections(), stop)?;
    listener.announce()?;
    event_loop.run()
}
