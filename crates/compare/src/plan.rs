//! Which trial comes when.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::contender::Contender;
use crate::experiment::{Experiment, Load, Method, Setting};
use crate::profile::Times;
use crate::record::Record;

/// How often a contender's capacity is measured; the median counts.
const CAPACITY_TRIALS: usize = 3;

/// A trial to be made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Planned<'a> {
    /// Counted from 1; 0 for a trial that finds what a contender can do at all.
    pub(crate) round: usize,
    pub(crate) experiment: &'a Experiment,
    pub(crate) setting: &'a Setting,
    pub(crate) contender: &'a Contender,
}

/// Every contender in every setting once a round. The settings keep their order; within each the contenders come in an
/// order drawn anew, so that what drifts on the machine (its clock rate, a neighbour's load) falls on all of them alike
/// and none always follows the same other. The seed gives the same order on any machine: `ChaCha8` is fixed by its
/// definition.
///
/// Before all rounds come the trials that find the capacity of each contender, where a setting's load depends on it.
pub(crate) fn trials<'a>(
    experiments: &'a [Experiment],
    contenders: &'a [Contender],
    rounds: usize,
    seed: u64,
) -> Vec<Planned<'a>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
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
                order.shuffle(&mut random);
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
pub(crate) fn made(records: &[Record]) -> usize {
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
    pub(crate) fn load(&self) -> &'a Load {
        self.setting.load_of(&self.contender.name)
    }

    /// Whether both are of one round and setting, so that only the contender differs.
    pub(crate) fn stands_beside(&self, other: &Self) -> bool {
        self.round == other.round
            && self.experiment.key == other.experiment.key
            && self.setting.key == other.setting.key
    }

    /// Whether this is a record of it.
    pub(crate) fn is_of(&self, record: &Record) -> bool {
        let planned = [&self.experiment.key, &self.setting.key, &self.contender.name];
        self.round == record.round && planned == [&record.experiment, &record.setting, &record.model]
    }

    /// Whether it only finds the contender's capacity.
    pub(crate) fn finds_capacity(&self) -> bool {
        self.round == 0
    }

    /// The setting by whose trials the capacity is found that this one's load depends on, if it depends on one: the first
    /// of its experiment with the same work, connections and flags.
    pub(crate) fn capacity_setting(&self) -> Option<&'a Setting> {
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
    pub(crate) fn times(&self, profile: Times) -> Times {
        match self.setting.window_ms {
            Some(window_ms) => profile.with_window(Duration::from_millis(window_ms)),
            _ => profile,
        }
    }

    /// How long it takes, for the estimate: a guess that the progress bar corrects as it learns.
    pub(crate) fn expected(&self, profile: Times) -> Duration {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contender::models;
    use crate::experiment::shipped;

    fn contenders() -> Vec<Contender> {
        models::ALL
            .map(|model| crate::contender::of_model(model, "bin".as_ref()))
            .to_vec()
    }

    fn some(keys: &[&str]) -> Vec<Experiment> {
        let mut all = shipped::all();
        all.retain(|experiment| keys.contains(&&*experiment.key));
        all
    }

    #[test]
    fn every_contender_meets_every_setting_once_a_round() {
        let (experiments, contenders) = (some(&["request-cost", "connection-cost"]), contenders());
        let trials = trials(&experiments, &contenders, 4, 1);
        let met: BTreeSet<_> = trials
            .iter()
            .map(|trial| {
                (
                    trial.round,
                    &trial.experiment.key,
                    &trial.setting.key,
                    &trial.contender.name,
                )
            })
            .collect();
        assert_eq!((trials.len(), met.len()), (4 * 5 * 6, 4 * 5 * 6));
        assert!(trials.is_sorted_by_key(|trial| trial.round));
    }

    #[test]
    fn a_seed_gives_its_own_order_and_always_the_same() {
        let (experiments, contenders) = (some(&["request-cost"]), contenders());
        let names = |seed| {
            let trials = trials(&experiments, &contenders, 2, seed);
            trials
                .iter()
                .map(|trial| &*trial.contender.name)
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(names(7), names(7));
        assert_ne!(names(7), names(8));
    }

    #[test]
    fn capacity_is_found_once_for_each_contender_and_work_before_all_else() {
        let (experiments, contenders) = (some(&["past-capacity"]), contenders());
        let trials = trials(&experiments, &contenders, 1, 1);
        let (before, after): (Vec<Planned<'_>>, Vec<_>) =
            trials.iter().copied().partition(Planned::finds_capacity);
        assert_eq!((before.len(), after.len()), (3 * 6, 5 * 6));
        assert!(before.iter().all(|trial| trial.setting.key == "30"));
        assert!(
            after
                .iter()
                .all(|trial| trial.capacity_setting().unwrap().key == "30")
        );
    }

    #[test]
    fn an_experiment_takes_part_in_no_more_rounds_than_it_wants() {
        let (experiments, contenders) = (some(&["system-calls"]), contenders());
        assert_eq!(trials(&experiments, &contenders, 9, 1).len(), 7 * 6);
    }

    #[test]
    fn a_contender_is_asked_nothing_that_it_can_not_answer() {
        let stranger = Contender {
            name: "stranger".to_owned(),
            operations: vec!["ping".to_owned()],
            house: false,
            ..contenders()[0].clone()
        };
        let experiments = shipped::all();
        let strangers = [stranger];
        let asked: BTreeSet<_> = trials(&experiments, &strangers, 1, 1)
            .into_iter()
            .map(|trial| format!("{}/{}", trial.experiment.key, trial.setting.key))
            .collect();
        assert!(
            asked.contains("request-cost/64") && asked.contains("two-writes/neither"),
            "{asked:?}"
        );
        for beyond in [
            "waiting/sleep-10ms",
            "two-writes/server",
            "who-gets-connections/shared-new",
        ] {
            assert!(!asked.contains(beyond), "{beyond}");
        }
    }

    #[test]
    fn every_experiment_has_rounds_enough_to_rank_six_models() {
        use crate::profile::Choice::{Full, Quick, Standard};
        for choice in [Quick, Standard, Full] {
            let profile = crate::profile::Profile::of(choice);
            let all = shipped::all();
            let experiments = all
                .iter()
                .filter_map(|experiment| experiment.within(profile.name));
            for experiment in experiments {
                let rounds = experiment.rounds_most.unwrap_or(usize::MAX).min(profile.rounds);
                assert!(rounds >= stats::trials_needed(6), "{}", experiment.key);
            }
        }
    }
}
