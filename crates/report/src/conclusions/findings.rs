//! What an experiment found, in sentences.

use schema::experiment::{Method, Theory};
use stats::theory::Queue;

use super::ranking::{Ranking, name, reasons, unranked};
use crate::bottleneck::Bottleneck;
use crate::metric::load;
use crate::numbers::{count, list, rounded};
use crate::standing::Reason;
use crate::summary::{Answer, Results, Row};

/// What an experiment found, in one or more sentences.
pub(crate) fn finding(results: &Results<'_>) -> String {
    let mut sentences = match results.experiment.method {
        Method::KillWorker => results.answers.iter().flat_map(killed).collect(),
        _ => ranked(results),
    };
    sentences.extend(stalled(results));
    sentences.extend(errors(results));
    if *results.headline() == load::MEAN {
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

/// A sentence for each setting with a worst model or without a ranking, and one for all settings whose models are tied.
fn ranked(results: &Results<'_>) -> Vec<String> {
    let metric = results.headline();
    let (mut sentences, mut open, mut overloaded) = (Vec::new(), Vec::new(), Vec::new());
    for answer in &results.answers {
        if metric.is_latency && answer.rows.iter().all(Row::is_overloaded) {
            overloaded.push(answer.name());
            continue;
        }
        let ranking = Ranking::from_answer(answer);
        if let (true, Some(ranking)) = (results.answers.len() > 1, &ranking)
            && ranking.is_open()
        {
            open.push(format!(
                "{} ({}{})",
                answer.name(),
                ranking.range(),
                ranking.not_ranked()
            ));
            continue;
        }
        let Some(words) = ranking
            .map(|ranking| ranking.in_words())
            .or_else(|| values(answer))
        else {
            continue;
        };
        sentences.push(match (&*results.answers, &*sentences) {
            ([_], _) => format!("By {}: {words}.", results.headline_name()),
            (_, []) => format!("By {}, {}: {words}.", results.headline_name(), answer.name()),
            _ => format!("{}: {words}.", capitalised(&answer.name())),
        });
    }
    if !open.is_empty() {
        sentences.push(format!("Too close to call: {}.", list(&open)));
    }
    if !overloaded.is_empty() {
        sentences.push(format!(
            "Every model was overloaded: {}. Latencies then grow as long as the load lasts.",
            list(&overloaded)
        ));
    }
    sentences
}

/// A name as the first word of a sentence.
fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

/// The value of each model, where none is ranked, and why none is.
fn values(answer: &Answer<'_>) -> Option<String> {
    let metric = answer.metric(0);
    let rows = answer.rows.iter();
    let values: Vec<_> = rows
        .filter_map(|row| {
            let median = row.values[0].estimate?.median;
            Some(format!("{} had {}", name(row), metric.format_with_unit(median)))
        })
        .collect();
    if values.is_empty() {
        return None;
    }
    let unranked = unranked(answer);
    let has_direction = unranked.iter().any(|(_, reason)| *reason != Reason::NoDirection);
    Some(if has_direction {
        format!(
            "{}; no model is comparable: {}",
            list(&values),
            reasons(&unranked)
        )
    } else {
        list(&values)
    })
}

/// The errors of each model, by setting.
fn errors(results: &Results<'_>) -> Vec<String> {
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

/// What killing a worker did to each model.
fn killed(answer: &Answer<'_>) -> Vec<String> {
    let rows = answer.rows.iter();
    rows.filter_map(|row| {
        let lost = row.estimate(&load::LOST_REQUESTS)?.median;
        let recovery = match row.estimate(&load::RECOVERY) {
            None => "never came back to full rate within the window".to_owned(),
            Some(time) if time.trials < row.kept.len() => format!(
                "was back at full rate after {} ms in {} of {} trials, and never within the window in the others",
                rounded(time.median),
                time.trials,
                row.kept.len()
            ),
            Some(time) => format!("was back at full rate after {} ms", rounded(time.median)),
        };
        let requests = if (lost - 1.0).abs() < f64::EPSILON { "request" } else { "requests" };
        Some(format!(
            "{} lost {} {requests} and {recovery}.",
            name(row),
            rounded(lost)
        ))
    })
    .collect()
}

/// Which models served nothing at all, and from which setting on.
fn stalled(results: &Results<'_>) -> Vec<String> {
    let is_stalled = |row: &&Row<'_>| {
        row.estimate(&load::THROUGHPUT)
            .is_some_and(|rate| rate.median <= 0.0)
    };
    let mut named: Vec<&str> = Vec::new();
    let mut sentences = Vec::new();
    for answer in &results.answers {
        let new: Vec<_> = answer
            .rows
            .iter()
            .filter(is_stalled)
            .filter(|row| !named.contains(&row.model))
            .collect();
        if new.is_empty() {
            continue;
        }
        named.extend(new.iter().map(|row| row.model));
        let who: Vec<_> = new.into_iter().map(name).collect();
        let from = match results.experiment.axis {
            Some(_) => format!("from {} on", answer.name()),
            None => format!("in “{}”", answer.name()),
        };
        sentences.push(format!("{} served nothing {from}.", list(&who)));
    }
    sentences
}

/// How far the measured means are from a theory, in each setting from the nearest model to the furthest. As differences,
/// since a theory of queues has no round trip in it, which takes the same time at any load.
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
                Some((row.values[0].estimate?.median - expected_us, name(row)))
            });
            let mut above: Vec<_> = above.collect();
            above.sort_by(|(one, _), (other, _)| one.total_cmp(other));
            let words = |(above_us, model): &(f64, String)| format!("{} ({model})", signed(*above_us));
            match &*above {
                [] => None,
                [only] => Some(format!("{} at {}", words(only), answer.name())),
                [least, .., most] => Some(format!(
                    "{} to {} at {}",
                    words(least),
                    words(most),
                    answer.name()
                )),
            }
        })
        .collect();
    (!settings.is_empty()).then(|| {
        format!(
            "Mean latency less the prediction of theory ({queue}), in µs: {}.",
            settings.join("; ")
        )
    })
}

