//! The experiment: starts each server model in turn, loads it, records what that costs, and writes the tables.
//!
//! A file for each verb in [`cmd`]. `run` goes from a [`plan`] over [`trial`]s to a [`journal`]; everything that people
//! read is written from that journal by the crate [`report`], so that it can be written again. Servers are known here only as
//! programs to start and addresses to load.

#![forbid(unsafe_code)]

mod cmd;
mod contender;
mod environment;
mod experiment;
mod folder;
mod into;
mod journal;
mod load;
mod lock;
mod output;
mod plan;
mod profile;
mod progress;
mod publish;
mod runner;
mod signals;
mod traces;
mod trial;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Compare server models: throughput, latency, CPU time and memory under the same load
#[derive(Parser)]
#[command(version, max_term_width = 110, color = loadgen::terminal::colors())]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(args_override_self = true)]
    Run(cmd::run::Flags),
    List(cmd::list::Flags),
    Report(cmd::report::Flags),
    Diff(cmd::diff::Flags),
    Check(cmd::check::Flags),
    Aa(cmd::aa::Flags),
    Trace(cmd::trace::Flags),
    #[command(hide = true)]
    Keep(cmd::keep::Flags),
    #[command(hide = true)]
    Launch(cmd::launch::Flags),
}

fn main() -> ExitCode {
    match signals::rely_on_defaults().and_then(|()| run(Cli::parse().command)) {
        Ok(code) => code,
        Err(error) => {
            output::note(&format!("compare: {error:#}"));
            error
                .downcast_ref::<cmd::Usage>()
                .map_or(ExitCode::FAILURE, |_| ExitCode::from(2))
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run(flags) => cmd::run::run(&flags),
        Command::Report(flags) => cmd::report::run(&flags),
        Command::Diff(flags) => cmd::diff::run(&flags),
        Command::Check(flags) => cmd::check::run(&flags),
        Command::Aa(flags) => cmd::aa::run(&flags),
        Command::Trace(flags) => cmd::trace::run(&flags),
        Command::List(flags) => cmd::list::run(&flags),
        Command::Keep(flags) => cmd::keep::run(flags),
        Command::Launch(flags) => cmd::launch::run(&flags),
    }
}
