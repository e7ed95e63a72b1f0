//! What the figures say, in sentences. They rest on medians and on where the rows stand, and on nothing that anybody
//! expected: what is written here would be as true of models that nobody has thought of.

use super::limit::Limit;
use super::ranking::{Ranked, name, reasons, unranked};
use super::standing::Why;
use super::summary::{Answer, Results, Row};
use crate::experiment::{Method, Theory};
use crate::metric::load;
use crate::numbers::{count, list, rounded};
use stats::theory::Queue;

/// What came of an experiment, in one to some sentences.
pub(super) fn of(results: &Results<'_>) -> String {
    let mut sentences = match results.experiment.method {
        Method::KillWorker => results.answers.iter().flat_map(killed).collect(),
        _ => ranked(results),
    };
    sentences.extend(stalled(results));
    sentences.extend(wrong(results));
    if *results.answers[0].figure(0) == load::MEAN {
        let theories = results.experiment.theory.iter();
        sentences.extend(theories.filter_map(|theory| against(theory, results)));
    }
    if matches!(results.experiment.method, Method::RateUnderBound { .. }) {
        sentences.extend(out_of_reach(results));
    }
    if sentences.is_empty() {
        return "Nothing was measured.".to_owned();
    }
    sentences.join(" ")
}

/// A sentence for each setting in which some are significantly worse, or not ranked, and one for all those in which nobody
/// is.
fn ranked(results: &Results<'_>) -> Vec<String> {
    let figure = results.answers[0].figure(0).name;
    let (mut sentences, mut open, mut over) = (Vec::new(), Vec::new(), Vec::new());
    for answer in &results.answers {
        if answer.figure(0).is_latency && answer.rows.iter().all(Row::is_overloaded) {
            over.push(answer.name());
            continue;
        }
        let ranking = Ranked::of(answer);
        if let (true, Some(ranked)) = (results.answers.len() > 1, &ranking)
            && ranked.is_open()
        {
            open.push(format!(
                "{} ({}{})",
                answer.name(),
                ranked.range(),
                ranked.not_ranked()
            ));
            continue;
        }
        let Some(told) = ranking.map(|ranked| ranked.in_full()).or_else(|| facts(answer)) else {
            continue;
        };
        sentences.push(match &*results.answers {
            [_] => format!("By {figure}: {told}."),
            _ => format!("By {figure}, {}: {told}.", answer.name()),
        });
    }
    if !open.is_empty() {
        sentences.push(format!("Too close to call: {}.", list(&open)));
    }
    if !over.is_empty() {
        sentences.push(format!(
            "Every model was overloaded: {}; latency then grows for as long as the load lasts.",
            list(&over)
        ));
    }
    sentences
}

/// The value of each model, where none is ranked, and why none is.
fn facts(answer: &Answer<'_>) -> Option<String> {
    let figure = answer.figure(0);
    let rows = answer.rows.iter();
    let told: Vec<_> = rows
        .filter_map(|row| {
            Some(format!(
                "{} had {}",
                name(row),
                figure.format_with_unit(row.figures[0].estimate?.median)
            ))
        })
        .collect();
    if told.is_empty() {
        return None;
    }
    let unranked = unranked(answer);
    let has_direction = unranked.iter().any(|(_, why)| *why != Why::NoDirection);
    Some(if has_direction {
        format!("{}; no model is comparable: {}", list(&told), reasons(&unranked))
    } else {
        list(&told)
    })
}

/// What each model did wrong, by setting.
fn wrong(results: &Results<'_>) -> Vec<String> {
    let mut sentences = Vec::new();
    for answer in &results.answers {
        for row in answer.rows.iter().filter(|row| row.errors.any()) {
            let setting = match &*results.answers {
                [_] => String::new(),
                _ => format!(", {}", answer.name()),
            };
            sentences.push(format!("{}{setting}: {}.", name(row), row.errors.in_words()));
        }
    }
    sentences
}

/// What a killed worker did to each model.
fn killed(answer: &Answer<'_>) -> Vec<String> {
    let rows = answer.rows.iter();
    rows.filter_map(|row| {
        let lost = row.estimate(&load::LOST_REQUESTS)?.median;
        let back = match row.estimate(&load::RECOVERY) {
            None => "was never back at full rate".to_owned(),
            Some(back) if back.trials < row.kept.len() => format!(
                "was back at full rate after {} ms in {} of {} trials, and in the others not within the window",
                rounded(back.median),
                back.trials,
                row.kept.len()
            ),
            Some(back) => format!("was back at full rate after {} ms", rounded(back.median)),
        };
        let requests = if (lost - 1.0).abs() < f64::EPSILON { "request" } else { "requests" };
        Some(format!("{} lost {} {requests} and {back}.", name(row), rounded(lost)))
    })
    .collect()
}

