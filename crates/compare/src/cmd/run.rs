//! `compare run`: the experiment.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use jiff::Timestamp;

use super::Usage;
use super::places::{PlaceFlags, cancelled_by_signals};
use crate::contender::models::{self, Model};
use crate::contender::{Contender, LeftOut, file, verify};
use crate::cpus::Split;
use crate::environment::{Commit, Environment, Machine, typed};
use crate::experiment::{self, Experiment, shipped};
use crate::folder::Run;
use crate::journal::Journal;
use crate::profile::{self, Profile};
use crate::progress::Progress;
use crate::record::{Record, SCHEMA};
use crate::report;
use crate::runner::{self, Ended};
use crate::trial::{self, Bench};

/// Measure the models against each other, and write what came of it
#[derive(Args)]
pub(crate) struct Flags {
    /// How long it takes, and so how sure it can be
    #[arg(long, value_enum, default_value_t = profile::Choice::Quick)]
    profile: profile::Choice,

    /// The models, by name; without it, all six
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = models::named)]
    models: Vec<Model>,

    /// The experiments, by name (see `compare list`) or as TOML files; without it, those of the profile
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = experiment::asked)]
    experiments: Vec<Experiment>,

    /// Further servers to measure beside the models: a TOML file
    #[arg(long, value_name = "FILE")]
    contenders: Option<PathBuf>,

    /// How often each is measured in each setting, in place of the profile's number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    trials: Option<u16>,

    #[command(flatten)]
    places: PlaceFlags,

    /// Where the page goes, and the run's own folder below it
    #[arg(long, value_name = "DIR", default_value = "results")]
    out: PathBuf,

    /// What the order of the trials is drawn from; without it, another for each run
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Go on with a run that was interrupted: its folder. What it was asked for stays as it was
    #[arg(long, value_name = "RUN", conflicts_with_all = ["profile", "models", "experiments", "trials", "seed"])]
    resume: Option<PathBuf>,
}

pub(crate) fn run(flags: &Flags) -> Result<ExitCode> {
    let cancel = cancelled_by_signals()?;
    let (environment, run, mut journal, before) = match &flags.resume {
        Some(folder) => flags.resumed(folder)?,
        None => match flags.begun(&cancel)? {
            Some(begun) => begun,
            None => return Ok(ExitCode::FAILURE),
        },
    };
    environment.cpus.client.pin_this_thread()?;
    let ended = measure(&environment, &run, &before, &mut journal, &cancel)?;
    let reported = report::write(&run, None);
    let folder = run.path().display();
    match ended {
        Ended::Halted { after, reason } => {
            // What keeps records from being written may well keep the page from it too.
            if let Err(error) = reported {
                eprintln!("{error:#}");
            }
            Err(anyhow!(
                "{reason}; {after} trials are kept: free some space, or mend what else is told here, and go on with \
                 `compare run --resume {folder}`"
            ))
        }
        Ended::Interrupted { .. } => {
            eprintln!("go on with `compare run --resume {folder}`");
            reported.map(|()| ExitCode::FAILURE)
        }
        Ended::AfterAll { failed } => {
            let again = || {
                format!(
                    "the records are whole, and what is made of them can be written again with `compare report {folder}`"
                )
            };
            reported.with_context(again)?;
            let all_well = failed == 0 && environment.left_out.is_empty();
            Ok(if all_well {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            })
        }
    }
}

/// Makes the trials, each written down as soon as it has ended.
fn measure(
    environment: &Environment,
    run: &Run,
    before: &[Record],
    journal: &mut Journal,
    cancel: &AtomicBool,
) -> Result<Ended> {
    let trials = environment.planned();
    let histograms = run.path().join("hdr");
    let bench = Bench {
        cpus: &environment.cpus,
        times: environment.times,
        ceiling_per_s: loadgen::ceiling::known(environment.cpus.client.len()),
        histograms: None,
        seed: environment.seed,
        cancel,
    };
    let left = &trials[before.len().min(trials.len())..];
    let total: Duration = left.iter().map(|trial| trial.expected(environment.times)).sum();
    let mut progress = Progress::of(left.len(), environment.rounds, total);
    let ended = runner::run(
        &trials,
        before,
        journal,
        &|trial| environment.sets_aside(trial).is_some(),
        &mut progress,
        &mut |number, trial, capacity_per_s| {
            let file = trial::histogram_file(&histograms, number, trial);
            let histograms = Some(&*file);
            Bench { histograms, ..bench }.run(trial, capacity_per_s)
        },
    )?;
    if let Ended::Interrupted { after } = &ended {
        progress.say(&format!("interrupted after {after} trials"));
    }
    Ok(ended)
}

