//! Which model for which work, and where several are tied.

use super::ranking::{Ranking, name};
use crate::numbers::list;
use crate::summary::{Answer, Results, Summary};

/// Which model is best for a work, which are tied with it, and which is worst.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Choice {
    /// The experiment's.
    pub(crate) title: String,
    /// The setting, or neighbouring settings with the same answer; empty if the experiment has only one.
    pub(crate) settings: Vec<String>,
    /// The name of the metric that decides.
    pub(crate) metric: String,
    pub(crate) best: String,
    /// The value of the best in each setting.
    pub(crate) values: Vec<String>,
    /// Who is tied with it.
    pub(crate) tied: Vec<String>,
    /// The worst of those that are significantly worse.
    pub(crate) worst: String,
    /// How many times the best value that of the worst is, or the other way round, in each setting.
    pub(crate) factors: Vec<String>,
}

impl Choice {
    /// The headings of a table of choices.
    pub(crate) const HEADINGS: [&str; 5] = ["work", "by", "best", "tied with it", "worst"];

    /// The choice in a setting; none if no model is significantly worse than the best.
    fn from_answer(answer: &Answer<'_>) -> Option<Self> {
        let ranking = Ranking::from_answer(answer)?;
        let worst = ranking.worst()?;
        let value = |value| ranking.metric.format_with_unit(value);
        Some(Self {
            title: answer.experiment.title.clone(),
            settings: vec![answer.name()],
            metric: answer.metric_name(0).to_owned(),
            best: name(ranking.best.row),
            values: vec![value(ranking.best.value)],
            tied: ranking.tied(),
            worst: name(worst.row),
            factors: vec![ranking.factor(worst.value).unwrap_or_else(|| value(worst.value))],
        })
    }

    /// Whether another setting has the same answer.
    fn answers_like(&self, other: &Self) -> bool {
        (&self.best, &self.tied, &self.worst) == (&other.best, &other.tied, &other.worst)
    }

    /// Takes in the next setting.
    fn append(&mut self, next: Self) {
        self.settings.extend(next.settings);
        self.values.extend(next.values);
        self.factors.extend(next.factors);
    }

    /// Its cells, one for each heading.
    pub(crate) fn cells(&self) -> [String; 5] {
        let range = |values: &[String]| match values {
            [first, .., last] if first != last => format!("{first} to {last}"),
            [first, ..] => first.clone(),
            [] => String::new(),
        };
        [
            match &*range(&self.settings) {
                "" => self.title.clone(),
                settings => format!("{}, {settings}", self.title),
            },
            self.metric.clone(),
            format!("**{}** {}", self.best, range(&self.values)),
            match &*self.tied {
                [] => "–".to_owned(),
                tied => tied.join(", "),
            },
            format!("{} {}", self.worst, range(&self.factors)),
        ]
    }
}

/// A choice for each work in which some models are significantly worse than the best. Neighbouring settings with the same
/// best, tied and worst models are one work.
pub(crate) fn choices(summary: &Summary<'_>) -> Vec<Choice> {
    summary.results.iter().flat_map(choices_of_experiment).collect()
}

fn choices_of_experiment(results: &Results<'_>) -> Vec<Choice> {
    let mut choices: Vec<Choice> = Vec::new();
    let mut continues = false;
    for answer in &results.answers {
        let Some(choice) = Choice::from_answer(answer) else {
            continues = false;
            continue;
        };
        match choices.last_mut() {
            Some(last) if continues && last.answers_like(&choice) => last.append(choice),
            _ => choices.push(choice),
        }
        continues = true;
    }
    if let ([_], [only]) = (&*results.answers, &mut *choices) {
        only.settings.clear();
    }
    choices
}

/// The works in which all ranked models are tied, as a sentence; none if there are none.
pub(crate) fn too_close(summary: &Summary<'_>) -> Option<String> {
    let close: Vec<_> = summary
        .results
        .iter()
        .filter_map(too_close_in_experiment)
        .collect();
    (!close.is_empty()).then(|| format!("**Too close to call** in this run: {}.", close.join("; ")))
}

fn too_close_in_experiment(results: &Results<'_>) -> Option<String> {
    let answers = results.answers.iter();
    let open: Vec<_> = answers
        .filter(|answer| Ranking::from_answer(answer).is_some_and(|ranking| ranking.is_open()))
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
    use crate::fixture;
    use schema::record::Record;

    #[test]
    fn two_rounds_are_too_few_for_a_choice() {
        let (environment, mut records) = fixture::run();
        records.retain(|record| record.round <= 2);
        let summary = fixture::summary(&environment, &records);
        assert_eq!(choices(&summary), []);
        assert_eq!(too_close(&summary), None);
    }

    #[test]
    fn neighbouring_settings_with_one_answer_are_one_choice() {
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
        let choices = choices(&fixture::summary(&environment, &records));
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
