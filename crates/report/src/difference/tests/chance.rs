//! How often a check finds a change that is not there, and one that is.

use stats::simulation::Draws;

use super::*;

/// Draws what a request costs, and with it the rate, for all trials anew.
fn draw(run: &mut Recorded, mut cost: impl FnMut(&Record) -> f64) {
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
        let verdict = Verdict::between(&before, &after, 0.0);
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
        let verdict = Verdict::between(&before, &after, 0.05);
        let worse: Vec<_> = verdict
            .found(Finding::Worse)
            .map(|judged| (&*judged.difference.model, &*judged.difference.place))
            .collect();
        assert_eq!(worse, [("epsilon", "request-cost/64")]);
    }
}
