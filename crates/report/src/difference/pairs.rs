//! The trials of two runs that can be compared, and why others cannot.
//!
//! A model that the earlier run measured and the later one lacks is gone, for whatever reason. An experiment that the later
//! run did not include is no fault of a model.

use std::collections::BTreeMap;

use super::conditions;
use super::note::Note;
use crate::errors::Errors;
use crate::metric::{Metric, load};
use crate::recorded::Recorded;
use schema::contender::Contender;
use schema::experiment::{Experiment, Setting};
use schema::record::{Measured, Outcome};

/// What two runs have in common.
#[derive(Debug, Default)]
pub(super) struct Pairs<'a> {
    pub(super) both: Vec<Pair<'a>>,
    pub(super) gone: Vec<Note>,
    pub(super) not_compared: Vec<Note>,
}

/// The trials of a model in a setting, measured under the same conditions in both runs. Each run has some that count.
#[derive(Debug)]
pub(super) struct Pair<'a> {
    /// As the earlier run had it.
    pub(super) experiment: &'a Experiment,
    pub(super) setting: &'a Setting,
    pub(super) model: &'a str,
    pub(super) before: Trials<'a>,
    pub(super) after: Trials<'a>,
}

/// The trials of a model in a setting.
#[derive(Debug, Clone, Default)]
pub(super) struct Trials<'a> {
    /// Those that count.
    pub(super) kept: Vec<&'a Measured>,
    /// Why others were not measured.
    pub(super) failed: Vec<&'a str>,
    excluded: usize,
}

/// A run, with its trials by experiment, setting and model.
struct Side<'a> {
    run: &'a Recorded,
    trials: BTreeMap<[&'a str; 3], Trials<'a>>,
}

/// A setting that both runs have.
#[derive(Clone, Copy)]
struct Place<'a> {
    experiment: &'a Experiment,
    setting: &'a Setting,
    later: &'a Setting,
}

impl<'a> Pairs<'a> {
    pub(super) fn between(before: &'a Recorded, after: &'a Recorded) -> Self {
        let mut pairs = Self::default();
        if let Some(why) = conditions::whole_run(&before.environment, &after.environment) {
            pairs.not_compared.push(Note::about_all("everything", why));
            return pairs;
        }
        let sides = [Side::new(before), Side::new(after)];
        for experiment in &before.environment.experiments {
            pairs.add_experiment(&sides, experiment);
        }
        pairs.add_new(&sides);
        pairs
    }

    fn add_experiment(&mut self, sides: &[Side<'a>; 2], experiment: &'a Experiment) {
        let Some(later) = sides[1].experiment(&experiment.key) else {
            self.skip(&experiment.key, "not in the later run");
            return;
        };
        if let Some(why) = conditions::experiment(experiment, later) {
            self.skip(&experiment.key, why);
            return;
        }
        for setting in &experiment.settings {
            let place = place(experiment, setting);
            let Some(later) = later.settings.iter().find(|later| later.key == setting.key) else {
                self.skip(&place, "not in the later run");
                continue;
            };
            for contender in &sides[0].run.environment.contenders {
                if setting.takes(contender) {
                    let here = Place {
                        experiment,
                        setting,
                        later,
                    };
                    self.add(sides, here, contender);
                }
            }
        }
    }

    fn add(&mut self, [earlier, later]: &[Side<'a>; 2], here: Place<'a>, contender: &'a Contender) {
        let model = &*contender.name;
        let name = place(here.experiment, here.setting);
        // A contender that is not in the later run is compared with itself here, and found to be gone below.
        let mut same = later.run.environment.contenders.iter();
        let same = same.find(|other| other.name == model).unwrap_or(contender);
        if let Some(why) = conditions::setting((here.setting, contender), (here.later, same)) {
            self.not_compared.push(Note::new(model, &name, why));
            return;
        }
        let before = earlier.trials_of(here, model);
        if before.kept.is_empty() {
            let why = format!(
                "nothing to compare with in the earlier run: {}",
                before.why_none()
            );
            self.not_compared.push(Note::new(model, &name, why));
            return;
        }
        let after = later.trials_of(here, model);
        match later.why_gone(here, model, &after) {
            Some(why) => self.gone.push(Note::new(model, &name, why)),
            None => self.both.push(Pair {
                experiment: here.experiment,
                setting: here.setting,
                model,
                before,
                after,
            }),
        }
    }

    /// Lists what only the later run has.
    fn add_new(&mut self, [earlier, later]: &[Side<'a>; 2]) {
        for experiment in &later.run.environment.experiments {
            let Some(known) = earlier.experiment(&experiment.key) else {
                self.skip(&experiment.key, "not in the earlier run");
                continue;
            };
            for setting in &experiment.settings {
                if !known.settings.iter().any(|other| other.key == setting.key) {
                    self.skip(&place(experiment, setting), "not in the earlier run");
                }
            }
        }
        let took_part = |model: &str| earlier.run.environment.models().any(|other| other == model);
        for model in later.run.environment.models().filter(|model| !took_part(model)) {
            let note = Note::new(model, "everything", "not in the earlier run");
            self.not_compared.push(note);
        }
    }

    fn skip(&mut self, place: &str, why: impl Into<String>) {
        self.not_compared.push(Note::about_all(place, why));
    }
}

impl Pairs<'_> {
    /// Where requests failed in either run, and whether that keeps the rest from being compared.
    pub(super) fn errors(&self) -> Vec<Note> {
        let with_errors = self
            .both
            .iter()
            .filter(|pair| pair.before.errors().any() || pair.after.errors().any());
        let note = |pair: &Pair<'_>| {
            let sides = [&pair.before, &pair.after].map(|trials| match trials.errors() {
                errors if errors.any() => errors.in_words(),
                _ => "none".to_owned(),
            });
            let [before, after] = sides;
            let compared = if pair.has_too_many_errors() {
                "; other metrics are not compared"
            } else {
                ""
            };
            Note::new(
                pair.model,
                &pair.place(),
                format!("before: {before}; after: {after}{compared}"),
            )
        };
        with_errors.map(note).collect()
    }
}

impl Pair<'_> {
    /// Whether too many requests failed in either run for its latencies and costs to be compared.
    pub(super) fn has_too_many_errors(&self) -> bool {
        self.before.errors().are_too_many() || self.after.errors().are_too_many()
    }

