//! The document of a comparison.

use super::change::{Difference, Differences};
use super::cut::at_most;
use super::document::{
    Answer, Change, Compares, Direction, Document, Field, Finding, Options, Outcome, Remark, RunFacts, Runs,
    SCHEMA, TrialCounts, Value, Verb,
};
use super::note::Note;
use super::selection::Selection;
use super::verdict::{Judged, Verdict};
use crate::numbers::counted;
use crate::recorded::Recorded;
use stats::Better;

/// So many characters of a name from outside stand in a sentence.
const NAME_MOST: usize = 120;

/// A run under the name of its folder.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// The name of its folder, without the path.
    pub name: &'a str,
    /// What it recorded.
    pub recorded: &'a Recorded,
}

/// What is compared with what.
#[derive(Debug, Clone, Copy)]
pub struct Compared<'a> {
    /// The earlier run, or the only one.
    pub before: Run<'a>,
    /// The later run.
    pub after: Option<Run<'a>>,
    /// What of them, and by which reference.
    pub selection: &'a Selection,
}

impl Compared<'_> {
    fn how(&self) -> Compares {
        match (&self.after, &self.selection.reference) {
            (None, _) => Compares::ModelsOfARun,
            (Some(_), Some(_)) => Compares::RunsByReference,
            (Some(_), None) => Compares::Runs,
        }
    }

    /// What a reader must know before the values.
    #[must_use]
    pub fn cautions(&self) -> Vec<String> {
        let mut cautions = Vec::new();
        let Some(after) = &self.after else {
            return cautions;
        };
        let (before, after) = (self.before.recorded, after.recorded);
        if before.environment == after.environment && before.records == after.records {
            cautions.push("Both are the same run, so that nothing can differ.".to_owned());
        }
        let machines = [before, after].map(|run| at_most(&run.environment.machine.describe(), NAME_MOST));
        let reference = self.selection.reference.as_ref();
        let reference = reference.map(|name| at_most(name, NAME_MOST));
        if before.environment.machine != after.environment.machine {
            let [before, after] = machines;
            let effect = match &reference {
                None => "so differences may be due to the machines".to_owned(),
                Some(reference) => format!(
                    "so what slows all models alike cancels by the reference, {reference}; what slows one model more than \
                     {reference} does not"
                ),
            };
            cautions.push(format!(
                "The runs are from two machines ({before}; {after}), {effect}."
            ));
        }
        if let Some(reference) = reference {
            cautions.push(format!(
                "Values are multiples of those of {reference} in the same round of the same run; {reference} itself is not \
                 compared, but its errors count. If {reference} itself changed, all others seem to change."
            ));
        }
        cautions
    }

    fn document(&self, verb: Verb, verdict: Outcome, max_regression: Option<f64>) -> Document {
        let Selection {
            models,
            experiments,
            metrics,
            reference,
        } = self.selection.clone();
        Document {
            schema: SCHEMA,
            verb,
            compares: self.how(),
            verdict,
            runs: Runs {
                before: facts(&self.before),
                after: self.after.as_ref().map(facts),
            },
            options: Options {
                reference,
                models,
                experiments,
                metrics,
                max_regression,
            },
            cautions: self.cautions(),
            values: Vec::new(),
            faults: Vec::new(),
            seldom_faults: Vec::new(),
            gone: Vec::new(),
            errors: Vec::new(),
            not_compared: Vec::new(),
        }
    }

    /// The document of `compare diff`.
    #[must_use]
    pub fn diff(&self, found: &Differences) -> Document {
        let values = found.values.iter().map(|difference| self.value(difference, None));
        let values: Vec<_> = values.collect();
        let mut outcome = count(&values);
        outcome.expected_by_chance = Some(rounded(values.len() as f64 * (1.0 - stats::CONFIDENCE)));
        outcome.words = self.diff_in_words(&outcome);
        Document {
            values,
            gone: remarks(&found.gone),
            errors: remarks(&found.errors),
            not_compared: remarks(&found.not_compared),
            ..self.document(Verb::Diff, outcome, None)
        }
    }

    fn diff_in_words(&self, outcome: &Outcome) -> String {
        let changed = outcome.worse + outcome.better + outcome.other;
        let expected = outcome.expected_by_chance.unwrap_or_default();
        let of_whom = match (&self.after, &self.selection.reference) {
            (None, Some(reference)) => format!(" from {reference} in the same run"),
            _ => String::new(),
        };
        let mut kinds = Vec::new();
        for (number, kind) in [
            (outcome.worse, "worse"),
            (outcome.better, "better"),
            (outcome.other, "where neither direction is better"),
        ] {
            if number > 0 {
                kinds.push(format!("{number} {kind}"));
            }
        }
        let kinds = if kinds.is_empty() {
            String::new()
        } else {
            format!(": {}", kinds.join(", "))
        };
        format!(
            "{changed} of {} differ{} significantly{of_whom}{kinds}. Expected by chance: about {expected:.0}.",
            counted(outcome.values, "value", "values"),
            if changed == 1 { "s" } else { "" },
        )
    }

    /// The document of `compare check`. `allowed` is how much worse a value may become, as a share.
    #[must_use]
    pub fn check(&self, verdict: &Verdict, allowed: f64, no_verdict: Option<&str>) -> Document {
        let judged = verdict.judged.iter();
        let values: Vec<_> = judged
            .map(|Judged { difference, finding }| self.value(difference, Some(*finding)))
            .collect();
        let mut outcome = count(&values);
        outcome.worse = verdict.found(stats::Finding::Worse).count();
        outcome.result = match no_verdict {
            Some(_) => Answer::NotJudged,
            None if verdict.got_worse() => Answer::Failed,
            None => Answer::Passed,
        };
        outcome.words = match no_verdict {
            Some(why) => format!("{why}."),
            None => check_in_words(verdict, &outcome, allowed),
        };
        Document {
            values,
            faults: remarks(&verdict.faults),
            seldom_faults: remarks(&verdict.seldom),
            gone: remarks(&verdict.gone),
            errors: remarks(&verdict.errors),
            not_compared: remarks(&verdict.not_compared),
            ..self.document(Verb::Check, outcome, Some(allowed))
        }
    }

    fn value(&self, difference: &Difference, finding: Option<stats::Finding>) -> Value {
        let metric = difference.metric;
        let comparison = &difference.comparison;
        let has_interval = comparison.low > 0.0 || comparison.high.is_finite() || comparison.ratio == 0.0;
        let fields = [
            (Field::Before, difference.before),
            (Field::After, difference.after),
            (Field::Ratio, comparison.ratio),
            (Field::Low, if has_interval { comparison.low } else { f64::NAN }),
            (Field::High, if has_interval { comparison.high } else { f64::NAN }),
        ];
        let infinite = fields.iter().filter(|(_, number)| number.is_infinite());
        let infinite = infinite.map(|(field, _)| *field).collect();
        let [before, after, ratio, low, high] =
            fields.map(|(_, number)| number.is_finite().then(|| rounded(number)));
        let better = metric.better.map(|better| match better {
            Better::Less => Direction::Less,
            Better::More => Direction::More,
        });
        let change = match (comparison.verdict(), better) {
            (stats::Verdict::Tied, _) | (_, None) => None,
            (stats::Verdict::More, Some(Direction::Less)) | (stats::Verdict::Less, Some(Direction::More)) => {
                Some(Change::Worse)
            }
            _ => Some(Change::Better),
        };
        Value {
            model: difference.model.clone(),
            experiment: difference.place.experiment.clone().unwrap_or_default(),
            setting: difference.place.setting.clone().unwrap_or_default(),
            metric: metric.key.to_owned(),
            name: difference.name.clone(),
            unit: match self.how() {
                Compares::RunsByReference => "×".to_owned(),
                Compares::Runs | Compares::ModelsOfARun => metric.unit.symbol().to_owned(),
            },
            better,
            before,
            after,
            ratio,
            low,
            high,
            infinite,
            significant: comparison.is_significant(),
            change,
            finding: finding.map(|finding| match finding {
                stats::Finding::Worse => Finding::Worse,
                stats::Finding::NotShown => Finding::NotShown,
                stats::Finding::TooFew => Finding::TooFew,
            }),
            trials: TrialCounts {
                before: difference.trials.0,
                after: difference.trials.1,
            },
        }
    }
}

