//! `compare run`: the experiment.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result};
use clap::Args;
use jiff::Timestamp;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::Usage;
use crate::cpus::{CpuSet, Split};
use crate::environment::{Commit, Environment, Machine, typed};
use crate::experiments::{self, Experiment};
use crate::folder::Run;
use crate::journal::Journal;
use crate::models::{self, Contender, Model};
use crate::plan;
use crate::profile::{self, Profile};
use crate::progress::Progress;
use crate::record::{Outcome, Record, SCHEMA};
use crate::report;
use crate::trial::Bench;

/// Measure the models against each other, and write what came of it
#[derive(Args)]
pub(crate) struct Flags {
    /// How long it takes, and so how sure it can be
    #[arg(long, value_enum, default_value_t = profile::Choice::Quick)]
    profile: profile::Choice,

    /// The models, by name; without it, all six
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = models::named)]
    models: Vec<Model>,

    /// The experiments, by name (see `compare list`); without it, all
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = experiments::named)]
    experiments: Vec<Experiment>,

    /// How often each model is measured in each setting, in place of the profile's number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    trials: Option<u16>,

    /// The processors that the servers run on, such as 0 or 0-1,4; without it, half of the cores
    #[arg(long, value_name = "LIST")]
    server_cpus: Option<CpuSet>,

    /// The processors that the load comes from; without it, those that the servers leave
    #[arg(long, value_name = "LIST")]
    client_cpus: Option<CpuSet>,

    /// Where the page goes, and the run's own folder below it
    #[arg(long, value_name = "DIR", default_value = "results")]
    out: PathBuf,

    /// What the order of the trials is drawn from; without it, another for each run
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Where the servers' programs are; without it, beside this one
    #[arg(long, value_name = "DIR")]
    servers: Option<PathBuf>,
}

pub(crate) fn run(flags: &Flags) -> Result<ExitCode> {
    let contenders = flags.contenders()?;
    let environment = flags.environment(&contenders)?;
    environment.cpus.client.pin_this_thread()?;
    let cancel = cancelled_by_signals()?;
    let run = Run::create(&flags.out, environment.started_at)?;
    environment.write(&run.environment())?;
    let ended = measure(&environment, &contenders, &run, &cancel)?;
    report::write(&run)?;
    println!("raw records: {}", run.records().display());
    Ok(ended.verdict())
}

/// Makes the trials, each written down as soon as it has ended.
fn measure(
    environment: &Environment,
    contenders: &[Contender],
    run: &Run,
    cancel: &AtomicBool,
) -> Result<Ended> {
    let settings: Vec<_> = environment
        .experiments
        .iter()
        .flat_map(|experiment| experiment.settings.clone())
        .collect();
    let trials = plan::trials(&settings, contenders, environment.rounds, environment.seed);
    let bench = Bench {
        cpus: &environment.cpus,
        times: environment.times,
        cancel,
    };
    let mut journal = Journal::create(run.records())?;
    let mut progress = Progress::of(
        trials.len(),
        environment.rounds,
        plan::expected(environment.times),
    );
    let mut failed = 0;
    for (index, &trial) in trials.iter().enumerate() {
        progress.begins(trial);
        let started_at = Timestamp::now();
        let Ok(outcome) = bench.run(trial) else {
            progress.say(&format!("interrupted after {index} of {} trials", trials.len()));
            return Ok(Ended::Interrupted);
        };
        if let Outcome::Failed(reason) = &outcome {
            failed += 1;
            progress.say(&format!(
                "{}, {}: {reason}",
                trial.contender.name, trial.setting.title
            ));
        }
        journal.append(&Record {
            schema: SCHEMA,
            trial: index + 1,
            round: trial.round,
            setting: trial.setting.key.clone(),
            model: trial.contender.name.clone(),
            started_at,
            outcome,
        })?;
        progress.ended();
    }
    Ok(Ended::AfterAll { failed })
}

/// How the trials came to an end.
enum Ended {
    AfterAll { failed: usize },
    Interrupted,
}

impl Ended {
    fn verdict(&self) -> ExitCode {
        match self {
            Self::AfterAll { failed: 0 } => ExitCode::SUCCESS,
            Self::AfterAll { .. } | Self::Interrupted => ExitCode::FAILURE,
        }
    }
}

impl Flags {
    /// Who takes part: the models that were asked for, in the order of the tutorial, all of whose programs are there.
    fn contenders(&self) -> Result<Vec<Contender>> {
        let folder = match &self.servers {
            Some(folder) => folder.clone(),
            None => beside_this_program()?,
        };
        let asked = |model: &Model| {
            self.models.is_empty() || self.models.iter().any(|asked| asked.name == model.name)
        };
        let contenders: Vec<_> = models::ALL
            .into_iter()
            .filter(asked)
            .map(|model| Contender::of(model, &folder))
            .collect();
        match contenders.iter().find(|contender| !contender.program.is_file()) {
            None => Ok(contenders),
            Some(missing) => Err(Usage(format!(
                "there is no {}; build the servers with `cargo build --release`, or say with --servers where they are",
                missing.program.display()
            ))
            .into()),
        }
    }

    fn environment(&self, contenders: &[Contender]) -> Result<Environment> {
        let allowed = CpuSet::allowed()?;
        among(&allowed, "--server-cpus", self.server_cpus.as_ref())?;
        among(&allowed, "--client-cpus", self.client_cpus.as_ref())?;
        let profile = Profile::of(self.profile);
        let asked =
            |experiment: &Experiment| self.experiments.is_empty() || self.experiments.contains(experiment);
        Ok(Environment {
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
            models: contenders
                .iter()
                .map(|contender| contender.name.clone())
                .collect(),
            experiments: experiments::all().into_iter().filter(asked).collect(),
            cpus: Split::of(&allowed, self.server_cpus.as_ref(), self.client_cpus.as_ref()),
            machine: Machine::this(allowed.len())?,
        })
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

/// Where the sources are that this was built from: `scripts/compare.sh` knows; else it is taken to be here.
fn sources() -> PathBuf {
    std::env::var_os("COMPARE_SOURCES").map_or_else(|| PathBuf::from("."), PathBuf::from)
}

fn beside_this_program() -> Result<PathBuf> {
    let exe = std::env::current_exe().context("can't tell where this program is")?;
    Ok(exe.parent().unwrap_or(Path::new(".")).to_owned())
}

/// Set by the first signal; the second ends the process at once, and the servers with it.
fn cancelled_by_signals() -> Result<Arc<AtomicBool>> {
    let cancel = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register_conditional_shutdown(signal, 1, Arc::clone(&cancel))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&cancel)))
            .context("can't handle signals")?;
    }
    Ok(cancel)
}
