//! Which trial comes when.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use schema::contender::Contender;
use schema::environment::Environment;
use schema::experiment::Experiment;
pub(crate) use schema::plan::{Planned, made};

/// The trials that were planned, in their order.
pub(crate) fn of_run(environment: &Environment) -> Vec<Planned<'_>> {
    trials(
        &environment.experiments,
        &environment.contenders,
        environment.rounds,
        environment.seed,
    )
}

/// All trials, in an order that the seed gives. It is the same on any machine: `ChaCha8` is fixed by its definition.
pub(crate) fn trials<'a>(
    experiments: &'a [Experiment],
    contenders: &'a [Contender],
    rounds: usize,
    seed: u64,
) -> Vec<Planned<'a>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    schema::plan::trials(experiments, contenders, rounds, |order| {
        order.shuffle(&mut random)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

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
