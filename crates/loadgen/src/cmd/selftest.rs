//! `loadgen selftest`: tests the load generator against theory.

use std::process::ExitCode;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result};
use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use loadgen::plan::Fault;

use super::placement::PlacementFlags;
use super::signals::cancelled_by_signals;
use super::streams::print;
use crate::selftest::{Bench, CHECKS};

/// Test the load generator against theory, on built-in servers; takes 4 minutes, or 10 on a busy machine
///
/// Prints each measured value beside the expected one, and exits with 1 if one is out of its bounds. Needs two idle CPUs.
#[derive(Args)]
pub(crate) struct Flags {
    /// Checks to run [default: all]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = PossibleValuesParser::new(names()))]
    only: Vec<String>,

    #[command(flatten)]
    placement: PlacementFlags,

    /// Fault to plant in the load generator, which the checks have to find
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
        placement: flags.placement.placement()?,
        fault: flags.plant.map(|planted| match planted {
            Planted::LatencyFromSend => Fault::LatencyFromSend,
            Planted::MillisecondTimer => Fault::MillisecondTimer,
            Planted::UncheckedReplies => Fault::UncheckedReplies,
        }),
        cancel: &cancel,
    };
    let mut failed = 0;
    for check in &CHECKS {
        if !flags.only.is_empty() && !flags.only.iter().any(|name| name == check.name) {
            continue;
        }
        print(&format!("{}: {}\n", check.name, check.claim))?;
        let findings = (check.run)(&bench).with_context(|| format!("can't run the check {}", check.name))?;
        if cancel.load(Ordering::Relaxed) {
            print("interrupted\n")?;
            return Ok(ExitCode::FAILURE);
        }
        for finding in &findings {
            print(&format!("  {finding}\n"))?;
        }
        failed += findings.iter().filter(|finding| !finding.passed()).count();
    }
    if failed > 0 {
        print(&format!("{failed} failed\n"))?;
        return Ok(ExitCode::FAILURE);
    }
    print("all checks passed\n")?;
    Ok(ExitCode::SUCCESS)
}
