//! What an experiment found, in sentences.

use schema::experiment::{Method, Theory};
use stats::theory::Queue;

use super::meaning::{capitalised, values};
use super::ranking::{Ranking, name, reasons, unranked};
use crate::bottleneck::Bottleneck;
use crate::metric::load;
use crate::numbers::{count, list};
use crate::standing::Reason;
use crate::summary::{Answer, Results, Row};

/// What an experiment found beyond its meaning: an item for each setting, then for errors, and for how far theory was from it.
/// One item if there is one setting.
pub(crate) fn findings(results: &Results<'_>) -> Vec<String> {
    let mut items = match results.experiment.method {
        Method::KillWorker => Vec::new(),
        _ => ranked(results),
    };
    items.extend(errors(results));
    if *results.headline() == load::MEAN {
        let theories = results.experiment.theory.iter();
        items.extend(theories.filter_map(|theory| against(theory, results)));
    }
    if matches!(results.experiment.method, Method::RateUnderBound { .. }) {
        items.extend(out_of_reach(results));
    }
    match &*results.answers {
        [_] if !items.is_empty() => vec![items.join(" ")],
        _ => items,
    }
}

/// A sentence for each setting, and one for those in which every model was overloaded.
fn ranked(results: &Results<'_>) -> Vec<String> {
    let is_latency = results.headline().is_latency;
    let (mut sentences, mut overloaded) = (Vec::new(), Vec::new());
    for answer in &results.answers {
        if is_latency && answer.rows.iter().all(Row::is_overloaded) {
            overloaded.push(answer.name());
            continue;
        }
        let Some(words) = in_words(answer) else {
            continue;
        };
        sentences.push(match &*results.answers {
            [_] => format!("By {}, {words}.", results.headline_name()),
            _ => format!("{}: {words}.", capitalised(&answer.name())),
        });
    }
    if !overloaded.is_empty() {
        sentences.push(format!(
            "Every model was overloaded: {}. Latencies then grow as long as the load lasts.",
            list(&overloaded)
        ));
    }
    sentences
}

/// The ranking of a setting and who is not ranked, or the values where none is.
fn in_words(answer: &Answer<'_>) -> Option<String> {
    let ranking = Ranking::by(answer, 0).map(|ranking| ranking.in_words());
    let words = ranking.or_else(|| values(answer))?;
    let mut unranked = unranked(answer, 0);
    unranked.retain(|(_, reason)| *reason != Reason::NoDirection);
    Some(if unranked.is_empty() {
        words
    } else {
        format!("{words}; not ranked: {}", reasons(&unranked))
    })
}

/// The errors of each model, an item for each setting that has some.
fn errors(results: &Results<'_>) -> Vec<String> {
    let answers = results.answers.iter().map(|answer| {
        let setting = match &*results.answers {
            [_] => String::new(),
            _ => format!(", {}", answer.name()),
        };
        let rows = answer.rows.iter().filter(|row| row.errors.any());
        let sentences = rows.map(|row| format!("{}{setting}: {}.", name(row), row.errors.in_words()));
        sentences.collect::<Vec<_>>().join(" ")
    });
    answers.filter(|item| !item.is_empty()).collect()
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
