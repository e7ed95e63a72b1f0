//! The models of one run, each compared with a reference of the same run.

use schema::contender::Contender;
use schema::experiment::{Experiment, Setting};
use stats::Comparison;

use super::change::{Difference, Differences, metrics};
use super::conditions::{fields, json};
use super::note::{Note, Place};
use super::pair;
use super::pairs::Side;
use super::selection::Selection;
use super::trials::Trials;
use crate::metric::Metric;
use crate::recorded::Recorded;

/// A setting of the run.
#[derive(Clone, Copy)]
struct Here<'a> {
    experiment: &'a Experiment,
    setting: &'a Setting,
}

impl Differences {
    /// Compares the other models of a run with the reference, by rounds: the trials of a round were made close in time.
    #[must_use]
    pub fn within(run: &Recorded, reference: &str, selection: &Selection) -> Self {
        compare(&selection.narrow(run), reference, selection)
    }
}

fn compare(run: &Recorded, reference: &str, selection: &Selection) -> Differences {
    let mut found = Differences::default();
    let side = Side::new(run);
    let contenders = &run.environment.contenders;
    let unit = contenders.iter().find(|contender| contender.name == reference);
    for experiment in &run.environment.experiments {
        for setting in &experiment.settings {
            let here = Here { experiment, setting };
            let others = contenders.iter().filter(|contender| contender.name != reference);
            for contender in others.filter(|contender| setting.takes(contender)) {
                let [model, unit_trials] =
                    [&*contender.name, reference].map(|name| side.trials(experiment, setting, name));
                if !unit_trials.kept.is_empty() {
                    found.add_errors(here, &contender.name, [&unit_trials, &model]);
                }
                if let Some(why) = why_not(here, contender, unit, [&unit_trials, &model], reference) {
                    found
                        .not_compared
                        .push(Note::new(&contender.name, here.place(), why));
                    continue;
                }
                for metric in metrics(experiment, selection) {
                    let difference = here.difference(contender, metric, [&unit_trials, &model]);
                    found.values.extend(difference);
                }
            }
        }
    }
    found
}

/// Why a model can't be compared with the reference in a setting.
fn why_not(
    here: Here<'_>,
    contender: &Contender,
    unit: Option<&Contender>,
    [reference, model]: [&Trials<'_>; 2],
    name: &str,
) -> Option<String> {
    let Some(unit) = unit.filter(|unit| here.setting.takes(unit)) else {
        return Some(format!("the reference, {name}, takes no part in this setting"));
    };
    if reference.kept.is_empty() {
        return Some(format!(
            "no value of the reference, {name}: {}",
            reference.why_none()
        ));
    }
    if model.kept.is_empty() {
        return Some(model.why_none());
    }
    let [unit, load] = [unit, contender].map(|contender| here.setting.load_for(contender));
    (unit != load).then(|| {
        let names = [name, &contender.name];
        format!("another load: {}", fields(&json(&unit), &json(&load), names))
    })
}

impl Here<'_> {
    fn place(self) -> Place {
        Place::setting(self.experiment, self.setting)
    }

    fn difference(
        self,
        contender: &Contender,
        metric: &'static Metric,
        [reference, model]: [&Trials<'_>; 2],
    ) -> Option<Difference> {
        let too_many = reference.errors().are_too_many() || model.errors().are_too_many();
        if too_many && !metric.counts_failures {
            return None;
        }
        let rounds = model.beside(reference, metric);
        let (before, after): (Vec<_>, Vec<_>) = rounds.iter().copied().unzip();
        let comparison = Comparison::paired(&rounds)?;
        Some(Difference {
            model: contender.name.clone(),
            place: self.place(),
            metric,
            name: pair::name(self.experiment, metric),
            before: stats::median(&before)?,
            after: stats::median(&after)?,
            comparison,
            trials: (comparison.pairs, comparison.pairs),
        })
    }
}

impl Differences {
    fn add_errors(&mut self, here: Here<'_>, name: &str, sides: [&Trials<'_>; 2]) {
        let [reference, model] = sides.map(Trials::errors);
        if !model.any() && !reference.are_too_many() {
            return;
        }
        let words = |errors: crate::errors::Errors| match errors {
            errors if errors.any() => errors.in_words(),
            _ => "none".to_owned(),
        };
        let compared = if model.are_too_many() || reference.are_too_many() {
            "; other metrics are not compared"
        } else {
            ""
        };
        let what = format!(
            "reference: {}; this model: {}{compared}",
            words(reference),
            words(model)
        );
        self.errors.push(Note::new(name, here.place(), what));
    }
}
