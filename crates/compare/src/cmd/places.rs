//! Flags for CPUs and for the servers' folder, and the signals that end a run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use loadgen::signals::Blocked;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::Usage;
use super::models::ServersFlag;
use crate::signals;
use host::leftovers;
use meter::Maker;
use meter::tree;
use schema::cpus::{CpuSet, Split};

/// The CPUs of both sides, and the folder of the servers.
#[derive(Args)]
pub(crate) struct PlaceFlags {
    /// CPUs for the servers, such as 0 or 0-1,4; without it, half of the cores
    #[arg(long, value_name = "LIST")]
    server_cpus: Option<CpuSet>,

    /// CPUs for the load generator; without it, those that the servers leave
    #[arg(long, value_name = "LIST")]
    client_cpus: Option<CpuSet>,

    #[command(flatten)]
    pub(crate) servers: ServersFlag,
}

impl PlaceFlags {
    /// The CPUs of both sides, and how many this process may use.
    pub(crate) fn split(&self) -> Result<(Split, usize)> {
        let allowed = meter::cpus::allowed()?;
        among(&allowed, "--server-cpus", self.server_cpus.as_ref())?;
        among(&allowed, "--client-cpus", self.client_cpus.as_ref())?;
        let split = meter::cpus::split(&allowed, self.server_cpus.as_ref(), self.client_cpus.as_ref());
        Ok((split, allowed.len()))
    }
}

/// Whether this process may run on the CPUs that were asked for.
fn among(allowed: &CpuSet, flag: &str, asked: Option<&CpuSet>) -> Result<(), Usage> {
    let missing = asked.map(|asked| asked.without(allowed)).unwrap_or_default();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Usage(format!(
        "{flag} has {missing}, but this process may only run on {allowed}; use some of these"
    )))
}

/// A flag that the first signal sets. The second signal ends the servers and this process at once.
pub(crate) fn cancelled_by_signals() -> Result<Arc<AtomicBool>> {
    let cancel = Arc::new(AtomicBool::new(false));
    let hangup = (!signals::outlives_hangup()).then_some(SIGHUP);
    let blocked = Blocked::all().context("can't block signals")?;
    let signals = Signals::new([SIGINT, SIGTERM].into_iter().chain(hangup));
    let mut signals = signals.context("can't handle signals")?;
    let cancelled = Arc::clone(&cancel);
    thread::spawn(move || {
        for _ in signals.forever() {
            if cancelled.swap(true, Ordering::Relaxed) {
                end_at_once();
            }
        }
    });
    drop(blocked);
    Ok(cancel)
}

/// Ends the processes that this one has started, and then itself.
fn end_at_once() -> ! {
    /// Keepers end their servers first. They also do so without this process, so nothing is lost if they take longer.
    const AT_MOST: Duration = Duration::from_secs(10);
    let own = Pid::this();
    let until = Instant::now() + AT_MOST;
    loop {
        let children = tree::below(own).into_iter();
        let living: Vec<_> = children
            .filter(|stat| stat.ppid == own.as_raw() && !tree::has_ended(stat))
            .collect();
        if living.is_empty() || Instant::now() > until {
            break;
        }
        for child in living {
            let _ = kill(Pid::from_raw(child.pid), Signal::SIGTERM);
        }
        thread::sleep(Duration::from_millis(2));
    }
    leftovers::remove_files(|maker| maker == Maker::this());
    std::process::exit(1)
}
