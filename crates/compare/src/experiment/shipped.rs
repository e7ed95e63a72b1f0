//! The experiments that this program contains, in the order of the report.

use schema::experiment::Experiment;

use super::file::parse;

const FILES: [&str; 15] = [
    include_str!("../../experiments/request-cost.toml"),
    include_str!("../../experiments/connection-cost.toml"),
    include_str!("../../experiments/rate-under-bound.toml"),
    include_str!("../../experiments/past-capacity.toml"),
    include_str!("../../experiments/waiting.toml"),
    include_str!("../../experiments/blocking.toml"),
    include_str!("../../experiments/uneven-work.toml"),
    include_str!("../../experiments/queues.toml"),
    include_str!("../../experiments/who-gets-connections.toml"),
    include_str!("../../experiments/idle-connections.toml"),
    include_str!("../../experiments/silent-clients.toml"),
    include_str!("../../experiments/two-writes.toml"),
    include_str!("../../experiments/killed-worker.toml"),
    include_str!("../../experiments/large-replies.toml"),
    include_str!("../../experiments/system-calls.toml"),
];

/// All of them.
pub(crate) fn all() -> Vec<Experiment> {
    FILES
        .iter()
        .map(|text| parse(text).expect("a shipped experiment is well formed"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_well_formed_and_have_different_keys() {
        let mut keys: Vec<_> = all().into_iter().map(|experiment| experiment.key).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), FILES.len());
    }

    #[test]
    fn the_standard_profile_has_every_experiment() {
        for experiment in all() {
            assert!(experiment.within("standard").is_some(), "{}", experiment.key);
        }
    }

    #[test]
    fn the_page_on_experiments_has_the_texts_of_each() {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let page = words(include_str!("../../../../docs/EXPERIMENTS.md"));
        for experiment in all() {
            let title = format!("## `{}`: {}", experiment.key, experiment.title);
            let expected = experiment.expected.unwrap_or_default();
            for text in [title, experiment.question, experiment.setup, expected] {
                assert!(
                    page.contains(&words(&text)),
                    "{} is not there: {text}",
                    experiment.key
                );
            }
        }
    }
}
