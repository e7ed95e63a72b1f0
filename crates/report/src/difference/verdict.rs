//! Whether a model got worse from one run to another.

use super::faults::Faults;
use super::pairs::{Pair, Pairs};
use super::{Difference, Note, errors, values};
use crate::Recorded;
use crate::metric;
use stats::{Finding, Test};

/// What a run looks like, held against an earlier one.
#[derive(Debug, Default)]
pub struct Verdict {
    /// The headline figures that both have.
    pub judged: Vec<Judged>,
    /// What models did wrong in most trials, and never before.
    pub faults: Vec<Note>,
    /// What they did wrong in some, and never before.
    pub seldom: Vec<Note>,
    /// What was measured before and not now.
    pub gone: Vec<Note>,
    /// Where requests failed in either run.
    pub errors: Vec<Note>,
    pub not_compared: Vec<Note>,
}

/// A headline figure of a model in both runs.
#[derive(Debug)]
pub struct Judged {
    pub difference: Difference,
    pub finding: Finding,
    /// How many trials have it, before and now.
    pub trials: (usize, usize),
}

impl Verdict {
    /// By the headline of each experiment and nothing else, for the more is judged, the less can be found; and by what
    /// needs no figure. `allowed` is how much worse a figure may become, as a share.
    pub fn of(before: &Recorded, after: &Recorded, allowed: f64) -> Self {
        let pairs = Pairs::of(before, after);
        let mut verdict = Self {
            gone: pairs.gone,
            errors: errors(&pairs.both),
            not_compared: pairs.not_compared,
            ..Self::default()
        };
        let mut tests = Vec::new();
        for pair in &pairs.both {
            verdict.look_for_faults(pair);
            let Some((judged, test)) = verdict.put_to_test(pair, allowed) else {
                continue;
            };
            verdict.judged.push(judged);
            tests.push(test);
        }
        for (judged, finding) in verdict.judged.iter_mut().zip(stats::judge(&tests)) {
            judged.finding = finding;
        }
        verdict
    }

    fn look_for_faults(&mut self, pair: &Pair<'_>) {
        let notes = |faults: Vec<String>| {
            let note = |what| Note::of(pair.model, &pair.place(), what);
            faults.into_iter().map(note).collect::<Vec<_>>()
        };
        let Faults { new, seldom } = Faults::of(pair);
        self.faults.extend(notes(new));
        self.seldom.extend(notes(seldom));
    }

    /// The headline, with what is found of it still open; none if it can't be judged.
    fn put_to_test(&mut self, pair: &Pair<'_>, allowed: f64) -> Option<(Judged, Test)> {
        let metric = metric::named(&pair.experiment.headline);
        let Some(better) = metric.better else {
            let why = format!(
                "its headline is {}, of which neither more nor less is better",
                metric.name
            );
            self.not_compared.push(Note::of(pair.model, &pair.place(), why));
            return None;
        };
        if !pair.is_comparable(metric) {
            let why = "too many errors for its latency and cost to be compared";
            self.not_compared.push(Note::of(pair.model, &pair.place(), why));
            return None;
        }
        let (before, after) = (
            values(&pair.before.kept, metric),
            values(&pair.after.kept, metric),
        );
        let Some(difference) = Difference::of(pair, metric) else {
            let run = if before.is_empty() { "earlier" } else { "later" };
            let why = format!("no trial of the {run} run has its {}", metric.name);
            self.not_compared.push(Note::of(pair.model, &pair.place(), why));
            return None;
        };
        let judged = Judged {
            difference,
            finding: Finding::NotShown,
            trials: (before.len(), after.len()),
        };
        Some((judged, Test::new(&before, &after, allowed, better)))
    }

    /// The figures of which this is found.
    pub fn found(&self, finding: Finding) -> impl Iterator<Item = &Judged> {
        self.judged.iter().filter(move |judged| judged.finding == finding)
    }

    pub fn got_worse(&self) -> bool {
        let worse = self.found(Finding::Worse).next().is_some();
        worse || !self.faults.is_empty() || !self.gone.is_empty()
    }
}
