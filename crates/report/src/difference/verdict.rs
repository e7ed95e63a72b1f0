//! Whether a model got worse from one run to the next.

use super::change::{Difference, metrics};
use super::faults::Faults;
use super::note::Note;
use super::pair::{Pair, Relation};
use super::pairs::Pairs;
use super::selection::Selection;
use crate::metric::{self, Metric};
use crate::recorded::Recorded;
use stats::{Finding, Test};

/// The verdict on a run, against an earlier one.
#[derive(Debug, Default)]
pub struct Verdict {
    /// The values that both runs have, and that are judged.
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

/// A value of a model in both runs.
#[derive(Debug)]
pub struct Judged {
    /// Its values.
    pub difference: Difference,
    /// Whether it got worse.
    pub finding: Finding,
}

impl Verdict {
    /// Judges the headline of each experiment, or the metrics that are selected, and faults. More metrics make each harder to
    /// judge. `allowed` is how much worse a value may become, as a share.
    ///
    /// By a reference, the values are multiples of the reference's. Its own are not judged, but its faults are: if it broke,
    /// nothing else can be compared.
    #[must_use]
    pub fn between(before: &Recorded, after: &Recorded, allowed: f64, selection: &Selection) -> Self {
        let (before, after) = (selection.narrow(before), selection.narrow(after));
        let mut pairs = Pairs::between(&before, &after, selection.reference.as_deref());
        let mut verdict = Self {
            errors: pairs.errors(),
            gone: std::mem::take(&mut pairs.gone),
            not_compared: std::mem::take(&mut pairs.not_compared),
            ..Self::default()
        };
        let experiments = &before.environment.experiments;
        let mut tests = Vec::new();
        for pair in &pairs.both {
            let group = experiments
                .iter()
                .position(|experiment| experiment.key == pair.experiment.key);
            verdict.add_faults(pair);
            if matches!(pair.relation, Relation::Reference) {
                continue;
            }
            let mut chosen: Vec<_> = metrics(pair.experiment, selection).collect();
            if selection.metrics.is_empty() {
                chosen = vec![metric::named(&pair.experiment.headline)];
            }
            for metric in chosen {
                if let Some((judged, test)) = verdict.test(pair, metric, allowed) {
                    verdict.judged.push(judged);
                    tests.push(test.in_group(group.unwrap_or_default()));
                }
            }
        }
        for (judged, finding) in verdict.judged.iter_mut().zip(stats::judge(&tests)) {
            judged.finding = finding;
        }
        verdict
    }

    fn add_faults(&mut self, pair: &Pair<'_>) {
        let notes = |faults: Vec<String>| {
            let note = |what| Note::new(pair.model, pair.place(), what);
            faults.into_iter().map(note).collect::<Vec<_>>()
        };
        let Faults { new, seldom } = Faults::find(pair);
        self.faults.extend(notes(new));
        self.seldom.extend(notes(seldom));
    }

    /// A value, with its finding still open. None if it cannot be judged.
    fn test(&mut self, pair: &Pair<'_>, metric: &'static Metric, allowed: f64) -> Option<(Judged, Test)> {
        let compared = match metric.better {
            Some(better) => Difference::between(pair, metric).map(|difference| (better, difference)),
            None => Err(format!(
                "of its {}, neither more nor less is better",
                pair.name(metric)
            )),
        };
        match compared {
            Ok((better, difference)) => {
                let [before, after] = pair.values(metric);
                let judged = Judged {
                    difference,
                    finding: Finding::NotShown,
                };
                Some((judged, Test::new(&before, &after, allowed, better)))
            }
            Err(why) => {
                self.not_compared.push(Note::new(pair.model, pair.place(), why));
                None
            }
        }
    }

    /// The values with this finding.
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
