//! `loadgen calibrate`: what the load generator can do at all on this machine.

use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use loadgen::ceiling::Ceiling;
use loadgen::{Params, Plan, Work};

use super::places::PlaceFlags;
use super::print;
use crate::selftest::server::{KnownServer, Manner};

/// Find what one thread of the load generator can do at the most on this machine, and keep it for `loadgen run`
///
/// It loads a server of its own, which answers at once, in a closed loop at 64 connections, three times, and takes the
/// median of what its thread would have done had it been busy all the time. A later run whose rate is above 70 % of that is
/// marked: it may be the load generator's own limit.
#[derive(Args)]
pub(crate) struct Flags {
    #[command(flatten)]
    places: PlaceFlags,
}

pub(crate) fn run(flags: &Flags) -> Result<ExitCode> {
    let places = flags.places.places()?;
    let mut cpu_us = Vec::new();
    for _ in 0..3 {
        let server = KnownServer::start(Manner::Echo, places.server_cpu)?;
        let work = Work::new("ping", Params::Unique).expect("a ping takes any value");
        let plan = Plan {
            warmup: Duration::from_millis(500),
            duration: Duration::from_secs(2),
            cpus: places.client_cpu.into_iter().collect(),
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
    let ceiling = Ceiling::of_this_machine(1e6 / cpu_us[1]);
    print(&format!(
        "{:.0} requests/s a thread ({:.2} µs of CPU a request; {:.2} to {:.2} in three runs) on {}\n",
        ceiling.per_thread_per_s, cpu_us[1], cpu_us[0], cpu_us[2], ceiling.cpu_model
    ))?;
    let path = ceiling.keep().context("can't keep it for later runs")?;
    print(&format!("kept in {}\n", path.display()))?;
    Ok(ExitCode::SUCCESS)
}
