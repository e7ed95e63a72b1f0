//! The CPUs of a load generator and of the built-in server that it loads.

use clap::Args;
use nix::sched::{CpuSet, sched_getaffinity};
use nix::unistd::Pid;

use anyhow::{Context, Result};

use super::streams::complain;
use super::usage::Usage;
use crate::selftest::Placement;

/// The CPUs of both sides.
#[derive(Args)]
pub(crate) struct PlacementFlags {
    /// CPU of the server (0 to 1023) [default: the first that this process may use]
    #[arg(long, value_name = "CPU")]
    server_cpu: Option<usize>,

    /// CPU of the load generator (0 to 1023) [default: the last that this process may use]
    #[arg(long, value_name = "CPU")]
    client_cpu: Option<usize>,
}

impl PlacementFlags {
    pub(crate) fn placement(&self) -> Result<Placement> {
        let mask =
            sched_getaffinity(Pid::from_raw(0)).context("can't read which CPUs this process may use")?;
        let allowed: Vec<_> = (0..CpuSet::count())
            .filter(|&cpu| mask.is_set(cpu).unwrap_or(false))
            .collect();
        if allowed.len() < 2 {
            complain(
                "the server and the load generator share one CPU: the results are not valid; use a machine with two",
            );
        }
        for (flag, cpu) in [
            ("--server-cpu", self.server_cpu),
            ("--client-cpu", self.client_cpu),
        ] {
            if let Some(cpu) = cpu.filter(|cpu| !allowed.contains(cpu)) {
                return Err(Usage(format!(
                    "{flag}: this process may not run on CPU {cpu}; choose one that taskset -cp $$ lists"
                ))
                .into());
            }
        }
        Ok(Placement {
            server_cpu: self.server_cpu.or(allowed.first().copied()),
            client_cpu: self.client_cpu.or(allowed.last().copied()),
        })
    }
}
