//! Conditions on a fixed result.

use schema::load::Outage;

use super::*;

fn fixed() -> Report {
    serde_json::from_str(include_str!("../../../tests/golden/report.json"))
        .expect("the fixed result can be read")
}

fn failure(condition: &str, report: &Report) -> Option<String> {
    let condition = Condition::parse(condition).expect("it is a condition");
    condition.failure(report)
}

#[test]
fn every_metric_is_listed_and_has_a_unit() {
    for Metric { name, kind } in METRICS {
        assert!(NAMES.contains(name), "{name}");
        let of_requests = matches!(kind, Kind::Requests(..));
        let is_time = matches!(kind, Kind::Latency(_) | Kind::Outage);
        for (value, fits) in [
            ("1.5ms", is_time),
            ("2 s", is_time),
            ("1%", of_requests),
            ("10k", !is_time),
            ("600/min", matches!(kind, Kind::Rate)),
            ("0", true),
        ] {
            for sign in [">", ">=", "<", "<="] {
                let text = format!("{name}{sign}{value}");
                assert_eq!(Condition::parse(&text).is_ok(), fits, "{text}");
            }
        }
    }
}

#[test]
fn a_wrong_condition_is_refused_with_an_example() {
    for text in [
        "",
        "p99",
        "p99=5ms",
        "p98>5ms",
        "P99>5ms",
        ">5ms",
        "p99>",
        "p99>5",
        "p99>-5ms",
        "p99>5parsecs",
        "p99>>5ms",
        "p99>=",
        "p99 > 5 m s",
        "errors>x",
        "errors>-1",
        "failed>101%",
        "failed>%",
        "rate<nan",
        "rate<inf",
        "rate<10/day",
        "errors>1/s",
        "unserved>1%",
        "é>1",
        "p99>5ms and errors>0",
    ] {
        let refused = Condition::parse(text).unwrap_err();
        assert!(
            refused.contains("5ms") || refused.contains("as in "),
            "{text}: {refused}"
        );
    }
    assert!(Condition::parse("p98>5ms").unwrap_err().contains("p99.9"));
    assert_eq!(Condition::parse("p999>5ms").unwrap().metric.name, "p99.9");
    assert_eq!(Condition::parse("p9999>5ms").unwrap().metric.name, "p99.99");
}

#[test]
fn each_relation_is_exact() {
    let mut report = fixed();
    (report.requests.sent, report.requests.reset) = (1_000, 10);
    (
        report.requests.wrong,
        report.requests.error,
        report.requests.timeout,
    ) = (0, 0, 0);
    for (condition, fails) in [
        ("errors>10", false),
        ("errors>=10", true),
        ("errors<10", false),
        ("errors<=10", true),
        ("failed>1%", false),
        ("failed >= 1 %", true),
        ("reset>0.9%", true),
        ("timeout>0", false),
    ] {
        assert_eq!(failure(condition, &report).is_some(), fails, "{condition}");
    }
}

#[test]
fn a_failure_shows_condition_and_value() {
    let mut report = fixed();
    (report.requests.sent, report.requests.reset) = (1_000, 15);
    (
        report.requests.wrong,
        report.requests.error,
        report.requests.timeout,
    ) = (0, 0, 0);
    report.throughput_per_s = 123.4;
    report.latency_us.as_mut().expect("there is one").p99 = Some(7_210.0);
    report.outage = Some(Outage {
        count: 1,
        total_s: 2.5,
        longest_s: 2.5,
    });
    for (condition, line) in [
        ("p99>5ms", "--fail-if p99>5ms: p99 is 7.21 ms"),
        ("rate<10k", "--fail-if rate<10k: rate is 123/s"),
        (
            "failed>1%",
            "--fail-if failed>1%: failed is 15 of 1000 sent (1.500 %)",
        ),
        ("errors>0", "--fail-if errors>0: errors is 15"),
        ("outage>2s", "--fail-if outage>2s: outage is 2.50 s"),
    ] {
        assert_eq!(failure(condition, &report).as_deref(), Some(line));
    }
}

#[test]
fn a_metric_without_a_value_fails_either_way() {
    let mut report = fixed();
    report.latency_us.as_mut().expect("there is one").p99 = None;
    let count = report.latency_us.expect("there is one").count;
    assert_eq!(
        failure("p99<5ms", &report),
        Some(format!(
            "--fail-if p99<5ms: p99 has no value: {count} good replies are too few"
        ))
    );
    report.latency_us = None;
    (report.requests.sent, report.window_s) = (0, 0.0);
    for condition in [
        "p99>5ms",
        "p50<5ms",
        "max>1s",
        "failed>1%",
        "failed<1%",
        "rate>0",
        "rate<1",
    ] {
        let failure = failure(condition, &report);
        assert!(
            failure.is_some_and(|line| line.contains("has no value")),
            "{condition}"
        );
    }
}
