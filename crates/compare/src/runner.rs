//! The trials of a run, one after the other, each written down before the next begins.
//!
//! What a trial is stands elsewhere: here it is a function, so that tests can give one of their own.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use jiff::Timestamp;

use crate::journal::Journal;
use crate::plan::Planned;
use crate::record::{Measured, Outcome, Record, SCHEMA};
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
    /// So many trials are to be made once more.
    fn again(&mut self, _trials: usize) {}
}

/// Makes a trial, of a contender that can do so many requests a second if that matters to it.
pub(crate) type Make<'a> = dyn FnMut(Planned<'_>, Option<f64>) -> Result<Outcome, Interrupted> + 'a;

/// Makes the trials that `before` has no records of. What was disturbed, by a rule that looks at no result, is made once
/// more when all models of its round have had their turn in that setting: with holes, rounds could not be compared.
pub(crate) fn run(
    trials: &[Planned<'_>],
    before: &[Record],
    journal: &mut Journal,
    disturbed: &dyn Fn(&Measured) -> bool,
    watch: &mut dyn Watch,
    make: &mut Make<'_>,
) -> Result<Ended> {
    let mut series = Series {
        before,
        journal,
        disturbed,
        watch,
        make,
        capacities: Capacities::default(),
        made: 0,
        failed: 0,
    };
    for block in trials.chunk_by(Planned::stands_beside) {
        let Some(mut again) = series.make_all(block)? else {
            return Ok(Ended::Interrupted { after: series.made });
        };
        // A capacity is the median of some trials, and can do without one.
        again.retain(|trial| !trial.finds_capacity());
        series.watch.again(again.len());
        if series.make_all(&again)?.is_none() {
            return Ok(Ended::Interrupted { after: series.made });
        }
    }
    Ok(Ended::AfterAll {
        failed: series.failed,
    })
}

/// A run on its way.
struct Series<'a, 'm> {
    before: &'a [Record],
    journal: &'a mut Journal,
    disturbed: &'a dyn Fn(&Measured) -> bool,
    watch: &'a mut dyn Watch,
    make: &'a mut Make<'m>,
    capacities: Capacities,
    /// How many trials there are records of.
    made: usize,
    failed: usize,
}

impl Series<'_, '_> {
    /// Makes these, and gives those that were disturbed; nothing if the run is to stop.
    fn make_all<'t>(&mut self, trials: &[Planned<'t>]) -> Result<Option<Vec<Planned<'t>>>> {
        let mut again = Vec::new();
        for &trial in trials {
            let Some(disturbed) = self.next(trial)? else {
                return Ok(None);
            };
            if disturbed {
                again.push(trial);
            }
        }
        Ok(Some(again))
    }

    /// Whether this trial was disturbed: from its record, if there is one, else by making it. A run writes its trials down
    /// in their order, and which are made once more follows from what the others came to: so each has its record's place.
    fn next(&mut self, trial: Planned<'_>) -> Result<Option<bool>> {
        if let Some(record) = self.before.get(self.made) {
            if !trial.is_of(record) {
                bail!(
                    "trial {} of the records is not the one that the run makes in this place (round {}, {}, {}, {}); was it begun by another version?",
                    record.trial,
                    trial.round,
                    trial.experiment.key,
                    trial.setting.key,
                    trial.contender.name
                );
            }
            return Ok(Some(self.learn(trial, &record.outcome)));
        }
        self.watch.begins(trial);
        let started_at = to_the_second(Timestamp::now());
        let Ok(outcome) = (self.make)(trial, self.capacities.of(trial)) else {
            return Ok(None);
        };
        self.watch.ended(trial, &outcome);
        let disturbed = self.learn(trial, &outcome);
        self.journal.append(&Record {
            schema: SCHEMA,
            trial: self.made,
            round: trial.round,
            experiment: trial.experiment.key.clone(),
            setting: trial.setting.key.clone(),
            model: trial.contender.name.clone(),
            started_at,
            outcome,
        })?;
        Ok(Some(disturbed))
    }

    fn learn(&mut self, trial: Planned<'_>, outcome: &Outcome) -> bool {
        self.made += 1;
        match outcome {
            Outcome::Measured(measured) => {
                self.capacities.learn(trial, measured.load.throughput_per_s);
                (self.disturbed)(measured)
            }
            Outcome::Failed(_) => {
                self.failed += 1;
                false
            }
        }
    }
}

fn to_the_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).expect("a time without its fraction is a time")
}

/// What contenders can do at all, by experiment, setting and name.
#[derive(Debug, Default)]
struct Capacities(BTreeMap<[String; 3], Vec<f64>>);