fn count(values: &[Value]) -> Outcome {
    let changed = |change: Option<Change>| {
        let changed = values
            .iter()
            .filter(|value| value.significant && value.change == change);
        changed.count()
    };
    Outcome {
        result: Answer::Compared,
        words: String::new(),
        values: values.len(),
        worse: changed(Some(Change::Worse)),
        better: changed(Some(Change::Better)),
        other: changed(None),
        too_few: values
            .iter()
            .filter(|value| value.finding == Some(Finding::TooFew))
            .count(),
        expected_by_chance: None,
    }
}

fn check_in_words(verdict: &Verdict, outcome: &Outcome, allowed: f64) -> String {
    let values = counted(outcome.values - outcome.too_few, "value", "values");
    let allowed = if allowed > 0.0 {
        format!(" by more than {}", share_in_words(allowed))
    } else {
        String::new()
    };
    let too_few = match outcome.too_few {
        0 => String::new(),
        number => format!(
            " Another {} had too few trials to be judged beside so many.",
            counted(number, "value", "values")
        ),
    };
    if !verdict.got_worse() {
        return format!(
            "none of {values} is shown to be worse{allowed}, there are no new errors, and no model is missing.{too_few}"
        );
    }
    let mut reasons = Vec::new();
    if outcome.worse > 0 {
        let are = if outcome.worse == 1 { "is" } else { "are" };
        reasons.push(format!("{} of {values} {are} worse{allowed}", outcome.worse));
    }
    if !verdict.faults.is_empty() {
        reasons.push(counted(verdict.faults.len(), "new error", "new errors"));
    }
    if !verdict.gone.is_empty() {
        let settings = counted(verdict.gone.len(), "model setting", "model settings");
        reasons.push(format!("{settings} without a usable trial"));
    }
    format!("{}.{too_few}", reasons.join("; "))
}

fn facts(run: &Run<'_>) -> RunFacts {
    let environment = &run.recorded.environment;
    let commit = environment.commit.as_ref();
    RunFacts {
        name: run.name.to_owned(),
        started_at: environment.started_at.to_string(),
        commit: commit.map(|commit| commit.hash.clone()),
        uncommitted_changes: commit.is_some_and(|commit| commit.changed),
        profile: environment.profile.clone(),
        rounds: environment.rounds,
        machine: environment.machine.clone(),
    }
}

fn remarks(notes: &[Note]) -> Vec<Remark> {
    let notes = notes.iter().cloned();
    notes
        .map(|Note { model, place, what }| Remark {
            model,
            experiment: place.experiment,
            setting: place.setting,
            what,
        })
        .collect()
}

/// A share in percent as it was given: `5 %`, `7.5 %`.
#[must_use]
pub fn share_in_words(share: f64) -> String {
    let percent = format!("{:.6}", share * 100.0);
    format!("{} %", percent.trim_end_matches('0').trim_end_matches('.'))
}

/// Six significant digits: more would only differ between machines.
fn rounded(number: f64) -> f64 {
    format!("{number:.5e}").parse().unwrap_or(number)
}
