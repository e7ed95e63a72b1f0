//! Which trial comes when.

use std::time::Duration;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::experiments::Setting;
use crate::models::Contender;
use crate::profile::Times;

/// A trial to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Planned<'a> {
    /// Counted from 1.
    pub(crate) round: usize,
    pub(crate) setting: &'a Setting,
    pub(crate) contender: &'a Contender,
}

/// Every contender in every setting once a round. The settings keep their order; within each the contenders come in an
/// order drawn anew, so that what drifts on the machine (its clock rate, a neighbour's load) falls on all of them alike
/// and none always follows the same other. The seed gives the same order on any machine: `ChaCha8` is fixed by its
/// definition.
pub(crate) fn trials<'a>(
    settings: &'a [Setting],
    contenders: &'a [Contender],
    rounds: usize,
    seed: u64,
) -> Vec<Planned<'a>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut trials = Vec::with_capacity(rounds * settings.len() * contenders.len());
    for round in 1..=rounds {
        for setting in settings {
            let mut order: Vec<_> = contenders.iter().collect();
            order.shuffle(&mut random);
            trials.extend(order.into_iter().map(|contender| Planned {
                round,
                setting,
                contender,
            }));
        }
    }
    trials
}

/// How long a trial takes, for the progress bar: a guess that the bar corrects as it learns.
pub(crate) fn expected(times: Times) -> Duration {
    /// To start a server, wait until it has settled, and let it drain.
    const AROUND: Duration = Duration::from_millis(60);
    times.warmup + times.window + AROUND
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{experiments, models};

    fn contenders() -> Vec<Contender> {
        models::ALL
            .map(|model| Contender::of(model, "bin".as_ref()))
            .to_vec()
    }

    fn settings() -> Vec<Setting> {
        experiments::all()
            .into_iter()
            .flat_map(|experiment| experiment.settings)
            .collect()
    }

    #[test]
    fn every_contender_meets_every_setting_once_a_round() {
        let (settings, contenders) = (settings(), contenders());
        let trials = trials(&settings, &contenders, 4, 1);
        let met: BTreeSet<_> = trials
            .iter()
            .map(|trial| (trial.round, &trial.setting.key, &trial.contender.name))
            .collect();
        assert_eq!((trials.len(), met.len()), (4 * 3 * 6, 4 * 3 * 6));
        assert!(trials.is_sorted_by_key(|trial| trial.round));
    }

    #[test]
    fn a_seed_gives_its_own_order_and_always_the_same() {
        let (settings, contenders) = (settings(), contenders());
        let names = |seed| {
            let trials = trials(&settings, &contenders, 2, seed);
            trials
                .iter()
                .map(|trial| &*trial.contender.name)
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(names(7), names(7));
        assert_ne!(names(7), names(8));
        // Fixed, so that the seed in a report of today gives its order tomorrow.
        assert!(
            names(7).starts_with("single prefork prefork-async fork async thread thread fork async "),
            "{}",
            names(7)
        );
    }
}
