//! What an experiment found, in one sentence.

use schema::experiment::Method;

use super::ranking::{Ranking, name, range};
use super::workers::{by_workers, varies_workers};
use crate::metric::load;
use crate::numbers::list;
use crate::summary::{Answer, Results, Row};

/// From this factor between the settings on, what all models share is more than what they differ by.
const SHARED_FROM: f64 = 1.5;
/// Of so few settings a sentence gives the values of all, unless one stands for a workload.
const SETTINGS_FEW: usize = 3;

/// What an experiment found, in one sentence.
pub(crate) fn meaning(results: &Results<'_>) -> String {
    let mut clauses = Vec::new();
    let stalled = stalled(results);
    let is_about_stalls = *results.headline() == load::THROUGHPUT && results.experiment.axis.is_some();
    match results.experiment.method {
        Method::KillWorker => clauses.extend(results.answers.iter().filter_map(killed)),
        _ if is_about_stalls && stalled.is_some() => {}
        _ if varies_workers(results) => clauses.extend(by_workers(results)),
        _ => match shared(results) {
            Some(shared) => clauses.push(shared),
            None => clauses.extend(ranked(results)),
        },
    }
    clauses.extend(stalled);
    clauses.extend(overloaded(results));
    if clauses.is_empty() {
        return "Nothing was measured.".to_owned();
    }
    format!("{}.", capitalised(&clauses.join("; ")))
}

/// The ranking in the last setting that stands for a workload. Without any, in the last of those that rank the most models.
fn ranked(results: &Results<'_>) -> Option<String> {
    let with_ranking = |answer: &&Answer<'_>| Ranking::by(answer, 0).is_some();
    let answers = || results.answers.iter().filter(with_ranking);
    let ranked = |answer: &&Answer<'_>| {
        let rows = answer.rows.iter();
        rows.filter(|row| row.values[0].standing.is_ok()).count()
    };
    let workload = answers().rfind(|answer| answer.setting.workload.is_some());
    let Some(answer) = workload.or_else(|| answers().max_by_key(ranked)) else {
        return results.answers.iter().find_map(values);
    };
    let words = Ranking::by(answer, 0)?.in_words();
    Some(match &*results.answers {
        [_] => words,
        _ => format!("{}: {words}", answer.name()),
    })
}

/// The values of a setting in which no model is ranked.
pub(super) fn values(answer: &Answer<'_>) -> Option<String> {
    let metric = answer.metric(0);
    let values: Vec<_> = answer
        .rows
        .iter()
        .filter_map(|row| {
            let median = row.values[0].estimate?.median;
            Some(format!("{} {}", name(row), metric.format_with_unit(median)))
        })
        .collect();
    (!values.is_empty()).then(|| format!("{}: {}", answer.metric_name(0), list(&values)))
}

/// What all models share: in each setting they are closer to each other than to those of any other setting.
fn shared(results: &Results<'_>) -> Option<String> {
    let metric = results.headline();
    let (first, rest) = results.answers.split_first()?;
    let models = first.rows.len();
    if models < 2 || rest.is_empty() || rest.iter().any(|answer| answer.rows.len() != models) {
        return None;
    }
    let values: Option<Vec<(&Answer<'_>, Vec<f64>)>> = results
        .answers
        .iter()
        .filter(|answer| !answer.rows.iter().all(Row::is_overloaded))
        .map(|answer| {
            let rows = answer.rows.iter();
            let is_comparable = |row: &Row<'_>| !row.has_never_served() && !row.errors.are_too_many();
            let values = rows.map(|row| Some(row.values[0].estimate?.median).filter(|_| is_comparable(row)));
            Some((answer, values.collect::<Option<Vec<f64>>>()?))
        })
        .collect();
    let values = values.filter(|values| values.len() > 1)?;
    let ends = |values: &[f64]| {
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(0.0, f64::max);
        (least, most)
    };
    let all: Vec<_> = values.iter().map(|(_, values)| ends(values)).collect();
    let rises = all.windows(2).all(|pair| pair[0].1 < pair[1].0);
    let falls = all.windows(2).all(|pair| pair[0].0 > pair[1].1);
    let ((least, _), (_, most)) = (*all.first()?, *all.last()?);
    let factor = (most / least).max(least / most);
    if !(rises || falls) || factor < SHARED_FROM {
        return None;
    }
    let shown = thinned(&values);
    let shown: Vec<_> = shown
        .into_iter()
        .map(|(answer, values)| format!("{} ({})", range(metric, values), answer.name()))
        .collect();
    Some(format!(
        "in every model, the {} is {}",
        results.headline_name(),
        list(&shown)
    ))
}

/// The first of these, and what stands for a workload, or else the last.
fn thinned<'v, 'r, 'a>(values: &'v [(&'r Answer<'a>, Vec<f64>)]) -> Vec<&'v (&'r Answer<'a>, Vec<f64>)> {
    let last = values.len() - 1;
    let is_workload = |index: usize| values[index].0.setting.workload.is_some();
    let ends_it = !(0..=last).any(is_workload);
    let is_shown = |index: usize| {
        values.len() <= SETTINGS_FEW || index == 0 || is_workload(index) || (ends_it && index == last)
    };
    let shown = values.iter().enumerate().filter(|(index, _)| is_shown(*index));
    shown.map(|(_, value)| value).collect()
}

