//! A bound of latency that depends on the round trip of the machine.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{compare, event_loop, made, only_run, servers, smoke};

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).expect("a run has it")).expect("it is JSON")
}

/// What the last trial of a run measured of its load.
fn last_load(run: &Path) -> Value {
    let records = fs::read_to_string(run.join("records.jsonl")).expect("a run has records");
    let last = records.lines().last().expect("a trial was made");
    let mut record: Value = serde_json::from_str(last).expect("it is JSON");
    record["measured"]["load"].take()
}

/// The bound of a trial, and the one that follows from the round trip.
#[track_caller]
fn expect_bound(load: &Value, round_trip_us: f64) {
    let bound_us = load["within"]["bound_us"].as_f64().expect("it has a bound");
    // The load generator counts in nanoseconds.
    let expected_us = 10.0 * (20.0 + round_trip_us);
    assert!((bound_us - expected_us).abs() < 0.01, "{bound_us} {expected_us}");
}

#[test]
fn the_bound_of_a_run_follows_from_its_round_trip() {
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("bounded.toml");
    let bounded = r#"
        key = "bounded"
        title = "Bounded"
        question = "?"
        setup = "-"
        headline = "within_percent"
        axis = { title = "offered rate, requests/s" }
        [[setting]]
        key = "a"
        title = "{rate} requests/s"
        [setting.load]
        connections = 4
        rate_per_s_per_cpu = 500
        within_times = 10
        [[setting.load.operation]]
        op = "spin"
        times = { distribution = "bimodal", low = 5, high = 80, high_share = 0.2 }
    "#;
    fs::write(&file, bounded).unwrap();
    made(smoke(file.to_str().unwrap(), event_loop(), out.path()).args(["--trials", "2"]));

    let run = only_run(out.path());
    let path = run.join("environment.json");
    let mut environment = json(&path);
    let round_trip_us = environment["round_trip_us"].as_f64().expect("it was measured");
    assert!(round_trip_us > 0.0);
    let setting = &environment["experiments"][0]["settings"][0];
    let rate_per_s = setting["x"].as_f64().expect("it has a place on the axis");
    assert!(rate_per_s > 0.0 && rate_per_s % 500.0 == 0.0, "{rate_per_s}");
    let load = last_load(&run);
    assert_eq!(load["rate_per_s"].as_f64(), Some(rate_per_s));
    expect_bound(&load, round_trip_us);
    let share = load["within"]["ok"].as_f64().unwrap() / load["requests"]["planned"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&share), "{share}");

    // A run that is continued keeps the value that it began with.
    environment["round_trip_us"] = 1_000.0.into();
    fs::write(&path, environment.to_string()).unwrap();
    let records = fs::read_to_string(run.join("records.jsonl")).unwrap();
    let first = records.lines().next().unwrap();
    fs::write(run.join("records.jsonl"), format!("{first}\n")).unwrap();
    made(&mut compare(&[
        "run",
        "--resume",
        run.to_str().unwrap(),
        "--servers",
        servers().to_str().unwrap(),
    ]));
    assert_eq!(json(&path)["round_trip_us"], 1_000.0);
    expect_bound(&last_load(&run), 1_000.0);
}