fn signed(value: f64) -> String {
    let sign = if value < -0.5 { "−" } else { "" };
    format!("{sign}{}", count(value.abs()))
}

/// Which models the load generator could not bring to their highest rate.
fn out_of_reach(results: &Results<'_>) -> Option<String> {
    let rows = results.answers.iter().flat_map(|answer| &answer.rows);
    let mut models: Vec<_> = rows
        .filter(|row| row.bottleneck == Bottleneck::LoadGenerator)
        .map(name)
        .collect();
    models.dedup();
    (!models.is_empty()).then(|| {
        format!(
            "The load generator could offer no more to {}: each can do at least this rate.",
            list(&models)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use schema::record::Outcome;

    #[test]
    fn two_rounds_are_too_few_for_a_worst_model() {
        let (environment, mut records) = fixture::run();
        records.retain(|record| record.round <= 2);
        let summary = fixture::summary(&environment, &records);
        for results in &summary.results {
            assert!(!finding(results).contains("is worst"), "{}", finding(results));
        }
    }

    #[test]
    fn who_serves_nothing_is_named_with_its_first_setting() {
        let (environment, mut records) = fixture::run();
        for record in &mut records {
            let stalls =
                record.experiment == "request-cost" && record.setting == "64" && record.model == "beta";
            if let (true, Outcome::Measured(trial)) = (stalls, &mut record.outcome) {
                trial.load.throughput_per_s = 0.0;
                trial.load.connections.served = 0;
            }
        }
        let summary = fixture::summary(&environment, &records);
        let words = finding(&summary.results[0]);
        assert!(
            words.ends_with("`beta` served nothing from 64 connections on."),
            "{words}"
        );
    }
}
