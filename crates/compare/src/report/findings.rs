//! What the figures say, in sentences. They rest on medians and on where the rows stand, and on nothing that anybody
//! expected: what is written here would be as true of models that nobody has thought of.

use super::compose::{unit, written};
use super::limit::Limit;
use super::limits;
use super::numbers::{list, rounded};
use super::summary::{Answer, Results, Row, Summary};
use crate::experiment::{Method, Theory};
use crate::figures::{Better, Figure};
use crate::statistics::Standing;
use crate::theory::Queue;

/// What came of an experiment, in one to some sentences.
pub(super) fn of(results: &Results<'_>) -> String {
    let mut sentences = match results.experiment.method {
        Method::KillWorker => results.answers.iter().flat_map(killed).collect(),
        _ => ranked(results),
    };
    sentences.extend(stalled(results));
    if results.experiment.headline == "mean_us" {
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

/// Which model for which work, and what was too close to call: a sentence for each experiment that compares.
pub(super) fn summary(summary: &Summary<'_>) -> Vec<String> {
    let (mut clear, mut close) = (Vec::new(), Vec::new());
    for results in &summary.results {
        let answers = telling(results).into_iter();
        let ranked: Vec<_> = answers
            .filter_map(|answer| Some((answer, Ranked::of(answer)?)))
            .collect();
        let compared: Vec<_> = ranked
            .iter()
            .filter(|(_, ranked)| !ranked.others.is_empty())
            .collect();
        if compared.is_empty() {
            continue;
        }
        let title = &results.experiment.title;
        if compared.iter().all(|(_, ranked)| ranked.is_open()) {
            close.push(title.to_lowercase());
            continue;
        }
        let parts: Vec<_> = compared
            .iter()
            .map(|(answer, ranked)| match &*results.answers {
                [_] => ranked.in_short(),
                _ => format!("{}: {}", answer.name(), ranked.in_short()),
            })
            .collect();
        let (figure, _) = unit(results.answers[0].figure(0));
        clear.push(format!(
            "**{title}** ({figure}). {}.",
            capitalised(&parts.join("; "))
        ));
    }
    if !close.is_empty() {
        clear.push(format!("**Too close to call** in this run: {}.", list(&close)));
    }
    clear.extend(limits::few_processors(summary));
    clear
}

/// The settings that a finding tells of: the first and the last on an axis, else all.
fn telling<'r, 'a>(results: &'r Results<'a>) -> Vec<&'r Answer<'a>> {
    match &*results.answers {
        [first, .., last] if results.experiment.axis.is_some() => vec![first, last],
        answers => answers.iter().collect(),
    }
}

fn ranked(results: &Results<'_>) -> Vec<String> {
    let (figure, _) = unit(results.answers[0].figure(0));
    let answers = telling(results).into_iter();
    answers
        .filter_map(|answer| {
            let ranking = Ranked::of(answer)
                .map(|ranked| ranked.in_full())
                .or_else(|| facts(answer))?;
            Some(match &*results.answers {
                [_] => format!("By {figure}: {ranking}."),
                _ => format!("By {figure}, {}: {ranking}.", answer.name()),
            })
        })
        .collect()
}

/// The rows of an answer that are compared in its headline, the best first.
struct Ranked<'r, 'a> {
    figure: &'static Figure,
    best: (&'r Row<'a>, f64),
    /// The others, the next best first.
    others: Vec<(&'r Row<'a>, f64)>,
}

impl<'r, 'a> Ranked<'r, 'a> {
    fn of(answer: &'r Answer<'a>) -> Option<Self> {
        let figure = answer.figure(0);
        let stands = |row: &Row<'_>| !matches!(row.figures[0].standing, None | Some(Standing::Absent));
        let compared = answer.rows.iter().filter(|row| stands(row));
        let mut rows: Vec<_> = compared
            .filter_map(|row| Some((row, row.figures[0].estimate?.median)))
            .collect();
        rows.sort_by(|one, other| match figure.better {
            Better::More => other.1.total_cmp(&one.1),
            Better::Less | Better::Neither => one.1.total_cmp(&other.1),
        });
        let place = rows
            .iter()
            .position(|(row, _)| row.figures[0].standing == Some(Standing::Best))?;
        let best = rows.remove(place);
        Some(Self {
            figure,
            best,
            others: rows,
        })
    }

    fn tied(&self) -> Vec<String> {
        let others = self.others.iter();
        let tied = others.filter(|(row, _)| row.figures[0].standing == Some(Standing::Tied));
        tied.map(|(row, _)| name(row)).collect()
    }

    /// Whether all are tied.
    fn is_open(&self) -> bool {
        self.tied().len() == self.others.len()
    }

    fn in_short(&self) -> String {
        if self.others.is_empty() {
            return format!(
                "only {} can be quoted ({})",
                name(self.best.0),
                self.told(self.best.1)
            );
        }
        if self.is_open() {
            return "too close to call".to_owned();
        }
        let tied = match self.tied() {
            tied if tied.is_empty() => String::new(),
            tied => format!("; {} can't be told from it", list(&tied)),
        };
        format!("{} ({}{tied})", name(self.best.0), self.told(self.best.1))
    }

    fn in_full(&self) -> String {
        let (row, near) = self.best;
        let best = name(row);
        let Some((last, far)) = self.others.last() else {
            return format!("{best} had {}, and there is no other to compare", self.told(near));
        };
        let is_worse = |row: &Row<'_>| row.figures[0].standing == Some(Standing::Worse);
        let Some((worst, far)) = self.others.iter().rev().find(|(row, _)| is_worse(row)).copied() else {
            let who = match &*self.others {
                [_] => format!("{best} and {}", name(last)),
                _ => format!("the {} models", self.others.len() + 1),
            };
            let (near, far) = (self.told(near), self.told(*far));
            return if near == far {
                format!("{who} can't be told apart ({near})")
            } else {
                format!("{who} can't be told apart ({near} to {far})")
            };
        };
        let tied = match self.tied() {
            tied if tied.is_empty() => String::new(),
            tied => format!(" ({} can't be told from it)", list(&tied)),
        };
        let (near, far, ratio) = (self.told(near), self.told(far), near.max(far) / near.min(far));
        let times = if ratio.is_finite() {
            format!(", {} times as much", rounded(ratio))
        } else {
            String::new()
        };
        let worst = name(worst);
        match self.figure.better {
            Better::More if times.is_empty() => {
                format!("{best} had the most, {near}{tied}; {worst} the least, {far}")
            }
            Better::More => {
                format!("{best} had the most, {near}{tied}{times} as {worst}, which had the least, {far}")
            }
            Better::Less | Better::Neither => {
                format!("{best} had the least, {near}{tied}; {worst} had the most, {far}{times}")
            }
        }
    }

    fn told(&self, value: f64) -> String {
        with_unit(self.figure, value)
    }
}

/// What is no merit, or can't be compared: each model's figure.
fn facts(answer: &Answer<'_>) -> Option<String> {
    let figure = answer.figure(0);
    let rows = answer.rows.iter();
    let told: Vec<_> = rows
        .filter_map(|row| {
            Some(format!(
                "{} had {}",
                name(row),
                with_unit(figure, row.figures[0].estimate?.median)
            ))
        })
        .collect();
    (!told.is_empty()).then(|| list(&told))
}

/// What a killed worker did to each model.
fn killed(answer: &Answer<'_>) -> Vec<String> {
    let rows = answer.rows.iter();
    rows.filter_map(|row| {
        let lost = row.estimate("lost_requests")?.median;
        let back = match row.estimate("back_ms") {
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
        Some(format!("{} lost {lost} {requests} and {back}.", name(row)))
    })
    .collect()
}

/// Who serves nothing at all, and from where on.
fn stalled(results: &Results<'_>) -> Vec<String> {
    let is_stalled = |row: &&Row<'_>| {
        row.estimate("throughput_per_s")
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

/// How far the measured means are from what a theory expects.
fn against(theory: &Theory, results: &Results<'_>) -> Option<String> {
    let queue = match theory.queue().ok()? {
        Queue::ProcessorSharing => "processor sharing".to_owned(),
        queue => queue.to_string().to_uppercase(),
    };
    let models: Vec<_> = theory
        .models
        .iter()
        .filter_map(|model| {
            let ratios: Vec<_> = results
                .answers
                .iter()
                .filter_map(|answer| {
                    let row = answer.rows.iter().find(|row| row.model == model)?;
                    let expected = row.expected_us(theory, answer.setting)?;
                    let measured = row.figures[0].estimate?.median;
                    Some(format!("{} at {}", rounded(measured / expected), answer.name()))
                })
                .collect();
            (!ratios.is_empty()).then(|| format!("`{model}` {}", list(&ratios)))
        })
        .collect();
    (!models.is_empty()).then(|| {
        format!(
            "Mean latency as a multiple of what theory ({queue}) expects: {}.",
            models.join("; ")
        )
    })
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

fn with_unit(figure: &Figure, value: f64) -> String {
    match unit(figure) {
        (_, Some(unit)) => format!("{} {unit}", written(figure, value)),
        (_, None) => written(figure, value),
    }
}

fn name(row: &Row<'_>) -> String {
    format!("`{}`", row.model)
}

/// With a capital letter, unless it begins with a name in code.
fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + chars.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Outcome;
    use crate::report::fixture;

    #[test]
    fn two_rounds_tell_nothing_apart() {
        let (environment, mut records) = fixture::run();
        records.retain(|record| record.round <= 2);
        let summary = Summary::of(&environment, &records);
        for results in &summary.results {
            assert!(!of(results).contains("times as much"), "{}", of(results));
        }
        let told = super::summary(&summary);
        assert!(
            told.iter()
                .any(|sentence| sentence.starts_with("**Too close to call**")),
            "{told:?}"
        );
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
