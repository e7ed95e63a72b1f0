//! Values as multiples of those of a reference.

use super::*;

fn by(reference: &str) -> Selection {
    Selection {
        reference: Some(reference.to_owned()),
        ..Selection::default()
    }
}

/// Another machine, on which everything takes this many times as long.
fn slow_down(run: &mut Recorded, times: f64) {
    for record in &mut run.records {
        if let Outcome::Measured(trial) = &mut record.outcome {
            cost(trial, times);
        }
    }
}

#[test]
fn a_slower_machine_is_no_worse_by_a_reference() {
    let (before, mut after) = (requests(), requests());
    slow_down(&mut after, 1.7);
    after.environment.machine.cpu_model = "Another".to_owned();
    after.environment.cpus.server = "4".parse().unwrap();
    after.environment.cpus.client = "5".parse().unwrap();
    assert!(judge(&before, &after, 0.05).judged.is_empty(), "other CPUs");
    let verdict = Verdict::between(&before, &after, 0.05, &by("beta"));
    assert!(!verdict.got_worse(), "{verdict:?}");
    let judged: Vec<_> = verdict
        .judged
        .iter()
        .map(|judged| &*judged.difference.model)
        .collect();
    assert!(
        judged.contains(&"epsilon") && !judged.contains(&"beta"),
        "{judged:?}"
    );

    change(&mut after, "64", |_, trial| cost(trial, 1.1));
    let verdict = Verdict::between(&before, &after, 0.05, &by("beta"));
    let worse: Vec<_> = verdict.found(Finding::Worse).collect();
    let [worse] = &worse[..] else {
        panic!("{verdict:?}")
    };
    assert_eq!(
        (&*worse.difference.model, worse.difference.place.to_string()),
        ("epsilon", "request-cost/64".to_owned())
    );
    assert!((worse.difference.comparison.ratio - 1.1).abs() < 1e-9);

    after.environment.cpus.server = "4-5".parse().unwrap();
    let verdict = Verdict::between(&before, &after, 0.05, &by("beta"));
    assert!(verdict.not_compared[0].what.contains("CPUs 4-5"), "more CPUs");
}

#[test]
fn a_reference_without_values_is_the_reason() {
    let (before, mut after) = (requests(), requests());
    for record in &mut after.records {
        if record.model == "epsilon" && record.setting == "64" {
            record.outcome = Outcome::Failed("it was not ready".to_owned());
        }
    }
    let verdict = Verdict::between(&before, &after, 0.05, &by("epsilon"));
    // The reference itself broke, and that counts.
    assert!(only(&verdict.gone).contains("it was not ready") && verdict.got_worse());
    let here = |note: &&Note| note.place.to_string() == "request-cost/64";
    let notes: Vec<_> = verdict.not_compared.iter().filter(here).collect();
    assert_eq!(notes.len(), 5, "{notes:?}");
    assert!(notes.iter().all(|note| {
        note.what
            .starts_with("no value of the reference, epsilon: all trials (8)")
    }));
    let differences = Differences::between(&before, &after, &by("epsilon"));
    assert_eq!(
        differences.not_compared.iter().filter(here).collect::<Vec<_>>(),
        notes
    );
    assert!(!differences.values.is_empty());
    // Zero divides nothing. That is said once for all models.
    let zero =
        |note: &&Note| note.who() == "epsilon" && note.what.contains("above 0 of its major page faults");
    assert_eq!(
        differences.not_compared.iter().filter(zero).count(),
        3,
        "{differences:?}"
    );
}

#[test]
fn a_reference_with_many_errors_divides_nothing() {
    let (before, mut after) = (requests(), requests());
    lose(&mut after, 0.12);
    let verdict = Verdict::between(&before, &after, 0.05, &by("epsilon"));
    let here = |note: &&Note| note.what.contains("the reference, epsilon, has too many errors");
    assert_eq!(verdict.not_compared.iter().filter(here).count(), 5, "{verdict:?}");
    assert!(verdict.got_worse(), "its errors are new");
}

#[test]
fn only_rounds_that_both_have_are_divided() {
    let (mut before, after) = (requests(), requests());
    change(&mut before, "64", |round, trial| {
        // Rounds whose machine was slow, for both.
        cost(trial, if round <= 4 { 3.0 } else { 1.0 });
    });
    for record in &mut before.records {
        if let (true, Outcome::Measured(trial)) = (
            record.model == "beta" && record.setting == "64" && record.round <= 4,
            &mut record.outcome,
        ) {
            cost(trial, 3.0);
        }
    }
    before
        .records
        .retain(|record| record.model != "beta" || record.setting != "64" || record.round != 1);
    let differences = Differences::between(&before, &after, &by("beta"));
    let mut values = differences.values.iter();
    let value = values
        .find(|value| value.model == "epsilon" && value.place.to_string() == "request-cost/64")
        .unwrap();
    assert_eq!(value.trials, (7, 8));
    assert_eq!((value.before, value.after), (1.0, 1.0));
}

#[test]
fn the_models_of_a_run_are_compared_by_rounds() {
    let mut run = requests();
    change(&mut run, "64", |round, trial| {
        cost(trial, 1.5 + 0.01 * round as f64)
    });
    let differences = Differences::within(&run, "beta", &by("beta"));
    let cpu = |model: &str, place: &str| {
        let mut values = differences.values.iter();
        let value = values.find(|value| {
            value.model == model
                && value.place.to_string() == place
                && value.metric.key == "cpu_us_per_request"
        });
        value.map(|value| value.comparison)
    };
    let slower = cpu("epsilon", "request-cost/64").unwrap();
    assert!(
        slower.is_significant() && (slower.ratio - 1.545).abs() < 0.01,
        "{slower:?}"
    );
    assert!(!cpu("gamma", "request-cost/64").unwrap().is_significant());
    assert_eq!(cpu("beta", "request-cost/64"), None, "not with itself");
}

#[test]
fn an_unknown_reference_is_refused_with_the_known_ones() {
    let (before, mut after) = (requests(), requests());
    let refused = |runs: &[&Recorded], reference: &str| by(reference).check(runs).unwrap_err().to_string();
    let message = refused(&[&before, &after], "omega");
    assert!(
        message.contains("\"omega\" is not in the earlier run") && message.contains("alpha, beta"),
        "{message}"
    );
    assert!(refused(&[&before], "omega").contains("not in the run"));
    after
        .environment
        .contenders
        .retain(|contender| contender.name != "epsilon");
    let message = refused(&[&before, &after], "epsilon");
    assert!(
        message.contains("not in the later run") && !message.contains("delta, epsilon"),
        "{message}"
    );
}
