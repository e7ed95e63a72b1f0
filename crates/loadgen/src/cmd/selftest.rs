//! `loadgen selftest`: the load generator against theory.

use std::process::ExitCode;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result};
use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use loadgen::plan::Fault;

use super::places::PlaceFlags;
use super::print;
use super::signals::cancelled_by_signals;
use crate::selftest::{Bench, CHECKS};

/// Hold the load generator to theory, against servers of its own whose behaviour is known; three to four minutes, or up to ten
/// where the machine is disturbed
///
/// Prints what is expected beside what was measured, and exits with 1 if something falls short. It wants two idle
/// processors.
#[derive(Args)]
pub(crate) struct Flags {
    /// Only these checks
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = PossibleValuesParser::new(names()))]
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

fn names() -> impl Iterator<Item = &'static str> {
    CHECKS.iter().map(|check| check.name)
}

pub(crate) fn run(flags: &Flags) -> Result<ExitCode> {
    let cancel = cancelled_by_signals()?;
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
        print(&format!("{}: {}\n", check.name, check.claim))?;
        let findings =
            (check.run)(&bench).with_context(|| format!("the check {} can't be made", check.name))?;
        if cancel.load(Ordering::Relaxed) {
            print("interrupted\n")?;
            return Ok(ExitCode::FAILURE);
        }
        for finding in &findings {
            print(&format!("  {finding}\n"))?;
        }
        short += findings.iter().filter(|finding| !finding.passed()).count();
    }
    if short > 0 {
        print(&format!("{short} fall short\n"))?;
        return Ok(ExitCode::FAILURE);
    }
    print("all is as it should be\n")?;
    Ok(ExitCode::SUCCESS)
}
