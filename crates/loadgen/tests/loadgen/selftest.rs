//! The self-test can fail: each planted fault of the load generator is found by its check. (Whether it passes without a fault
//! depends on the machine, and is not tested here.)

use crate::program::{Running, loadgen};

fn finds(check: &str, fault: &str) -> String {
    let left = loadgen(&format!("selftest --only {check} --plant {fault}"));
    assert_eq!(left.code, Some(1), "{}{}", left.stdout, left.stderr);
    assert!(left.stdout.contains("FAIL"), "{}", left.stdout);
    left.stdout
}

/// The number after these words.
#[track_caller]
fn number_behind(text: &str, words: &str) -> f64 {
    let number = text
        .split_once(words)
        .and_then(|(_, rest)| rest.split(' ').next());
    let number = number.and_then(|number| number.parse().ok());
    number.unwrap_or_else(|| panic!("no number behind {words:?} in {text}"))
}

#[test]
fn a_latency_from_the_send_is_found_by_a_stall() {
    let found = finds("stall", "latency-from-send");
    // With one connection nearly all of the stall is spent in the queue. A latency from the send does not include it: it is
    // far below the 400 ms expected. A busy machine can only add to it.
    let p95_ms = number_behind(&found, "FAIL  connections: 1, p95: ");
    assert!(p95_ms < 200.0, "{found}");
}

#[test]
fn a_timer_of_milliseconds_is_found_by_pacing() {
    let found = finds("pacing", "millisecond-timer");
    // Such a timer makes nearly all requests late. Without it, many are late only if other processes have the CPU.
    if found.contains("inconclusive") {
        return test_support::inconclusive("requests are late in any case: other processes have the CPU");
    }
    let line = found
        .lines()
        .find(|line| line.contains("FAIL  send delay above 20 µs"));
    let line = line.expect("it is found by this");
    // Compared with a client that never sleeps, the difference is judged; the share itself is in brackets.
    let before = if line.contains(" windows (") {
        " windows ("
    } else {
        " windows on an idle CPU: "
    };
    assert!(number_behind(line, before) > 80.0, "{found}");
}

#[test]
fn unchecked_replies_are_found_by_corrupted_replies() {
    let found = finds("replies", "unchecked-replies");
    assert!(
        found.contains("FAIL  corrupted replies that were caught"),
        "{found}"
    );
}

#[test]
fn an_unknown_check_is_refused_with_the_list() {
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
