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
    /// Under three minutes: the cost of a request and of a connection, and handlers that wait without a thread
    Quick,
    /// Under an hour, or half of that with --models article: every experiment
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
    use std::collections::BTreeMap;

    use stats::{Better, Finding, Test};

    use super::*;
    use crate::contender::{Contender, samples};
    use crate::experiment::shipped;
    use crate::plan;

    /// How long a profile is planned to take with these contenders.
    fn planned(choice: Choice, contenders: &[Contender]) -> Duration {
        let profile = Profile::chosen(choice);
        let experiments = shipped::all();
        let experiments: Vec<_> = experiments
            .iter()
            .filter_map(|experiment| experiment.within(profile.name))
            .collect();
        let trials = plan::trials(&experiments, contenders, profile.rounds, 1);
        trials.iter().map(|trial| trial.expected(profile.times)).sum()
    }

    #[test]
    fn the_profiles_keep_their_times() {
        let (six, twelve) = (samples::contenders(), samples::twelve());
        // A fifth of the time may be needed for what no plan has: trials that are repeated, and servers that start slowly.
        for (choice, contenders, most_s) in [
            (Choice::Smoke, &twelve, 30),
            (Choice::Quick, &six, 100),
            (Choice::Quick, &twelve, 150),
            (Choice::Standard, &six, 25 * 60),
            (Choice::Standard, &twelve, 50 * 60),
        ] {
            let total = planned(choice, contenders);
            let models = contenders.len();
            println!("{choice:?} with {models} models: {total:?}");
            assert!(
                total < Duration::from_secs(most_s),
                "{choice:?} with {models} models: {total:?}"
            );
        }
    }

    #[test]
    fn a_check_of_a_standard_run_judges_everything() {
        let (contenders, profile) = (samples::twelve(), Profile::chosen(Choice::Standard));
        let experiments = shipped::all().into_iter();
        let experiments: Vec<_> = experiments
            .filter_map(|experiment| experiment.within(profile.name))
            .collect();
        let planned = plan::trials(&experiments, &contenders, profile.rounds, 1);
        let mut values: BTreeMap<_, usize> = BTreeMap::new();
        for trial in planned.iter().filter(|trial| !trial.finds_capacity()) {
            let group = experiments
                .iter()
                .position(|experiment| experiment == trial.experiment);
            let value = (group.unwrap(), &trial.setting.key, &trial.contender.name);
            *values.entry(value).or_default() += 1;
        }
        // All as much worse as can be.
        let worse = |(&(group, ..), &trials): (&(usize, _, _), &usize)| {
            Test::new(&vec![1.0; trials], &vec![9.0; trials], 0.05, Better::Less).in_group(group)
        };
        let findings = stats::judge(&values.iter().map(worse).collect::<Vec<_>>());
        assert!(findings.iter().all(|finding| *finding == Finding::Worse));
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let page = words(include_str!("../../../docs/COMPARING.md"));
        assert!((375..425).contains(&values.len()), "{}", values.len());
        for text in [
            "about 400 values with eight trials each, and eight are enough for 643",
            "Seven in each run are enough for 171 values that are judged together, eight for 643",
        ] {
            assert!(page.contains(text), "docs/COMPARING.md lacks: {text}");
        }
        assert!(values.values().all(|trials| *trials == 8));
        let enough = [171, 172, 643, 644].map(stats::trials_needed_by_a_check);
        assert_eq!(enough, [7, 8, 8, 9]);
    }

    #[test]
    fn each_choice_has_the_profile_of_its_name() {
        for choice in Choice::value_variants() {
            let name = choice.to_possible_value().unwrap();
            assert_eq!(Profile::chosen(*choice).name, name.get_name());
        }
    }
}
