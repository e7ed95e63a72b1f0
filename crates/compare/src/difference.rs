//! Two runs side by side: every figure that both have, and whether their trials tell it apart.

use crate::environment::Environment;
use crate::figures::{self, Better, Figure};
use crate::record::{Measured, Outcome, Record};
use crate::statistics::{self, Comparison, Verdict};

/// A run that was read.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) environment: Environment,
    pub(crate) records: Vec<Record>,
}

/// A figure of a model in both runs.
#[derive(Debug)]
pub(crate) struct Difference {
    pub(crate) experiment: String,
    pub(crate) setting: String,
    pub(crate) model: String,
    pub(crate) figure: &'static Figure,
    /// Its medians.
    pub(crate) before: f64,
    pub(crate) after: f64,
    pub(crate) comparison: Comparison,
}

impl Difference {
    /// Whether the later run is worse beyond what is allowed, and beyond doubt.
    pub(crate) fn is_worse(&self, allowed: f64) -> bool {
        let better = match self.figure.better {
            Better::More => statistics::Better::More,
            Better::Less => statistics::Better::Less,
            Better::Neither => return false,
        };
        self.comparison.worse_than(allowed, better)
    }

    pub(crate) fn told_apart(&self) -> bool {
        self.comparison.verdict() != Verdict::CantTell
    }
}

/// All figures that both runs have, in the order of the later one.
pub(crate) fn between(before: &Read, after: &Read) -> Vec<Difference> {
    let mut differences = Vec::new();
    for experiment in &after.environment.experiments {
        for setting in &experiment.settings {
            for model in after.environment.models() {
                let mut keys: Vec<_> = experiment.figure_keys().collect();
                // The headline may stand among the others as well.
                let mut seen = std::collections::BTreeSet::new();
                keys.retain(|key| seen.insert(*key));
                for key in keys {
                    let figure = figures::named(key);
                    let of = |run: &Read| values(run, &experiment.key, &setting.key, model, figure);
                    let (was, is) = (of(before), of(after));
                    let medians = statistics::Estimate::of(was.iter().copied())
                        .zip(statistics::Estimate::of(is.iter().copied()));
                    let Some((comparison, (old, new))) = Comparison::unpaired(&was, &is).zip(medians) else {
                        continue;
                    };
                    differences.push(Difference {
                        experiment: experiment.key.clone(),
                        setting: setting.key.clone(),
                        model: model.to_owned(),
                        figure,
                        before: old.median,
                        after: new.median,
                        comparison,
                    });
                }
            }
        }
    }
    differences
}

/// What the trials have of a figure, those left out that the machine disturbed.
fn values(run: &Read, experiment: &str, setting: &str, model: &str, figure: &Figure) -> Vec<f64> {
    let here = |record: &&Record| {
        record.round > 0
            && record.experiment == experiment
            && record.setting == setting
            && record.model == model
    };
    let kept = |record: &Record| -> Option<f64> {
        let Outcome::Measured(measured) = &record.outcome else {
            return None;
        };
        let measured: &Measured = measured;
        let kept = run.environment.sets_aside(measured).is_none();
        kept.then(|| (figure.of)(measured))?
    };
    run.records.iter().filter(here).filter_map(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::tests::environment;
    use crate::record::tests::measured;

    fn run(latencies: &[f64]) -> Read {
        let environment = environment();
        let (experiment, model) = (
            environment.experiments[0].clone(),
            environment.contenders[0].name.clone(),
        );
        let records = latencies.iter().enumerate().map(|(index, &p50_us)| {
            let mut trial = measured();
            if let Some(latency) = &mut trial.load.latency_us {
                latency.p50 = Some(p50_us);
            }
            Record {
                schema: crate::record::SCHEMA,
                trial: index + 1,
                round: index + 1,
                experiment: experiment.key.clone(),
                setting: experiment.settings[0].key.clone(),
                model: model.clone(),
                started_at: jiff::Timestamp::UNIX_EPOCH,
                outcome: Outcome::Measured(Box::new(trial)),
            }
        });
        Read {
            records: records.collect(),
            environment: environment.clone(),
        }
    }

    fn of_p50(before: &[f64], after: &[f64]) -> Difference {
        let (before, after) = (run(before), run(after));
        let mut all = between(&before, &after);
        all.retain(|difference| difference.figure.key == "p50_us");
        all.pop().expect("the first experiment shows the p50")
    }

    #[test]
    fn a_figure_that_grew_by_a_tenth_is_worse_than_a_twentieth_allows_and_not_than_a_fifth() {
        let before = [100.0, 101.0, 99.0, 100.5, 99.5, 100.2, 99.8, 100.1];
        let after = before.map(|us| us * 1.1);
        let difference = of_p50(&before, &after);
        assert!(difference.told_apart() && difference.is_worse(0.05) && !difference.is_worse(0.2));
        assert!(
            !of_p50(&after, &before).is_worse(0.05),
            "to be faster is not worse"
        );
    }

    #[test]
    fn the_same_figures_are_not_told_apart() {
        let values = [100.0, 101.0, 99.0, 100.5, 99.5, 100.2, 99.8, 100.1];
        let difference = of_p50(&values, &values);
        assert!(!difference.told_apart() && !difference.is_worse(0.0));
    }
}
