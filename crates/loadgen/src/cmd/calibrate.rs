//! `loadgen calibrate`: measures the highest rate that the load generator can reach on this machine.

use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use loadgen::ceiling::Ceiling;
use loadgen::{Params, Plan, Work};

use super::placement::PlacementFlags;
use super::streams::print;
use crate::selftest::server::{Behavior, ReferenceServer};

/// Measure the highest rate of a load generator thread on this machine, for later runs
///
/// Loads a built-in server that answers at once: a closed loop, 64 connections, three runs. The result is the median of the
/// rates that the thread would have reached if it had been busy all the time. Later runs above 70 % of it get a warning: the
/// load generator may be the bottleneck.
#[derive(Args)]
pub(crate) struct Flags {
    #[command(flatten)]
    placement: PlacementFlags,
}

pub(crate) fn run(flags: &Flags) -> Result<ExitCode> {
    let placement = flags.placement.placement()?;
    let mut cpu_us = Vec::new();
    for _ in 0..3 {
        let server = ReferenceServer::start(Behavior::Echo, placement.server_cpu)?;
        let work = Work::new("ping", Params::Unique).expect("a ping takes any value");
        let plan = Plan {
            warmup: Duration::from_millis(500),
            duration: Duration::from_secs(2),
            cpus: placement.client_cpu.into_iter().collect(),
            ..Plan::closed_loop(server.address(), 64, work)
        };
        let report = loadgen::run(&plan, &AtomicBool::new(false), &mut ())?.report;
        cpu_us.push(
            report
                .client
                .cpu_us_per_request
                .context("no request was answered")?,
        );
    }
    cpu_us.sort_by(f64::total_cmp);
    let ceiling = Ceiling::for_this_machine(1e6 / cpu_us[1]);
    print(&format!(
        "{:.0} requests/s per thread ({:.2} µs of CPU per request; {:.2} to {:.2} in three runs) on {}\n",
        ceiling.per_thread_per_s, cpu_us[1], cpu_us[0], cpu_us[2], ceiling.cpu_model
    ))?;
    let path = ceiling.save().context("can't save the result for later runs")?;
    print(&format!("saved in {}\n", path.display()))?;
    Ok(ExitCode::SUCCESS)
}
