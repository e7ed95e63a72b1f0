//! How often a check finds a change that is not there, and one that is.

use std::collections::BTreeMap;

use stats::simulation::Draws;

use super::*;

/// Draws what a request costs, and with it the rate, for all trials anew.
pub(super) fn draw(run: &mut Recorded, mut cost: impl FnMut(&Record) -> f64) {
    for record in &mut run.records {
        let times = cost(record);
        if let Outcome::Measured(trial) = &mut record.outcome {
            trial.load.throughput_per_s = 1000.0 / times;
            trial.spent.user_us = 0.0;
            trial.spent.system_us = 1000.0 * trial.spent.elapsed_s;
        }
    }
}

#[test]
fn unchanged_runs_fail_in_at_most_one_check_of_twenty() {
    const CHECKS: usize = 300;
    let keys = ["request-cost", "connection-cost", "waiting", "large-replies"];
    let (mut before, mut after) = (run_of(&keys), run_of(&keys));
    let mut draws = Draws::seeded(1979);
    let (mut found, mut values) = (0, 0);
    for _ in 0..CHECKS {
        draw(&mut before, |_| draws.skewed_trial());
        draw(&mut after, |_| draws.skewed_trial());
        // With nothing allowed, the slightest change counts.
        let verdict = judge(&before, &after, 0.0);
        found += usize::from(verdict.got_worse());
        values = verdict.judged.len();
        assert_eq!(verdict.found(Finding::TooFew).count(), 0);
    }
    println!("{values} unchanged values: {found} of {CHECKS} checks find something");
    assert!(
        values >= 40 && found * 20 <= CHECKS,
        "{found} of {CHECKS}, {values} values"
    );
}

#[test]
fn only_a_cost_that_grew_is_found() {
    const CHECKS: usize = 20;
    let keys = ["request-cost", "connection-cost", "waiting", "large-replies"];
    let (mut before, mut after) = (run_of(&keys), run_of(&keys));
    let mut draws = Draws::seeded(1990);
    for _ in 0..CHECKS {
        draw(&mut before, |_| draws.steady_trial(1.0));
        draw(&mut after, |record| {
            let place = (&*record.experiment, &*record.setting);
            let slow = record.model == "epsilon" && place == ("request-cost", "64");
            draws.steady_trial(if slow { 1.3 } else { 1.0 })
        });
        let verdict = judge(&before, &after, 0.05);
        let worse: Vec<_> = verdict
            .found(Finding::Worse)
            .map(|judged| {
                (
                    judged.difference.model.clone(),
                    judged.difference.place.to_string(),
                )
            })
            .collect();
        assert_eq!(worse, [("epsilon".to_owned(), "request-cost/64".to_owned())]);
    }
}

/// Draws a run of a machine of this speed, on which the speed drifts from round to round and from setting to setting.
fn draw_drifting(run: &mut Recorded, speed: f64, draws: &mut Draws, trial: fn(&mut Draws) -> f64) {
    let mut rounds = BTreeMap::new();
    draw(run, |record| {
        let key = (record.round, record.experiment.clone(), record.setting.clone());
        let round = *rounds.entry(key).or_insert_with(|| draws.round());
        // What a model costs as a multiple of another's, on any machine.
        let model = 1.0 + record.model.len() as f64;
        speed * round * model * trial(draws)
    });
}

#[test]
fn unchanged_runs_by_a_reference_fail_as_seldom() {
    const CHECKS: usize = 300;
    let keys = ["request-cost", "connection-cost", "waiting", "large-replies"];
    let (mut before, mut after) = (run_of(&keys), run_of(&keys));
    let mut draws = Draws::seeded(1982);
    let by_beta = Selection {
        reference: Some("beta".to_owned()),
        ..Selection::default()
    };
    let (mut found, mut found_without, mut values) = (0, 0, 0);
    for check in 0..CHECKS {
        draw_drifting(&mut before, 1.0, &mut draws, Draws::skewed_trial);
        // Another machine, which is half as fast.
        draw_drifting(&mut after, 2.0, &mut draws, Draws::skewed_trial);
        let verdict = Verdict::between(&before, &after, 0.0, &by_beta);
        found += usize::from(verdict.got_worse());
        values = verdict.judged.len();
        assert_eq!(verdict.found(Finding::TooFew).count(), 0);
        if check < 20 {
            found_without += usize::from(judge(&before, &after, 0.0).got_worse());
        }
    }
    println!(
        "{values} values by a reference: {found} of {CHECKS} checks find something; without it {found_without} of 20"
    );
    assert!(
        values >= 40 && found * 20 <= CHECKS,
        "{found} of {CHECKS}, {values} values"
    );
    assert_eq!(
        found_without, 20,
        "the machine's speed is seen without a reference"
    );
}

#[test]
fn a_reference_shows_a_small_change_in_a_drift() {
    let (mut before, mut after) = (run_of(&["request-cost"]), run_of(&["request-cost"]));
    let mut draws = Draws::seeded(1931);
    let by_beta = Selection {
        reference: Some("beta".to_owned()),
        ..Selection::default()
    };
    let mut found = [0; 2];
    for _ in 0..20 {
        draw_drifting(&mut before, 1.0, &mut draws, |draws| draws.steady_trial(1.0));
        draw_drifting(&mut after, 1.0, &mut draws, |draws| draws.steady_trial(1.0));
        change(&mut after, "64", |_, trial| {
            trial.spent.system_us *= 1.15;
            trial.load.throughput_per_s /= 1.15;
        });
        let verdicts = [
            Verdict::between(&before, &after, 0.05, &by_beta),
            judge(&before, &after, 0.05),
        ];
        for (found, verdict) in found.iter_mut().zip(verdicts) {
            *found += verdict.found(Finding::Worse).count();
        }
    }
    println!("15 % more in a drift of 20 %, found by a reference and without: {found:?} of 20");
    assert!(found[0] > 15 && found[1] < 5, "{found:?}");
}
