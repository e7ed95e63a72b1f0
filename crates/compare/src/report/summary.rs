//! The figures of a run: for each experiment and setting what each contender had, how sure that is, and who was best.

use std::collections::BTreeSet;

use schema::load::UNSENT_SHARE_MOST;

use crate::contender::Contender;
use crate::experiment::{Experiment, Method, Setting, Theory};
use crate::metric::{self, Metric, load};
use crate::plan::Planned;
use schema::cost::Disturbance;
use schema::environment::Environment;
use schema::record::{Measured, Outcome, Record};
use stats::theory::Queue;
use stats::{Better, Estimate};

use super::errors::{Errors, FAILED_SHARE_MOST};
use super::limit::Limit;
use super::standing::{self, Standing, Why};

/// The figures of a run.
#[derive(Debug)]
pub(crate) struct Summary<'a> {
    pub(crate) environment: &'a Environment,
    /// In the order of the run's experiments; those that no contender took part in are left out.
    pub(crate) results: Vec<Results<'a>>,
    /// How many trials were made, those that only find a capacity included, and those that were made once more.
    pub(crate) trials: usize,
    /// How many of the planned trials were never made.
    pub(crate) unmade: usize,
}

/// What came of an experiment.
#[derive(Debug)]
pub(crate) struct Results<'a> {
    pub(crate) experiment: &'a Experiment,
    /// In the order of its settings.
    pub(crate) answers: Vec<Answer<'a>>,
}

/// What came of a setting.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) experiment: &'a Experiment,
    pub(crate) setting: &'a Setting,
    /// In the order of the run's contenders, without those that the setting was not put to.
    pub(crate) rows: Vec<Row<'a>>,
    /// Whether there are errors in any setting of the experiment, so that its tables have a column of them.
    pub(crate) shows_errors: bool,
}

/// What a contender did in a setting.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    pub(crate) model: &'a str,
    /// Its place among all contenders of the run.
    pub(crate) place: usize,
    /// The trials that count, with their rounds.
    pub(crate) kept: Vec<(usize, &'a Measured)>,
    /// Why others were set aside.
    pub(crate) set_aside: Vec<Disturbance>,
    /// In how many rounds it was tried.
    pub(crate) rounds: usize,
    /// Why others were not measured.
    pub(crate) failed: Vec<&'a str>,
    /// One for each of the experiment's [`Experiment::figure_keys`].
    pub(crate) figures: Vec<Figured>,
    /// What most of the trials ran into.
    pub(crate) limit: Limit,
    /// What went wrong.
    pub(crate) errors: Errors,
    /// What it serves in a closed loop of the same work, where that was asked.
    pub(crate) capacity_per_s: Option<f64>,
}

/// A figure of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Figured {
    /// Over the trials that have it.
    pub(crate) estimate: Option<Estimate>,
    /// Where it stands in its column.
    pub(crate) standing: Standing,
}

impl<'a> Summary<'a> {
    pub(crate) fn of(environment: &'a Environment, records: &'a [Record]) -> Self {
        let results = environment.experiments.iter().map(|experiment| {
            let answers = experiment.settings.iter();
            let answers = answers.map(|setting| Answer::of(environment, records, experiment, setting));
            let mut answers: Vec<_> = answers.filter(|answer| !answer.rows.is_empty()).collect();
            let mut rows = answers.iter().flat_map(|answer| &answer.rows);
            let shows_errors = rows.any(|row| row.errors.any());
            for answer in &mut answers {
                answer.shows_errors = shows_errors;
            }
            Results { experiment, answers }
        });
        Self {
            environment,
            results: results.filter(|results| !results.answers.is_empty()).collect(),
            trials: records.len(),
            unmade: environment
                .planned()
                .len()
                .saturating_sub(schema::plan::made(records)),
        }
    }

    pub(crate) fn answers(&self) -> impl Iterator<Item = &Answer<'a>> {
        self.results.iter().flat_map(|results| &results.answers)
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row<'a>> {
        self.answers().flat_map(|answer| &answer.rows)
    }
}

impl<'a> Answer<'a> {
    fn of(
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
            .filter(|(_, contender)| contender.takes(setting))
            .map(|(place, contender)| Row::of(environment, &here, experiment, setting, contender, place))
            .collect();
        let mut answer = Self {
            experiment,
            setting,
            rows,
            shows_errors: false,
        };
        let is_smoke = environment.profile == "smoke";
        for index in 0..experiment.figure_keys().count() {
            answer.compare(index, is_smoke);
        }
        answer
    }

