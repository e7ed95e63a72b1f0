//! The experiments that this program contains, in the order of the report.

use schema::experiment::Experiment;

use super::file::parse;

const FILES: [&str; 18] = [
    include_str!("../../experiments/request-cost.toml"),
    include_str!("../../experiments/connection-cost.toml"),
    include_str!("../../experiments/whole-request.toml"),
    include_str!("../../experiments/rate-under-bound.toml"),
    include_str!("../../experiments/past-capacity.toml"),
    include_str!("../../experiments/goodput.toml"),
    include_str!("../../experiments/waiting.toml"),
    include_str!("../../experiments/blocking.toml"),
    include_str!("../../experiments/uneven-work.toml"),
    include_str!("../../experiments/queues.toml"),
    include_str!("../../experiments/workers.toml"),
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
    use std::collections::BTreeMap;

    use super::*;
    use crate::load;

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
    fn all_models_are_offered_the_same_rates_in_goodput() {
        let all = all();
        let goodput = all.iter().find(|experiment| experiment.key == "goodput").unwrap();
        let mut rates: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for setting in &goodput.settings {
            let load = &setting.load;
            let rate = load.rate_per_s_per_cpu.unwrap();
            // 20 µs on average, so that the bound is one for all.
            assert_eq!(
                load::work(load).unwrap().mean_time_us(),
                Some(20.0),
                "{}",
                setting.key
            );
            assert_eq!(load.within_times, Some(10.0));
            for own in setting.cases.iter().filter_map(|case| case.load.as_ref()) {
                assert_eq!(
                    (own.rate_per_s_per_cpu, own.within_times),
                    (Some(rate), Some(10.0))
                );
            }
            rates
                .entry(setting.panel.as_deref().unwrap())
                .or_default()
                .push(rate);
        }
        assert_eq!(rates.len(), 3);
        assert!(
            rates.values().all(|others| Some(others) == rates.values().next()),
            "{rates:?}"
        );
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

    #[test]
    fn sleep_and_block_are_explained_where_they_are_used() {
        for experiment in all() {
            let text = format!("{} {}", experiment.question, experiment.setup);
            let uses = |operation: &str| {
                let mut loads = experiment.settings.iter().map(|setting| &setting.load);
                loads.any(|load| load.operations().iter().any(|one| one == operation))
            };
            if uses("sleep") {
                assert!(text.contains("holds no thread"), "{}: {text}", experiment.key);
            }
            if uses("block") {
                assert!(text.contains("blocks its thread"), "{}: {text}", experiment.key);
            }
        }
    }

    #[test]
    fn a_settings_title_needs_no_other_setting_beside_it() {
        for experiment in all() {
            for setting in &experiment.settings {
                let title = &setting.title;
                let is_number = title.chars().all(|char| char.is_ascii_digit() || char == ',');
                let is_on_axis = is_number && experiment.axis.is_some();
                let has_words = title.split_whitespace().count() >= 2;
                assert!(is_on_axis || has_words, "{}: {title}", experiment.key);
            }
        }
    }

    #[test]
    fn workloads_have_short_titles_of_their_own() {
        let experiments = all();
        let settings = experiments.iter().flat_map(|experiment| &experiment.settings);
        let workloads: Vec<_> = settings.filter_map(|setting| setting.workload.as_ref()).collect();
        assert!((12..=17).contains(&workloads.len()), "{}", workloads.len());
        let mut titles: Vec<_> = workloads.iter().map(|workload| &*workload.title).collect();
        for title in &titles {
            assert!(title.split_whitespace().count() <= 6, "{title}");
        }
        titles.sort_unstable();
        titles.dedup();
        assert_eq!(titles.len(), workloads.len());
    }

    #[test]
    fn the_decision_has_five_lines_in_order() {
        let experiments = all();
        let settings = experiments.iter().flat_map(|experiment| &experiment.settings);
        let workloads = settings.filter_map(|setting| setting.workload.as_ref());
        let decisions = workloads.filter_map(|workload| workload.decision.as_ref());
        let mut decisions: Vec<_> = decisions
            .map(|decision| (decision.order, &*decision.when))
            .collect();
        decisions.sort_unstable();
        let orders: Vec<_> = decisions.iter().map(|(order, _)| *order).collect();
        assert_eq!(orders, [1, 2, 3, 4, 5]);
        for (_, when) in decisions {
            assert!(when.split_whitespace().count() <= 14, "{when}");
        }
    }
}
