//! One process, one event loop, all connections: see the loop itself in `lib.rs`.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use server_async::EventLoop;
use serving::{Listener, Options, Result, Stop};

/// Serve all connections from one event loop
#[derive(Parser)]
#[command(version)]
struct Flags {
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    serving::main(|Flags { options }| run(options))
}

fn run(options: &Options) -> Result<()> {
    let stop = Stop::install(options.drain_timeout)?;
    let listener = Listener::open(options, stop)?;
    let event_loop = EventLoop::new(&listener, options.service(), stop)?;
    listener.announce();
    // The loop has a clone, and closes it when it drains: while this one stood open, peers could still connect.
    drop(listener);
    event_loop.run()
}