    /// Says where the rows stand in this column: those that nothing speaks against are compared with each other.
    fn compare(&mut self, index: usize, is_smoke: bool) {
        let figure = self.figure(index);
        let Some(better) = figure.better else {
            return;
        };
        let shows_served = self.experiment.figure_keys().any(|key| key == load::SERVED.key);
        let rounds = self
            .rows
            .iter()
            .flat_map(|row| &row.kept)
            .map(|(round, _)| *round);
        let rounds = rounds.max().unwrap_or(0);
        let (mut compared, mut values) = (Vec::new(), Vec::new());
        for (place, row) in self.rows.iter_mut().enumerate() {
            if let Some(why) = row.not_comparable(figure, shows_served) {
                row.figures[index].standing = Standing::NotRanked(why);
            } else {
                compared.push(place);
                values.push(row.by_round(index, figure, rounds));
            }
        }
        // The same for all columns of a table, so that one number is enough for its reader.
        let needed = stats::trials_needed(self.rows.len());
        let standings = standing::of_column(stats::best(&values, better, needed));
        for (place, standing) in compared.into_iter().zip(standings) {
            let row = &mut self.rows[place];
            row.figures[index].standing = match standing {
                Standing::NotRanked(Why::NoValue) if row.kept.is_empty() => {
                    Standing::NotRanked(Why::TooFew { trials: 0, needed })
                }
                Standing::Best | Standing::Tied | Standing::Worse if is_smoke => {
                    Standing::NotRanked(Why::Smoke)
                }
                standing => standing,
            };
        }
    }

    /// The figure in this place of the experiment's.
    pub(crate) fn figure(&self, index: usize) -> &'static Metric {
        metric::named(
            self.experiment
                .figure_keys()
                .nth(index)
                .expect("places are counted from its figures"),
        )
    }

    /// The setting in a sentence: a bare number has its axis behind it.
    pub(crate) fn name(&self) -> String {
        let title = &self.setting.title;
        let bare = title.chars().all(|char| char.is_ascii_digit() || char == ',');
        match &self.experiment.axis {
            Some(axis) if bare => format!("{title} {}", axis.title),
            _ => title.clone(),
        }
    }
}

