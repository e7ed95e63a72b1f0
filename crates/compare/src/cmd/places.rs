//! Flags that say where things run, and where they lie.

use std::path::{Path, PathBuf};
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
use crate::contender::Contender;
use crate::contender::models::{self, Model};
use crate::leftovers;
use crate::signals;
use meter::Maker;
use meter::tree;
use schema::cpus::{CpuSet, Split};

/// Where things run, and where they lie.
#[derive(Args)]
pub(crate) struct PlaceFlags {
    /// The processors that the servers run on, such as 0 or 0-1,4; without it, half of the cores
    #[arg(long, value_name = "LIST")]
    server_cpus: Option<CpuSet>,

    /// The processors that the load comes from; without it, those that the servers leave
    #[arg(long, value_name = "LIST")]
    client_cpus: Option<CpuSet>,

    /// Where the servers' programs are; without it, beside this one
    #[arg(long, value_name = "DIR")]
    servers: Option<PathBuf>,
}

impl PlaceFlags {
    /// The processors of both sides, and how many this process may use.
    pub(crate) fn split(&self) -> Result<(Split, usize)> {
        let allowed = meter::cpus::allowed()?;
        among(&allowed, "--server-cpus", self.server_cpus.as_ref())?;
        among(&allowed, "--client-cpus", self.client_cpus.as_ref())?;
        let split = meter::cpus::split(&allowed, self.server_cpus.as_ref(), self.client_cpus.as_ref());
        Ok((split, allowed.len()))
    }

    /// The models of this house, all of whose programs have to be there.
    pub(crate) fn contenders(&self, models: impl IntoIterator<Item = Model>) -> Result<Vec<Contender>> {
        let folder = match &self.servers {
            Some(folder) => folder.clone(),
            None => beside_this_program()?,
        };
        let contenders: Vec<_> = models
            .into_iter()
            .map(|model| crate::contender::of_model(model, &folder))
            .collect();
        let missing = contenders
            .iter()
            .map(|contender| folder.join(&contender.command[0]))
            .find(|program| !program.is_file());
        match missing {
            None => Ok(contenders),
            Some(program) => Err(Usage(format!(
                "there is no {}; build the servers with `cargo build --release`, or say with --servers where they are",
                program.display()
            ))
            .into()),
        }
    }

    /// All of them, or those of these names, in the order of the tutorial.
    pub(crate) fn house(&self, names: &[Model]) -> Result<Vec<Contender>> {
        let asked = |model: &Model| names.is_empty() || names.iter().any(|asked| asked.name == model.name);
        self.contenders(models::ALL.into_iter().filter(asked))
    }
}

/// Whether processors that were asked for are some that this process may run on.
fn among(allowed: &CpuSet, flag: &str, asked: Option<&CpuSet>) -> Result<(), Usage> {
    let missing = asked.map(|asked| asked.without(allowed)).unwrap_or_default();
    if missing.len() == 0 {
        return Ok(());
    }
    Err(Usage(format!(
        "{flag} asks for {missing}, and this process may run on {allowed}"
    )))
}

fn beside_this_program() -> Result<PathBuf> {
    let exe = std::env::current_exe().context("can't tell where this program is")?;
    Ok(exe.parent().unwrap_or(Path::new(".")).to_owned())
}

/// Set by the first signal; the second ends the servers and this process at once.
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

/// Ends whatever this process has started, and then itself.
fn end_at_once() -> ! {
    /// Keepers end what they keep first. Without this process they do so too, so that nothing is lost if they take longer.
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
