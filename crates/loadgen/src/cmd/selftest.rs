//! `loadgen selftest`: the load generator against theory.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use loadgen::plan::Fault;
use signal_hook::consts::{SIGINT, SIGTERM};

use super::Usage;
use super::places::PlaceFlags;
use crate::selftest::{Bench, CHECKS};

/// Hold the load generator to theory, against servers of its own whose behaviour is known; some minutes
///
/// Prints what is expected beside what was measured, and exits with 1 if something falls short. It wants two idle
/// processors.
#[derive(Args)]
pub(crate) struct Flags {
    /// Only these checks, by name; --only help names them
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    only: Vec<String>,

    #[command(flatten)]
    places: PlaceFlags,

    /// Put a fault into the load generator, which the checks have to find
    #[arg(long, value_enum, hide = true)]
    plant: Option<Planted>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Planted {
    LatencyFromSend,
    MillisecondTimer,
    UncheckedReplies,
}

pub(crate) fn run(flags: &Flags) -> Result<ExitCode> {
    let names: Vec<_> = CHECKS.iter().map(|check| check.name).collect();
    if let Some(unknown) = flags.only.iter().find(|name| !names.contains(&name.as_str())) {
        return Err(Usage(format!("--only {unknown}: choose from {}", names.join(", "))).into());
    }
    let cancel = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&cancel)).context("can't handle signals")?;
    }
    let bench = Bench {
        places: flags.places.places()?,
        fault: flags.plant.map(|planted| match planted {
            Planted::LatencyFromSend => Fault::LatencyFromSend,
            Planted::MillisecondTimer => Fault::MillisecondTimer,
            Planted::UncheckedReplies => Fault::UncheckedReplies,
        }),
        cancel: &cancel,
    };
    let mut short = 0;
    for check in &CHECKS {
        if !flags.only.is_empty() && !flags.only.iter().any(|name| name == check.name) {
            continue;
        }
        println!("{}: {}", check.name, check.claim);
        let findings =
            (check.run)(&bench).with_context(|| format!("the check {} can't be made", check.name))?;
        if cancel.load(Ordering::Relaxed) {
            println!("interrupted");
            return Ok(ExitCode::FAILURE);
        }
        for finding in &findings {
            println!("  {finding}");
        }
        short += findings.iter().filter(|finding| !finding.passed()).count();
    }
    println!(
        "{}",
        if short == 0 {
            "all is as it should be".to_owned()
        } else {
            format!("{short} fall short")
        }
    );
    Ok(if short == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
