//! The results of a run: for each experiment and setting the values of each model, how certain they are, and their ranks.

mod row;

use stats::{Better, Comparison, Rank};

use super::standing::{Mark, Reason};
use crate::comparable;
use crate::metric::{self, Metric};
use schema::environment::Environment;
use schema::experiment::{Experiment, Setting, Workload};
use schema::plan;
use schema::record::Record;

pub(crate) use row::{Row, Value};

/// The results of a run.
#[derive(Debug)]
pub struct Summary<'a> {
    pub(crate) environment: &'a Environment,
    /// In the order of the run's experiments, without those that no model took part in.
    pub(crate) results: Vec<Results<'a>>,
    /// How many trials were made, with those that only measure a capacity and those that were repeated.
    pub(crate) trials: usize,
    /// How many trials were planned.
    pub(crate) planned: usize,
    /// How many of those have no record.
    pub(crate) unmade: usize,
}

/// The results of an experiment.
#[derive(Debug)]
pub(crate) struct Results<'a> {
    pub(crate) experiment: &'a Experiment,
    /// One for each setting, in their order.
    pub(crate) answers: Vec<Answer<'a>>,
    /// How many models the run has, whether they take part or not.
    pub(crate) models: usize,
}

/// The results of a setting.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) experiment: &'a Experiment,
    pub(crate) setting: &'a Setting,
    /// In the order of the run's contenders, without those that cannot take part.
    pub(crate) rows: Vec<Row<'a>>,
    /// Whether any setting of the experiment has errors, so that its tables have a column for them.
    pub(crate) shows_errors: bool,
}

impl<'a> Summary<'a> {
    /// Builds it from the records of a run and its environment.
    #[must_use]
    pub fn build(environment: &'a Environment, records: &'a [Record]) -> Self {
        let planned = environment.planned().len();
        let results = environment.experiments.iter().map(|experiment| {
            let answers = experiment.settings.iter();
            let answers = answers.map(|setting| Answer::build(environment, records, experiment, setting));
            let mut answers: Vec<_> = answers.filter(|answer| !answer.rows.is_empty()).collect();
            let mut rows = answers.iter().flat_map(|answer| &answer.rows);
            let shows_errors = rows.any(|row| row.errors.any());
            for answer in &mut answers {
                answer.shows_errors = shows_errors;
            }
            Results {
                experiment,
                answers,
                models: environment.contenders.len(),
            }
        });
        Self {
            environment,
            results: results.filter(|results| !results.answers.is_empty()).collect(),
            trials: records.len(),
            planned,
            unmade: planned.saturating_sub(plan::made(records)),
        }
    }

    /// The models that failed too often to be ranked, in words: one line per model and setting. A run with any must exit with 1.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let lines = self.answers().flat_map(|answer| {
            let rows = answer.rows.iter();
            let at_fault = rows.filter(|row| row.is_at_fault(answer.experiment));
            at_fault.map(|row| {
                format!(
                    "{}, {}, {}: {}; it is not ranked",
                    row.model,
                    answer.experiment.key,
                    answer.setting.key,
                    row.errors.in_words()
                )
            })
        });
        lines.collect()
    }

    pub(crate) fn answers(&self) -> impl Iterator<Item = &Answer<'a>> {
        self.results.iter().flat_map(|results| &results.answers)
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row<'a>> {
        self.answers().flat_map(|answer| &answer.rows)
    }
}

impl<'a> Results<'a> {
    /// The settings that stand for workloads.
    pub(crate) fn workloads(&self) -> impl Iterator<Item = (&Answer<'a>, &'a Workload)> {
        let answers = self.answers.iter();
        answers.filter_map(|answer| Some((answer, answer.setting.workload.as_ref()?)))
    }

    /// The metric that answers the experiment's question.
    pub(crate) fn headline(&self) -> &'static Metric {
        metric::named(&self.experiment.headline)
    }

    /// What it is called in this experiment, without its unit.
    pub(crate) fn headline_name(&self) -> &str {
        metric::headline_name(self.experiment)
    }

    /// What it is called in this experiment, with its unit.
    pub(crate) fn headline_title(&self) -> String {
        self.headline().title_with(self.headline_name())
    }
}

impl<'a> Answer<'a> {
    fn build(
        environment: &'a Environment,
        records: &'a [Record],
        experiment: &'a Experiment,
        setting: &'a Setting,
    ) -> Self {
        let here: Vec<_> = records
            .iter()
            .filter(|record| record.experiment == experiment.key)
            .collect();
        let contenders = environment.contenders.iter().enumerate();
        let rows = contenders
            .filter(|(_, contender)| setting.takes(contender))
            .map(|(place, contender)| Row::build(environment, &here, experiment, setting, contender, place))
            .collect();
        let mut answer = Self {
            experiment,
            setting,
            rows,
            shows_errors: false,
        };
        let is_smoke = environment.profile == "smoke";
        for index in 0..experiment.metric_keys().count() {
            if let Some(better) = answer.metric(index).better {
                answer.rank(index, better, is_smoke);
            }
        }
        answer
    }

