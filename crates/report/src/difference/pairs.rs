//! Which trials of two runs can be held against each other, and why others can't.
//!
//! A model that was measured in the earlier run and is not to be found in the later one is gone, whatever became of it, and
//! is not passed over. What the later run was not asked is no fault of a model's.

use std::collections::BTreeMap;

use super::{Note, otherwise};
use crate::Recorded;
use crate::errors::Errors;
use crate::metric::Metric;
use schema::contender::Contender;
use schema::experiment::{Experiment, Setting};
use schema::record::{Measured, Outcome};

/// What two runs have of each other.
#[derive(Debug, Default)]
pub(super) struct Pairs<'a> {
    pub(super) both: Vec<Pair<'a>>,
    pub(super) gone: Vec<Note>,
    pub(super) not_compared: Vec<Note>,
}

/// The trials of a model in a setting that was put to it in the same way twice, with some that count in each run.
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
    set_aside: usize,
}

/// A run, with its trials by experiment, setting and model.
struct Side<'a> {
    run: &'a Recorded,
    trials: BTreeMap<[&'a str; 3], Trials<'a>>,
}

/// Where two runs meet: a setting that both have.
#[derive(Clone, Copy)]
struct Place<'a> {
    experiment: &'a Experiment,
    setting: &'a Setting,
    later: &'a Setting,
}

impl<'a> Pairs<'a> {
    pub(super) fn of(before: &'a Recorded, after: &'a Recorded) -> Self {
        let mut pairs = Self::default();
        if let Some(why) = otherwise::whole_run(&before.environment, &after.environment) {
            pairs.not_compared.push(Note::of_all("everything", why));
            return pairs;
        }
        let sides = [Side::of(before), Side::of(after)];
        for experiment in &before.environment.experiments {
            pairs.add_experiment(&sides, experiment);
        }
        pairs.tell_what_is_new(&sides);
        pairs
    }

    fn add_experiment(&mut self, sides: &[Side<'a>; 2], experiment: &'a Experiment) {
        let Some(later) = sides[1].experiment(&experiment.key) else {
            self.tell(&experiment.key, "the later run was not asked it");
            return;
        };
        if let Some(why) = otherwise::experiment(experiment, later) {
            self.tell(&experiment.key, why);
            return;
        }
        for setting in &experiment.settings {
            let place = place(experiment, setting);
            let Some(later) = later.settings.iter().find(|later| later.key == setting.key) else {
                self.tell(&place, "the later run was not asked it");
                continue;
            };
            for contender in &sides[0].run.environment.contenders {
                if contender.takes(setting) {
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
        // One that took no part in the later run is compared with itself; that it is gone is found below.
        let mut same = later.run.environment.contenders.iter();
        let same = same.find(|other| other.name == model).unwrap_or(contender);
        if let Some(why) = otherwise::setting((here.setting, contender), (here.later, same)) {
            self.not_compared.push(Note::of(model, &name, why));
            return;
        }
        let before = earlier.trials_of(here, model);
        if before.kept.is_empty() {
            let why = format!(
                "nothing to compare with: {} in the earlier run",
                before.why_none()
            );
            self.not_compared.push(Note::of(model, &name, why));
            return;
        }
        let after = later.trials_of(here, model);
        match later.why_gone(here, model, &after) {
            Some(why) => self.gone.push(Note::of(model, &name, why)),
            None => self.both.push(Pair {
                experiment: here.experiment,
                setting: here.setting,
                model,
                before,
                after,
            }),
        }
    }

    /// What only the later run has.
    fn tell_what_is_new(&mut self, [earlier, later]: &[Side<'a>; 2]) {
        for experiment in &later.run.environment.experiments {
            let Some(known) = earlier.experiment(&experiment.key) else {
                self.tell(&experiment.key, "the earlier run was not asked it");
                continue;
            };
            for setting in &experiment.settings {
                if !known.settings.iter().any(|other| other.key == setting.key) {
                    self.tell(&place(experiment, setting), "the earlier run was not asked it");
                }
            }
        }
        let took_part = |model: &str| earlier.run.environment.models().any(|other| other == model);
        for model in later.run.environment.models().filter(|model| !took_part(model)) {
            let note = Note::of(model, "everything", "it took no part in the earlier run");
            self.not_compared.push(note);
        }
    }

    fn tell(&mut self, place: &str, why: impl Into<String>) {
        self.not_compared.push(Note::of_all(place, why));
    }
}

impl Pair<'_> {
    /// Whether so much failed in either run that its latencies and costs are those of something else.
    pub(super) fn has_too_many_errors(&self) -> bool {
        self.before.errors().are_too_many() || self.after.errors().are_too_many()
    }

    /// Whether this figure of both runs can be compared.
    pub(super) fn is_comparable(&self, metric: &Metric) -> bool {
        metric.counts_failures || !self.has_too_many_errors()
    }

    pub(super) fn place(&self) -> String {
        place(self.experiment, self.setting)
    }
}

impl<'a> Side<'a> {
    fn of(run: &'a Recorded) -> Self {
        let mut trials: BTreeMap<_, Trials<'_>> = BTreeMap::new();
        // What only finds a capacity is compared nowhere.
        for record in run.records.iter().filter(|record| record.round > 0) {
            let key = [&*record.experiment, &*record.setting, &*record.model];
            let here = trials.entry(key).or_default();
            match &record.outcome {
                Outcome::Failed(reason) => here.failed.push(reason),
                Outcome::Measured(trial) => match run.environment.exclusion(trial) {
                    Some(_) => here.set_aside += 1,
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

    /// Why there is nothing of a model in this run that another has.
    fn why_gone(&self, here: Place<'_>, model: &str, trials: &Trials<'_>) -> Option<String> {
        let environment = &self.run.environment;
        if let Some(left_out) = environment.left_out.iter().find(|other| other.name == model) {
            return Some(format!("left out: {}", left_out.reason));
        }
        let contender = environment.contenders.iter().find(|other| other.name == model);
        let Some(contender) = contender else {
            return Some("missing: it took no part in the later run".to_owned());
        };
        if !contender.takes(here.later) {
            return Some("it can no longer be asked this: it lacks the operation or the flags".to_owned());
        }
        trials.kept.is_empty().then(|| trials.why_none())
    }
}

impl Trials<'_> {
    /// What went wrong in those that count.
    pub(super) fn errors(&self) -> Errors {
        Errors::from_trials(self.kept.iter().copied(), self.failed.len())
    }

    /// Why none counts, where that is so.
    fn why_none(&self) -> String {
        let aside = self.set_aside;
        match &self.failed[..] {
            [] if aside == 0 => "no trial was made".to_owned(),
            [] => format!("all trials ({aside}) were excluded for what else went on on the machine"),
            [first, ..] if aside == 0 => {
                format!("all trials ({}) failed; the first: {first}", self.failed.len())
            }
            [first, ..] => format!(
                "{} trials failed and {aside} were excluded; the first that failed: {first}",
                self.failed.len()
            ),
        }
    }
}

fn place(experiment: &Experiment, setting: &Setting) -> String {
    format!("{}/{}", experiment.key, setting.key)
}
