//! The trials of two runs that can be compared, and why others cannot.
//!
//! A model that the earlier run measured and the later one lacks is gone, for whatever reason. An experiment that the later
//! run did not include is no fault of a model.

use std::collections::BTreeMap;

use super::conditions;
use super::note::{Note, Place};
use super::pair::{Pair, Relation};
use super::trials::Trials;
use crate::recorded::Recorded;
use schema::contender::Contender;
use schema::experiment::{Experiment, Setting};
use schema::record::Outcome;

/// What two runs have in common.
#[derive(Debug, Default)]
pub(super) struct Pairs<'a> {
    pub(super) both: Vec<Pair<'a>>,
    pub(super) gone: Vec<Note>,
    pub(super) not_compared: Vec<Note>,
}

/// A run, with its trials by experiment, setting and model.
pub(super) struct Side<'a> {
    pub(super) run: &'a Recorded,
    trials: BTreeMap<[&'a str; 3], Trials<'a>>,
}

/// A setting that both runs have.
#[derive(Clone, Copy)]
struct Here<'a> {
    experiment: &'a Experiment,
    setting: &'a Setting,
    later: &'a Setting,
}

impl<'a> Pairs<'a> {
    /// With a reference, the values of the other models are multiples of those of the reference in the same round.
    pub(super) fn between(before: &'a Recorded, after: &'a Recorded, reference: Option<&'a str>) -> Self {
        let mut pairs = Self::default();
        let other = conditions::whole_run(&before.environment, &after.environment, reference.is_some());
        if let Some(why) = other {
            pairs.skip(Place::everything(), why);
            return pairs;
        }
        let sides = [Side::new(before), Side::new(after)];
        for experiment in &before.environment.experiments {
            pairs.add_experiment(&sides, experiment);
        }
        pairs.add_new(&sides);
        if let Some(reference) = reference {
            pairs.relate_to(reference);
        }
        pairs
    }

    fn add_experiment(&mut self, sides: &[Side<'a>; 2], experiment: &'a Experiment) {
        let Some(later) = sides[1].experiment(&experiment.key) else {
            self.skip(Place::experiment(experiment), "not in the later run");
            return;
        };
        if let Some(why) = conditions::experiment(experiment, later) {
            self.skip(Place::experiment(experiment), why);
            return;
        }
        for setting in &experiment.settings {
            let place = Place::setting(experiment, setting);
            let Some(later) = later.settings.iter().find(|later| later.key == setting.key) else {
                self.skip(place, "not in the later run");
                continue;
            };
            for contender in &sides[0].run.environment.contenders {
                if setting.takes(contender) {
                    let here = Here {
                        experiment,
                        setting,
                        later,
                    };
                    self.add(sides, here, contender);
                }
            }
        }
    }

    fn add(&mut self, [earlier, later]: &[Side<'a>; 2], here: Here<'a>, contender: &'a Contender) {
        let model = &*contender.name;
        let place = Place::setting(here.experiment, here.setting);
        // A contender that is not in the later run is compared with itself here, and found to be gone below.
        let mut same = later.run.environment.contenders.iter();
        let same = same.find(|other| other.name == model).unwrap_or(contender);
        if let Some(why) = conditions::setting((here.setting, contender), (here.later, same)) {
            self.not_compared.push(Note::new(model, place, why));
            return;
        }
        let before = earlier.trials(here.experiment, here.setting, model);
        if before.kept.is_empty() {
            let why = format!(
                "nothing to compare with in the earlier run: {}",
                before.why_none()
            );
            self.not_compared.push(Note::new(model, place, why));
            return;
        }
        let after = later.trials(here.experiment, here.setting, model);
        match later.why_gone(here, model, &after) {
            Some(why) => self.gone.push(Note::new(model, place, why)),
            None => self.both.push(Pair {
                experiment: here.experiment,
                setting: here.setting,
                model,
                before,
                after,
                relation: Relation::None,
            }),
        }
    }

    /// Lists what only the later run has.
    fn add_new(&mut self, [earlier, later]: &[Side<'a>; 2]) {
        for experiment in &later.run.environment.experiments {
            let Some(known) = earlier.experiment(&experiment.key) else {
                self.skip(Place::experiment(experiment), "not in the earlier run");
                continue;
            };
            for setting in &experiment.settings {
                if !known.settings.iter().any(|other| other.key == setting.key) {
                    self.skip(Place::setting(experiment, setting), "not in the earlier run");
                }
            }
        }
        let took_part = |model: &str| earlier.run.environment.models().any(|other| other == model);
        for model in later.run.environment.models().filter(|model| !took_part(model)) {
            let note = Note::new(model, Place::everything(), "not in the earlier run");
            self.not_compared.push(note);
        }
    }

    /// Makes the values of the other models multiples of those of this one.
    fn relate_to(&mut self, reference: &'a str) {
        let references = self.both.iter().filter(|pair| pair.model == reference);
        let references: BTreeMap<_, _> = references
            .map(|pair| {
                let key = [&*pair.experiment.key, &*pair.setting.key];
                (key, (pair.before.clone(), pair.after.clone()))
            })
            .collect();
        for pair in &mut self.both {
            let key = [&*pair.experiment.key, &*pair.setting.key];
            pair.relation = match references.get(&key) {
                _ if pair.model == reference => Relation::Reference,
                Some((before, after)) => Relation::To {
                    reference,
                    before: before.clone(),
                    after: after.clone(),
                },
                None => {
                    let place = pair.place();
                    let notes = self.gone.iter().chain(&self.not_compared);
                    let why = notes
                        .filter(|note| note.model.as_deref() == Some(reference) && note.place == place)
                        .map(|note| &*note.what)
                        .next();
                    let why = why.unwrap_or("it takes no part in this setting");
                    Relation::Missing(format!("no value of the reference, {reference}: {why}"))
                }
            };
        }
    }

    fn skip(&mut self, place: Place, why: impl Into<String>) {
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
                pair.place(),
                format!("before: {before}; after: {after}{compared}"),
            )
        };
        with_errors.map(note).collect()
    }
}

impl<'a> Side<'a> {
    pub(super) fn new(run: &'a Recorded) -> Self {
        let mut trials: BTreeMap<_, Trials<'_>> = BTreeMap::new();
        // Trials that only find a capacity are not compared.
        for record in run.records.iter().filter(|record| record.round > 0) {
            let key = [&*record.experiment, &*record.setting, &*record.model];
            let here = trials.entry(key).or_default();
            match &record.outcome {
                Outcome::Failed(reason) => here.failed.push(reason),
                Outcome::Measured(trial) => match run.environment.exclusion(trial) {
                    Some(_) => here.excluded += 1,
                    None => here.kept.push((record.round, trial)),
                },
            }
        }
        Self { run, trials }
    }

    fn experiment(&self, key: &str) -> Option<&'a Experiment> {
        let mut all = self.run.environment.experiments.iter();
        all.find(|experiment| experiment.key == key)
    }

    pub(super) fn trials(
        &self,
        experiment: &'a Experiment,
        setting: &'a Setting,
        model: &'a str,
    ) -> Trials<'a> {
        let key = [&*experiment.key, &*setting.key, model];
        self.trials.get(&key).cloned().unwrap_or_default()
    }

    /// Why this run has no results of a model that the other has.
    fn why_gone(&self, here: Here<'_>, model: &str, trials: &Trials<'_>) -> Option<String> {
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
