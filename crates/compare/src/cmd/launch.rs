//! `compare launch`: what stands between a keeper and a server for an instant. It gives itself the server's CPUs, its
//! control group and clean signals, ties its life to the keeper's, then becomes the server.

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

/// Become another program, on these CPUs, that dies with its parent
#[derive(Args)]
pub(crate) struct Flags {
    /// CPUs to run on
    #[arg(long, value_name = "LIST")]
    cpus: CpuSet,

    /// Process that it must not outlive
    #[arg(long, value_name = "PID")]
    parent: i32,

    /// Control group to join, in which its costs are counted
    #[arg(long, value_name = "DIR")]
    cgroup: Option<PathBuf>,

    /// The program and its arguments
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

pub(crate) fn run(flags: &Flags) -> Result<ExitCode> {
    set_pdeathsig(Signal::SIGKILL).context("can't tie the server's life to this process's")?;
    // A parent that was gone before the line above sends no signal any more.
    if getppid().as_raw() != flags.parent {
        bail!("the process that asked for the server is gone");
    }
    if let Some(cgroup) = &flags.cgroup {
        let members = cgroup.join("cgroup.procs");
        fs::write(&members, std::process::id().to_string())
            .with_context(|| format!("can't join the control group by {}", members.display()))?;
    }
    meter::cpus::pin_this_thread(&flags.cpus)?;
    signals::leave_defaults_to_exec()?;
    let (program, arguments) = flags.command.split_first().context("no program is given")?;
    let error = Command::new(program).args(arguments).exec();
    Err(error).with_context(|| format!("can't start {}", program.display()))
}
