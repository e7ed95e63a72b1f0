//! The order of the trials.

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

    use schema::capability::Capabilities;

    use super::*;
    use crate::contender::samples::{self, contenders};
    use crate::experiment::shipped;

    fn some(keys: &[&str]) -> Vec<Experiment> {
        let mut all = shipped::all();
        all.retain(|experiment| keys.contains(&&*experiment.key));
        all
    }

    #[test]
    fn every_contender_is_measured_in_every_setting_once_a_round() {
        let (experiments, contenders) = (some(&["request-cost", "connection-cost"]), contenders());
        let trials = trials(&experiments, &contenders, 4, 1);
        let measured: BTreeSet<_> = trials
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
        assert_eq!((trials.len(), measured.len()), (4 * 5 * 6, 4 * 5 * 6));
        assert!(trials.is_sorted_by_key(|trial| trial.round));
    }

    #[test]
    fn a_seed_determines_the_order() {
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
    fn capacity_is_measured_before_the_rounds() {
        let (experiments, contenders) = (some(&["past-capacity"]), contenders());
        let trials = trials(&experiments, &contenders, 1, 1);
        let (before, after): (Vec<Planned<'_>>, Vec<_>) =
            trials.iter().copied().partition(Planned::finds_capacity);
        assert_eq!((before.len(), after.len()), (3 * 5, 5 * 5));
        assert!(before.iter().all(|trial| trial.setting.key == "30"));
        assert!(
            after
                .iter()
                .all(|trial| trial.capacity_setting().unwrap().key == "30")
        );
    }

    #[test]
    fn an_experiment_takes_part_in_its_own_number_of_rounds() {
        let (mut experiments, contenders) = (some(&["waiting"]), contenders());
        experiments[0].max_rounds = Some(7);
        assert_eq!(trials(&experiments, &contenders, 9, 1).len(), 7 * 6);
    }

    #[test]
    fn a_contender_is_asked_only_what_it_answers() {
        let stranger = Contender {
            name: "stranger".to_owned(),
            operations: vec!["ping".to_owned()],
            built_in: false,
            capabilities: Capabilities::default(),
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
    fn every_setting_has_rounds_enough_to_rank_twelve_models() {
        use crate::profile::Choice::{Full, Quick, Standard};
        let contenders = samples::twelve();
        for choice in [Quick, Standard, Full] {
            let profile = crate::profile::Profile::chosen(choice);
            let all = shipped::all();
            let experiments = all
                .iter()
                .filter_map(|experiment| experiment.within(profile.name));
            for experiment in experiments {
                let rounds = experiment.max_rounds.unwrap_or(usize::MAX).min(profile.rounds);
                for setting in &experiment.settings {
                    let models = contenders.iter().filter(|one| setting.takes(one)).count();
                    assert!(
                        rounds >= stats::trials_needed(models),
                        "{}/{}",
                        experiment.key,
                        setting.key
                    );
                }
            }
        }
    }

    /// Who takes part in a setting, with the number of connections and the flags.
    fn asked(place: &str) -> Vec<String> {
        let (key, setting) = place.split_once('/').unwrap();
        let experiment = some(&[key]).remove(0);
        let setting = experiment.settings.iter().find(|other| other.key == setting);
        let setting = setting.unwrap();
        let contenders = samples::twelve();
        let taking_part = contenders.iter().filter(|contender| setting.takes(contender));
        let described = taking_part.map(|contender| {
            let connections = setting.load_for(contender).connections.to_string();
            let flags = setting.flags_for(contender);
            [vec![contender.name.clone(), connections], flags]
                .concat()
                .join(" ")
        });
        described.collect()
    }

    #[test]
    fn capabilities_decide_who_is_asked_what() {
        let names = [samples::NAMES, samples::FURTHER].concat();
        let all = |connections: usize| {
            let each = names.iter().map(|name| format!("{name} {connections}"));
            each.collect::<Vec<_>>()
        };
        // All but the model that serves one connection, with so many workers where a connection occupies one.
        let concurrent = |connections: usize, workers: usize| {
            let each = all(connections).into_iter().skip(1);
            let with = |one: String| match &one[..3] {
                "del" | "eta" => format!("{one} --workers {workers}"),
                _ => one,
            };
            each.map(with).collect::<Vec<_>>()
        };
        // Others with workers have 4.
        let four = |asked: Vec<String>| {
            let each = asked.into_iter().map(|one| match &one[..3] {
                "zet" | "the" | "iot" | "kap" | "lam" => format!("{one} --workers 4"),
                _ => one,
            });
            each.collect::<Vec<_>>()
        };
        for place in ["request-cost/64", "connection-cost/one-request"] {
            assert_eq!(asked(place), all(64), "{place}");
        }
        assert_eq!(asked("waiting/sleep-10ms"), all(200));
        for place in ["rate-under-bound/ping", "goodput/bimodal-30k", "system-calls/64"] {
            assert_eq!(asked(place), concurrent(64, 64), "{place}");
        }
        for place in ["past-capacity/30", "large-replies/65536"] {
            assert_eq!(asked(place), concurrent(8, 8), "{place}");
        }
        assert_eq!(asked("blocking/block"), four(concurrent(64, 64)));
        let uneven = four(concurrent(64, 64)).into_iter().map(|one| match &one[..3] {
            "del" | "zet" | "eta" | "iot" => format!("{one} --accept shared"),
            _ => one,
        });
        assert_eq!(asked("uneven-work/shared"), uneven.collect::<Vec<_>>());
        for (place, expected) in [
            (
                "uneven-work/reuseport",
                &[
                    "zeta 64 --workers 4 --accept reuseport",
                    "iota 64 --workers 4 --accept reuseport",
                ][..],
            ),
            (
                "queues/50",
                &[
                    "beta 8",
                    "delta 8 --workers 8",
                    "epsilon 64",
                    "zeta 64 --workers 8 --accept reuseport",
                    "eta 8 --workers 8",
                    "theta 8 --workers 8",
                    "iota 64 --workers 8 --accept reuseport",
                    "kappa 64 --workers 8",
                    "lambda 8 --workers 8",
                    "mu 64",
                ],
            ),
            (
                "who-gets-connections/shared-new",
                &[
                    "delta 32 --workers 10 --accept shared",
                    "zeta 32 --workers 4 --accept shared",
                    "eta 32 --workers 10 --accept shared",
                    "iota 32 --workers 4 --accept shared",
                ],
            ),
            (
                "who-gets-connections/reuseport-kept",
                &[
                    "zeta 64 --workers 4 --accept reuseport",
                    "iota 64 --workers 4 --accept reuseport",
                ],
            ),
            // Workers that are threads die with their process.
            (
                "killed-worker/sigkill",
                &[
                    "gamma 64",
                    "delta 64 --workers 64",
                    "zeta 64 --workers 4 --accept reuseport",
                    "kappa 64 --workers 4",
                ],
            ),
        ] {
            assert_eq!(asked(place), expected, "{place}");
        }
        let silent = asked("silent-clients/10");
        assert_eq!(
            (&*silent[3], &*silent[6]),
            ("delta 1 --workers 10", "eta 1 --workers 10")
        );
    }
}