/// Who serves nothing at all, and from where on.
fn stalled(results: &Results<'_>) -> Vec<String> {
    let is_stalled = |row: &&Row<'_>| {
        row.estimate(&load::THROUGHPUT)
            .is_some_and(|rate| rate.median <= 0.0)
    };
    let mut told: Vec<&str> = Vec::new();
    let mut sentences = Vec::new();
    for answer in &results.answers {
        let new: Vec<_> = answer
            .rows
            .iter()
            .filter(is_stalled)
            .filter(|row| !told.contains(&row.model))
            .collect();
        if new.is_empty() {
            continue;
        }
        told.extend(new.iter().map(|row| row.model));
        let who: Vec<_> = new.into_iter().map(name).collect();
        let from = match results.experiment.axis {
            Some(_) => format!("from {} on", answer.name()),
            None => format!("in “{}”", answer.name()),
        };
        sentences.push(format!("{} served nothing {from}.", list(&who)));
    }
    sentences
}

/// How far the measured means are from what a theory expects, in each setting from the nearest model to the furthest: as
/// times, since a theory of queues has no way there and back in it, which comes to the same time at any load.
fn against(theory: &Theory, results: &Results<'_>) -> Option<String> {
    let queue = match Queue::named(&theory.queue, theory.servers).ok()? {
        Queue::ProcessorSharing => "processor sharing".to_owned(),
        queue => queue.to_string().to_uppercase(),
    };
    let settings: Vec<_> = results
        .answers
        .iter()
        .filter_map(|answer| {
            let above = answer.rows.iter().filter_map(|row| {
                let expected_us = row.expected_us(theory, answer.setting)?;
                Some((row.figures[0].estimate?.median - expected_us, name(row)))
            });
            let mut above: Vec<_> = above.collect();
            above.sort_by(|(one, _), (other, _)| one.total_cmp(other));
            let told = |(above_us, model): &(f64, String)| format!("{} ({model})", signed(*above_us));
            match &*above {
                [] => None,
                [only] => Some(format!("{} at {}", told(only), answer.name())),
                [least, .., most] => Some(format!("{} to {} at {}", told(least), told(most), answer.name())),
            }
        })
        .collect();
    (!settings.is_empty()).then(|| {
        format!(
            "Mean latency above what theory ({queue}) expects of line and work, in µs: {}.",
            settings.join("; ")
        )
    })
}

fn signed(value: f64) -> String {
    let sign = if value < -0.5 { "−" } else { "" };
    format!("{sign}{}", count(value.abs()))
}

/// Where the search had to end before the server did.
fn out_of_reach(results: &Results<'_>) -> Option<String> {
    let rows = results.answers.iter().flat_map(|answer| &answer.rows);
    let mut models: Vec<_> = rows.filter(|row| row.limit == Limit::Client).map(name).collect();
    models.dedup();
    (!models.is_empty()).then(|| {
        format!(
            "Of {} the figure is what the load generator could offer, and so the least that the model can do.",
            list(&models)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use crate::report::summary::Summary;
    use schema::record::Outcome;

    #[test]
    fn two_rounds_tell_nothing_apart() {
        let (environment, mut records) = fixture::run();
        records.retain(|record| record.round <= 2);
        let summary = Summary::of(&environment, &records);
        for results in &summary.results {
            assert!(!of(results).contains("times as much"), "{}", of(results));
        }
    }

    #[test]
    fn who_serves_nothing_is_named_with_where_it_begins() {
        let (environment, mut records) = fixture::run();
        for record in &mut records {
            let stalls =
                record.experiment == "request-cost" && record.setting == "64" && record.model == "thread";
            if let (true, Outcome::Measured(trial)) = (stalls, &mut record.outcome) {
                trial.load.throughput_per_s = 0.0;
                trial.load.connections.served = 0;
            }
        }
        let summary = Summary::of(&environment, &records);
        let told = of(&summary.results[0]);
        assert!(
            told.ends_with("`thread` served nothing from 64 connections on."),
            "{told}"
        );
    }
}
