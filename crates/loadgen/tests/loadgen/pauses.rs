//! A client that is stopped for a while: the pause is not counted against the server.

use std::thread;
use std::time::Duration;

use loadgen::Report;
use nix::sys::signal::Signal;

use crate::fake::{Act, Fake, assert_adds_up};
use crate::program::Running;

/// Longer than the timeout. The timeout is so long that no reply takes it on a slow machine.
const PAUSE: Duration = Duration::from_millis(2_500);

/// Runs the program with these arguments, and stops it for a while after the first request of each connection.
fn stopped_in_the_middle(fake: &Fake, arguments: &str) -> (Option<i32>, Report, String) {
    let folder = tempfile::tempdir().expect("there is room");
    let json = folder.path().join("result.json");
    let address = fake.address.to_string();
    let mut all = vec![
        "run",
        "--connect",
        &address,
        "--json",
        json.to_str().expect("it is text"),
    ];
    all.extend(arguments.split_whitespace());
    let running = Running::start(&all);
    fake.wait_for_requests(60);
    running.signal(Signal::SIGSTOP);
    thread::sleep(PAUSE);
    running.signal(Signal::SIGCONT);
    let left = running.end();
    let result = std::fs::read_to_string(&json).expect("there is a result");
    (
        left.code,
        serde_json::from_str(&result).expect("it is a result"),
        left.stdout,
    )
}

/// Replies come after 20 ms, so replies to requests sent just before the pause come in it.
fn assert_nobody_is_blamed(arguments: &str) {
    let fake = Fake::new(|_| Act::AnswerAfter(Duration::from_millis(20)));
    let (code, report, page) = stopped_in_the_middle(&fake, arguments);
    assert_adds_up(&report);
    let counts = &report.requests;
    assert_eq!((counts.timeout, counts.reset), (0, 0), "{page}");
    assert_eq!((counts.ok, code), (counts.sent, Some(0)), "{page}");
    let pauses = report.client_pauses.expect("they are looked for");
    assert!(pauses.count >= 1, "{pauses:?}");
    // Its length is known up to the length of the wait in which it began.
    assert!(pauses.longest_us > 2_000_000.0, "{pauses:?}");
    assert!(pauses.requests >= 1, "{pauses:?}");
    assert!(page.contains("! The load generator paused"), "{page}");
    assert!(!page.contains("all checks passed"), "{page}");
    assert_ne!(report.overloaded, Some(true), "{page}");
}

#[test]
fn a_paused_client_of_a_closed_loop_blames_nobody() {
    assert_nobody_is_blamed("--connections 60 --pipeline 2 --warmup 0 --duration 4s --timeout 2s");
}

#[test]
fn a_paused_client_of_an_open_loop_blames_nobody() {
    assert_nobody_is_blamed("--connections 60 --rate 500 --warmup 0 --duration 4s --timeout 2s");
}

#[test]
fn a_pause_at_the_end_causes_no_failures() {
    for load in ["", "--rate 500"] {
        assert_nobody_is_blamed(&format!(
            "--connections 60 --warmup 0 --duration 2s --timeout 2s {load}"
        ));
    }
}

#[test]
fn a_call_that_is_paused_blames_nobody() {
    // The reply comes in the pause, and in time.
    let fake = Fake::new(|_| Act::AnswerAfter(Duration::from_millis(300)));
    let address = fake.address.to_string();
    let running = Running::start(&["call", "--connect", &address, "--timeout", "2s"]);
    fake.wait_for_requests(1);
    running.signal(Signal::SIGSTOP);
    thread::sleep(PAUSE);
    running.signal(Signal::SIGCONT);
    let left = running.end();
    assert_eq!(
        (&*left.stdout, &*left.stderr, left.code),
        ("pong \"ireader 0\"\n", "", Some(0))
    );
}

#[test]
fn every_late_reply_is_a_timeout() {
    // The reply comes just after the timeout, before or after the next check for late requests.
    let late = Fake::new(|_| Act::AnswerAfter(Duration::from_millis(201)));
    let left = crate::program::loadgen(&format!(
        "run --connect {} --connections 8 --warmup 0 --duration 1500ms --timeout 200ms --json -",
        late.address
    ));
    let report: Report = serde_json::from_str(&left.stdout).expect("it is a result");
    let counts = &report.requests;
    assert!(counts.sent > 0);
    // A reply that came while the client itself paused is not late.
    let excused = report.client_pauses.map_or(0, |pauses| pauses.requests);
    assert!(counts.ok <= excused, "{counts:?}, {excused} excused");
    assert_eq!(counts.timeout + counts.ok, counts.sent, "{counts:?}");
    if excused == 0 {
        assert_eq!(left.code, Some(1));
    }
}
