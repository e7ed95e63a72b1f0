//! `compare report`: writes the page and the tables again, from the records of a run alone.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::{Usage, unreadable};
use crate::folder::Run;
use crate::into::Target;
use crate::publish;

/// Write the page of a run again from its records, and print its tables
#[derive(Args)]
pub(crate) struct Flags {
    /// The run's folder, such as results/runs/20260102T030405Z
    #[arg(value_name = "RUN")]
    run: PathBuf,

    /// Folder for README.md; without it, the one that has the folder runs
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// File that gets a summary too, between its lines <!-- results: begin --> and <!-- results: end -->, or what an
    /// experiment found, between <!-- found KEY: begin --> and <!-- found KEY: end -->; may be repeated
    #[arg(long, value_name = "FILE")]
    into: Vec<PathBuf>,
}

pub(crate) fn run(flags: &Flags) -> Result<ExitCode> {
    let run = Run::open(&flags.run).map_err(|error| Usage(error.to_string()))?;
    let run = match &flags.out {
        Some(out) => run.with_page_in(out),
        None => run,
    };
    run.check_page().map_err(|error| Usage(error.to_string()))?;
    let into = flags.into.iter().map(|file| Target::open(file));
    let into: Vec<_> = into
        .collect::<Result<_, _>>()
        .map_err(|error| Usage(error.to_string()))?;
    let read = run.read().map_err(unreadable)?;
    for target in &into {
        target
            .check(&read.environment)
            .map_err(|error| Usage(error.to_string()))?;
    }
    publish::write(&run, &read, &into)?;
    Ok(ExitCode::SUCCESS)
}
