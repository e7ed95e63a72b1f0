//! Connections that fail, time out and are replaced, with the time stepped by hand.

use super::*;
use crate::driver::stepped::{MS, Stepped, closed_loop};
use crate::plan::Plan;
use schema::load::Requests;

/// Why a run ends if no connection could be opened for this time, for this reason.
fn end_after_failing(plan: Plan, reason: ErrorKind, for_ms: u64) -> Option<String> {
    let mut driver = Stepped::begin(plan);
    for ms in [0, for_ms] {
        driver.fail_connect(0, &reason.into(), ms * MS);
    }
    driver.sweep((for_ms + 1) * MS);
    driver.ends_early()
}

/// The same for a run of two seconds, after one second.
fn end_of_a_run_without_connections(reason: ErrorKind) -> Option<String> {
    end_after_failing(closed_loop(2_000), reason, 1_000)
}

#[test]
fn a_request_count_is_given_up_without_connections() {
    let plan = |ride_out_ms| Plan {
        requests: Some(10),
        timeout: Duration::from_secs(1),
        ride_out: Duration::from_millis(ride_out_ms),
        ..closed_loop(0)
    };
    for (reason, name) in [
        (ErrorKind::TimedOut, "connect_timeout"),
        (ErrorKind::AddrNotAvailable, "out_of_ports"),
        (ErrorKind::AddrInUse, "out_of_ports"),
    ] {
        assert_eq!(
            end_after_failing(plan(500), reason, 3_000),
            None,
            "three timeouts"
        );
        let end = end_after_failing(plan(500), reason, 3_001);
        assert!(end.as_ref().is_some_and(|why| why.contains(name)), "{end:?}");
        assert_eq!(end_after_failing(plan(5_000), reason, 5_000), None, "--ride-out");
        assert!(end_after_failing(plan(5_000), reason, 5_001).is_some());
    }
}

#[test]
fn a_server_that_refuses_is_gone() {
    let end = end_of_a_run_without_connections(ErrorKind::ConnectionRefused);
    assert!(end.is_some_and(|reason| reason.contains("is gone")));
    for reason in [ErrorKind::AddrNotAvailable, ErrorKind::AddrInUse] {
        assert_eq!(end_of_a_run_without_connections(reason), None);
    }
}

#[test]
fn a_server_that_answers_no_syn_is_an_outage() {
    assert_eq!(end_of_a_run_without_connections(ErrorKind::TimedOut), None);
    let mut driver = Stepped::begin(closed_loop(2_000));
    driver.fail_connect(0, &ErrorKind::TimedOut.into(), 500 * MS);
    driver.at(2_000 * MS);
    let outages = driver.finish().outages;
    assert_eq!(outages.lengths_ns().collect::<Vec<_>>(), [1_500 * MS]);
}

fn pipeline_of_three() -> Stepped {
    Stepped::begin(Plan {
        pipeline: 3,
        timeout: Duration::from_secs(1),
        ..closed_loop(5_000)
    })
}

#[test]
fn each_request_in_a_pipeline_has_its_own_timeout() {
    let mut driver = pipeline_of_three();
    driver.at(900 * MS).answer(0, 1);
    driver.at(1_001 * MS).sweep(1_001 * MS);
    assert_eq!(driver.tally.requests.timeout, 2);
    // The replies to all three come: late to the first two, and in time to the third.
    driver.at(1_100 * MS).answer(0, 3);
    let tally = driver.finish();
    assert_eq!(
        tally.requests,
        Requests {
            planned: 7,
            sent: 7,
            ok: 2,
            timeout: 2,
            in_flight: 3,
            ..Requests::default()
        }
    );
    let failures = tally.failures();
    let [timeouts] = &failures[..] else {
        panic!("one kind of failure: {failures:?}")
    };
    assert_eq!(
        (&*timeouts.kind, timeouts.count, &*timeouts.first),
        ("timeout", 2, "no reply within 1s")
    );
    assert_eq!(tally.waits_ns, tally.area_ns);
}

#[test]
fn a_late_reply_is_a_timeout_with_and_without_sweep() {
    for sweeps in [false, true] {
        let mut driver = pipeline_of_three();
        driver.at(900 * MS).answer(0, 1);
        if sweeps {
            driver.at(1_001 * MS).sweep(1_001 * MS);
        }
        driver.at(1_002 * MS).answer(0, 2);
        driver.at(1_900 * MS).answer(0, 1);
        let tally = driver.finish();
        let counts = (tally.requests.ok, tally.requests.timeout, tally.requests.reset);
        assert_eq!(counts, (2, 2, 0), "sweeps: {sweeps}");
        assert_eq!(tally.waits_ns, tally.area_ns);
    }
}

#[test]
fn a_reply_is_late_only_after_the_timeout() {
    for (at_ns, in_time) in [(1_000 * MS, 1), (1_000 * MS + 1, 0)] {
        let mut driver = pipeline_of_three();
        driver.at(at_ns).sweep(1_000 * MS);
        driver.answer(0, 1);
        assert_eq!(driver.finish().requests.ok, in_time);
    }
}

#[test]
fn a_connection_is_closed_when_all_in_flight_are_late() {
    let mut driver = pipeline_of_three();
    driver.at(900 * MS).answer(0, 1);
    driver.at(1_001 * MS).sweep(1_001 * MS);
    assert_eq!(driver.connections[0].state, State::Open);
    driver.at(1_901 * MS).sweep(1_901 * MS);
    assert_ne!(driver.connections[0].state, State::Open);
    let tally = driver.finish();
    assert_eq!((tally.requests.timeout, tally.requests.reset), (3, 0));
    assert_eq!(tally.waits_ns, tally.area_ns);
}

#[test]
fn what_is_lost_behind_late_requests_is_counted_once() {
    let mut driver = pipeline_of_three();
    driver.at(900 * MS).answer(0, 1);
    driver.at(1_001 * MS).sweep(1_001 * MS);
    driver.at(1_010 * MS).reset(0);
    let tally = driver.finish();
    assert_eq!((tally.requests.timeout, tally.requests.reset), (2, 1));
    assert!(tally.requests.add_up());
    assert_eq!(tally.waits_ns, tally.area_ns);
}