    /// Ranks the comparable values of a column.
    fn rank(&mut self, index: usize, better: Better, is_smoke: bool) {
        let metric = self.metric(index);
        let shows_served = comparable::shows_served(self.experiment);
        let rounds = self
            .rows
            .iter()
            .flat_map(|row| &row.kept)
            .map(|(round, _)| *round);
        let rounds = rounds.max().unwrap_or(0);
        let (mut compared, mut values) = (Vec::new(), Vec::new());
        for (place, row) in self.rows.iter_mut().enumerate() {
            if let Some(reason) = row.not_comparable(metric, shows_served) {
                row.values[index].standing = Err(reason);
            } else {
                compared.push(place);
                values.push(row.by_round(index, metric, rounds));
            }
        }
        // The same for all columns of a table, so that its reader needs one number only.
        let needed = stats::trials_needed(self.rows.len());
        let standings = stats::rank(&values, better, needed);
        let ratios = stats::times_worse(&values, better, needed);
        for ((&place, found), ratio) in compared.iter().zip(standings).zip(ratios) {
            let row = &mut self.rows[place];
            row.values[index].ratio = ratio;
            row.values[index].standing = match found.map_err(Reason::from) {
                Err(Reason::NoValue) if row.kept.is_empty() => Err(Reason::TooFew { trials: 0, needed }),
                Ok(rank) if is_smoke && rank != Rank::Only => Err(Reason::Smoke),
                Err(Reason::TooFew { trials: 1.., .. }) if is_smoke => Err(Reason::Smoke),
                standing => standing,
            };
        }
        let best = self.best(index).and_then(|best| best.values[index].estimate);
        for row in &mut self.rows {
            let value = &mut row.values[index];
            let ratio = best.zip(value.estimate);
            let ratio = ratio.and_then(|(best, own)| {
                // Of the medians as they are shown, so that a reader gets the same.
                let [own, best] = [own, best].map(|value| metric.as_shown(value.median));
                quotient(own, best, better)
            });
            // The interval is that of the same rounds, and has the quotient within it.
            value.ratio = value.ratio.zip(ratio).map(|(paired, ratio)| Comparison {
                ratio,
                low: paired.low.min(ratio),
                high: paired.high.max(ratio),
                ..paired
            });
        }
    }

    /// The metric in this place of the experiment's.
    pub(crate) fn metric(&self, index: usize) -> &'static Metric {
        metric::named(
            self.experiment
                .metric_keys()
                .nth(index)
                .expect("places are counted from its metrics"),
        )
    }

    /// What the metric in this place is called in this experiment, without its unit. The first is the headline.
    pub(crate) fn metric_name(&self, index: usize) -> &str {
        match index {
            0 => metric::headline_name(self.experiment),
            _ => self.metric(index).name,
        }
    }

    /// What the metric in this place is called in this experiment, with its unit.
    pub(crate) fn metric_title(&self, index: usize) -> String {
        self.metric(index).title_with(self.metric_name(index))
    }

    /// The place of the metric that ranks a workload.
    pub(crate) fn index_of(&self, workload: &Workload) -> usize {
        let key = workload.metric.as_deref().unwrap_or(&self.experiment.headline);
        // A workload's metric is checked when its file is read. A record of another version may name another.
        let place = self.experiment.metric_keys().position(|other| other == key);
        place.unwrap_or(0)
    }

    /// The row with the best median of a column, of those that rank as best or tied, or its only one. All ratios are to it.
    pub(crate) fn best(&self, index: usize) -> Option<&Row<'a>> {
        let better = self.metric(index).better;
        let leaders = self.rows.iter().filter_map(|row| {
            let value = row.values[index];
            let leads = matches!(value.standing, Ok(Rank::Best | Rank::Only | Rank::Tied));
            Some((value.estimate.filter(|_| leads)?.median, row))
        });
        let best = leaders.min_by(|(one, _), (other, _)| match better {
            Some(Better::More) => other.total_cmp(one),
            Some(Better::Less) | None => one.total_cmp(other),
        });
        best.map(|(_, row)| row)
    }

    /// How a value is marked in its column.
    pub(crate) fn mark(&self, row: &Row<'_>, index: usize) -> Mark {
        let has = |rank| self.rows.iter().any(|row| row.values[index].standing == Ok(rank));
        match row.values[index].standing {
            Ok(Rank::Best | Rank::Tied) => match (has(Rank::Tied), has(Rank::Worse)) {
                (false, _) => Mark::Best,
                (true, true) => Mark::Tied,
                (true, false) => Mark::AllTied,
            },
            _ => Mark::None,
        }
    }

    /// The setting in a sentence: a bare number gets its axis.
    pub(crate) fn name(&self) -> String {
        let title = &self.setting.title;
        let bare = title.chars().all(|char| char.is_ascii_digit() || char == ',');
        match &self.experiment.axis {
            Some(axis) if bare => format!("{title} {}", axis.title),
            _ => title.clone(),
        }
    }
}

/// How many times worse a median is than that of the best; none if one of them is zero.
pub(crate) fn quotient(own: f64, best: f64, better: Better) -> Option<f64> {
    let ratio = match better {
        Better::Less => own / best,
        Better::More => best / own,
    };
    (own > 0.0 && best > 0.0).then_some(ratio)
}

#[cfg(test)]
mod tests;
