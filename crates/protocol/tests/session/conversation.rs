//! What a session asks for, step by step.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use protocol::session::UNSENT_MOST_BYTES;
use protocol::{Clock, Session, SessionOptions, Step, Writes};

use crate::harness::{Buffers, NoTime, play, receive, replies, requests, send_all};

#[test]
fn every_operation_is_answered_in_order() {
    let asked = requests(&[
        ("ping", r#"{"a": [1e-7, "é"]}"#),
        ("pi", "100"),
        ("spin", "7"),
        ("sleep", "8"),
        ("block", "9"),
        ("blob", "3"),
        (
            "work",
            r#"{"cpu_us": 5, "wait_ms": 6, "block": false, "reply_bytes": 2}"#,
        ),
        ("work", "{}"),
    ]);
    let expected = [
        ("pong", r#"{"a": [1e-7, "é"]}"#),
        ("pi_r", "3.1384395139385455"),
        ("spun", "7"),
        ("slept", "8"),
        ("blocked", "9"),
        ("blob", "\"xxx\""),
        ("worked", "\"xx\""),
        ("worked", "\"\""),
    ];
    let got = replies(&play(
        SessionOptions::default(),
        &asked,
        &[usize::MAX],
        Buffers::Own,
    ));
    assert_eq!(
        got,
        expected.map(|(kind, result)| (kind.to_owned(), result.to_owned()))
    );
}

#[test]
fn requests_behind_a_sleep_wait_for_its_deadline() {
    let mut session = Session::new(SessionOptions::default());
    let bytes = requests(&[("sleep", "200"), ("ping", "1")]);
    receive(&mut session, &mut &bytes[..], usize::MAX);
    assert_eq!(session.step(), Step::Sleep(Duration::from_millis(200)));

    let start = Instant::now();
    let deadline = start + Duration::from_millis(200);
    session.wait_until(deadline);
    assert_eq!(session.step(), Step::Waiting(deadline));
    assert!(!session.wake(start + Duration::from_millis(199)));
    assert_eq!(session.step(), Step::Waiting(deadline));
    assert!(session.output().is_empty());

    assert!(session.wake(deadline));
    assert_eq!(session.step(), Step::Replied);
    assert_eq!(session.step(), Step::Read);
    let mut out = Vec::new();
    send_all(&mut session, &mut out);
    assert_eq!(
        replies(&out),
        [("slept".into(), "200".into()), ("pong".into(), "1".into())]
    );
}

/// Records how a job passes its time.
#[derive(Default)]
struct Recorded(RefCell<Vec<(&'static str, Duration)>>);

impl Clock for Recorded {
    fn spin(&self, duration: Duration) {
        self.0.borrow_mut().push(("spin", duration));
    }

    fn block(&self, duration: Duration) {
        self.0.borrow_mut().push(("block", duration));
    }
}

#[test]
fn a_job_is_handed_out_once_then_answered() {
    let mut session = Session::new(SessionOptions::default());
    let bytes = requests(&[("block", "5"), ("spin", "6"), ("pi", "0"), ("ping", "1")]);
    receive(&mut session, &mut &bytes[..], usize::MAX);
    let clock = Recorded::default();
    for _ in 0..3 {
        let Step::Job(job) = session.step() else {
            panic!("the next request is a job");
        };
        assert_eq!(session.step(), Step::Working);
        let answered = session.answered();
        let outcome = job.run(&clock);
        assert_eq!((session.step(), session.answered()), (Step::Working, answered));
        session.done(outcome);
        assert_eq!(session.answered(), answered + 1);
    }
    assert_eq!(session.step(), Step::Replied);
    assert_eq!(session.step(), Step::Read);
    let passed = [
        ("block", Duration::from_millis(5)),
        ("spin", Duration::from_micros(6)),
    ];
    assert_eq!(*clock.0.borrow(), passed);
    let mut out = Vec::new();
    send_all(&mut session, &mut out);
    let kinds: Vec<_> = replies(&out).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["blocked", "spun", "pi_r", "pong"]);
}

/// A session that has received one `work` and a ping.
fn session_with_a_work(params: &str) -> Session {
    let mut session = Session::new(SessionOptions::default());
    let bytes = requests(&[("work", params), ("ping", "1")]);
    receive(&mut session, &mut &bytes[..], usize::MAX);
    session
}

/// Runs the job that the session hands out, and returns how it passed its time.
fn run_job(session: &mut Session) -> Vec<(&'static str, Duration)> {
    let Step::Job(job) = session.step() else {
        panic!("the next step is a job");
    };
    let clock = Recorded::default();
    session.done(job.run(&clock));
    clock.0.into_inner()
}

/// Expects the reply to the work, and that to the ping behind it.
#[track_caller]
fn ends_with_a_pong(session: &mut Session, result: &str) {
    assert_eq!(session.step(), Step::Replied);
    assert_eq!(session.step(), Step::Read);
    assert_eq!(session.answered(), 2);
    let mut out = Vec::new();
    send_all(session, &mut out);
    let expected = [("worked", result), ("pong", "1")];
    assert_eq!(
        replies(&out),
        expected.map(|(kind, result)| (kind.into(), result.into()))
    );
}

#[test]
fn work_computes_then_waits_then_replies() {
    let mut session = session_with_a_work(r#"{"cpu_us": 50, "wait_ms": 7, "reply_bytes": 3}"#);
    assert_eq!(run_job(&mut session), [("spin", Duration::from_micros(50))]);
    assert!(session.output().is_empty() && session.answered() == 0);
    assert_eq!(session.step(), Step::Sleep(Duration::from_millis(7)));
    let due = Instant::now();
    session.wait_until(due);
    assert_eq!(session.step(), Step::Waiting(due));
    assert!(session.wake(due));
    ends_with_a_pong(&mut session, "\"xxx\"");
}

#[test]
fn work_that_blocks_waits_within_its_job() {
    let mut session = session_with_a_work(r#"{"cpu_us": 50, "wait_ms": 7, "block": true}"#);
    let passed = [
        ("spin", Duration::from_micros(50)),
        ("block", Duration::from_millis(7)),
    ];
    assert_eq!(run_job(&mut session), passed);
    ends_with_a_pong(&mut session, "\"\"");
}

#[test]
fn work_that_only_sleeps_or_replies_is_no_job() {
    let mut session = session_with_a_work(r#"{"wait_ms": 7}"#);
    assert_eq!(session.step(), Step::Sleep(Duration::from_millis(7)));
    let due = Instant::now();
    session.wait_until(due);
    assert!(session.wake(due));
    ends_with_a_pong(&mut session, "\"\"");

    let mut session = session_with_a_work(r#"{"block": true, "reply_bytes": 1}"#);
    assert_eq!(session.step(), Step::Replied);
    ends_with_a_pong(&mut session, "\"x\"");
}

#[test]
fn an_oversized_length_is_answered_and_ends_the_conversation() {
    let mut session = Session::new(SessionOptions::default());
    let mut bytes = requests(&[("ping", "1")]);
    bytes.extend_from_slice(&((1 << 20) + 1_u32).to_le_bytes());
    bytes.extend_from_slice(&requests(&[("ping", "2")]));
    receive(&mut session, &mut &bytes[..], usize::MAX);
    assert_eq!(session.step(), Step::Replied);
    assert_eq!(session.step(), Step::Close { unread: true });
    assert_eq!(session.step(), Step::Close { unread: true });
    let mut out = Vec::new();
    send_all(&mut session, &mut out);
    let got = replies(&out);
    assert_eq!(got.len(), 2);
    assert!(
        got[1].1.contains("frame_too_large") && got[1].1.contains("1048577"),
        "{}",
        got[1].1
    );
}

#[test]
fn a_peer_that_does_not_read_costs_bounded_memory() {
    for large in [
        ("blob", "1000"),
        ("work", r#"{"cpu_us": 1, "reply_bytes": 1000}"#),
    ] {
        let mut session = Session::new(SessionOptions::default());
        let bytes = requests(&[large]).repeat(1000);
        let mut left = &bytes[..];
        loop {
            match session.step() {
                Step::Replied => {}
                Step::Read => receive(&mut session, &mut left, usize::MAX),
                Step::Job(job) => session.done(job.run(&NoTime)),
                Step::Flush => break,
                other => panic!("{other:?}"),
            }
        }
        assert!((UNSENT_MOST_BYTES..UNSENT_MOST_BYTES + 1100).contains(&session.output().len()));
    }
}

#[test]
fn two_writes_cut_every_reply_behind_its_prefix() {
    let options = SessionOptions {
        writes: Writes::PrefixThenBody,
        ..SessionOptions::default()
    };
    let bytes = requests(&[("blob", "100"), ("ping", "2"), ("blob", "70000")]);
    for at_once in [1, 3, 5, usize::MAX] {
        let mut session = Session::new(options);
        receive(&mut session, &mut &bytes[..], usize::MAX);
        while session.step() == Step::Replied {}
        let (mut out, mut pieces) = (Vec::new(), Vec::new());
        while !session.output().is_empty() {
            pieces.push(session.output().len());
            let now = session.output().len().min(at_once);
            out.extend_from_slice(&session.output()[..now]);
            session.sent(now);
        }
        assert_eq!(replies(&out).len(), 3);
        if at_once == usize::MAX {
            assert_eq!(pieces, [4, 126, 4, 25, 4, 70_026]);
        }
    }
}
