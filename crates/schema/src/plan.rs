//! The trials of a run: which there are, and what each is.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::contender::Contender;
use crate::environment::Environment;
use crate::experiment::{Experiment, Load, Method, Setting, Times};
use crate::record::Record;

/// How often a contender's capacity is measured; the median counts.
const CAPACITY_TRIALS: usize = 3;

/// A trial to be made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Planned<'a> {
    /// Counted from 1; 0 for a trial that finds what a contender can do at all.
    pub round: usize,
    pub experiment: &'a Experiment,
    pub setting: &'a Setting,
    pub contender: &'a Contender,
}

/// Every contender in every setting once a round. The settings keep their order; within each the contenders come in an
/// order that `shuffle` draws anew, so that what drifts on the machine (its clock rate, a neighbour's load) falls on all of them alike
/// and none always follows the same other.
///
/// Before all rounds come the trials that find the capacity of each contender, where a setting's load depends on it.
pub fn trials<'a>(
    experiments: &'a [Experiment],
    contenders: &'a [Contender],
    rounds: usize,
    mut shuffle: impl FnMut(&mut [Planned<'a>]),
) -> Vec<Planned<'a>> {
    let mut trials = Vec::new();
    for round in 0..=rounds {
        for experiment in experiments {
            if round > experiment.rounds_most.unwrap_or(rounds) {
                continue;
            }
            for setting in &experiment.settings {
                let mut order: Vec<_> = contenders
                    .iter()
                    .filter(|contender| contender.takes(setting))
                    .map(|contender| Planned {
                        round,
                        experiment,
                        setting,
                        contender,
                    })
                    .collect();
                shuffle(&mut order);
                if round > 0 {
                    trials.extend(order);
                } else {
                    let first = order
                        .into_iter()
                        .filter(|trial| trial.capacity_setting() == Some(setting));
                    trials.extend(first.flat_map(|trial| [trial; CAPACITY_TRIALS]));
                }
            }
        }
    }
    trials
}

/// How many of the planned trials these are records of: one that was made once more counts once.
pub fn made(records: &[Record]) -> usize {
    let planned = records.iter().map(|record| {
        // Several with this round find one capacity, and none of them is made again.
        let each = if record.round == 0 { record.trial } else { 0 };
        (
            record.round,
            each,
            &record.experiment,
            &record.setting,
            &record.model,
        )
    });
    planned.collect::<BTreeSet<_>>().len()
}

impl<'a> Planned<'a> {
    /// What is asked of this contender.
    pub fn load(&self) -> &'a Load {
        self.setting.load_of(&self.contender.name)
    }

    /// Whether both are of one round and setting, so that only the contender differs.
    pub fn stands_beside(&self, other: &Self) -> bool {
        self.round == other.round
            && self.experiment.key == other.experiment.key
            && self.setting.key == other.setting.key
    }

    /// Whether this is a record of it.
    pub fn is_of(&self, record: &Record) -> bool {
        let planned = [&self.experiment.key, &self.setting.key, &self.contender.name];
        self.round == record.round && planned == [&record.experiment, &record.setting, &record.model]
    }

    /// Whether it only finds the contender's capacity.
    pub fn finds_capacity(&self) -> bool {
        self.round == 0
    }

    /// The setting by whose trials the capacity is found that this one's load depends on, if it depends on one: the first
    /// of its experiment with the same work, connections and flags.
    pub fn capacity_setting(&self) -> Option<&'a Setting> {
        let needs =
            self.load().needs_capacity() || matches!(self.experiment.method, Method::RateUnderBound { .. });
        let name = &self.contender.name;
        let same = |other: &&Setting| {
            other.load_of(name).closed() == self.load().closed()
                && other.flags_of(name).eq(self.setting.flags_of(name))
        };
        needs.then(|| {
            let mut settings = self
                .experiment
                .settings
                .iter()
                .filter(|other| self.contender.takes(other));
            settings.find(same).unwrap_or(self.setting)
        })
    }

    /// The times of this trial, where the profile has these. A capacity is found in windows as long as those that use it.
    pub fn times(&self, profile: Times) -> Times {
        match self.setting.window_ms {
            Some(window_ms) => profile.with_window(Duration::from_millis(window_ms)),
            _ => profile,
        }
    }

    /// How long it takes, for the estimate: a guess that the progress bar corrects as it learns.
    pub fn expected(&self, profile: Times) -> Duration {
        /// To start a server, wait until it has settled, and let it drain.
        const AROUND: Duration = Duration::from_millis(120);
        /// To wait until it has settled.
        const SETTLES: Duration = Duration::from_millis(40);
        /// How many rates a search tries.
        const SEARCH_STEPS: u32 = 12;
        let times = self.times(profile);
        let once = times.warmup + times.window;
        match self.experiment.method {
            Method::RateUnderBound { .. } if !self.finds_capacity() => {
                (once + SETTLES) * SEARCH_STEPS + AROUND
            }
            _ => once + AROUND,
        }
    }
}

impl Environment {
    /// The trials that were planned, without their order within a round.
    #[must_use]
    pub fn planned(&self) -> Vec<Planned<'_>> {
        trials(&self.experiments, &self.contenders, self.rounds, |_| ())
    }
}
