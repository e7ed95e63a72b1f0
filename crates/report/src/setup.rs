//! How an experiment was measured, with what was known only when it was.

use super::summary::Results;
use crate::numbers::rounded;

/// The setup of an experiment, and the bound of latency that the run had if it has one.
pub(crate) fn text(results: &Results<'_>) -> String {
    let setup = &results.experiment.setup;
    match bounds_us(results) {
        Some((least, most)) if least == most => {
            format!("{setup} In this run the bound was {least} µs.")
        }
        Some((least, most)) => {
            format!("{setup} In this run the bound of the settings was between {least} and {most} µs.")
        }
        None => setup.clone(),
    }
}

/// The least and the greatest bound of its trials, as they are written.
fn bounds_us(results: &Results<'_>) -> Option<(String, String)> {
    let rows = results.answers.iter().flat_map(|answer| &answer.rows);
    let trials = rows.flat_map(|row| &row.kept);
    let bounds = || {
        trials
            .clone()
            .filter_map(|(_, trial)| Some(trial.load.within?.bound_us))
    };
    let least = bounds().min_by(f64::total_cmp)?;
    let most = bounds().max_by(f64::total_cmp)?;
    Some((rounded(least), rounded(most)))
}

#[cfg(test)]
mod tests {
    use schema::load::Within;
    use schema::record::Outcome;

    use super::*;
    use crate::fixture;

    /// The setup of the first experiment, where its trials have the bounds of this function of their number.
    fn with_bounds(bound_us: impl Fn(usize) -> Option<f64>) -> String {
        let (environment, mut records) = fixture::run();
        for record in &mut records {
            if let Outcome::Measured(measured) = &mut record.outcome {
                let within = |bound_us| Within { bound_us, ok: 900 };
                measured.load.within = bound_us(record.trial).map(within);
            }
        }
        let summary = fixture::summary(&environment, &records);
        text(&summary.results[0])
    }

    #[test]
    fn the_bound_of_a_run_is_part_of_the_setup() {
        let plain = fixture::environment().experiments[0].setup.clone();
        assert_eq!(with_bounds(|_| None), plain);
        assert_eq!(
            with_bounds(|_| Some(594.23)),
            format!("{plain} In this run the bound was 594 µs.")
        );
        let two = with_bounds(|trial| Some(if trial % 2 == 0 { 300.0 } else { 1_200.0 }));
        assert!(two.ends_with("between 300 and 1,200 µs."), "{two}");
    }
}
