//! What an experiment found, in one sentence.

use schema::experiment::Method;

use super::ranking::{Ranking, name};
use super::workers::{by_workers, varies_workers};
use crate::metric::load;
use crate::numbers::list;
use crate::remark;
use crate::summary::{Answer, Results, Row};

/// From this factor between the settings on, what all models share is more than what they differ by.
const SHARED_FROM: f64 = 1.5;
/// Of so few settings a sentence gives the values of all, unless one stands for a workload.
const SETTINGS_FEW: usize = 3;
/// Of more models, the sentence has only the best.
const MODELS_FEW: usize = 8;

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
    let ranking = Ranking::by(answer, 0)?;
    // Of many models, the plot shows who is next, and the grid by how much.
    let words = if results.models > MODELS_FEW {
        ranking.best_in_words()
    } else {
        ranking.in_words()
    };
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
            Some(format!("{} {}", name(row), remark::value(row, metric, median)))
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
        .map(|(answer, values)| {
            let bound = remark::at_least(&answer.rows, metric);
            format!("{bound}{} ({})", metric.range(values), answer.name())
        })
        .collect();
    let measured = if models < results.models { " measured" } else { "" };
    Some(format!(
        "in every model{measured}, the {} is {}",
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
mod tests;
