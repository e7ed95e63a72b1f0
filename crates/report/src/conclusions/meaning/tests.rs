//! What experiments of a fixed run found.

use std::cell::Cell;

use super::*;
use crate::fixture;
use schema::record::{Measured, Outcome, Record};

/// Changes every trial that counts of an experiment.
fn change(records: &mut [Record], experiment: &str, to: impl Fn(&str, &str, &mut Measured)) {
    for record in records
        .iter_mut()
        .filter(|record| record.experiment == experiment)
    {
        if let Outcome::Measured(trial) = &mut record.outcome {
            to(&record.setting, &record.model, trial);
        }
    }
}

#[track_caller]
fn meaning_of(records: &[Record], experiment: &str) -> String {
    let (environment, _) = fixture::run();
    let summary = fixture::summary(&environment, records);
    let mut results = summary.results.iter();
    meaning(
        results
            .find(|results| results.experiment.key == experiment)
            .expect("it was asked"),
    )
}

#[test]
fn the_next_model_has_the_same_load() {
    let (_, records) = fixture::run();
    assert_eq!(
        meaning_of(&records, "request-cost"),
        "64 connections: `epsilon` is best (6.41 µs); next, `beta` needs 1.86 × as much."
    );
    // `alpha`, on one connection, is between the two, and no rival.
    let bound = meaning_of(&records, "rate-under-bound");
    assert!(
        bound.contains("next, `beta` reaches 66,500 requests/s."),
        "{bound}"
    );
    let waiting = meaning_of(&records, "waiting");
    assert!(
        !waiting.contains("next"),
        "connections that were never served make no rival: {waiting}"
    );
}

#[test]
fn a_best_with_less_to_do_is_no_measure() {
    let (_, mut records) = fixture::run();
    change(&mut records, "rate-under-bound", |_, model, trial| {
        if let (true, Some(search)) = (model == "alpha", &mut trial.search) {
            search.best_rate_per_s = search.best_rate_per_s.map(|rate| 9.0 * rate);
        }
    });
    let words = meaning_of(&records, "rate-under-bound");
    assert!(words.starts_with("`alpha` on 1 connection is best"), "{words}");
    assert!(
        words.contains("on all 64 connections has ≥ 124,000 requests/s"),
        "{words}"
    );
}

#[test]
fn a_ratio_is_to_the_best_with_the_same_load() {
    let (_, mut records) = fixture::run();
    let round = Cell::new(0_u32);
    change(&mut records, "past-capacity", |setting, model, trial| {
        let Some(latency) = trial.load.latency_us.as_mut().filter(|_| setting == "85") else {
            return;
        };
        latency.mean = match model {
            // On one connection, and tied with the next.
            "alpha" => 100.0,
            "beta" => {
                round.set(round.get() + 1);
                if round.get().is_multiple_of(2) {
                    90.0
                } else {
                    130.0
                }
            }
            _ => 220.0,
        };
    });
    let words = meaning_of(&records, "past-capacity");
    let expected = "85 %: `beta` is best (100 to 110 µs); also `alpha`, but with 1 connection, not 8; next, `epsilon` takes \
                    2.00 × as long";
    assert!(words.starts_with(expected), "{words}");
}

#[test]
fn a_rate_that_the_load_generator_limits_has_a_sign() {
    let (mut environment, mut records) = fixture::run();
    change(&mut records, "rate-under-bound", |_, model, trial| {
        if let (true, Some(search)) = (model == "beta", &mut trial.search) {
            search.beyond_reach = true;
        }
    });
    let words = meaning_of(&records, "rate-under-bound");
    assert!(
        words.contains("next, `beta` reaches ≥ 66,500 requests/s."),
        "{words}"
    );
    // Where nothing is ranked, the values are shown.
    environment.profile = "smoke".to_owned();
    let summary = fixture::summary(&environment, &records);
    let mut results = summary.results.iter();
    let results = results.find(|results| results.experiment.key == "rate-under-bound");
    let words = meaning(results.expect("it was asked"));
    assert!(words.contains("`beta` ≥ 66,500 requests/s"), "{words}");
    assert!(words.contains("`epsilon` ≥ 124,000 requests/s."), "{words}");
    assert_eq!(words.matches('≥').count(), 2, "{words}");
}

