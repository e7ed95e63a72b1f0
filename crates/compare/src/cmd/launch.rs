//! `compare launch`: the process that becomes a server. It moves to the server's CPUs and control group, resets signals, and
//! makes sure that it dies with its keeper. Then it executes the server.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::Args;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::getppid;

use crate::signals;
use schema::cpus::CpuSet;

/// Become another program, which runs on these CPUs and dies with its parent
#[derive(Args)]
pub(crate) struct Flags {
    /// CPUs to run on
    #[arg(long, value_name = "LIST")]
    cpus: CpuSet,

    /// Process with which it dies
    #[arg(long, value_name = "PID")]
    parent: i32,

    /// Control group to join
    #[arg(long, value_name = "DIR")]
    cgroup: Option<PathBuf>,

    /// The program and its arguments
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

pub(crate) fn run(flags: &Flags) -> Result<ExitCode> {
    set_pdeathsig(Signal::SIGKILL).context("can't make the server die with its keeper")?;
    // A parent that ended before the line above sends no signal.
    if getppid().as_raw() != flags.parent {
        bail!("the process that started this one is gone");
    }
    if let Some(cgroup) = &flags.cgroup {
        let members = cgroup.join("cgroup.procs");
        fs::write(&members, std::process::id().to_string())
            .with_context(|| format!("can't join the control group through {}", members.display()))?;
    }
    meter::cpus::pin_this_thread(&flags.cpus)?;
    signals::leave_defaults_to_exec()?;
    let (program, arguments) = flags.command.split_first().context("no program is given")?;
    let error = Command::new(program).args(arguments).exec();
    Err(error).with_context(|| format!("can't start {}", program.display()))
}
