//! What an experiment found, in one sentence.

use schema::experiment::Method;

use super::ranking::{Ranking, name, range};
use crate::metric::load;
use crate::numbers::list;
use crate::summary::{Answer, Results, Row};

/// From this factor between the settings on, what all models share is more than what they differ by.
const SHARED_FROM: f64 = 1.5;
/// The most settings that one sentence gives values of.
const VALUES_MOST: usize = 3;

/// What an experiment found, in one sentence.
pub(crate) fn meaning(results: &Results<'_>) -> String {
    let mut clauses = Vec::new();
    let stalled = stalled(results);
    let is_about_stalls = *results.headline() == load::THROUGHPUT && results.experiment.axis.is_some();
    match results.experiment.method {
        Method::KillWorker => clauses.extend(results.answers.iter().filter_map(killed)),
        _ if is_about_stalls && stalled.is_some() => {}
        _ => match shared(results) {
            Some(shared) => clauses.push(shared),
            None => clauses.extend(ranked(results)),
        },
    }
    clauses.extend(stalled);
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

/// The first of these, the last, and what stands for a workload.
fn thinned<'v, 'r, 'a>(values: &'v [(&'r Answer<'a>, Vec<f64>)]) -> Vec<&'v (&'r Answer<'a>, Vec<f64>)> {
    let last = values.len() - 1;
    let is_shown = |index: usize| {
        values.len() <= VALUES_MOST
            || index == 0
            || index == last
            || values[index].0.setting.workload.is_some()
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
            None => "is not back at full rate within the window".to_owned(),
            Some(time) => {
                let after = load::RECOVERY.format_with_unit(time.median);
                let some = if time.trials < row.kept.len() {
                    format!(" in {} of {} trials", time.trials, row.kept.len())
                } else {
                    String::new()
                };
                format!("is back at full rate after {after}{some}")
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

/// Which models serve nothing at all, and from which setting on.
pub(super) fn stalled(results: &Results<'_>) -> Option<String> {
    let is_stalled = |row: &&Row<'_>| {
        row.estimate(&load::THROUGHPUT)
            .is_some_and(|rate| rate.median <= 0.0)
    };
    let mut named: Vec<&str> = Vec::new();
    let mut clauses = Vec::new();
    for answer in &results.answers {
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
            Some(_) => format!("from {} on", answer.name()),
            None => format!("in “{}”", answer.name()),
        };
        clauses.push(format!("{}{verb} {from}", list(&who)));
    }
    let others = results
        .answers
        .iter()
        .flat_map(|answer| &answer.rows)
        .any(|row| !named.contains(&row.model));
    let rest = if others {
        "; all others serve in every setting"
    } else {
        ""
    };
    (!clauses.is_empty()).then(|| format!("{}{rest}", clauses.join(", ")))
}

/// A clause as the start of a sentence.
pub(super) fn capitalised(clause: &str) -> String {
    let mut letters = clause.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}
