//! A run that begins: who takes part, and what is asked.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, anyhow, bail};
use jiff::Timestamp;

use super::{Begun, Flags, commit};
use crate::cmd::Usage;
use crate::contender::{Contender, LeftOut, models, verify};
use crate::environment::{self, typed};
use crate::experiment::{Experiment, Method, shipped};
use crate::fault::Fault;
use crate::folder::Run;
use crate::journal::Journal;
use crate::output;
use crate::profile::Profile;
use meter::Tracer;
use schema::cpus::Split;
use schema::environment::Environment;
use schema::record::SCHEMA;

impl Flags {
    /// A new run; none if it was interrupted before it began.
    pub(super) fn begun(&self, cancel: &AtomicBool) -> Result<Option<Begun>> {
        let mut contenders = self.places.house(&self.models)?;
        contenders.extend(self.strangers()?);
        let experiments = self.asked_experiments()?;
        for unknown in unknown_names(&experiments, &contenders) {
            output::note(&unknown);
        }
        let (cpus, processors) = self.places.split()?;
        meter::cpus::pin_this_thread(&cpus.client)?;
        let (experiments, experiments_left_out) = askable(experiments, Tracer::probe);
        if experiments.is_empty() {
            bail!("nothing is left to be measured");
        }
        let machine = environment::this_machine(processors)?;
        // What a contender prints while it is verified is kept in the run's folder too.
        let started_at = Timestamp::now();
        let run = Run::create(&self.out, started_at)?;
        let (contenders, left_out) = match verified(contenders, &cpus, &run, cancel) {
            Ok(Some(verified)) => verified,
            other => {
                run.discard();
                return other.map(|_| None);
            }
        };
        if contenders.is_empty() {
            return Err(nobody_is_left(run));
        }
        let profile = Profile::of(self.profile);
        let environment = Environment {
            schema: SCHEMA,
            started_at,
            command: typed(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: commit(),
            profile: profile.name.to_owned(),
            times: profile.times,
            rounds: self.trials.map_or(profile.rounds, usize::from),
            // Short enough to be typed again.
            seed: self.seed.unwrap_or_else(|| rand::random::<u32>().into()),
            contenders,
            left_out,
            experiments,
            experiments_left_out,
            cpus,
            machine,
        };
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

/// No contender passed verification. The folder stays if it has what they printed, which may show why.
fn nobody_is_left(run: Run) -> anyhow::Error {
    let output = run.outputs();
    if output.is_dir() {
        anyhow!(
            "nobody is left to be measured; what the servers printed is in {}",
            output.display()
        )
    } else {
        run.discard();
        anyhow!("nobody is left to be measured")
    }
}

/// Those that speak the wire, and those that do not with the reason; none if the run is to stop, since then nothing is
/// known of the one that was asked.
fn verified(
    contenders: Vec<Contender>,
    cpus: &Split,
    run: &Run,
    cancel: &AtomicBool,
) -> Result<Option<(Vec<Contender>, Vec<LeftOut>)>> {
    let (mut taking_part, mut left_out) = (Vec::new(), Vec::new());
    for contender in contenders {
        let output = run.output(&format!("verify-{}", contender.name));
        let verdict = verify::verify(&contender, cpus, &output, cancel);
        if cancel.load(Ordering::Relaxed) {
            return Ok(None);
        }
        match verdict {
            Ok(()) => taking_part.push(contender),
            Err(Fault::Trial(reason)) => {
                output::note(&format!("{} is left out: {reason}", contender.name));
                left_out.push(LeftOut {
                    name: contender.name,
                    reason,
                });
            }
            Err(Fault::Own(reason)) => bail!("{reason}"),
        }
    }
    Ok(Some((taking_part, left_out)))
}

/// The experiments that can be asked on this machine, and those that can't with the reason: system calls are counted by a
/// program that need not be there, and that is no fault of a model.
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
        LeftOut {
            name: experiment.key,
            reason: reason.clone(),
        }
    });
    let left_out = left_out.collect();
    (askable, left_out)
}

/// What is said of names in experiments that nobody has, neither a model nor a contender of this run. A file of experiments
/// can't tell, since contenders come from another file.
fn unknown_names(experiments: &[Experiment], contenders: &[Contender]) -> Vec<String> {
    let is_known = |name: &str| {
        models::ALL.iter().any(|model| model.name == name)
            || contenders.iter().any(|contender| contender.name == name)
    };
    let of = |experiment: &Experiment| {
        let key = experiment.key.clone();
        let unknown = experiment.named().into_iter().filter(|name| !is_known(name));
        let told = unknown.map(move |name| {
            format!(
                "{key} says something of `{name}`, and no model and no contender of this run is called that; is it misspelt?"
            )
        });
        told.collect::<Vec<_>>()
    };
    experiments.iter().flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment;

    #[test]
    fn what_can_not_be_counted_here_is_left_out_and_nobody_looks_for_what_nobody_needs() {
        let (asked, left_out) = askable(shipped::all(), || Err("there is no strace".to_owned()));
        assert_eq!(asked.len(), shipped::all().len() - 1);
        assert_eq!(
            left_out,
            [LeftOut {
                name: "system-calls".to_owned(),
                reason: "there is no strace".to_owned()
            }]
        );
        let (asked, left_out) = askable(shipped::all(), || Ok(()));
        assert_eq!((asked.len(), left_out.len()), (shipped::all().len(), 0));
        let (_, left_out) = askable(asked[..1].to_vec(), || panic!("it is not needed"));
        assert!(left_out.is_empty());
    }

    #[test]
    fn a_name_that_nobody_has_is_told_and_a_model_that_does_not_take_part_is_none() {
        let text = r#"
            key = "mine"
            title = "Mine"
            question = "What of mine?"
            setup = "as it is"
            headline = "p99_us"
            models = ["async", "hers"]
            [only.asinc]
            connections = 1
            [[theory]]
            queue = "m/m/1"
            models = ["singel"]
            [[setting]]
            key = "a"
            title = "a"
        "#;
        let experiments = [experiment::parse(text).unwrap()];
        let hers = Contender {
            name: "hers".to_owned(),
            ..crate::contender::of_model(models::ALL[0], "bin".as_ref())
        };
        let told = unknown_names(&experiments, &[hers]);
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(
            told[0].starts_with("mine ") && told[0].contains("`asinc`"),
            "{told:?}"
        );
        assert!(told[1].contains("`singel`"), "{told:?}");
        assert_eq!(unknown_names(&shipped::all(), &[]), [""; 0]);
    }
}
