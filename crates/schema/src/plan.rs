//! The trials that a run plans.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::contender::Contender;
use crate::environment::Environment;
use crate::experiment::{Experiment, Load, Method, Setting, Times};
use crate::record::Record;

/// How often a contender's capacity is measured; the median counts.
const CAPACITY_TRIALS: usize = 3;

/// How often a trial is repeated at most, if other activity on the machine excluded it.
pub const REPEATS_MOST: usize = 5;

/// A trial to be made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Planned<'a> {
    /// Counted from 1; 0 for a trial that only finds a contender's capacity.
    pub round: usize,
    /// Its experiment.
    pub experiment: &'a Experiment,
    /// Its setting.
    pub setting: &'a Setting,
    /// Its contender.
    pub contender: &'a Contender,
}

/// Every contender in every setting, once a round. The settings keep their order. Within each, `shuffle` draws the order of
/// the contenders anew: what drifts on the machine, such as its clock rate, then affects all of them alike, and none always
/// follows the same other.
///
/// Trials that find the capacity of a contender come before all rounds, where a setting's load depends on it.
pub fn trials<'a>(
    experiments: &'a [Experiment],
    contenders: &'a [Contender],
    rounds: usize,
    mut shuffle: impl FnMut(&mut [Planned<'a>]),
) -> Vec<Planned<'a>> {
    let mut trials = Vec::new();
    for round in 0..=rounds {
        for experiment in experiments {
            if round > experiment.max_rounds.unwrap_or(rounds) {
                continue;
            }
            for setting in &experiment.settings {
                let mut order: Vec<_> = contenders
                    .iter()
                    .filter(|contender| setting.takes(contender))
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

/// How many of the planned trials have a record. A trial that was repeated counts once.
#[must_use]
pub fn made(records: &[Record]) -> usize {
    let planned = records.iter().map(|record| {
        // Several trials of round 0 find one capacity, and none of them is repeated.
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
    /// The load for this contender.
    #[must_use]
    pub fn load(&self) -> Load {
        self.setting.load_for(self.contender)
    }

    /// Whether both are of one round and setting, and only the contender differs.
    #[must_use]
    pub fn stands_beside(&self, other: &Self) -> bool {
        self.round == other.round
            && self.experiment.key == other.experiment.key
            && self.setting.key == other.setting.key
    }

    /// Whether this is a record of this trial.
    #[must_use]
    pub fn is_of(&self, record: &Record) -> bool {
        let planned = [&self.experiment.key, &self.setting.key, &self.contender.name];
        self.round == record.round && planned == [&record.experiment, &record.setting, &record.model]
    }

    /// Whether it only finds the contender's capacity.
    #[must_use]
    pub fn finds_capacity(&self) -> bool {
        self.round == 0
    }

    /// The setting whose trials find the capacity that this trial's load depends on, if it depends on one. It is the first
    /// setting of the experiment with the same work, connections and flags.
    #[must_use]
    pub fn capacity_setting(&self) -> Option<&'a Setting> {
        let needs =
            self.load().needs_capacity() || matches!(self.experiment.method, Method::RateUnderBound { .. });
        let same = |other: &&Setting| {
            other.load_for(self.contender).closed() == self.load().closed()
                && other.flags_for(self.contender) == self.setting.flags_for(self.contender)
        };
        needs.then(|| {
            let mut settings = self
                .experiment
                .settings
                .iter()
                .filter(|other| other.takes(self.contender));
            settings.find(same).unwrap_or(self.setting)
        })
    }

    /// The times of this trial, from those of the profile. Trials that find a capacity have windows as long as those that
    /// use it.
    #[must_use]
    pub fn times(&self, profile: Times) -> Times {
        match self.setting.window_ms {
            Some(window_ms) => profile.with_window(Duration::from_millis(window_ms)),
            _ => profile,
        }
    }

    /// How long it takes: a guess, which the progress bar corrects as trials end.
    #[must_use]
    pub fn expected(&self, profile: Times) -> Duration {
        /// To start a server, wait until it has settled, and let it drain.
        const AROUND: Duration = Duration::from_millis(120);
        /// To wait until it has settled.
        const SETTLES: Duration = Duration::from_millis(40);
        /// How many rates a search tries.
        const SEARCH_STEPS: u32 = 12;
        let times = self.times(profile);
        match self.experiment.method {
            Method::RateUnderBound { p99_ms } if !self.finds_capacity() => {
                let times = times.of_a_try(Duration::from_millis(p99_ms));
                (times.warmup + times.window + SETTLES) * SEARCH_STEPS + AROUND
            }
            _ => times.warmup + times.window + AROUND,
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
