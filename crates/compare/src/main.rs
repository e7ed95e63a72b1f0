//! The experiment: it starts each server model in its turn, loads it, records what that cost, and writes the tables.
//!
//! A file for each verb in [`cmd`]. `run` goes from a [`plan`] over [`trial`]s to a [`journal`]; everything that people
//! read is written from that journal by [`report`], so that it can be written again. Servers are known here only as
//! programs to start and addresses to load.

#![forbid(unsafe_code)]

mod cmd;
mod cpus;
mod environment;
mod experiments;
mod folder;
mod interference;
mod journal;
mod models;
mod plan;
mod profile;
mod progress;
mod record;
mod report;
#[allow(dead_code, reason = "what calls it is still to come")]
mod search;
mod server;
#[allow(dead_code, unused_imports, reason = "what calls it is still to come")]
mod statistics;
mod stats;
#[allow(dead_code, reason = "what calls it is still to come")]
mod theory;
mod tree;
mod trial;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Measure the server models side by side: what each serves, how fast, and for how much CPU and memory
#[derive(Parser)]
#[command(version, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(args_override_self = true)]
    Run(cmd::run::Flags),
    /// The models, the experiments with the question that each answers, and the profiles
    List,
    Report(cmd::report::Flags),
    #[command(hide = true)]
    Launch(cmd::launch::Flags),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run(flags) => cmd::run::run(&flags),
        Command::List => cmd::list::run(),
        Command::Report(flags) => cmd::report::run(&flags),
        Command::Launch(flags) => cmd::launch::run(&flags),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("compare: {error:#}");
            error
                .downcast_ref::<cmd::Usage>()
                .map_or(ExitCode::FAILURE, |_| ExitCode::from(2))
        }
    }
}
