//! The processors of a load generator that runs against a server of its own.

use clap::Args;
use nix::sched::{CpuSet, sched_getaffinity};
use nix::unistd::Pid;

use anyhow::{Context, Result};

use super::{Usage, complain};
use crate::selftest::Places;

/// Where the two sides run.
#[derive(Args)]
pub(crate) struct PlaceFlags {
    /// CPU of the server (0 to 1023); without it, the first that this process may use
    #[arg(long, value_name = "CPU")]
    server_cpu: Option<usize>,

    /// CPU of the load generator (0 to 1023); without it, the last that this process may use
    #[arg(long, value_name = "CPU")]
    client_cpu: Option<usize>,
}

impl PlaceFlags {
    pub(crate) fn places(&self) -> Result<Places> {
        let mask = sched_getaffinity(Pid::from_raw(0)).context("can't tell which processors may be used")?;
        let allowed: Vec<_> = (0..CpuSet::count())
            .filter(|&cpu| mask.is_set(cpu).unwrap_or(false))
            .collect();
        if allowed.len() < 2 {
            complain("both sides share one CPU, which these values are not meant for");
        }
        for (flag, cpu) in [
            ("--server-cpu", self.server_cpu),
            ("--client-cpu", self.client_cpu),
        ] {
            if let Some(cpu) = cpu.filter(|cpu| !allowed.contains(cpu)) {
                return Err(Usage(format!("{flag}: this process may not run on processor {cpu}")).into());
            }
        }
        Ok(Places {
            server_cpu: self.server_cpu.or(allowed.first().copied()),
            client_cpu: self.client_cpu.or(allowed.last().copied()),
        })
    }
}
