//! The offered load exceeds the capacity of the server: the result shows what was answered.

use serde_json::Value;

use crate::fake::Fake;
use crate::program::loadgen;

/// Two connections that each wait 20 ms for a reply, and ten times as many requests as they can carry.
const OVERLOAD: &str =
    "--op sleep --params 20 --connections 2 --rate 1000 --warmup 400ms --duration 600ms --timeout 60s";

#[test]
fn an_overloaded_server_shows_its_rate_and_its_latency() {
    let fake = Fake::good();
    let left = loadgen(&format!("run --connect {} {OVERLOAD} --json -", fake.address));
    assert_eq!(left.code, Some(0), "{}{}", left.stdout, left.stderr);
    let json: Value = serde_json::from_str(&left.stdout).expect("it is a result");
    let count = |name: &str| json["requests"][name].as_u64().expect("it is a count");
    let rate = json["throughput_per_s"].as_f64().expect("there is a rate");
    // At most two per 20 ms, and one more that had begun on each connection.
    assert!(rate > 0.0 && rate <= 100.0 + 4.0, "{rate}");
    // All answered requests were due in the warm-up, long before.
    let latency = &json["latency_us"];
    assert!(latency["p50"].as_f64() > Some(100_000.0), "{latency}");
    assert_eq!(latency["count"], count("ok"));
    assert_eq!(count("planned"), count("sent") + count("unsent"));
    assert_eq!(count("sent"), count("ok"));
    assert!(count("unsent") > count("ok"));
    assert_eq!(json["overloaded"], true);
    let intervals = json["intervals"].as_array().expect("there are intervals");
    let replies: u64 = intervals
        .iter()
        .filter_map(|interval| interval["ok"].as_u64())
        .sum();
    assert!((replies as f64 - rate * 0.6).abs() < 0.5, "{replies} at {rate}/s");
}

#[test]
fn a_page_reports_that_the_server_was_overloaded() {
    let fake = Fake::good();
    let left = loadgen(&format!("run --connect {} {OVERLOAD}", fake.address));
    assert_eq!(left.code, Some(0), "{}{}", left.stdout, left.stderr);
    assert!(
        left.stdout
            .contains("! Overloaded: offered load exceeded capacity"),
        "{}",
        left.stdout
    );
}

#[test]
fn replies_to_the_warm_up_count_in_the_window() {
    // One round takes longer than half the window, so each interval contains the rounds that end in it.
    let fake = Fake::good();
    let left = loadgen(&format!(
        "run --connect {} --op sleep --params 700 --connections 3 --warmup 400ms --duration 500ms --timeout 60s --json -",
        fake.address
    ));
    assert_eq!(left.code, Some(0), "{}{}", left.stdout, left.stderr);
    let json: Value = serde_json::from_str(&left.stdout).expect("it is a result");
    let counts = &json["requests"];
    // The first round of requests was sent in the warm-up, the second in the window.
    let (ok, sent) = (counts["ok"].as_u64().unwrap(), counts["sent"].as_u64().unwrap());
    assert_eq!((ok, sent), (sent, fake.requests()));
    let replies: u64 = json["intervals"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|it| it["ok"].as_u64())
        .sum();
    let rate = json["throughput_per_s"].as_f64().unwrap();
    assert!((replies as f64 - rate * 0.5).abs() < 0.5, "{replies} at {rate}/s");
    assert!(replies <= 3, "no round but the first ends in the window");
}
