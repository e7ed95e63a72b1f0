//! Connections that a server takes and never serves.

use std::time::{Duration, Instant};

use loadgen::Plan;

use crate::fake::{Fake, PATIENCE, failures, ping, run};

#[test]
fn seven_of_eight_connections_that_wait_for_the_first_are_unserved_and_timed_out() {
    let fake = Fake::one_at_a_time();
    let plan = Plan {
        duration: Duration::from_millis(500),
        timeout: Duration::from_secs(2),
        ..fake.plan(8, ping())
    };
    let started = Instant::now();
    let outcome = run(&plan);
    assert!(started.elapsed() < PATIENCE / 2, "the run ends");
    let report = &outcome.report;
    assert_eq!(report.connections.opened, 8, "the kernel opens them");
    assert_eq!(report.connections.served, 1);
    assert_eq!(report.requests.timeout, 7);
    assert_eq!(report.requests.ok, report.requests.sent - 7);
    assert_eq!(failures(&outcome), [("timeout", 7)]);
    let fairness = report.fairness.as_ref().unwrap();
    assert!((fairness.jain - 1.0 / 8.0).abs() < 1e-9);
    assert_eq!(fairness.least_served, 0);
    assert!(fairness.most_served > 0);
    assert_eq!(report.ended_early, None);
}

#[test]
fn unserved_connections_are_given_up_as_often_as_the_window_allows_and_the_run_ends() {
    let fake = Fake::one_at_a_time();
    let plan = Plan {
        duration: Duration::from_millis(700),
        timeout: Duration::from_millis(300),
        threads: 2,
        ..fake.plan(8, ping())
    };
    let report = run(&plan).report;
    assert!(report.requests.timeout >= 7, "{:?}", report.requests);
    assert!(report.connections.served <= report.connections.opened);
}