impl Capacities {
    fn learn(&mut self, trial: Planned<'_>, served_per_s: f64) {
        if trial.finds_capacity() {
            let key = [&trial.experiment.key, &trial.setting.key, &trial.contender.name].map(Clone::clone);
            self.0.entry(key).or_default().push(served_per_s);
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

    fn calm(_: &Measured) -> bool {
        false
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
        let ended = run(&trials, &[], &mut journal, &calm, &mut Nobody, &mut make).unwrap();
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
            let ended = run(&trials, &[], &mut journal, &calm, &mut Nobody, &mut until_stopped).unwrap();
            assert_eq!(ended, Ended::Interrupted { after: stop });
            drop(journal);
            let (mut journal, before) = Journal::resume(path.clone()).unwrap();
            assert_eq!(before.len(), stop);
            let mut to_the_end = |_: Planned<'_>, _| Ok(serving(7.0));
            run(
                &trials,
                &before,
                &mut journal,
                &calm,
                &mut Nobody,
                &mut to_the_end,
            )
            .unwrap();
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
        let ended = run(&trials, &[], &mut journal, &calm, &mut Nobody, &mut make).unwrap();
        assert_eq!(
            ended,
            Ended::AfterAll {
                failed: trials.len() / 2
            }
        );
        assert_eq!(crate::journal::read(&path).unwrap().len(), trials.len());
    }

    /// Each trial with a fault in every third that is made, told by its rate.
    fn disturbed_every_third(made: &mut usize) -> Outcome {
        *made += 1;
        serving(if made.is_multiple_of(3) { 0.5 } else { 7.0 })
    }

    fn is_disturbed(trial: &Measured) -> bool {
        trial.load.throughput_per_s < 1.0
    }

    fn order(records: &[Record]) -> Vec<(usize, usize, String, String)> {
        let key = |record: &Record| {
            (
                record.trial,
                record.round,
                record.setting.clone(),
                record.model.clone(),
            )
        };
        records.iter().map(key).collect()
    }

    #[test]
    fn what_was_disturbed_is_made_once_more_after_the_others_of_its_round_and_setting() {
        let (experiments, contenders) = fixture();
        let trials = plan::trials(&experiments, &contenders, 3, 3);
        let (_folder, path, mut journal) = journal();
        let mut number = 0;
        let mut make = |_: Planned<'_>, _| Ok(disturbed_every_third(&mut number));
        run(&trials, &[], &mut journal, &is_disturbed, &mut Nobody, &mut make).unwrap();
        let records = crate::journal::read(&path).unwrap();
        let blocks = records.chunk_by(|one, next| one.round == next.round && one.setting == next.setting);
        for block in blocks.filter(|block| block[0].round > 0) {
            let (first, again) = block.split_at(contenders.len());
            let disturbed = first.iter().filter(|record| match &record.outcome {
                Outcome::Measured(trial) => is_disturbed(trial),
                Outcome::Failed(_) => false,
            });
            let disturbed: Vec<_> = disturbed.map(|record| &record.model).collect();
            assert_eq!(
                again.iter().map(|record| &record.model).collect::<Vec<_>>(),
                disturbed
            );
        }
        let again = records.iter().filter(|record| record.round > 0).count() - 3 * 6 * contenders.len();
        assert!(again > 0);
    }

    #[test]
    fn a_run_with_disturbed_trials_goes_on_where_it_stopped_too() {
        let (experiments, contenders) = fixture();
        let trials = plan::trials(&experiments, &contenders, 2, 3);
        let (_folder, path, mut whole) = journal();
        let mut number = 0;
        let mut make = |_: Planned<'_>, _| Ok(disturbed_every_third(&mut number));
        run(&trials, &[], &mut whole, &is_disturbed, &mut Nobody, &mut make).unwrap();
        let whole = crate::journal::read(&path).unwrap();
        for stop in 0..whole.len() {
            let (_folder, path, mut journal) = journal();
            for record in &whole[..stop] {
                journal.append(record).unwrap();
            }
            let mut number = stop;
            let mut make = |_: Planned<'_>, _| Ok(disturbed_every_third(&mut number));
            run(
                &trials,
                &whole[..stop],
                &mut journal,
                &is_disturbed,
                &mut Nobody,
                &mut make,
            )
            .unwrap();
            assert_eq!(
                order(&crate::journal::read(&path).unwrap()),
                order(&whole),
                "after {stop}"
            );
        }
    }

    #[test]
    fn records_of_another_order_are_not_gone_on_with() {
        let (experiments, contenders) = fixture();
        let trials = plan::trials(&experiments, &contenders, 1, 3);
        let (_folder, path, mut journal) = journal();
        let mut make = |_: Planned<'_>, _| Ok(serving(7.0));
        run(&trials, &[], &mut journal, &calm, &mut Nobody, &mut make).unwrap();
        let mut records = crate::journal::read(&path).unwrap();
        records.reverse();
        let error = run(&trials, &records, &mut journal, &calm, &mut Nobody, &mut make).unwrap_err();
        assert!(error.to_string().contains("is not the one"), "{error}");
    }
}
