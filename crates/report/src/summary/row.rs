//! The values of a model in a setting.

use std::collections::BTreeSet;

use schema::contender::Contender;
use schema::cost::Disturbance;
use schema::experiment::{Experiment, Method, Setting, Theory};
use stats::theory::Queue;
use stats::{Comparison, Estimate};

use crate::bottleneck::Bottleneck;
use crate::comparable;
use crate::errors::Errors;
use crate::metric::{self, Metric};
use crate::standing::{Reason, Standing};
use schema::environment::Environment;
use schema::plan::Planned;
use schema::record::{Measured, Outcome, Record};

/// The values of a model in a setting.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    pub(crate) model: &'a str,
    /// The same contender, with what is known of it.
    pub(crate) contender: &'a Contender,
    /// Its place among all contenders of the run.
    pub(crate) place: usize,
    /// The trials that count, with their rounds.
    pub(crate) kept: Vec<(usize, &'a Measured)>,
    /// Why others were excluded.
    pub(crate) excluded: Vec<Disturbance>,
    /// In how many rounds a trial was made.
    pub(crate) rounds: usize,
    /// Why others failed.
    pub(crate) failed: Vec<&'a str>,
    /// One for each metric of the experiment, the headline first.
    pub(crate) values: Vec<Value>,
    /// The bottleneck of most trials.
    pub(crate) bottleneck: Bottleneck,
    /// What went wrong.
    pub(crate) errors: Errors,
    /// Its rate in a closed loop of the same work, where that was measured.
    pub(crate) capacity_per_s: Option<f64>,
}

/// A value of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Value {
    /// Over the trials that have it.
    pub(crate) estimate: Option<Estimate>,
    /// Where it stands in its column.
    pub(crate) standing: Standing,
    /// How many times worse than the best of its column it is, if it is compared: the quotient of the medians, with the
    /// interval of the ratios of the same rounds.
    pub(crate) ratio: Option<Comparison>,
}

impl<'a> Row<'a> {
    pub(super) fn build(
        environment: &Environment,
        records: &[&'a Record],
        experiment: &'a Experiment,
        setting: &'a Setting,
        contender: &'a Contender,
        place: usize,
    ) -> Self {
        let (mut kept, mut excluded, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        let own = records.iter().filter(|record| record.model == contender.name);
        let here = own
            .clone()
            .filter(|record| record.setting == setting.key && record.round > 0);
        for record in here.clone() {
            match &record.outcome {
                Outcome::Measured(trial) => match environment.exclusion(trial) {
                    Some(reason) => excluded.push(reason),
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
            Some(Estimate::from_values(measured)?.median)
        });
        let rounds: BTreeSet<_> = here.clone().map(|record| record.round).collect();
        let measured = here.clone().filter_map(|record| match &record.outcome {
            Outcome::Measured(trial) => Some(&**trial),
            Outcome::Failed(_) => None,
        });
        // Where no trial counts, what went wrong in the others is still to be seen.
        let errors = if kept.is_empty() {
            Errors::from_trials(measured, failed.len())
        } else {
            Errors::from_trials(kept.iter().map(|(_, trial)| *trial), failed.len())
        };
        let mut row = Self {
            model: &contender.name,
            contender,
            rounds: rounds.len(),
            place,
            bottleneck: if errors.stopped() {
                Bottleneck::StoppedAnswering
            } else {
                Bottleneck::of_most(kept.iter().map(|(_, trial)| *trial))
            },
            errors,
            kept,
            excluded,
            failed,
            values: Vec::new(),
            capacity_per_s,
        };
        row.values = experiment
            .metric_keys()
            .enumerate()
            .map(|(index, key)| Value {
                estimate: row.estimate_at(index, metric::named(key)),
                standing: Err(Reason::NoDirection),
                ratio: None,
            })
            .collect();
        row
    }

    /// A metric over its trials, whether the experiment shows it or not.
    pub(crate) fn estimate(&self, metric: &Metric) -> Option<Estimate> {
        Estimate::from_values(self.kept.iter().filter_map(|(_, trial)| (metric.value)(trial)))
    }

    fn estimate_at(&self, index: usize, metric: &Metric) -> Option<Estimate> {
        let values = self.kept.iter().map(|(_, trial)| value_at(index, metric, trial));
        Estimate::from_values(values.flatten())
    }

    /// The value of each round, as far as there is one.
    pub(super) fn by_round(&self, index: usize, metric: &Metric, rounds: usize) -> Vec<Option<f64>> {
        let mut values = vec![None; rounds];
        for (round, trial) in &self.kept {
            values[round - 1] = value_at(index, metric, trial);
        }
        values
    }

    /// Why it is not compared with others in this column, if so.
    pub(super) fn not_comparable(&self, metric: &Metric, shows_served: bool) -> Option<Reason> {
        comparable::why_not(&self.kept, self.errors, metric, shows_served)
    }

    /// Whether some connection was never served, in any of the trials.
    pub(crate) fn has_never_served(&self) -> bool {
        comparable::has_never_served(&self.kept)
    }

    /// Whether the offered load exceeded its capacity by more than 1 % in most trials.
    pub(crate) fn is_overloaded(&self) -> bool {
        comparable::is_overloaded(&self.kept)
    }

    /// In how many rounds all trials were excluded.
    pub(crate) fn rounds_without(&self) -> usize {
        // Each round has one trial, and further ones if that was excluded.
        let rounds = self.kept.len() + self.failed.len();
        self.rounds.saturating_sub(rounds)
    }

    /// Whether its errors must make the run exit with 1. Requests lost with a worker that the experiment killed do not.
    pub(crate) fn is_at_fault(&self, experiment: &Experiment) -> bool {
        self.errors.are_too_many() && (experiment.method != Method::KillWorker || self.errors.stopped())
    }

    /// How many trials were made, whether they count or not.
    pub(crate) fn trials(&self) -> usize {
        self.kept.len() + self.excluded.len() + self.failed.len()
    }

    /// The mean time in the system that a theory predicts for it, in microseconds. The mean service time follows from its
    /// capacity: what its servers together did in a closed loop.
    pub(crate) fn expected_us(&self, theory: &Theory, setting: &Setting) -> Option<f64> {
        let about = theory.is_about(self.contender, setting);
        let queue = Queue::named(&theory.queue, theory.servers)
            .ok()
            .filter(|_| about)?;
        let load = setting.load_for(self.contender);
        let capacity_per_s = load.capacity_per_s.or(self.capacity_per_s);
        let capacity_per_s = capacity_per_s.filter(|&capacity| capacity > 0.0)?;
        let rate_per_s = load
            .capacity
            .map(|share| share * capacity_per_s)
            .or(load.rate_per_s)?;
        // Nearer to full load the mean takes longer to settle than any window lasts.
        if rate_per_s > NEARLY_FULL * capacity_per_s {
            return None;
        }
        let service_s = f64::from(queue.servers()) / capacity_per_s;
        Some(queue.mean_time_in_system(rate_per_s, service_s)? * 1e6)
    }
}

/// The value of a trial in this column. The first column is the headline.
fn value_at(index: usize, metric: &Metric, trial: &Measured) -> Option<f64> {
    if index == 0 {
        metric.headline_value(trial)
    } else {
        (metric.value)(trial)
    }
}

/// The highest utilisation at which a predicted mean is compared with a measured one.
const NEARLY_FULL: f64 = 0.99;