type Begun = (Environment, Run, Journal, Vec<Record>);

impl Flags {
    /// A new run; none if it was interrupted before it began.
    fn begun(&self, cancel: &AtomicBool) -> Result<Option<Begun>> {
        let (contenders, experiments) = (self.asked_contenders()?, self.asked_experiments()?);
        let (cpus, processors) = self.places.split()?;
        cpus.client.pin_this_thread()?;
        let (contenders, left_out) = verified(contenders, &cpus, cancel);
        if cancel.load(Ordering::Relaxed) {
            return Ok(None);
        }
        if contenders.is_empty() {
            bail!("nobody is left to be measured");
        }
        let profile = Profile::of(self.profile);
        let environment = Environment {
            schema: SCHEMA,
            started_at: Timestamp::now(),
            command: typed(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: Commit::of(&sources()),
            profile: profile.name.to_owned(),
            times: profile.times,
            rounds: self.trials.map_or(profile.rounds, usize::from),
            // Short enough to be typed again.
            seed: self.seed.unwrap_or_else(|| rand::random::<u32>().into()),
            contenders,
            left_out,
            experiments,
            cpus,
            machine: Machine::this(processors)?,
        };
        let run = Run::create(&self.out, environment.started_at)?;
        environment.write(&run.environment())?;
        let journal = Journal::create(run.records())?;
        Ok(Some((environment, run, journal, Vec::new())))
    }

    /// A run that goes on.
    fn resumed(&self, folder: &Path) -> Result<Begun> {
        let run = Run::open(folder).map_err(|error| Usage(error.to_string()))?;
        let mut environment = Environment::read(&run.environment())?;
        let machine = Machine::this(self.places.split()?.1)?;
        if machine != environment.machine {
            return Err(Usage(format!(
                "{} was begun on another machine ({}); its trials can't be mixed with this one's",
                folder.display(),
                environment.machine.cpu_model
            ))
            .into());
        }
        // Where programs lie is not written down.
        let mut known = self.places.house(&[])?;
        if let Some(path) = &self.contenders {
            known.extend(
                file::read(path).map_err(|error| Usage(format!("{:#}", anyhow::Error::from(error))))?,
            );
        }
        for contender in &mut environment.contenders {
            let found = known.iter().find(|known| known.name == contender.name);
            let found = found.ok_or_else(|| {
                Usage(format!(
                    "the run has a contender `{}`; give the file that it is in with --contenders",
                    contender.name
                ))
            })?;
            contender.folder.clone_from(&found.folder);
        }
        let (journal, before) = Journal::resume(run.records())?;
        Ok((environment, run, journal, before))
    }

    fn asked_contenders(&self) -> Result<Vec<Contender>> {
        let mut contenders = self.places.house(&self.models)?;
        if let Some(path) = &self.contenders {
            contenders.extend(
                file::read(path).map_err(|error| Usage(format!("{:#}", anyhow::Error::from(error))))?,
            );
        }
        Ok(contenders)
    }

    /// The experiments that were asked for, whatever the profile; else those of the profile.
    fn asked_experiments(&self) -> Result<Vec<Experiment>> {
        let profile = Profile::of(self.profile).name;
        if self.experiments.is_empty() {
            return Ok(shipped::all()
                .iter()
                .filter_map(|experiment| experiment.within(profile))
                .collect());
        }
        let mut experiments: Vec<Experiment> = Vec::new();
        for asked in &self.experiments {
            if experiments.iter().any(|other| other.key == asked.key) {
                return Err(Usage(format!("--experiments has `{}` twice", asked.key)).into());
            }
            experiments.push(asked.asked_within(profile));
        }
        Ok(experiments)
    }
}

/// Those that speak the wire, and those that do not with the reason.
fn verified(contenders: Vec<Contender>, cpus: &Split, cancel: &AtomicBool) -> (Vec<Contender>, Vec<LeftOut>) {
    let (mut taking_part, mut left_out) = (Vec::new(), Vec::new());
    for contender in contenders {
        match verify::fault(&contender, cpus, cancel) {
            None => taking_part.push(contender),
            Some(reason) => {
                eprintln!("{} is left out: {reason}", contender.name);
                left_out.push(LeftOut {
                    name: contender.name,
                    reason,
                });
            }
        }
    }
    (taking_part, left_out)
}

/// Where the sources are that this was built from: `scripts/compare.sh` knows; else it is taken to be here.
fn sources() -> PathBuf {
    std::env::var_os("COMPARE_SOURCES").map_or_else(|| PathBuf::from("."), PathBuf::from)
}