/// What killing a worker did to each model.
fn killed(answer: &Answer<'_>) -> Option<String> {
    let rows = answer.rows.iter().filter_map(|row| {
        let lost = row.estimate(&load::LOST_REQUESTS)?.median;
        let lost = load::LOST_REQUESTS.format(lost);
        let back = match row.estimate(&load::RECOVERY) {
            None => "is never at full rate again within the window".to_owned(),
            Some(time) => {
                let after = load::RECOVERY.format_with_unit(time.median);
                let some = if time.trials < row.kept.len() {
                    format!(" in {} of {} trials", time.trials, row.kept.len())
                } else {
                    String::new()
                };
                format!("is at full rate after {after}{some}")
            }
        };
        let requests = if lost == "1" { "request" } else { "requests" };
        Some((format!("loses {lost} {requests} and {back}"), name(row)))
    });
    let mut kinds: Vec<(String, Vec<String>)> = Vec::new();
    for (words, model) in rows {
        match kinds.iter_mut().find(|(kind, _)| *kind == words) {
            Some((_, models)) => models.push(model),
            None => kinds.push((words, vec![model])),
        }
    }
    let clauses: Vec<_> = kinds
        .into_iter()
        .map(|(words, models)| match &*models {
            [one] => format!("{one} {words}"),
            several => format!("each of {} {words}", list(several)),
        })
        .collect();
    (!clauses.is_empty()).then(|| clauses.join("; "))
}

/// Which models serve nothing at all, the first setting in which that is so, and the one before it.
pub(super) fn stalled(results: &Results<'_>) -> Option<String> {
    let is_stalled = |row: &&Row<'_>| {
        row.estimate(&load::THROUGHPUT)
            .is_some_and(|rate| rate.median <= 0.0)
    };
    let mut named: Vec<&str> = Vec::new();
    let mut clauses = Vec::new();
    for (index, answer) in results.answers.iter().enumerate() {
        let stalled = answer.rows.iter().filter(is_stalled);
        let new: Vec<_> = stalled.filter(|row| !named.contains(&row.model)).collect();
        if new.is_empty() {
            continue;
        }
        named.extend(new.iter().map(|row| row.model));
        let who: Vec<_> = new.into_iter().map(name).collect();
        let verb = match (&*clauses, &*who) {
            ([], [_]) => " serves nothing",
            ([], _) => " serve nothing",
            _ => "",
        };
        let from = match results.experiment.axis {
            Some(_) => {
                let before = index.checked_sub(1).map(|index| &results.answers[index]);
                // That a model serves without any of them needs no words.
                let before = before.filter(|before| before.setting.x.is_some_and(|x| x > 0.0));
                let served = before.map_or_else(String::new, |before| {
                    format!(" (and still served at {})", before.setting.title)
                });
                format!("at {}{served}", answer.name())
            }
            None => format!("in “{}”", answer.name()),
        };
        clauses.push(format!("{}{verb} {from}", list(&who)));
    }
    (!clauses.is_empty()).then(|| clauses.join(", "))
}

/// Where every model was overloaded, so that none is ranked by its latency.
fn overloaded(results: &Results<'_>) -> Option<String> {
    let is_overloaded = |answer: &&Answer<'_>| answer.rows.iter().all(Row::is_overloaded);
    let settings: Vec<_> = results
        .answers
        .iter()
        .filter(is_overloaded)
        .map(Answer::name)
        .collect();
    (results.headline().is_latency && !settings.is_empty())
        .then(|| format!("at {}, every model is overloaded", list(&settings)))
}

