//! `compare run`: the experiment.

mod absent;
mod accept;
mod begun;
mod resumed;
mod verified;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use clap::Args;

use super::contenders::ContendersFlag;
use super::places::{PlaceFlags, cancelled_by_signals};
use crate::contender::LeftOut;
use crate::experiment::{self, Experiment};
use crate::folder::Run;
use crate::journal::Journal;
use crate::output;
use crate::plan;
use crate::profile;
use crate::progress::Progress;
use crate::publish;
use crate::runner::{self, Ended};
use crate::trial::{self, Bench};
use host::Local;
use host::leftovers;
use report::Summary;
use schema::environment::Environment;
use schema::record::Record;
use schema::text::terminal;

/// Measure the models against each other, and write the results
///
/// Exits with 1 if a trial failed, a model or contender was left out, or a model lost over 1 % of its requests or stopped
/// answering. What can't run on this machine, and is not named in --models, is left out without that.
#[derive(Args)]
pub(crate) struct Flags {
    /// How long the run takes, and so how narrow its intervals are
    #[arg(long, value_enum, default_value_t = profile::Choice::Quick)]
    profile: profile::Choice,

    /// The models: all, article (its six), further (the others), names (see compare list), or a mix. Contenders that it names
    /// take part without the others
    #[arg(long, value_name = "LIST")]
    models: Vec<String>,

    /// The experiments: names (see compare list) or TOML files; without it, those of the profile
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = experiment::asked)]
    experiments: Vec<Experiment>,

    #[command(flatten)]
    contenders: ContendersFlag,

    /// Trials of each model in each setting, from 1 to 1000, instead of the profile's number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(profile::ROUNDS_MOST)))]
    trials: Option<u16>,

    #[command(flatten)]
    places: PlaceFlags,

    /// Folder for the page; the run gets its own folder below it
    #[arg(long, value_name = "DIR", default_value = "results")]
    out: PathBuf,

    /// Seed of the order of the trials, from 0 to 2^64 - 1; without it, a random one
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Folder of an interrupted run to continue, with the flags that it was started with
    #[arg(long, value_name = "RUN", conflicts_with_all = [
        "profile", "models", "experiments", "trials", "seed", "out", "server_cpus", "client_cpus",
    ])]
    resume: Option<PathBuf>,
}

pub(crate) fn run(flags: &Flags) -> Result<ExitCode> {
    let cancel = cancelled_by_signals()?;
    if let Some(removed) = leftovers::clear() {
        output::note(&removed);
    }
    // Removed at the end of the run.
    let built = tempfile::tempdir().context("can't make a folder for what is built")?;
    let begun = match &flags.resume {
        Some(folder) => flags.resumed(folder, built.path(), &cancel)?,
        None => flags.begun(built.path(), &cancel)?,
    };
    let Some((environment, run, mut journal, before)) = begun else {
        return Ok(ExitCode::FAILURE);
    };
    for folder in [run.path(), run.page_in()] {
        if let Some(removed) = leftovers::clear_parts(folder) {
            output::note(&removed);
        }
    }
    meter::cpus::pin_this_thread(&environment.cpus.client)?;
    let ended = measure(&environment, &run, &before, &mut journal, &cancel)?;
    let reported = run.read().and_then(|read| {
        publish::write(&run, &read, &[])?;
        Ok(Summary::build(&read.environment, &read.records).faults())
    });
    conclude(ended, reported, &environment.left_out, &run)
}

/// Reports how a run ended, with what to do about it, and whether the page could be written.
fn conclude(
    ended: Ended,
    reported: Result<Vec<String>>,
    left_out: &[LeftOut],
    run: &Run,
) -> Result<ExitCode> {
    let folder = output::for_shell(run.path().as_os_str());
    match ended {
        Ended::Halted(reason) => {
            // What prevents records from being written may prevent the page too.
            if let Err(error) = reported {
                output::note(&format!("{error:#}"));
            }
            Err(anyhow!(
                "{reason}; what was measured before is kept: free some space or fix the cause, then continue with \
                 compare run --resume {folder}"
            ))
        }
        Ended::Interrupted { .. } => {
            output::note(&format!("continue with: compare run --resume {folder}"));
            reported.map(|_| ExitCode::FAILURE)
        }
        Ended::AfterAll { failed } => {
            let at_fault = reported.map_err(|error| {
                anyhow!(
                    "{error:#}; the records are complete: fix the cause, then write the page with compare report {folder}"
                )
            })?;
            for line in &at_fault {
                output::note(&terminal::line(line));
            }
            let missed = left_out.iter().filter(|out| !out.is_excused());
            let missed: Vec<_> = missed.map(|out| &*out.name).collect();
            if !missed.is_empty() {
                output::note(&format!("not measured: {}", missed.join(", ")));
            }
            Ok(if failed == 0 && missed.is_empty() && at_fault.is_empty() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            })
        }
    }
}

/// Runs the trials. Each is recorded as soon as it has ended.
fn measure(
    environment: &Environment,
    run: &Run,
    before: &[Record],
    journal: &mut Journal,
    cancel: &AtomicBool,
) -> Result<Ended> {
    let trials = plan::of_run(environment);
    let host = Local::new(&environment.cpus, cancel);
    let bench = Bench {
        host: &host,
        times: environment.times,
        ceiling_per_s: loadgen::ceiling::known(
            environment.cpus.client.len(),
            &environment.cpus.client.numbers(),
        ),
        round_trip_us: environment.round_trip_us,
        histograms: None,
        output: None,
        seed: environment.seed,
        cancel,
    };
    let left = &trials[plan::made(before).min(trials.len())..];
    let total: Duration = left.iter().map(|trial| trial.expected(environment.times)).sum();
    let mut progress = Progress::start(left.len(), environment.rounds, total);
    let ended = runner::run(
        &trials,
        before,
        journal,
        &|trial| environment.exclusion(trial).is_some(),
        &mut progress,
        &mut |number, planned, capacity_per_s| {
            let stem = trial::stem(number, planned);
            let histograms = run.path().join("hdr").join(format!("{stem}.hlog"));
            let output = run.output(&stem);
            let bench = Bench {
                histograms: Some(&histograms),
                output: Some(&output),
                ..bench
            };
            trial::run(&bench, planned, capacity_per_s)
        },
    )?;
    if let Ended::Interrupted { after } = &ended {
        progress.print(&format!("interrupted after {after} trials"));
    }
    Ok(ended)
}

/// A run that is ready to be measured, with the records that it has already.
type Begun = (Environment, Run, Journal, Vec<Record>);
