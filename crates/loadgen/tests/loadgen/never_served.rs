//! Connections that a server accepts and never serves.

use std::io::{ErrorKind, Read};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use loadgen::{Params, Plan, Work};

use crate::fake::{Act, Fake, PATIENCE, failures, ping, run};

#[test]
fn connections_behind_a_busy_server_time_out() {
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
    assert!((fairness.jain.unwrap() - 1.0 / 8.0).abs() < 1e-9);
    assert_eq!(fairness.least_served, 0);
    assert!(fairness.most_served > 0);
    assert_eq!(report.ended_early, None);
}

#[test]
fn short_connections_to_a_single_server_all_succeed() {
    let fake = Fake::one_at_a_time();
    let plan = Plan {
        timeout: Duration::from_secs(10),
        requests_per_connection: Some(1),
        ..fake.plan(8, ping())
    };
    let report = run(&plan).report;
    // Connections in its backlog when the window closes are served after it.
    assert_eq!(report.requests.timeout, 0, "{:?}", report.requests);
    assert_eq!(report.requests.ok, report.requests.sent);
}

#[test]
fn connections_without_replies_do_not_hold_up_the_end() {
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

#[test]
fn what_is_given_up_after_the_load_is_reset() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let plan = Plan {
        warmup: Duration::ZERO,
        duration: Duration::from_millis(200),
        timeout: Duration::from_millis(400),
        ..Plan::closed_loop(listener.local_addr().unwrap(), 3, ping())
    };
    assert_eq!(run(&plan).report.requests.timeout, 3);
    let mut ends = (0..4).map(|_| {
        let (mut connection, _) = listener.accept().unwrap();
        connection
            .read_to_end(&mut Vec::new())
            .map_err(|error| error.kind())
    });
    assert_eq!(ends.next(), Some(Ok(0)), "it tries whether there is a server");
    assert!(ends.all(|end| end == Err(ErrorKind::ConnectionReset)));
}

#[test]
fn connections_without_requests_do_not_count_as_never_served() {
    let fake = Fake::good();
    let plan = Plan {
        warmup: Duration::ZERO,
        duration: Duration::from_millis(500),
        timeout: PATIENCE,
        ..Plan::open_loop(fake.address, 64, 20.0, ping())
    };
    let report = run(&plan).report;
    assert!(report.requests.sent < 64);
    assert_eq!(report.requests.ok, report.requests.sent);
    assert_eq!(report.connections.served, report.requests.ok);
    assert_eq!(
        report.fairness.and_then(|fairness| fairness.jain),
        None,
        "the turns are dealt out here"
    );
    assert_eq!(report.connections_never_served(), 0);
    let advice = loadgen::advice::advise(&report).join("\n");
    assert!(!advice.contains("never served"), "{advice}");
}

#[test]
fn a_connection_without_a_reply_was_never_served() {
    let fake = Fake::new(|asked| {
        // The first request, so that its connection had no reply before.
        if asked.number == 0 {
            Act::Nothing
        } else {
            Act::Answer
        }
    });
    // Some 32 requests, which the connections get in turn.
    let plan = Plan {
        warmup: Duration::ZERO,
        duration: Duration::from_millis(400),
        timeout: Duration::from_secs(2),
        ..Plan::open_loop(fake.address, 8, 80.0, ping())
    };
    let report = run(&plan).report;
    assert!(report.requests.sent > 3, "{:?}", report.requests);
    assert_eq!(
        (report.requests.timeout, report.connections_never_served()),
        (1, 1)
    );
}

#[test]
fn a_reply_after_the_window_counts_as_served() {
    let fake = Fake::good();
    let work = Work::new("sleep", Params::Json("700".to_owned())).unwrap();
    let plan = Plan {
        warmup: Duration::ZERO,
        duration: Duration::from_millis(500),
        timeout: PATIENCE,
        ..Plan::closed_loop(fake.address, 4, work)
    };
    let report = run(&plan).report;
    assert_eq!((report.requests.sent, report.requests.ok), (4, 4));
    assert_eq!((report.throughput_per_s, report.connections.served), (0.0, 4));
    assert_eq!(report.connections_never_served(), 0);
}
