//! The trials of a run, one after the other, each written down before the next begins.
//!
//! What a trial is stands elsewhere: here it is a function, so that tests can give one of their own.

use std::collections::BTreeMap;

use anyhow::Result;
use jiff::Timestamp;

use crate::journal::Journal;
use crate::plan::Planned;
use crate::record::{Outcome, Record, SCHEMA};
use crate::statistics::Estimate;
use crate::trial::Interrupted;

/// How the trials came to an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// All were made, and so many of them, or of those that an earlier part of the run made, failed.
    AfterAll { failed: usize },
    /// The run was told to stop after so many.
    Interrupted { after: usize },
}

/// What is told while the trials go on.
pub(crate) trait Watch {
    fn begins(&mut self, trial: Planned<'_>);
    fn ended(&mut self, trial: Planned<'_>, outcome: &Outcome);
}

/// Makes a trial, of a contender that can do so many requests a second if that matters to it.
pub(crate) type Make<'a> = dyn FnMut(Planned<'_>, Option<f64>) -> Result<Outcome, Interrupted> + 'a;

/// Makes the trials that `before` has no records of.
pub(crate) fn run(
    trials: &[Planned<'_>],
    before: &[Record],
    journal: &mut Journal,
    watch: &mut dyn Watch,
    make: &mut Make<'_>,
) -> Result<Ended> {
    let mut capacities = Capacities::default();
    let mut failed = 0;
    for record in before {
        capacities.learn(
            &record.experiment,
            &record.setting,
            &record.model,
            record.round,
            &record.outcome,
        );
        failed += usize::from(matches!(record.outcome, Outcome::Failed(_)));
    }
    // A run writes its trials down in their order, so those that are there are the first ones.
    for (index, &trial) in trials.iter().enumerate().skip(before.len()) {
        watch.begins(trial);
        let started_at = to_the_second(Timestamp::now());
        let Ok(outcome) = make(trial, capacities.of(trial)) else {
            return Ok(Ended::Interrupted { after: index });
        };
        failed += usize::from(matches!(outcome, Outcome::Failed(_)));
        let (experiment, setting) = (&trial.experiment.key, &trial.setting.key);
        capacities.learn(experiment, setting, &trial.contender.name, trial.round, &outcome);
        watch.ended(trial, &outcome);
        journal.append(&Record {
            schema: SCHEMA,
            trial: index + 1,
            round: trial.round,
            experiment: experiment.clone(),
            setting: setting.clone(),
            model: trial.contender.name.clone(),
            started_at,
            outcome,
        })?;
    }
    Ok(Ended::AfterAll { failed })
}

fn to_the_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).expect("a time without its fraction is a time")
}

/// What contenders can do at all, by experiment, setting and name.
#[derive(Debug, Default)]
struct Capacities(BTreeMap<[String; 3], Vec<f64>>);

impl Capacities {
    fn learn(&mut self, experiment: &str, setting: &str, model: &str, round: usize, outcome: &Outcome) {
        if let (0, Outcome::Measured(measured)) = (round, outcome) {
            let key = [experiment, setting, model].map(str::to_owned);
            self.0
                .entry(key)
                .or_default()
                .push(measured.load.throughput_per_s);
        }
    }

    fn of(&self, trial: Planned<'_>) -> Option<f64> {
        let setting = trial.capacity_setting()?;
        let key = [&trial.experiment.key, &setting.key, &trial.contender.name].map(Clone::clone);
        let found = Estimate::of(self.0.get(&key)?.iter().copied())?.median;
        (found > 0.0).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contender::{Contender, models};
    use crate::experiment::{Experiment, shipped};
    use crate::plan;
    use crate::record;

    struct Nobody;

    impl Watch for Nobody {
        fn begins(&mut self, _: Planned<'_>) {}
        fn ended(&mut self, _: Planned<'_>, _: &Outcome) {}
    }

    fn fixture() -> (Vec<Experiment>, Vec<Contender>) {
        let mut experiments = shipped::all();
        experiments.retain(|experiment| experiment.key == "past-capacity");
        let contenders = models::ALL[..2]
            .iter()
            .map(|&model| Contender::of(model, "bin".as_ref()));
        (experiments, contenders.collect())
    }

    fn journal() -> (tempfile::TempDir, std::path::PathBuf, Journal) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.jsonl");
        let journal = Journal::create(path.clone()).unwrap();
        (folder, path, journal)
    }

    fn serving(per_s: f64) -> Outcome {
        let mut measured = record::tests::measured();
        measured.load.throughput_per_s = per_s;
        Outcome::Measured(Box::new(measured))
    }

    #[test]
    fn loads_that_depend_on_a_capacity_are_given_the_median_of_what_was_found() {
        let (experiments, contenders) = fixture();
        let trials = plan::trials(&experiments, &contenders, 1, 3);
        let (_folder, _, mut journal) = journal();
        let (mut count, mut given) = (0.0, Vec::new());
        let mut make = |trial: Planned<'_>, capacity| {
            count += 1.0;
            if !trial.finds_capacity() {
                given.push((trial.contender.name.clone(), capacity));
            }
            Ok(serving(count * 100.0))
        };
        let ended = run(&trials, &[], &mut journal, &mut Nobody, &mut make).unwrap();
        assert_eq!(ended, Ended::AfterAll { failed: 0 });
        // Trials 1 to 3 found that of the one, and 4 to 6 that of the other.
        let mut found: Vec<_> = given.iter().map(|(_, capacity)| capacity.unwrap()).collect();
        found.sort_by(f64::total_cmp);
        found.dedup();
        assert_eq!(found, [200.0, 500.0]);
    }

    #[test]
    fn a_run_that_was_interrupted_goes_on_where_it_stopped_and_ends_as_if_it_had_not() {
        let (experiments, contenders) = fixture();
        let trials = plan::trials(&experiments, &contenders, 2, 3);
        for stop in 0..trials.len() {
            let (_folder, path, mut journal) = journal();
            let mut left = stop;
            let mut until_stopped = |_: Planned<'_>, _| {
                if left == 0 {
                    return Err(Interrupted);
                }
                left -= 1;
                Ok(serving(7.0))
            };
            let ended = run(&trials, &[], &mut journal, &mut Nobody, &mut until_stopped).unwrap();
            assert_eq!(ended, Ended::Interrupted { after: stop });
            drop(journal);
            let (mut journal, before) = Journal::resume(path.clone()).unwrap();
            assert_eq!(before.len(), stop);
            let mut to_the_end = |_: Planned<'_>, _| Ok(serving(7.0));
            run(&trials, &before, &mut journal, &mut Nobody, &mut to_the_end).unwrap();
            let records = crate::journal::read(&path).unwrap();
            let order: Vec<_> = records.iter().map(|record| record.trial).collect();
            assert_eq!(order, (1..=trials.len()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_trial_that_fails_is_written_down_and_the_others_go_on() {
        let (experiments, contenders) = fixture();
        let trials = plan::trials(&experiments, &contenders, 1, 3);
        let (_folder, path, mut journal) = journal();
        let mut make = |trial: Planned<'_>, _| {
            Ok(match &*trial.contender.name {
                "single" => Outcome::Failed("it was never ready".to_owned()),
                _ => serving(7.0),
            })
        };
        let ended = run(&trials, &[], &mut journal, &mut Nobody, &mut make).unwrap();
        assert_eq!(
            ended,
            Ended::AfterAll {
                failed: trials.len() / 2
            }
        );
        assert_eq!(crate::journal::read(&path).unwrap().len(), trials.len());
    }
}
