//! The fields of the JSON result.

use std::fs;

use serde_json::Value;

use crate::fake::{Act, Fake, error};
use crate::output::short_run;

/// Every field that DESIGN.md lists, as a path into the JSON.
const FIELDS: &[&str] = &[
    "/schema",
    "/loop",
    "/target",
    "/options/op",
    "/options/params",
    "/options/payload_bytes",
    "/options/mix",
    "/options/idle",
    "/options/silent",
    "/window_s",
    "/throughput_per_s",
    "/requests/planned",
    "/requests/unsent",
    "/requests/sent",
    "/requests/ok",
    "/requests/wrong",
    "/requests/error",
    "/requests/timeout",
    "/requests/reset",
    "/requests/in_flight",
    "/connections/asked",
    "/connections/opened",
    "/connections/failed",
    "/connections/served",
    "/connections/reconnects",
    "/latency_us/min",
    "/latency_us/mean",
    "/latency_us/p50",
    "/latency_us/p90",
    "/latency_us/p99",
    "/latency_us/p999",
    "/latency_us/p9999",
    "/latency_us/max",
    "/within",
    "/service_us/min",
    "/service_us/mean",
    "/service_us/p50",
    "/service_us/p90",
    "/service_us/p99",
    "/service_us/p999",
    "/service_us/p9999",
    "/service_us/max",
    "/lateness_us",
    "/fairness/jain",
    "/fairness/least_served",
    "/fairness/most_served",
    "/client/cpu_us_per_request",
    "/client/busy",
    "/client/threads",
    "/checks/little",
    "/checks/accounting",
    "/checks/arrivals",
    "/checks/client_limited",
    "/intervals/0/t_s",
    "/intervals/0/ok",
    "/intervals/0/p50_us",
    "/intervals/0/p99_us",
];

#[test]
fn the_json_has_every_field() {
    let fake = Fake::good();
    let left = short_run(&fake, &["--json", "-"]);
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    let json: Value = serde_json::from_str(&left.stdout).expect("stdout is JSON and nothing else");
    for field in FIELDS {
        assert!(json.pointer(field).is_some(), "{field} is missing: {json:#}");
    }
    assert_eq!(json["schema"], 1);
    assert_eq!(json["loop"], "closed");
    assert_eq!(json["target"], fake.address.to_string());
    assert_eq!(json["lateness_us"], Value::Null);
    assert_eq!(json["options"]["connections"], 4);
    assert_eq!(json["requests"]["ok"], fake.requests());
    assert_eq!(json["checks"]["accounting"], true);
    assert_eq!(json["failures"], Value::Array(Vec::new()));
    assert_eq!(json["ended_early"], Value::Null);
}

#[test]
fn the_json_has_the_options() {
    let fake = Fake::good();
    let asked = |arguments: &[&str]| {
        let left = short_run(&fake, &[&["--json", "-"], arguments].concat());
        let json: Value = serde_json::from_str(&left.stdout).expect("stdout is JSON and nothing else");
        json["options"].clone()
    };
    let options = asked(&["--payload", "1000", "--idle", "2", "--silent", "1"]);
    assert_eq!(options["payload_bytes"], 1000);
    assert_eq!((&options["idle"], &options["silent"]), (&2.into(), &1.into()));
    assert_eq!(options["mix"], Value::Null);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mix.toml");
    let mix = r#"operation = [
        { op = "ping", weight = 3 },
        { op = "blob", params = 10 },
        { op = "work", params = { cpu_us = 5 } },
    ]"#;
    fs::write(&path, mix).expect("the mix can be written");
    let options = asked(&["--mix", path.to_str().unwrap()]);
    let parts = options["mix"].as_array().expect("a mix has parts");
    let values = |field: &str| parts.iter().map(|part| part[field].clone()).collect::<Vec<_>>();
    assert_eq!(values("name"), ["ping", "blob 10", "work {\"cpu_us\":5}"]);
    assert_eq!(values("weight"), [3, 1, 1]);
    assert_eq!(
        values("params"),
        [Value::Null, "10".into(), "{\"cpu_us\":5}".into()]
    );
}

#[test]
fn replies_within_a_bound_are_counted_if_asked() {
    let fake = Fake::good();
    let within = |arguments: &[&str]| {
        let left = short_run(&fake, &[&["--json", "-"], arguments].concat());
        let json: Value = serde_json::from_str(&left.stdout).expect("stdout is JSON and nothing else");
        (json["within"].clone(), json["requests"]["ok"].clone())
    };
    assert_eq!(within(&[]).0, Value::Null);
    // Longer than any reply may take, and shorter than any takes.
    let (long, ok) = within(&["--within", "1h"]);
    assert_eq!((&long["bound_us"], &long["ok"]), (&3.6e9.into(), &ok));
    let (short, _) = within(&["--within", "1ns"]);
    assert_eq!((&short["bound_us"], &short["ok"]), (&0.001.into(), &0.into()));
}

#[test]
fn fields_are_null_without_a_good_reply() {
    let fake = Fake::new(|_| Act::Instead(error("bad_request")));
    let left = short_run(&fake, &["--json", "-"]);
    assert_eq!(left.code, Some(1));
    let json: Value = serde_json::from_str(&left.stdout).unwrap();
    for field in [
        "/latency_us",
        "/service_us",
        "/fairness",
        "/client/cpu_us_per_request",
    ] {
        assert_eq!(json.pointer(field), Some(&Value::Null), "{field}");
    }
    assert_eq!(json["failures"][0]["kind"], "error_reply");
    assert_eq!(json["failures"][0]["count"], fake.requests());
}
