//! A run that begins: who takes part, and what is asked.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, anyhow, bail};
use jiff::Timestamp;

use super::absent::{left_out_of, line};
use super::accept::unknown_value;
use super::verified::verified;
use super::{Begun, Flags};
use crate::cmd::Usage;
use crate::contender::LeftOut;
use crate::environment::{self, typed};
use crate::experiment::{on_cpus, shipped};
use crate::folder::{Run, check_page_in};
use crate::journal::Journal;
use crate::output;
use crate::plan;
use crate::profile::Profile;
use loadgen::round_trip;
use meter::Tracer;
use schema::cpus::{CpuSet, Split};
use schema::environment::Environment;
use schema::experiment::{Experiment, Load, Method};
use schema::record::SCHEMA;

impl Flags {
    /// A new run; none if it was interrupted before it began.
    pub(super) fn begun(&self, built: &Path, cancel: &AtomicBool) -> Result<Option<Begun>> {
        check_page_in(&self.out).map_err(|error| Usage(error.to_string()))?;
        let (cpus, cpus_allowed) = self.places.split()?;
        let discovered = self.places.servers.discover_on(&cpus.server)?;
        let others = self.contenders.read(&discovered, built)?;
        let models_asked = discovered.parse(&self.models, &others)?;
        let (contenders, faulty) = discovered.asked(&models_asked, others)?;
        let asked = self.asked_experiments()?;
        let server_cpus = cpus.server.len();
        let experiments: Vec<_> = asked.iter().map(|asked| on_cpus(asked, server_cpus)).collect();
        let descriptions = discovered.descriptions().iter();
        let of_models = descriptions.flat_map(|model| &model.accept);
        let of_contenders = contenders
            .iter()
            .filter_map(|contender| contender.capabilities.accept.as_ref());
        let taken = of_models.chain(of_contenders.flatten()).map(|value| &**value);
        if let Some(fault) = unknown_value(&experiments, taken, &shipped::all()) {
            return Err(Usage(fault).into());
        }
        let models = discovered.descriptions().iter().map(|model| &*model.name);
        let names: Vec<_> = models
            .chain(contenders.iter().map(|contender| &*contender.name))
            .collect();
        for line in unknown_names(&experiments, &names) {
            output::note(&line);
        }
        meter::cpus::pin_this_thread(&cpus.client)?;
        let (experiments, experiments_left_out) = askable(experiments, Tracer::probe);
        if experiments.is_empty() {
            bail!("no experiment is left to be measured; choose others with --experiments");
        }
        let machine = environment::this_machine(cpus_allowed)?;
        // The output of contenders while they are verified is kept in the run's folder.
        let started_at = Timestamp::now();
        let run = Run::create(&self.out, started_at)?;
        let (contenders, mut left_out) = match verified(contenders, &cpus, &run, cancel) {
            Ok(Some(verified)) => verified,
            other => {
                run.discard();
                return other.map(|_| None);
            }
        };
        if contenders.is_empty() {
            return Err(nobody_is_left(run));
        }
        let round_trip_us = match round_trip_if_needed(&experiments, &cpus, cancel) {
            Ok(round_trip_us) => round_trip_us,
            Err(error) => {
                run.discard();
                return Err(error);
            }
        };
        if cancel.load(Ordering::Relaxed) {
            run.discard();
            return Ok(None);
        }
        let left_out_of = left_out_of(&experiments, &contenders);
        for out in &left_out_of {
            output::note(&line(out));
        }
        left_out.extend(faulty);
        for out in &mut left_out {
            out.named = models_asked.iter().any(|asked| asked.name() == Some(&out.name));
        }
        let profile = Profile::chosen(self.profile);
        let environment = Environment {
            schema: SCHEMA,
            started_at,
            command: typed(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: environment::commit(),
            profile: profile.name.to_owned(),
            times: profile.times,
            rounds: self.trials.map_or(profile.rounds, usize::from),
            // 32 bits are short enough to be typed again.
            seed: self.seed.unwrap_or_else(|| rand::random::<u32>().into()),
            contenders,
            left_out,
            left_out_of,
            experiments,
            experiments_left_out,
            cpus,
            round_trip_us,
            machine,
        };
        if plan::of_run(&environment).is_empty() {
            run.discard();
            return Err(Usage(nothing_to_measure(&environment)).into());
        }
        let written = environment::write(&environment, &run.environment());
        match written.and_then(|()| Journal::create(run.records()).map_err(anyhow::Error::from)) {
            Ok(journal) => Ok(Some((environment, run, journal, Vec::new()))),
            Err(error) => {
                run.discard();
                Err(error)
            }
        }
    }

    /// The experiments that were asked for, whatever the profile; else those of the profile.
    fn asked_experiments(&self) -> Result<Vec<Experiment>> {
        let profile = Profile::chosen(self.profile).name;
        if self.experiments.is_empty() {
            return Ok(shipped::all()
                .iter()
                .filter_map(|experiment| experiment.within(profile))
                .collect());
        }
        let mut experiments: Vec<Experiment> = Vec::new();
        for asked in &self.experiments {
            if experiments.iter().any(|other| other.key == asked.key) {
                return Err(Usage(format!("--experiments has {} twice; give it once", asked.key)).into());
            }
            experiments.push(asked.asked_within(profile));
        }
        Ok(experiments)
    }
}

/// No contender has what an experiment needs.
fn nothing_to_measure(environment: &Environment) -> String {
    let names = |names: &mut dyn Iterator<Item = &str>| names.collect::<Vec<_>>().join(", ");
    format!(
        "nothing is left to be measured: none of {} takes part in {}; choose others with --models or --experiments",
        names(&mut environment.contenders.iter().map(|contender| &*contender.name)),
        names(&mut environment.experiments.iter().map(|experiment| &*experiment.key))
    )
}

/// No contender passed verification. The folder stays if it has their output, which may show why.
fn nobody_is_left(run: Run) -> anyhow::Error {
    let output = run.outputs();
    if output.is_dir() {
        anyhow!(
            "no contender is left to be measured; see what the servers printed, in {}",
            output.display()
        )
    } else {
        run.discard();
        anyhow!("no contender is left to be measured, for the reasons above")
    }
}

/// The round trip of a ping, if an experiment has a bound of latency that depends on it.
fn round_trip_if_needed(
    experiments: &[Experiment],
    cpus: &Split,
    cancel: &AtomicBool,
) -> Result<Option<f64>> {
    let mut settings = experiments.iter().flat_map(|experiment| &experiment.settings);
    let has_bound = |load: &Load| load.within_times.is_some();
    let is_needed = settings.any(|setting| {
        let mut cases = setting.cases.iter().filter_map(|case| case.load.as_ref());
        has_bound(&setting.load) || cases.any(has_bound)
    });
    if !is_needed {
        return Ok(None);
    }
    let first = |cpus: &CpuSet| cpus.numbers().first().copied();
    Ok(round_trip::measure(
        first(&cpus.server),
        first(&cpus.client),
        cancel,
    )?)
}

/// The experiments that can be measured on this machine, and those that can't, with the reason: the program that counts
/// system calls may be missing, which is no fault of a model.
fn askable(
    experiments: Vec<Experiment>,
    probe: impl FnOnce() -> Result<(), String>,
) -> (Vec<Experiment>, Vec<LeftOut>) {
    let counts = |experiment: &Experiment| experiment.method == Method::SystemCalls;
    let missing = if experiments.iter().any(counts) {
        probe().err()
    } else {
        None
    };
    let Some(reason) = missing else {
        return (experiments, Vec::new());
    };
    let (out, askable): (Vec<_>, Vec<_>) = experiments.into_iter().partition(counts);
    let left_out = out.into_iter().map(|experiment| {
        output::note(&format!(
            "the experiment {} is left out: {reason}",
            experiment.key
        ));
        LeftOut::faulty(experiment.key, reason.clone())
    });
    let left_out = left_out.collect();
    (askable, left_out)
}

/// A line for each model name in the experiments that no model and no contender has. A file of experiments can't be checked
/// for them by itself, since contenders come from another file.
fn unknown_names(experiments: &[Experiment], names: &[&str]) -> Vec<String> {
    let lines = experiments.iter().flat_map(|experiment| {
        let unknown = experiment.model_names().into_iter();
        let unknown = unknown.filter(|name| !names.contains(name));
        unknown.map(|name| {
            format!(
                "{} names {name:?}, but no model and no contender of this run has that name; is it misspelt?",
                experiment.key
            )
        })
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment;

    #[test]
    fn experiments_without_their_tool_are_left_out() {
        let (asked, left_out) = askable(shipped::all(), || Err("there is no strace".to_owned()));
        assert_eq!(asked.len(), shipped::all().len() - 1);
        assert_eq!(left_out, [LeftOut::faulty("system-calls", "there is no strace")]);
        let (asked, left_out) = askable(shipped::all(), || Ok(()));
        assert_eq!((asked.len(), left_out.len()), (shipped::all().len(), 0));
        let (_, left_out) = askable(asked[..1].to_vec(), || panic!("it is not needed"));
        assert!(left_out.is_empty());
    }

    /// An experiment with these lines before its setting.
    fn experiment(before: &str) -> Experiment {
        let text = format!(
            "key = \"mine\"\ntitle = \"Mine\"\nquestion = \"?\"\nsetup = \"-\"\nheadline = \"p99_us\"\n{before}\n\
             [[setting]]\nkey = \"a\"\ntitle = \"a\""
        );
        experiment::parse(&text).unwrap()
    }

    #[test]
    fn names_that_nobody_has_are_reported() {
        let mine = experiment(
            "models = [\"alpha\", \"hers\"]\n[[where]]\nmodels = [\"alhpa\"]\nload = { connections = 1 }\n\
             [[theory]]\nqueue = \"m/m/1\"\nmodels = [\"betta\"]",
        );
        let lines = unknown_names(&[mine], &["alpha", "beta", "hers"]);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].starts_with("mine names \"alhpa\""), "{lines:?}");
        assert!(lines[1].starts_with("mine names \"betta\""), "{lines:?}");
        assert_eq!(unknown_names(&shipped::all(), &[]), [""; 0]);
    }
}
