//! The models of one run, compared with a reference of it.

use super::*;

fn within(run: &Recorded, reference: &str) -> Differences {
    let selection = Selection {
        reference: Some(reference.to_owned()),
        ..Selection::default()
    };
    Differences::within(run, reference, &selection)
}

/// What the notes of a model at 64 connections say.
fn notes<'a>(differences: &'a Differences, model: &str) -> Vec<&'a str> {
    let here = differences
        .not_compared
        .iter()
        .filter(|note| note.who() == model && note.place.to_string() == "request-cost/64");
    here.map(|note| &*note.what).collect()
}

/// The metrics of `epsilon` at 64 connections that are compared.
fn compared(differences: &Differences) -> Vec<&str> {
    let here = differences
        .values
        .iter()
        .filter(|value| (&*value.model, &*value.place.to_string()) == ("epsilon", "request-cost/64"));
    here.map(|value| value.metric.key).collect()
}

#[test]
fn a_model_that_serves_nothing_is_listed() {
    let mut run = requests();
    change(&mut run, "64", |_, trial| {
        trial.load.throughput_per_s = 0.0;
        trial.load.connections.served = 0;
        trial.load.latency_us = None;
    });
    let differences = within(&run, "beta");
    let listed = notes(&differences, "epsilon").join("; ");
    assert!(
        listed.starts_with("connections never served, so not compared: CPU time per request, throughput"),
        "{listed}"
    );
    for key in ["throughput_per_s", "p50_us", "cpu_us_per_request"] {
        assert!(!compared(&differences).contains(&key), "{key}");
    }
    assert!(
        compared(&differences).contains(&"threads"),
        "ranks nothing, and so is compared"
    );
    // By such a reference no other model is compared, and that is said once.
    let differences = within(&run, "epsilon");
    let listed = notes(&differences, "epsilon");
    let never = listed.iter().filter(|what| what.contains("never served"));
    assert_eq!(never.count(), 1, "{listed:?}");
    assert!(
        listed[0].contains(", so no model is compared by its CPU time per request"),
        "{listed:?}"
    );
}

#[test]
fn a_value_of_zero_in_some_rounds_is_listed() {
    let mut run = requests();
    change(&mut run, "64", |round, trial| {
        trial.load.throughput_per_s = if round <= 3 { 0.0 } else { 2000.0 };
    });
    let differences = within(&run, "beta");
    let expected = "not above 0 in 3 of 8 trials, so not compared: throughput";
    assert!(
        notes(&differences, "epsilon").contains(&expected),
        "{differences:?}"
    );
    assert!(!compared(&differences).contains(&"throughput_per_s"));
    let differences = within(&run, "epsilon");
    let expected = "not above 0 in 3 of 8 trials, so no model is compared by its throughput";
    assert!(
        notes(&differences, "epsilon").contains(&expected),
        "{differences:?}"
    );
}

#[test]
fn latencies_of_an_overloaded_model_are_listed() {
    let mut run = requests();
    change(&mut run, "64", |_, trial| {
        trial.load.requests.planned = 2000;
        trial.load.requests.unsent = 1000;
    });
    let differences = within(&run, "beta");
    let listed = notes(&differences, "epsilon");
    assert!(
        listed.contains(&"overloaded, so not compared: p50 latency and p99 latency"),
        "{listed:?}"
    );
    let compared = compared(&differences);
    assert!(
        compared.contains(&"cpu_us_per_request") && !compared.contains(&"p99_us"),
        "{compared:?}"
    );
}

#[test]
fn a_model_without_a_value_is_listed() {
    let mut run = requests();
    change(&mut run, "64", |_, trial| {
        trial.load.latency_us.as_mut().unwrap().p99 = None;
    });
    let differences = within(&run, "beta");
    let listed = notes(&differences, "epsilon");
    assert!(
        listed.contains(&"no value, so not compared: p99 latency"),
        "{listed:?}"
    );
}

#[test]
fn a_time_of_recovery_that_never_came_is_listed() {
    let mut run = run_of(&["killed-worker"]);
    let models: Vec<_> = run.records.iter().map(|record| record.model.clone()).collect();
    let [one, other] = [models.first(), models.iter().find(|model| **model != models[0])].map(Option::unwrap);
    for record in &mut run.records {
        let Outcome::Measured(trial) = &mut record.outcome else {
            continue;
        };
        trial.kill = Some(KillResult {
            lost: 1,
            recovery_ms: (record.model != *other || record.round > 2).then_some(120.0),
            lowest_rate_share: 0.8,
        });
    }
    let differences = within(&run, one);
    let expected = "not back at full rate in every trial, so not compared: time to full rate";
    let mut listed = differences.not_compared.iter();
    assert!(
        listed.any(|note| note.who() == other && note.what == expected),
        "{differences:?}"
    );
}