/// A clause as the start of a sentence.
pub(super) fn capitalised(clause: &str) -> String {
    let mut letters = clause.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use schema::record::{Measured, Outcome, Record};

    /// Changes every trial that counts of an experiment.
    fn change(records: &mut [Record], experiment: &str, to: impl Fn(&str, &str, &mut Measured)) {
        for record in records
            .iter_mut()
            .filter(|record| record.experiment == experiment)
        {
            if let Outcome::Measured(trial) = &mut record.outcome {
                to(&record.setting, &record.model, trial);
            }
        }
    }

    #[track_caller]
    fn meaning_of(records: &[Record], experiment: &str) -> String {
        let (environment, _) = fixture::run();
        let summary = fixture::summary(&environment, records);
        let mut results = summary.results.iter();
        meaning(
            results
                .find(|results| results.experiment.key == experiment)
                .expect("it was asked"),
        )
    }

    #[test]
    fn the_next_model_has_the_same_load() {
        let (_, records) = fixture::run();
        assert_eq!(
            meaning_of(&records, "request-cost"),
            "64 connections: `epsilon` is best (6.41 µs); next, `beta` needs 1.86 × as much."
        );
        // `alpha`, on one connection, is between the two, and no rival.
        let bound = meaning_of(&records, "rate-under-bound");
        assert!(bound.contains("next, `beta` reaches "), "{bound}");
        let waiting = meaning_of(&records, "waiting");
        assert!(
            !waiting.contains("next"),
            "connections that were never served make no rival: {waiting}"
        );
    }

    #[test]
    fn a_best_with_less_to_do_is_no_measure() {
        let (_, mut records) = fixture::run();
        change(&mut records, "rate-under-bound", |_, model, trial| {
            if let (true, Some(search)) = (model == "alpha", &mut trial.search) {
                search.best_rate_per_s = search.best_rate_per_s.map(|rate| 9.0 * rate);
            }
        });
        let words = meaning_of(&records, "rate-under-bound");
        assert!(words.starts_with("`alpha` on 1 connection is best"), "{words}");
        assert!(
            words.contains("on all 64 connections has 124,000 requests/s"),
            "{words}"
        );
    }

    #[test]
    fn what_all_models_share_is_the_finding() {
        let (_, mut records) = fixture::run();
        change(&mut records, "request-cost", |setting, model, trial| {
            let cost = if setting == "64" { 44_000.0 } else { 54.0 };
            let own = if model == "beta" { 1.02 } else { 1.0 };
            trial.spent.user_us = 0.0;
            trial.spent.system_us = trial.load.throughput_per_s * cost * own;
            trial.load.connections.served = trial.load.connections.asked;
        });
        assert_eq!(
            meaning_of(&records, "request-cost"),
            "In every model, the CPU time per request is 54.0 to 55.1 µs (1 connection) and 44,000 to 44,900 µs (64 connections)."
        );
    }

    #[test]
    fn overload_of_all_models_is_part_of_the_meaning() {
        let (_, records) = fixture::run();
        let words = meaning_of(&records, "past-capacity");
        assert!(
            words.ends_with("; at 120 %, every model is overloaded."),
            "{words}"
        );
    }

    #[test]
    fn settings_that_overlap_share_nothing() {
        let (_, records) = fixture::run();
        assert!(!meaning_of(&records, "request-cost").contains("every model"));
    }

    #[test]
    fn all_tied_is_no_winner() {
        let (_, mut records) = fixture::run();
        change(&mut records, "request-cost", |_, _, trial| {
            trial.spent.system_us = trial.load.throughput_per_s * 5.0;
            trial.spent.user_us = 0.0;
            trial.load.connections.served = trial.load.connections.asked;
        });
        assert_eq!(
            meaning_of(&records, "request-cost"),
            "64 connections: all tied: 5.00 µs."
        );
    }

    #[test]
    fn who_serves_nothing_is_named_with_its_first_setting() {
        let (_, mut records) = fixture::run();
        change(&mut records, "request-cost", |setting, model, trial| {
            if setting == "64" && model == "beta" || model == "alpha" {
                trial.load.throughput_per_s = 0.0;
                trial.load.connections.served = 0;
            }
        });
        let words = meaning_of(&records, "request-cost");
        let end = "; `alpha` serves nothing at 1 connection, `beta` at 64 connections (and still served at 1 connection).";
        assert!(words.ends_with(end), "{words}");
    }

    #[test]
    fn a_kill_is_one_sentence() {
        let (_, records) = fixture::run();
        assert_eq!(
            meaning_of(&records, "killed-worker"),
            "`delta` loses 1 request and is at full rate after 119 ms in 5 of 6 trials."
        );
    }
}
