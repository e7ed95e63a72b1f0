//! A server without faults: whatever the load, there is no advice, and the counts agree with the server's.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use loadgen::{Params, Plan, Work};

use crate::fake::{Act, Fake, ping, run};

/// Runs the plan and compares every count with the server's.
#[track_caller]
fn assert_all_is_well(fake: &Fake, plan: &Plan) {
    let outcome = run(plan);
    let report = &outcome.report;
    let counts = &report.requests;
    assert!(counts.sent >= plan.connections as u64);
    assert_eq!((counts.ok, counts.sent), (fake.requests(), fake.requests()));
    assert_eq!(
        (counts.planned, counts.unsent, counts.in_flight),
        (counts.sent, 0, 0)
    );
    assert_eq!(outcome.answered_total, counts.ok);
    assert_eq!(outcome.times.latency.len(), counts.ok);
    // A reply that comes after the window is in no interval.
    let within: u64 = report.intervals.iter().map(|second| second.ok).sum();
    let replies = report.throughput_per_s * report.window_s;
    assert!((within as f64 - replies).abs() < 0.5, "{within} and {replies}");
    assert!(within <= counts.ok);
    assert_eq!(report.failures, []);
    assert_eq!(report.ended_early, None);
    let connections = &report.connections;
    let asked = plan.connections as u64;
    assert_eq!(
        (connections.asked, connections.opened, connections.failed),
        (asked, asked, 0)
    );
    assert_eq!(connections.reconnects, fake.connections() - asked);
    assert!((report.window_s - plan.duration.as_secs_f64()).abs() < 1e-9);
}

#[test]
fn every_load_adds_up_with_the_server() {
    for (connections, threads) in [(1, 1), (64, 1), (64, 3)] {
        for pipeline in [1, 16] {
            for requests_per_connection in [None, Some(1), Some(7)] {
                let fake = Fake::good();
                let plan = Plan {
                    threads,
                    pipeline,
                    requests_per_connection,
                    ..fake.plan(connections, ping())
                };
                assert_all_is_well(&fake, &plan);
                if requests_per_connection.is_none() {
                    assert_eq!(fake.connections(), connections as u64);
                }
            }
        }
    }
}

#[test]
fn a_closed_loop_limits_requests_per_connection() {
    let most = Arc::new(Mutex::new(0));
    let fake = Fake::new({
        let most = Arc::clone(&most);
        move |asked| {
            let mut most = most.lock().unwrap();
            *most = asked.on_connection.max(*most);
            Act::Answer
        }
    });
    let plan = Plan {
        duration: Duration::from_secs(1),
        requests_per_connection: Some(7),
        pipeline: 3,
        ..fake.plan(2, ping())
    };
    let report = run(&plan).report;
    assert_eq!(*most.lock().unwrap(), 6);
    assert!(report.requests.ok > 7 && report.connections.reconnects > 0);
}

#[test]
fn every_operation_is_asked_for_and_its_reply_known() {
    for (operation, params) in [
        ("ping", Params::Json("[1e-7, \"é\", null]".to_owned())),
        ("ping", Params::Payload(100_000)),
        ("ping", Params::Payload(0)),
        ("pi", Params::Unique),
        ("pi", Params::Json("0".to_owned())),
        ("blob", Params::Json("200000".to_owned())),
        ("blob", Params::Unique),
        ("sleep", Params::Json("1".to_owned())),
        ("work", Params::Unique),
        ("work", Params::Json("{\"reply_bytes\": 200000}".to_owned())),
    ] {
        let fake = Fake::good();
        assert_all_is_well(&fake, &fake.plan(4, Work::new(operation, params).unwrap()));
    }
}

#[test]
fn a_sleep_takes_at_least_as_long_as_it_should() {
    let fake = Fake::good();
    let sleep = Work::new("sleep", Params::Json("5".to_owned())).unwrap();
    let report = run(&fake.plan(3, sleep)).report;
    assert!(report.latency_us.unwrap().min >= 5000.0);
}

#[test]
fn prefix_and_body_written_apart_are_the_same_requests() {
    let fake = Fake::good();
    let plan = Plan {
        two_writes: true,
        pipeline: 4,
        ..fake.plan(4, ping())
    };
    assert_all_is_well(&fake, &plan);
}

#[test]
fn all_requests_of_all_threads_differ() {
    let said = Arc::new(Mutex::new(HashSet::new()));
    let fake = Fake::new({
        let said = Arc::clone(&said);
        move |asked| {
            said.lock().unwrap().insert(asked.params.to_owned());
            Act::Answer
        }
    });
    let plan = Plan {
        threads: 3,
        pipeline: 4,
        requests_per_connection: Some(50),
        ..fake.plan(8, ping())
    };
    assert_all_is_well(&fake, &plan);
    assert_eq!(said.lock().unwrap().len() as u64, fake.requests());
}

#[test]
fn what_the_warm_up_asks_is_answered_and_not_counted() {
    let fake = Fake::good();
    let plan = Plan {
        warmup: Duration::from_millis(100),
        ..fake.plan(4, ping())
    };
    let outcome = run(&plan);
    assert_eq!(outcome.answered_total, fake.requests());
    assert!(outcome.report.requests.sent < fake.requests());
    assert_eq!(outcome.report.requests.ok, outcome.report.requests.sent);
}