impl<'a> Row<'a> {
    fn of(
        environment: &Environment,
        records: &[&'a Record],
        experiment: &'a Experiment,
        setting: &'a Setting,
        contender: &'a Contender,
        place: usize,
    ) -> Self {
        let (mut kept, mut set_aside, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        let own = records.iter().filter(|record| record.model == contender.name);
        let here = own
            .clone()
            .filter(|record| record.setting == setting.key && record.round > 0);
        for record in here.clone() {
            match &record.outcome {
                Outcome::Measured(trial) => match environment.exclusion(trial) {
                    Some(reason) => set_aside.push(reason),
                    None => kept.push((record.round, &**trial)),
                },
                Outcome::Failed(reason) => failed.push(&**reason),
            }
        }
        let planned = Planned {
            round: 1,
            experiment,
            setting,
            contender,
        };
        let capacity_per_s = planned.capacity_setting().and_then(|setting| {
            let trials = own.filter(|record| record.setting == setting.key && record.round == 0);
            let measured = trials.filter_map(|record| match &record.outcome {
                Outcome::Measured(trial) => Some(trial.load.throughput_per_s),
                Outcome::Failed(_) => None,
            });
            Some(Estimate::of(measured)?.median)
        });
        let rounds: BTreeSet<_> = here.clone().map(|record| record.round).collect();
        let measured = here.clone().filter_map(|record| match &record.outcome {
            Outcome::Measured(trial) => Some(&**trial),
            Outcome::Failed(_) => None,
        });
        // Where no trial counts, what went wrong in the others is still to be seen.
        let errors = if kept.is_empty() {
            Errors::of(measured, failed.len())
        } else {
            Errors::of(kept.iter().map(|(_, trial)| *trial), failed.len())
        };
        let mut row = Self {
            model: &contender.name,
            rounds: rounds.len(),
            place,
            limit: if errors.stopped() {
                Limit::Stopped
            } else {
                Limit::of_most(kept.iter().map(|(_, trial)| *trial))
            },
            errors,
            kept,
            set_aside,
            failed,
            figures: Vec::new(),
            capacity_per_s,
        };
        row.figures = experiment
            .figure_keys()
            .enumerate()
            .map(|(index, key)| Figured {
                estimate: row.estimate_at(index, metric::named(key)),
                standing: Standing::NotRanked(Why::NoDirection),
            })
            .collect();
        row
    }

    /// A figure of its trials, whether the experiment shows it or not.
    pub(crate) fn estimate(&self, metric: &Metric) -> Option<Estimate> {
        Estimate::of(self.kept.iter().filter_map(|(_, trial)| (metric.value)(trial)))
    }

    fn estimate_at(&self, index: usize, figure: &Metric) -> Option<Estimate> {
        let values = self.kept.iter().map(|(_, trial)| value_at(index, figure, trial));
        Estimate::of(values.flatten())
    }

    fn by_round(&self, index: usize, figure: &Metric, rounds: usize) -> Vec<Option<f64>> {
        let mut values = vec![None; rounds];
        for (round, trial) in &self.kept {
            values[round - 1] = value_at(index, figure, trial);
        }
        values
    }

    /// Why it is not compared with the others in this column, if so.
    ///
    /// Where too many requests failed, latencies leave those out and costs are divided by fewer. A model that left
    /// connections unserved did less than it was asked to; its rate is compared all the same where the experiment shows how
    /// many it served. The latencies of a model that is overloaded grow for as long as it is asked.
    fn not_comparable(&self, figure: &Metric, shows_served: bool) -> Option<Why> {
        if self.errors.are_too_many() && !figure.counts_failures {
            return Some(if self.errors.stopped() {
                Why::StoppedAnswering
            } else if self.errors.failed_share() > FAILED_SHARE_MOST {
                Why::Failed(self.errors.failed_share())
            } else {
                Why::BackgroundLost(self.errors.closed_share())
            });
        }
        let rate_counts = shows_served && figure.better == Some(Better::More);
        if self.left_unserved() && !rate_counts {
            Some(Why::Unserved)
        } else if self.never_came_back(figure) {
            Some(Why::NeverBack)
        } else if self.is_overloaded() && figure.is_latency {
            Some(Why::Overloaded)
        } else {
            None
        }
    }

    /// Whether some connection was never served, in any of the trials.
    pub(crate) fn left_unserved(&self) -> bool {
        self.kept
            .iter()
            .any(|(_, trial)| trial.has_unserved_connections())
    }

    /// Whether more was asked of it than it could do, by more than a hundredth in most trials. Its latencies then grow for
    /// as long as it is asked, and say how long the window was.
    pub(crate) fn is_overloaded(&self) -> bool {
        let unsent = self.estimate(&load::UNSENT_SHARE);
        unsent.is_some_and(|unsent| unsent.median > UNSENT_SHARE_MOST)
    }

    /// Whether the rate stayed down in a trial, where the figure is how long that took. The median of the others would
    /// flatter.
    fn never_came_back(&self, figure: &Metric) -> bool {
        *figure == load::RECOVERY && self.kept.iter().any(|(_, trial)| trial.never_recovered())
    }

    /// In how many rounds a trial was made and none counts, since it was disturbed.
    pub(crate) fn rounds_without(&self) -> usize {
        // Each round has one trial, and a second one if the first was disturbed.
        let rounds = self.kept.len() + self.failed.len();
        self.rounds.saturating_sub(rounds)
    }

    /// Whether its errors are a fault that the run has to exit with: a worker that the experiment killed is none.
    pub(crate) fn is_at_fault(&self, experiment: &Experiment) -> bool {
        self.errors.are_too_many() && (experiment.method != Method::KillWorker || self.errors.stopped())
    }

    /// How many trials were made, counted or not.
    pub(crate) fn trials(&self) -> usize {
        self.kept.len() + self.set_aside.len() + self.failed.len()
    }

    /// The mean time in the system that a theory expects of it, in microseconds: with a mean service time by which its
    /// servers together do what it was measured to do in a closed loop.
    pub(crate) fn expected_us(&self, theory: &Theory, setting: &Setting) -> Option<f64> {
        let about = theory.models.iter().any(|model| model == self.model)
            && (theory.settings.is_empty() || theory.settings.contains(&setting.key));
        let queue = Queue::named(&theory.queue, theory.servers)
            .ok()
            .filter(|_| about)?;
        let load = setting.load_of(self.model);
        let capacity_per_s = load.capacity_per_s.or(self.capacity_per_s);
        let capacity_per_s = capacity_per_s.filter(|&capacity| capacity > 0.0)?;
        let rate_per_s = load
            .capacity
            .map(|share| share * capacity_per_s)
            .or(load.rate_per_s)?;
        // Nearer to full load the mean is that of a run without end, and no window is one.
        if rate_per_s > NEARLY_FULL * capacity_per_s {
            return None;
        }
        let service_s = f64::from(queue.servers()) / capacity_per_s;
        Some(queue.mean_time_in_system(rate_per_s, service_s)? * 1e6)
    }
}

/// What a trial has of a figure in this column: the first one is the headline.
fn value_at(index: usize, figure: &Metric, trial: &Measured) -> Option<f64> {
    if index == 0 {
        figure.headline_value(trial)
    } else {
        (figure.value)(trial)
    }
}

/// The highest utilisation at which theory's mean is laid beside a measured one.
const NEARLY_FULL: f64 = 0.99;

#[cfg(test)]
mod tests;
