//! `compare launch`: what stands between `compare` and a server for an instant. It gives itself the server's processors
//! and its account, ties its life to its parent's, then becomes the server; all three pass on to whatever it becomes.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::Args;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::getppid;

use crate::cpus::CpuSet;

/// Become another program, on these processors, that dies with its parent
#[derive(Args)]
pub(crate) struct Flags {
    /// The processors to run on
    #[arg(long, value_name = "LIST")]
    cpus: CpuSet,

    /// The process that it must not outlive
    #[arg(long, value_name = "PID")]
    parent: i32,

    /// The control group to join, in which its costs are counted
    #[arg(long, value_name = "DIR")]
    cgroup: Option<PathBuf>,

    /// The program and its arguments
    #[arg(last = true, required = true)]
    command: Vec<String>,
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
    flags.cpus.pin_this_thread()?;
    // A blocked signal stays blocked at exec, and a contender may rely on SIGTERM.
    SigSet::empty()
        .thread_set_mask()
        .context("can't unblock signals")?;
    let (program, arguments) = flags.command.split_first().context("no program is given")?;
    let error = Command::new(program).args(arguments).exec();
    Err(error).with_context(|| format!("can't start {program}"))
}
