//! The command line of the load generator.

#![forbid(unsafe_code)]

mod cmd;
mod selftest;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use nix::sys::signal::SigSet;

/// Load a server that speaks the protocol, check every reply, and account for every request
#[derive(Parser)]
#[command(version, max_term_width = 110, color = loadgen::terminal::colors())]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one of them")]
enum Command {
    Run(cmd::run::Flags),
    Call(cmd::call::Flags),
    Calibrate(cmd::calibrate::Flags),
    Selftest(cmd::selftest::Flags),
}

fn main() -> ExitCode {
    // The parent may have blocked the signals that end this process. Threads inherit the mask.
    let _ = SigSet::empty().thread_set_mask();
    let done = match Cli::parse().command {
        Command::Run(flags) => cmd::run::run(&flags),
        Command::Call(flags) => cmd::call::run(&flags),
        Command::Calibrate(flags) => cmd::calibrate::run(&flags),
        Command::Selftest(flags) => cmd::selftest::run(&flags),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            cmd::streams::complain(&format!("{error:#}"));
            error
                .downcast_ref::<cmd::usage::Usage>()
                .map_or(ExitCode::FAILURE, |_| ExitCode::from(2))
        }
    }
}
