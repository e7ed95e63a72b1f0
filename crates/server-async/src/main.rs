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
    listener.announce();
    EventLoop::new(&listener, options.service(), stop)?.run()
}
