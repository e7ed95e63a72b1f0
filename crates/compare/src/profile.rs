//! How long a run takes, and so how narrow its intervals are.

use std::fmt;
use std::time::Duration;

use clap::ValueEnum;
pub(crate) use schema::experiment::Times;

/// Which of the profiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Choice {
    /// Seconds: shows that everything works; its values mean nothing
    Smoke,
    /// Under two minutes: the cost of a request and of a connection, and handlers that wait without a thread
    Quick,
    /// About half an hour: every experiment
    Standard,
    /// Some hours: every experiment in every setting, with longer and more trials
    Full,
}

/// The most rounds of a run, and the most pairs and comparisons of `aa`.
pub(crate) const ROUNDS_MOST: u16 = 1000;

/// How often, and for how long, each model is measured in each setting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Profile {
    pub(crate) name: &'static str,
    pub(crate) rounds: usize,
    pub(crate) times: Times,
}

/// Many short trials show more than few long ones: differences from process to process appear only between trials.
pub(crate) const ALL: [Profile; 4] = [
    Profile::new("smoke", 1, 40, 120),
    Profile::new("quick", 8, 80, 250),
    Profile::new("standard", 8, 100, 400),
    Profile::new("full", 20, 500, 2_000),
];

impl Profile {
    const fn new(name: &'static str, rounds: usize, warmup_ms: u64, window_ms: u64) -> Self {
        let times = Times {
            warmup: Duration::from_millis(warmup_ms),
            window: Duration::from_millis(window_ms),
        };
        Self { name, rounds, times }
    }

    pub(crate) fn chosen(choice: Choice) -> Self {
        ALL[choice as usize]
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Times { warmup, window, .. } = self.times;
        let rounds = if self.rounds == 1 {
            "1 round".to_owned()
        } else {
            format!("{} rounds", self.rounds)
        };
        write!(
            f,
            "{rounds}; each trial measures for {window:?} after a warm-up of {warmup:?}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contender::samples;
    use crate::experiment::shipped;
    use crate::plan;

    #[test]
    fn the_profiles_keep_their_times() {
        let contenders = samples::contenders();
        // A fifth of the time may be needed for trials that are repeated.
        for (choice, most) in [(Choice::Quick, 100), (Choice::Standard, 31 * 60)] {
            let profile = Profile::chosen(choice);
            let experiments = shipped::all();
            let experiments: Vec<_> = experiments
                .iter()
                .filter_map(|experiment| experiment.within(profile.name))
                .collect();
            let trials = plan::trials(&experiments, &contenders, profile.rounds, 1);
            let total: Duration = trials.iter().map(|trial| trial.expected(profile.times)).sum();
            assert!(total < Duration::from_secs(most), "{}: {total:?}", profile.name);
        }
    }

    #[test]
    fn each_choice_has_the_profile_of_its_name() {
        for choice in Choice::value_variants() {
            let name = choice.to_possible_value().unwrap();
            assert_eq!(Profile::chosen(*choice).name, name.get_name());
        }
    }
}
