//! What of two runs is compared, and by which reference.

use std::borrow::Cow;
use std::collections::BTreeSet;

use thiserror::Error;

use crate::metric;
use crate::numbers::list;
use crate::recorded::Recorded;
use schema::experiment::Experiment;

/// What is compared. An empty list means everything.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Only these models.
    pub models: Vec<String>,
    /// Only these experiments, by their keys.
    pub experiments: Vec<String>,
    /// Only these metrics, by their keys.
    pub metrics: Vec<String>,
    /// The model whose values are the unit of all others.
    pub reference: Option<String>,
}

/// A selection that does not fit the runs.
#[derive(Debug, Error)]
pub enum SelectionError {
    /// A name that no run has.
    #[error("{what} {name:?} is unknown here; use one of {}", known.join(", "))]
    Unknown {
        /// A model, an experiment or a metric.
        what: &'static str,
        /// As it was given.
        name: String,
        /// What the runs have.
        known: Vec<String>,
    },
    /// A run lacks the reference.
    #[error("the reference {reference:?} is not in the {run}{}", advice(known))]
    NoReference {
        /// As it was given.
        reference: String,
        /// Which run.
        run: &'static str,
        /// The models that all runs have.
        known: Vec<String>,
    },
    /// Only the reference is left.
    #[error("only the reference, {0}, is selected; name another model in --models too")]
    OnlyReference(String),
    /// No experiment is left that has one of the metrics.
    #[error("of {}, no selected experiment has one; change --metrics or --experiments", list(.0))]
    NothingLeft(Vec<String>),
    /// The run was recorded with a metric that this program lacks.
    #[error(
        "the experiment {experiment} has the metric {key:?}, which this program lacks; use the program that made the run"
    )]
    Metric {
        /// Its key.
        key: String,
        /// The experiment that has it.
        experiment: String,
    },
}

fn advice(known: &[String]) -> String {
    match known {
        [] => "; no model is in both".to_owned(),
        known => format!("; use one of {}", known.join(", ")),
    }
}

impl Selection {
    /// Whether everything is compared.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.models.is_empty() && self.experiments.is_empty() && self.metrics.is_empty()
    }

    /// Whether these runs have what is selected.
    ///
    /// # Errors
    /// If a name is unknown, a run lacks the reference, or nothing is left.
    pub fn check(&self, runs: &[&Recorded]) -> Result<(), SelectionError> {
        let experiments = || runs.iter().flat_map(|run| &run.environment.experiments);
        for experiment in experiments() {
            if let Some(key) = experiment.metric_keys().find(|key| metric::find(key).is_none()) {
                return Err(SelectionError::Metric {
                    key: key.to_owned(),
                    experiment: experiment.key.clone(),
                });
            }
        }
        let models = runs.iter().flat_map(|run| run.environment.names());
        known("model", &self.models, models)?;
        known(
            "experiment",
            &self.experiments,
            experiments().map(|experiment| &*experiment.key),
        )?;
        known(
            "metric",
            &self.metrics,
            experiments().flat_map(Experiment::metric_keys),
        )?;
        if experiments().next().is_some() && !experiments().any(|experiment| self.has(experiment)) {
            return Err(SelectionError::NothingLeft(self.metrics.clone()));
        }
        self.check_reference(runs)
    }

    fn check_reference(&self, runs: &[&Recorded]) -> Result<(), SelectionError> {
        let Some(reference) = &self.reference else {
            return Ok(());
        };
        let names: &[&str] = if runs.len() == 1 {
            &["run"]
        } else {
            &["earlier run", "later run"]
        };
        let has = |run: &Recorded, name: &str| run.environment.models().any(|model| model == name);
        for (run, name) in runs.iter().zip(names) {
            if !has(run, reference) {
                let models = runs[0].environment.models();
                let everywhere = models.filter(|model| runs.iter().all(|run| has(run, model)));
                return Err(SelectionError::NoReference {
                    reference: reference.clone(),
                    run: name,
                    known: everywhere.map(str::to_owned).collect(),
                });
            }
        }
        if !self.models.is_empty() && self.models.iter().all(|model| model == reference) {
            return Err(SelectionError::OnlyReference(reference.clone()));
        }
        Ok(())
    }

    /// The selected part of a run, with the reference.
    pub(super) fn narrow<'a>(&self, run: &'a Recorded) -> Cow<'a, Recorded> {
        if self.is_everything() {
            return Cow::Borrowed(run);
        }
        let takes = |model: &str| {
            let is_reference = self.reference.as_deref() == Some(model);
            self.models.is_empty() || is_reference || self.models.iter().any(|name| name == model)
        };
        let mut run = run.clone();
        let environment = &mut run.environment;
        environment.contenders.retain(|contender| takes(&contender.name));
        environment.left_out.retain(|left_out| takes(&left_out.name));
        environment.experiments.retain(|experiment| self.has(experiment));
        let experiments: BTreeSet<_> = environment
            .experiments
            .iter()
            .map(|experiment| &*experiment.key)
            .collect();
        run.records
            .retain(|record| takes(&record.model) && experiments.contains(&*record.experiment));
        Cow::Owned(run)
    }

    /// Whether an experiment is selected, and one of its metrics.
    fn has(&self, experiment: &Experiment) -> bool {
        let named = self.experiments.is_empty() || self.experiments.contains(&experiment.key);
        named && experiment.metric_keys().any(|key| self.takes_metric(key))
    }

    /// Whether a metric is selected.
    pub(super) fn takes_metric(&self, key: &str) -> bool {
        self.metrics.is_empty() || self.metrics.iter().any(|name| name == key)
    }
}

/// Fails if one of the names is not among the known ones.
fn known<'a>(
    what: &'static str,
    names: &[String],
    known: impl Iterator<Item = &'a str>,
) -> Result<(), SelectionError> {
    let mut seen = BTreeSet::new();
    let known: Vec<_> = known.filter(|name| seen.insert(*name)).collect();
    match names.iter().find(|name| !known.contains(&&***name)) {
        None => Ok(()),
        Some(name) => Err(SelectionError::Unknown {
            what,
            name: name.clone(),
            known: known.into_iter().map(str::to_owned).collect(),
        }),
    }
}
