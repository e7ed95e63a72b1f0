//! Runs the trials one after the other. Each is recorded before the next begins.
//!
//! A trial is a function here, so that tests can pass their own.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use jiff::Timestamp;

use crate::journal::Journal;
use crate::plan::Planned;
use crate::trial::Unmade;
use schema::plan::REPEATS_MOST;
use schema::record::{Measured, Outcome, Record, SCHEMA};
use stats::Estimate;

/// How the trials ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    /// All were made. So many failed, including those of an earlier part of the run.
    AfterAll { failed: usize },
    /// The run was interrupted after so many trials.
    Interrupted { after: usize },
    /// The workbench could not write its own files, for this reason. That is no server's fault, so no trial is recorded as
    /// failed.
    Halted(String),
}

/// Follows the progress of a run.
pub(crate) trait Watch {
    fn begins(&mut self, trial: Planned<'_>);
    fn ended(&mut self, trial: Planned<'_>, outcome: &Outcome);
    /// So many trials will be repeated.
    fn repeats(&mut self, _trials: usize) {}
}

/// Makes the trial with this number, of a contender with this capacity if that matters to it.
pub(crate) type Make<'a> = dyn FnMut(usize, Planned<'_>, Option<f64>) -> Result<Outcome, Unmade> + 'a;

/// Makes the trials that `before` has no records of. A disturbed trial, by a rule that uses no result, is repeated after all
/// models of its round have had their turn in that setting. Without repeats, rounds would have holes and could not be
/// compared. There are at most [`REPEATS_MOST`] repeats.
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
        let mut again = match series.make_all(block)? {
            Ok(again) => again,
            Err(ended) => return Ok(ended),
        };
        // A capacity is the median of several trials, so one may be missing.
        again.retain(|trial| !trial.finds_capacity());
        for _ in 0..REPEATS_MOST {
            series.watch.repeats(again.len());
            again = match series.make_all(&again)? {
                Ok(again) => again,
                Err(ended) => return Ok(ended),
            };
        }
    }
    Ok(Ended::AfterAll {
        failed: series.failed,
    })
}

/// The state of a run.
struct Series<'a, 'm> {
    before: &'a [Record],
    journal: &'a mut Journal,
    disturbed: &'a dyn Fn(&Measured) -> bool,
    watch: &'a mut dyn Watch,
    make: &'a mut Make<'m>,
    capacities: Capacities,
    /// How many trials have a record.
    made: usize,
    failed: usize,
}

impl Series<'_, '_> {
    /// Makes these, and returns those that were disturbed; or how the run ended before the last of them.
    fn make_all<'t>(&mut self, trials: &[Planned<'t>]) -> Result<Result<Vec<Planned<'t>>, Ended>> {
        let mut again = Vec::new();
        for &trial in trials {
            match self.next(trial)? {
                Ok(true) => again.push(trial),
                Ok(false) => {}
                Err(ended) => return Ok(Err(ended)),
            }
        }
        Ok(Ok(again))
    }

    /// Whether this trial was disturbed: from its record if there is one, else by making it. Trials are recorded in order, and
    /// their results decide which are repeated. So each trial has the same place in the records of a resumed run.
    fn next(&mut self, trial: Planned<'_>) -> Result<Result<bool, Ended>> {
        if let Some(record) = self.before.get(self.made) {
            if !trial.is_of(record) {
                bail!(
                    "trial {} of the records is not the one that this program plans there (round {}, {}, {}, {}); resume the run with the version that began it",
                    record.trial,
                    trial.round,
                    trial.experiment.key,
                    trial.setting.key,
                    trial.contender.name
                );
            }
            return Ok(Ok(self.learn(trial, &record.outcome)));
        }
        Ok(self.make_and_keep(trial))
    }

    /// Makes and records a trial: whether it was disturbed.
    fn make_and_keep(&mut self, trial: Planned<'_>) -> Result<bool, Ended> {
        let after = self.made;
        let number = after + 1;
        self.watch.begins(trial);
        let started_at = to_the_second(Timestamp::now());
        let made = (self.make)(number, trial, self.capacities.get(trial));
        let outcome = made.map_err(|unmade| match unmade {
            Unmade::Interrupted => Ended::Interrupted { after },
            Unmade::Fault(reason) => Ended::Halted(reason),
        })?;
        let record = Record {
            schema: SCHEMA,
            trial: number,
            round: trial.round,
            experiment: trial.experiment.key.clone(),
            setting: trial.setting.key.clone(),
            model: trial.contender.name.clone(),
            started_at,
            outcome,
        };
        let written = self.journal.append(&record);
        written.map_err(|error| Ended::Halted(format!("{:#}", anyhow::Error::from(error))))?;
        self.watch.ended(trial, &record.outcome);
        Ok(self.learn(trial, &record.outcome))
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

/// The capacities of contenders, by experiment, setting and name.
#[derive(Debug, Default)]
struct Capacities(BTreeMap<[String; 3], Vec<f64>>);

impl Capacities {
    fn learn(&mut self, trial: Planned<'_>, served_per_s: f64) {
        if trial.finds_capacity() {
            let key = [&trial.experiment.key, &trial.setting.key, &trial.contender.name].map(Clone::clone);
            self.0.entry(key).or_default().push(served_per_s);
        }
    }

    fn get(&self, trial: Planned<'_>) -> Option<f64> {
        let setting = trial.capacity_setting()?;
        let key = [&trial.experiment.key, &setting.key, &trial.contender.name].map(Clone::clone);
        let found = Estimate::from_values(self.0.get(&key)?.iter().copied())?.median;
        (found > 0.0).then_some(found)
    }
}

#[cfg(test)]
mod tests;
