//! Which model for which work, what was too close to call, and where requests failed.

use super::limits;
use super::page::Choice;
use super::ranking::{Ranked, name};
use super::summary::{Answer, Results, Summary};
use crate::numbers::{list, rounded};

/// A choice for each work in which some models are significantly worse. Settings next to each other are one work where the
/// same model is best, the same are tied with it and the same is worst.
pub(super) fn of(summary: &Summary<'_>) -> Vec<Choice> {
    summary.results.iter().flat_map(of_experiment).collect()
}

fn of_experiment(results: &Results<'_>) -> Vec<Choice> {
    let mut choices: Vec<Choice> = Vec::new();
    let mut goes_on = false;
    for answer in &results.answers {
        let Some(choice) = clear(answer) else {
            goes_on = false;
            continue;
        };
        match choices.last_mut() {
            Some(last) if goes_on && last.answers_like(&choice) => last.append(choice),
            _ => choices.push(choice),
        }
        goes_on = true;
    }
    if let ([_], [only]) = (&*results.answers, &mut *choices) {
        only.settings.clear();
    }
    choices
}

/// What else there is to say: where requests failed, what was too close to call, and what no run on so few CPUs can show.
pub(super) fn open(summary: &Summary<'_>) -> Vec<String> {
    let close: Vec<_> = summary.results.iter().filter_map(too_close).collect();
    let mut sentences = Vec::new();
    sentences.extend(limits::errors(summary));
    if !close.is_empty() {
        sentences.push(format!(
            "**Too close to call** in this run: {}.",
            close.join("; ")
        ));
    }
    sentences.extend(limits::few_processors(summary));
    sentences
}

/// The choice in a setting, if some model is significantly worse.
fn clear(answer: &Answer<'_>) -> Option<Choice> {
    let ranked = Ranked::of(answer)?;
    let (worst, far) = ranked.worst()?;
    let near = ranked.best.1;
    let ratio = near.max(far) / near.min(far);
    Some(Choice {
        title: answer.experiment.title.clone(),
        settings: vec![answer.name()],
        merit: ranked.figure.name.to_owned(),
        best: name(ranked.best.0),
        figures: vec![ranked.told(near)],
        tied: ranked.tied(),
        worst: name(worst),
        factors: vec![if ratio.is_finite() {
            format!("{} ×", rounded(ratio))
        } else {
            ranked.told(far)
        }],
    })
}

/// The settings of an experiment in which all ranked models are tied.
fn too_close(results: &Results<'_>) -> Option<String> {
    let answers = results.answers.iter();
    let open: Vec<_> = answers
        .filter(|answer| Ranked::of(answer).is_some_and(|ranked| ranked.is_open()))
        .map(Answer::name)
        .collect();
    let title = &results.experiment.title;
    match &*open {
        [] => None,
        all if all.len() == results.answers.len() => Some(title.clone()),
        some => Some(format!("{title} ({})", list(some))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use schema::record::Record;

    #[test]
    fn two_rounds_are_too_few_for_a_choice() {
        let (environment, mut records) = fixture::run();
        records.retain(|record| record.round <= 2);
        let summary = Summary::of(&environment, &records);
        assert_eq!(of(&summary), []);
        let told = open(&summary);
        assert!(
            told.iter().all(|line| !line.contains("Too close to call")),
            "{told:?}"
        );
    }

    #[test]
    fn settings_next_to_each_other_with_one_answer_are_one_choice() {
        let (environment, mut records) = fixture::run();
        let many: Vec<_> = records
            .iter()
            .filter(|record| record.experiment == "request-cost" && record.setting == "64")
            .cloned()
            .collect();
        for record in &mut records {
            let like = |other: &&Record| other.round == record.round && other.model == record.model;
            if record.experiment == "request-cost"
                && let Some(other) = many.iter().find(like)
            {
                record.outcome = other.outcome.clone();
            }
        }
        let choices = of(&Summary::of(&environment, &records));
        let [only] = &*choices
            .iter()
            .filter(|choice| choice.title == "The cost of a request")
            .collect::<Vec<_>>()
        else {
            panic!("{choices:#?}");
        };
        assert_eq!(only.settings.len(), 2);
        assert_eq!(
            only.cells()[0],
            "The cost of a request, 1 connection to 64 connections"
        );
    }
}
