//! The self-test can fail: each fault that is planted in the load generator is found by the check that is there for it.
//! (That it passes without one depends on the machine, and is no test of these.)

use crate::program::{Running, loadgen};

fn finds(check: &str, fault: &str) -> String {
    let left = loadgen(&format!("selftest --only {check} --plant {fault}"));
    assert_eq!(left.code, Some(1), "{}{}", left.stdout, left.stderr);
    assert!(left.stdout.contains("FAIL"), "{}", left.stdout);
    left.stdout
}

#[test]
fn a_latency_from_the_send_is_found_by_a_stall() {
    let found = finds("stall", "latency-from-send");
    // With one connection nearly all of the stall is spent in line, which such a latency does not see.
    assert!(found.contains("FAIL  connections: 1, p95"), "{found}");
}

#[test]
fn a_timer_of_milliseconds_is_found_by_pacing() {
    let found = finds("pacing", "millisecond-timer");
    assert!(found.contains("FAIL  requests later than 20 µs"), "{found}");
}

#[test]
fn one_reply_in_a_thousand_that_is_not_checked_is_found_by_corrupted_replies() {
    let found = finds("replies", "unchecked-replies");
    assert!(
        found.contains("FAIL  corrupted replies that were caught"),
        "{found}"
    );
}

#[test]
fn a_check_that_is_none_is_told_with_those_that_are() {
    let left = loadgen("selftest --only speed");
    assert_eq!(left.code, Some(2));
    assert!(
        left.stderr.contains("'speed' for '--only") && left.stderr.contains("stall"),
        "{}",
        left.stderr
    );
}

#[test]
fn a_reader_that_has_gone_is_no_reason_to_panic() {
    let mut running = Running::start(&["selftest", "--only", "histogram"]);
    running.close_stdout();
    let left = running.end();
    assert_eq!(left.code, Some(1));
    assert!(
        left.stderr
            .starts_with("loadgen: can't write to stdout: Broken pipe"),
        "{}",
        left.stderr
    );
}
