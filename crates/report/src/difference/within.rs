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
use crate::comparable;
use crate::metric::Metric;
use crate::numbers::list;
use crate::recorded::Recorded;

/// A setting of the run.
#[derive(Clone, Copy)]
struct Here<'a> {
    experiment: &'a Experiment,
    setting: &'a Setting,
}

/// Why a metric of a model is not compared with that of the reference.
#[derive(Debug, PartialEq)]
enum Why {
    /// Because of the model.
    Model(String),
    /// Because of the reference.
    Reference(String),
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
                let mut skipped = Vec::new();
                for metric in metrics(experiment, selection) {
                    match here.difference(contender, metric, [&unit_trials, &model]) {
                        Ok(difference) => found.values.push(difference),
                        Err(why) => skipped.extend(why.zip(Some(pair::name(experiment, metric)))),
                    }
                }
                found.add_skipped(here, [reference, &contender.name], skipped);
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

    /// The reason, if the metric is not compared, unless that is in another list or nobody has the metric here.
    fn difference(
        self,
        contender: &Contender,
        metric: &'static Metric,
        [reference, model]: [&Trials<'_>; 2],
    ) -> Result<Difference, Option<Why>> {
        let too_many = reference.errors().are_too_many() || model.errors().are_too_many();
        let nobody_has_it = reference.values(metric).is_empty() && model.values(metric).is_empty();
        if too_many && !metric.counts_failures || nobody_has_it {
            return Err(None);
        }
        if let Some(reason) = self.why_none(reference, metric) {
            return Err(Some(Why::Reference(reason)));
        }
        if let Some(reason) = self.why_none(model, metric) {
            return Err(Some(Why::Model(reason)));
        }
        let rounds = model.beside(reference, metric);
        let (before, after): (Vec<_>, Vec<_>) = rounds.iter().copied().unzip();
        let compared = Comparison::paired(&rounds).and_then(|comparison| {
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
        });
        compared.ok_or_else(|| Some(Why::Model("no value in a round of the reference's".to_owned())))
    }

    /// Why a metric of a model has no ratio to that of another. The page ranks models by the same rules.
    fn why_none(self, trials: &Trials<'_>, metric: &Metric) -> Option<String> {
        let shows_served = comparable::shows_served(self.experiment);
        let reason = comparable::why_not(&trials.kept, trials.errors(), metric, shows_served);
        if let Some(reason) = reason.filter(|_| metric.better.is_some()) {
            return Some(reason.in_words());
        }
        let values = trials.values(metric);
        if values.is_empty() {
            return Some("no value".to_owned());
        }
        // Without these rounds, the ratio would be that of the others alone.
        let without = values.iter().filter(|value| **value <= 0.0).count();
        (without > 0).then(|| format!("not above 0 in {without} of {} trials", values.len()))
    }
}

impl Differences {
    /// Lists metrics that are not compared, those with the same reason together. What is due to the reference is listed once
    /// for all models.
    fn add_skipped(&mut self, here: Here<'_>, [reference, model]: [&str; 2], skipped: Vec<(Why, String)>) {
        let mut groups: Vec<(Why, Vec<String>)> = Vec::new();
        for (why, name) in skipped {
            match groups.iter_mut().find(|(other, _)| *other == why) {
                Some((_, names)) => names.push(name),
                None => groups.push((why, vec![name])),
            }
        }
        for (why, names) in groups {
            let names = list(&names);
            let note = match why {
                Why::Model(reason) => {
                    Note::new(model, here.place(), format!("{reason}, so not compared: {names}"))
                }
                Why::Reference(reason) => Note::new(
                    reference,
                    here.place(),
                    format!("{reason}, so no model is compared by its {names}"),
                ),
            };
            if !self.not_compared.contains(&note) {
                self.not_compared.push(note);
            }
        }
    }

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
