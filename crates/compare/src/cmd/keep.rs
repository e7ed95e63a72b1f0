//! `compare keep`: the keeper of a server.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use host::keeper::{self, Task};
use schema::cpus::CpuSet;

/// Start a server when stdin asks for it, and end all its processes when stdin closes
#[derive(Args)]
pub(crate) struct Flags {
    /// CPUs that the server runs on
    #[arg(long, value_name = "LIST")]
    cpus: CpuSet,

    /// Control group that the server joins
    #[arg(long, value_name = "DIR")]
    cgroup: Option<PathBuf>,

    /// File for the server's output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// The program and its arguments
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

pub(crate) fn run(flags: Flags) -> Result<ExitCode> {
    keeper::keep(&Task {
        cpus: flags.cpus,
        cgroup: flags.cgroup,
        output: flags.output,
        command: flags.command,
    })?;
    Ok(ExitCode::SUCCESS)
}
