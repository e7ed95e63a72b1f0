//! What limits the conclusions of an experiment: a short sentence each, for the part of the page that it limits.

use std::collections::BTreeSet;

use schema::load::DRIFT_MOST;

use super::places::name;
use crate::bottleneck::Bottleneck;
use crate::metric::{Kind, load};
use crate::numbers::list;
use crate::remark;
use crate::summary::{Answer, Results, Row};
use schema::experiment::Method;

/// A sentence, if it applies to an experiment.
type Caveat = fn(&Results<'_>) -> Option<String>;

/// All of them, the most important first.
const ALL: [Caveat; 9] = [
    errors,
    client_bound,
    fewer_connections,
    workers,
    own_capacity,
    replaced_after_a_pause,
    process_memory,
    latency_bound,
    unsteady,
];

/// What limits the conclusions of an experiment.
pub(crate) fn section_caveats(results: &Results<'_>) -> Vec<String> {
    ALL.iter().filter_map(|caveat| caveat(results)).collect()
}

/// Models for which something is so in some setting, and where if that is not in all settings: "`alpha`, `beta` (64)".
fn models(results: &Results<'_>, is_so: impl Fn(&Answer<'_>, &Row<'_>) -> bool) -> Vec<String> {
    let mut models: Vec<(usize, String)> = Vec::new();
    for answer in &results.answers {
        for row in answer.rows.iter().filter(|row| is_so(answer, row)) {
            if models.iter().all(|(place, _)| *place != row.place) {
                models.push((row.place, name(row)));
            }
        }
    }
    models.sort();
    models.into_iter().map(|(_, name)| name).collect()
}

/// Requests that failed, of models that are ranked all the same. Where that is the question, the tables show it.
fn errors(results: &Results<'_>) -> Option<String> {
    if results.experiment.method == Method::KillWorker {
        return None;
    }
    let models = models(results, |_, row| row.errors.any() && !row.errors.are_too_many());
    (!models.is_empty()).then(|| format!("Some requests or trials failed: {}.", list(&models)))
}

fn client_bound(results: &Results<'_>) -> Option<String> {
    let metric = results.headline();
    let models = models(results, |_, row| row.bottleneck == Bottleneck::LoadGenerator);
    if models.is_empty() {
        None
    } else if metric.kind == Kind::Rate {
        Some("“≥”: limited by the load generator.".to_owned())
    } else {
        (metric.is_latency).then(|| {
            format!(
                "The load generator was saturated, and may have added to the latency of {}.",
                list(&models)
            )
        })
    }
}

/// Models that got fewer connections than the setting has.
fn fewer_connections(results: &Results<'_>) -> Option<String> {
    let mut models: Vec<(usize, usize, String)> = Vec::new();
    for answer in &results.answers {
        for row in &answer.rows {
            if let Some(own) = remark::fewer_connections(row, answer.setting)
                && models.iter().all(|(_, place, _)| *place != row.place)
            {
                models.push((own, row.place, name(row)));
            }
        }
    }
    let all = results
        .answers
        .iter()
        .map(|answer| answer.setting.load.connections)
        .max()?;
    models.sort();
    let words = models.iter().map(|(own, _, model)| format!("{model} {own}"));
    let words: Vec<_> = words.collect();
    (!words.is_empty()).then(|| format!("Connections: {}, not {all}.", words.join(", ")))
}

/// Models that had other numbers of workers than by default. Where the number is what the settings vary, their titles show it.
fn workers(results: &Results<'_>) -> Option<String> {
    let mut numbers: Vec<(usize, String, BTreeSet<u16>)> = Vec::new();
    for answer in &results.answers {
        for row in &answer.rows {
            let Some(own) = answer.setting.workers_for(row.contender) else {
                continue;
            };
            match numbers.iter_mut().find(|(place, ..)| *place == row.place) {
                Some((.., all)) => _ = all.insert(own),
                None => numbers.push((row.place, name(row), BTreeSet::from([own]))),
            }
        }
    }
    numbers.sort();
    let is_default = |place: usize, own: u16| {
        let mut rows = results.answers.iter().flat_map(|answer| &answer.rows);
        let row = rows.find(|row| row.place == place);
        row.and_then(|row| row.contender.capabilities.workers)
            .is_some_and(|workers| workers.default == own)
    };
    let given: Vec<_> = numbers
        .iter()
        .filter(|(.., all)| all.len() == 1)
        .filter_map(|(place, model, all)| Some((*place, *all.first()?, &**model)))
        .collect();
    let is_noted = given.iter().any(|(place, own, _)| !is_default(*place, *own));
    // Where few models have workers, the introduction has the defaults.
    let few = given.len() <= WORKERS_EACH_MOST;
    let shown = given
        .iter()
        .filter(|(place, own, _)| !few || !is_default(*place, *own));
    let shown: Vec<_> = shown.map(|(_, own, model)| (*own, *model)).collect();
    is_noted.then(|| format!("Workers: {}.", in_groups(&shown)))
}

/// Of more models, the most frequent number of workers stands once, at the end.
const WORKERS_EACH_MOST: usize = 3;

/// Numbers of workers with their models: "`alpha` 8, `beta` 4". Of many models: "`alpha` 8, others 4".
fn in_groups(given: &[(u16, &str)]) -> String {
    let count = |own: u16| given.iter().filter(|(other, _)| *other == own).count();
    let most = given.iter().map(|(own, _)| *own).max_by_key(|&own| count(own));
    let others = most.filter(|_| given.len() > WORKERS_EACH_MOST);
    let each = given.iter().filter(|(own, _)| Some(*own) != others);
    let each = each.map(|(own, model)| format!("{model} {own}"));
    let others = others.map(|own| {
        if count(own) == given.len() {
            own.to_string()
        } else {
            format!("others {own}")
        }
    });
    each.chain(others).collect::<Vec<_>>().join(", ")
}

/// The offered rate as a share of what each model can do. Where that follows from the work, models of one kind have the same.
fn own_capacity(results: &Results<'_>) -> Option<String> {
    let mut differ = false;
    for answer in &results.answers {
        let rows = answer.rows.iter();
        let loads = rows.map(|row| answer.setting.load_for(row.contender));
        let shares = loads.filter(|load| load.capacity.is_some());
        let rates: Vec<_> = shares.map(|load| load.known_rate_per_s()).collect();
        if rates.contains(&None) {
            return Some("Each model had its own rate.".to_owned());
        }
        differ |= rates.windows(2).any(|pair| pair[0] != pair[1]);
    }
    differ.then(|| "Rates differ with the capacity.".to_owned())
}

fn replaced_after_a_pause(results: &Results<'_>) -> Option<String> {
    (results.experiment.method == Method::KillWorker)
        .then(|| "Recovery includes the pause before a replacement.".to_owned())
}

fn process_memory(results: &Results<'_>) -> Option<String> {
    (results.headline().kind == Kind::Memory)
        .then(|| "Without kernel memory: stacks, page tables, socket buffers.".to_owned())
}

fn latency_bound(results: &Results<'_>) -> Option<String> {
    // Beside idle or silent connections the question is who serves at all.
    let is_rate = *results.headline() == load::THROUGHPUT && results.experiment.axis.is_none();
    let models = models(results, |_, row| row.bottleneck == Bottleneck::Latency);
    (is_rate && !models.is_empty())
        .then(|| "Latency-bound: more connections would raise these rates.".to_owned())
}

/// Latencies that changed within the window.
fn unsteady(results: &Results<'_>) -> Option<String> {
    if !results.headline().is_latency {
        return None;
    }
    let is_drifting = |row: &&Row<'_>| {
        let drift = row.estimate(&load::DRIFT);
        drift.is_some_and(|drift| drift.median.abs() > DRIFT_MOST) && !row.is_overloaded()
    };
    // What is true of a few models is in the caveats of the run.
    let settings = results.answers.iter().filter(|answer| {
        let drifting = answer.rows.iter().filter(is_drifting).count();
        2 * drifting >= answer.rows.len()
    });
    let settings: Vec<_> = settings.map(Answer::name).collect();
    (!settings.is_empty()).then(|| {
        format!(
            "Not steady within the window (a longer one would give another value): {}.",
            list(&settings)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use schema::experiment::{Case, Load};
    use schema::record::{Outcome, Record};

    #[track_caller]
    fn caveats_of(records: &[Record], experiment: &str) -> Vec<String> {
        let (environment, _) = fixture::run();
        let summary = fixture::summary(&environment, records);
        let mut results = summary.results.iter();
        section_caveats(
            results
                .find(|results| results.experiment.key == experiment)
                .expect("it was asked"),
        )
    }

    #[test]
    fn a_caveat_stands_with_the_experiment_that_it_limits() {
        let (_, records) = fixture::run();
        for (experiment, expected) in [
            // Its headline is a cost, which a saturated load generator does not change.
            ("request-cost", [].as_slice()),
            (
                "rate-under-bound",
                &[
                    "“≥”: limited by the load generator.",
                    "Connections: `alpha` 1, `delta` 8, not 64.",
                ],
            ),
            (
                "past-capacity",
                &[
                    "Some requests or trials failed: `epsilon`.",
                    "Connections: `alpha` 1, not 8.",
                    "Each model had its own rate.",
                ],
            ),
            (
                "killed-worker",
                &[
                    "Workers: `delta` 8.",
                    "Recovery includes the pause before a replacement.",
                ],
            ),
        ] {
            assert_eq!(caveats_of(&records, experiment), expected, "{experiment}");
        }
    }

    #[test]
    fn known_capacities_that_differ_are_named() {
        let (mut environment, records) = fixture::run();
        for (own, differ) in [(9_090.0, false), (1_000.0, true)] {
            for key in ["30", "85", "120"] {
                let setting = fixture::setting(&mut environment, "past-capacity", key);
                setting.load.capacity_per_s = Some(9_090.0);
                setting.cases = vec![Case {
                    has: Vec::new(),
                    models: Some(vec!["epsilon".to_owned()]),
                    load: Some(Load {
                        capacity_per_s: Some(own),
                        ..setting.load.clone()
                    }),
                    workers: None,
                    accept: None,
                }];
            }
            let summary = fixture::summary(&environment, &records);
            let mut results = summary.results.iter();
            let results = results.find(|results| results.experiment.key == "past-capacity");
            let caveats = section_caveats(results.expect("it was asked"));
            let named = caveats
                .iter()
                .any(|caveat| caveat == "Rates differ with the capacity.");
            assert_eq!(named, differ, "{caveats:?}");
            let each = caveats.iter().any(|caveat| caveat.starts_with("Each model"));
            assert!(!each, "{caveats:?}");
        }
    }

    #[test]
    fn a_saturated_client_is_named_where_latency_decides() {
        let (_, mut records) = fixture::run();
        for record in records.iter_mut().filter(|record| record.model == "beta") {
            if let Outcome::Measured(trial) = &mut record.outcome {
                trial.load.checks.client_limited = Some(true);
            }
        }
        let caveats = caveats_of(&records, "past-capacity");
        let named = "The load generator was saturated, and may have added to the latency of `beta`.";
        assert!(caveats.iter().any(|caveat| caveat == named), "{caveats:?}");
    }

    #[test]
    fn the_most_frequent_number_of_workers_stands_once() {
        for (given, words) in [
            (&[(8, "`alpha`")][..], "`alpha` 8"),
            (
                &[(8, "`alpha`"), (4, "`beta`"), (4, "`gamma`")],
                "`alpha` 8, `beta` 4, `gamma` 4",
            ),
            (
                &[(4, "`alpha`"), (8, "`beta`"), (4, "`gamma`"), (4, "`delta`")],
                "`beta` 8, others 4",
            ),
            (&[(8, "`a`"), (8, "`b`"), (8, "`c`"), (8, "`d`")], "8"),
        ] {
            assert_eq!(in_groups(given), words);
        }
    }
}