    /// Whether this metric can be compared.
    pub(super) fn is_comparable(&self, metric: &Metric) -> bool {
        metric.counts_failures || !self.has_too_many_errors()
    }

    pub(super) fn place(&self) -> String {
        place(self.experiment, self.setting)
    }
}

impl<'a> Side<'a> {
    fn new(run: &'a Recorded) -> Self {
        let mut trials: BTreeMap<_, Trials<'_>> = BTreeMap::new();
        // Trials that only find a capacity are not compared.
        for record in run.records.iter().filter(|record| record.round > 0) {
            let key = [&*record.experiment, &*record.setting, &*record.model];
            let here = trials.entry(key).or_default();
            match &record.outcome {
                Outcome::Failed(reason) => here.failed.push(reason),
                Outcome::Measured(trial) => match run.environment.exclusion(trial) {
                    Some(_) => here.excluded += 1,
                    None => here.kept.push(trial),
                },
            }
        }
        Self { run, trials }
    }

    fn experiment(&self, key: &str) -> Option<&'a Experiment> {
        let mut all = self.run.environment.experiments.iter();
        all.find(|experiment| experiment.key == key)
    }

    fn trials_of(&self, here: Place<'a>, model: &'a str) -> Trials<'a> {
        let key = [&*here.experiment.key, &*here.setting.key, model];
        self.trials.get(&key).cloned().unwrap_or_default()
    }

    /// Why this run has no results of a model that the other has.
    fn why_gone(&self, here: Place<'_>, model: &str, trials: &Trials<'_>) -> Option<String> {
        let environment = &self.run.environment;
        if let Some(left_out) = environment.left_out.iter().find(|other| other.name == model) {
            return Some(format!("left out: {}", left_out.reason));
        }
        let contender = environment.contenders.iter().find(|other| other.name == model);
        let Some(contender) = contender else {
            return Some("missing: not in the later run".to_owned());
        };
        if !here.later.takes(contender) {
            return Some("it can no longer take part: it lacks an operation or a flag".to_owned());
        }
        trials.kept.is_empty().then(|| trials.why_none())
    }
}

impl Trials<'_> {
    /// The values of a metric in the trials that count.
    pub(super) fn values(&self, metric: &Metric) -> Vec<f64> {
        self.kept
            .iter()
            .filter_map(|trial| value(trial, metric))
            .collect()
    }

    /// What went wrong in the trials that count.
    pub(super) fn errors(&self) -> Errors {
        Errors::from_trials(self.kept.iter().copied(), self.failed.len())
    }

    /// Why no trial counts, if that is so.
    fn why_none(&self) -> String {
        let excluded = self.excluded;
        match &self.failed[..] {
            [] if excluded == 0 => "no trial was made".to_owned(),
            [] => format!("all trials ({excluded}) were excluded because of other activity on the machine"),
            [first, ..] if excluded == 0 => {
                format!("all trials ({}) failed; the first: {first}", self.failed.len())
            }
            [first, ..] => format!(
                "{} trials failed and {excluded} were excluded; the first that failed: {first}",
                self.failed.len()
            ),
        }
    }
}

fn place(experiment: &Experiment, setting: &Setting) -> String {
    format!("{}/{}", experiment.key, setting.key)
}

/// The value of a trial. A rate that never recovered took longer than any that did: without it, the others would look better.
pub(super) fn value(trial: &Measured, metric: &Metric) -> Option<f64> {
    if *metric == load::RECOVERY && trial.never_recovered() {
        return Some(f64::INFINITY);
    }
    (metric.value)(trial)
}
