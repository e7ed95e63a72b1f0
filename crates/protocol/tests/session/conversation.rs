//! What a session asks for, step by step.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use protocol::session::UNSENT_MOST_BYTES;
use protocol::{Clock, Session, SessionOptions, Step, Writes};

use crate::harness::{Buffers, play, receive, replies, requests, send_all};

#[test]
fn every_operation_is_answered_in_order() {
    let asked = requests(&[
        ("ping", r#"{"a": [1e-7, "é"]}"#),
        ("pi", "100"),
        ("spin", "7"),
        ("sleep", "8"),
        ("block", "9"),
        ("blob", "3"),
    ]);
    let expected = [
        ("pong", r#"{"a": [1e-7, "é"]}"#),
        ("pi_r", "3.1384395139385455"),
        ("spun", "7"),
        ("slept", "8"),
        ("blocked", "9"),
        ("blob", "\"xxx\""),
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
    let mut session = Session::new(SessionOptions::default());
    let bytes = requests(&[("blob", "1000")]).repeat(1000);
    let mut left = &bytes[..];
    loop {
        match session.step() {
            Step::Replied => {}
            Step::Read => receive(&mut session, &mut left, usize::MAX),
            Step::Flush => break,
            other => panic!("{other:?}"),
        }
    }
    assert!((UNSENT_MOST_BYTES..UNSENT_MOST_BYTES + 1100).contains(&session.output().len()));
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