#[test]
fn a_shared_rate_may_be_limited_by_the_load_generator() {
    let (mut environment, mut records) = fixture::run();
    let mut asked = environment.experiments.iter_mut();
    let asked = asked.find(|one| one.key == "request-cost").expect("it was asked");
    asked.headline = "throughput_per_s".to_owned();
    change(&mut records, "request-cost", |setting, _, trial| {
        trial.load.throughput_per_s = if setting == "64" { 10_000.0 } else { 1_000.0 };
        trial.load.connections.served = trial.load.connections.asked;
    });
    let summary = fixture::summary(&environment, &records);
    let words = meaning(&summary.results[0]);
    let values = "1,000 requests/s (1 connection) and ≥ 10,000 requests/s (64 connections).";
    assert!(
        words.starts_with("In every model") && words.ends_with(values),
        "{words}"
    );
}

#[test]
fn what_all_models_share_is_the_finding() {
    let (_, mut records) = fixture::run();
    change(&mut records, "request-cost", |setting, model, trial| {
        let cost = if setting == "64" { 44_000.0 } else { 54.0 };
        let own = if model == "beta" { 1.02 } else { 1.0 };
        trial.spent.user_us = 0.0;
        trial.spent.system_us = trial.load.throughput_per_s * cost * own;
        trial.load.connections.served = trial.load.connections.asked;
    });
    let shared = "the CPU time per request is 54.0 to 55.1 µs (1 connection) and 44,000 to 44,900 µs (64 connections).";
    assert_eq!(
        meaning_of(&records, "request-cost"),
        format!("In every model, {shared}")
    );
    // Where some take no part, it is true of the others.
    let (mut environment, _) = fixture::run();
    for setting in &mut environment.experiments[0].settings {
        setting.models = Some(vec!["beta".to_owned(), "epsilon".to_owned()]);
    }
    let summary = fixture::summary(&environment, &records);
    assert_eq!(
        meaning(&summary.results[0]),
        format!("In every model measured, {shared}")
    );
}

#[test]
fn overload_of_all_models_is_part_of_the_meaning() {
    let (_, records) = fixture::run();
    let words = meaning_of(&records, "past-capacity");
    assert!(
        words.ends_with("; at 120 %, every model is overloaded."),
        "{words}"
    );
}

#[test]
fn settings_that_overlap_share_nothing() {
    let (_, records) = fixture::run();
    assert!(!meaning_of(&records, "request-cost").contains("every model"));
}

#[test]
fn all_tied_is_no_winner() {
    let (_, mut records) = fixture::run();
    change(&mut records, "request-cost", |_, _, trial| {
        trial.spent.system_us = trial.load.throughput_per_s * 5.0;
        trial.spent.user_us = 0.0;
        trial.load.connections.served = trial.load.connections.asked;
    });
    assert_eq!(
        meaning_of(&records, "request-cost"),
        "64 connections: all tied: 5.00 µs."
    );
}

#[test]
fn who_serves_nothing_is_named_with_its_first_setting() {
    let (_, mut records) = fixture::run();
    change(&mut records, "request-cost", |setting, model, trial| {
        if setting == "64" && model == "beta" || model == "alpha" {
            trial.load.throughput_per_s = 0.0;
            trial.load.connections.served = 0;
        }
    });
    let words = meaning_of(&records, "request-cost");
    let end = "; `alpha` serves nothing at 1 connection, `beta` at 64 connections (and still served at 1 connection).";
    assert!(words.ends_with(end), "{words}");
}

#[test]
fn a_kill_is_one_sentence() {
    let (_, records) = fixture::run();
    assert_eq!(
        meaning_of(&records, "killed-worker"),
        "`delta` loses 1 request and is at full rate after 119 ms in 5 of 6 trials."
    );
}
