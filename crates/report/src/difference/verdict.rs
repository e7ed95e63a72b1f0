//! Whether a model got worse from one run to the next.

use super::change::Difference;
use super::faults::Faults;
use super::note::Note;
use super::pairs::{Pair, Pairs};
use crate::metric;
use crate::recorded::Recorded;
use stats::{Finding, Test};

/// The verdict on a run, against an earlier one.
#[derive(Debug, Default)]
pub struct Verdict {
    /// The headlines that both runs have.
    pub judged: Vec<Judged>,
    /// What models did wrong in most trials, and never in the earlier run.
    pub faults: Vec<Note>,
    /// What they did wrong in some trials, and never in the earlier run.
    pub seldom: Vec<Note>,
    /// What the earlier run measured and the later one did not.
    pub gone: Vec<Note>,
    /// Where requests failed in either run.
    pub errors: Vec<Note>,
    /// What the runs did not measure under the same conditions.
    pub not_compared: Vec<Note>,
}

/// The headline of a model in both runs.
#[derive(Debug)]
pub struct Judged {
    /// Its values.
    pub difference: Difference,
    /// Whether it got worse.
    pub finding: Finding,
    /// How many trials have it, before and after.
    pub trials: (usize, usize),
}

impl Verdict {
    /// Judges the headline of each experiment, and faults. More metrics would only make each harder to judge. `allowed` is
    /// how much worse a headline may become, as a share.
    #[must_use]
    pub fn between(before: &Recorded, after: &Recorded, allowed: f64) -> Self {
        let pairs = Pairs::between(before, after);
        let mut verdict = Self {
            errors: pairs.errors(),
            gone: pairs.gone,
            not_compared: pairs.not_compared,
            ..Self::default()
        };
        let mut tests = Vec::new();
        for pair in &pairs.both {
            verdict.add_faults(pair);
            let Some((judged, test)) = verdict.test(pair, allowed) else {
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

    fn add_faults(&mut self, pair: &Pair<'_>) {
        let notes = |faults: Vec<String>| {
            let note = |what| Note::new(pair.model, &pair.place(), what);
            faults.into_iter().map(note).collect::<Vec<_>>()
        };
        let Faults { new, seldom } = Faults::find(pair);
        self.faults.extend(notes(new));
        self.seldom.extend(notes(seldom));
    }

    /// The headline, with its finding still open. None if it cannot be judged.
    fn test(&mut self, pair: &Pair<'_>, allowed: f64) -> Option<(Judged, Test)> {
        let metric = metric::named(&pair.experiment.headline);
        let Some(better) = metric.better else {
            let why = format!(
                "of its headline, {}, neither more nor less is better",
                metric::headline_name(pair.experiment)
            );
            self.not_compared.push(Note::new(pair.model, &pair.place(), why));
            return None;
        };
        if !pair.is_comparable(metric) {
            let why = "too many errors to compare its latency and cost";
            self.not_compared.push(Note::new(pair.model, &pair.place(), why));
            return None;
        }
        let (before, after) = (pair.before.values(metric), pair.after.values(metric));
        let Some(difference) = Difference::between(pair, metric) else {
            let run = if before.is_empty() { "earlier" } else { "later" };
            let why = format!(
                "no trial of the {run} run has its {}",
                metric::headline_name(pair.experiment)
            );
            self.not_compared.push(Note::new(pair.model, &pair.place(), why));
            return None;
        };
        let judged = Judged {
            difference,
            finding: Finding::NotShown,
            trials: (before.len(), after.len()),
        };
        Some((judged, Test::new(&before, &after, allowed, better)))
    }

    /// The headlines with this finding.
    pub fn found(&self, finding: Finding) -> impl Iterator<Item = &Judged> {
        self.judged.iter().filter(move |judged| judged.finding == finding)
    }

    /// Whether anything got worse.
    #[must_use]
    pub fn got_worse(&self) -> bool {
        let worse = self.found(Finding::Worse).next().is_some();
        worse || !self.faults.is_empty() || !self.gone.is_empty()
    }
}
