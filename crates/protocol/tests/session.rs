//! A session, driven by hand: bytes are cut anywhere, time is stepped, allocations are counted.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use protocol::buffer::ReadBuffer;
use protocol::frame::{self, Head, PREFIX_BYTES};
use protocol::session::UNSENT_MOST_BYTES;
use protocol::{Clock, FrameLimit, Reply, Request, Session, SessionOptions, Step, Writes};

fn requests(messages: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (operation, params) in messages {
        Request::append(&mut bytes, operation, params);
    }
    bytes
}

/// Gives a session as much of `bytes` as it has room for.
fn receive(session: &mut Session, bytes: &mut &[u8], most_bytes: usize) {
    let room = session.room();
    let now = room.len().min(bytes.len()).min(most_bytes);
    room[..now].copy_from_slice(&bytes[..now]);
    session.filled(now);
    *bytes = &bytes[now..];
}

fn send_all(session: &mut Session, out: &mut Vec<u8>) {
    while !session.output().is_empty() {
        out.extend_from_slice(session.output());
        session.sent(session.output().len());
    }
}

/// Plays all of `bytes`, in pieces of these sizes in turn, and returns the output. Jobs and waits take no time.
fn play(options: SessionOptions, bytes: &[u8], piece_bytes: &[usize]) -> Vec<u8> {
    let mut session = Session::new(options);
    let (mut left, mut out) = (bytes, Vec::new());
    let (mut pieces, start) = (piece_bytes.iter().cycle(), Instant::now());
    loop {
        match session.step() {
            Step::Replied => {}
            Step::Read if left.is_empty() => session.end_of_input(),
            Step::Read => receive(
                &mut session,
                &mut left,
                *pieces.next().expect("the sizes go round"),
            ),
            Step::Flush => send_all(&mut session, &mut out),
            Step::Work(work) => session.done(work.run(&NoTime)),
            Step::Working => unreachable!("each job is done at once"),
            Step::Sleep(_) => session.wait_until(start),
            Step::Waiting(until) => assert!(session.wake(until)),
            Step::Close { .. } => break,
        }
    }
    send_all(&mut session, &mut out);
    assert_eq!(session.answered(), replies(&out).len() as u64);
    out
}

/// A clock on which everything takes no time.
struct NoTime;

impl Clock for NoTime {
    fn spin(&self, _: Duration) {}
    fn block(&self, _: Duration) {}
}

/// The replies in `bytes`, as kind and result.
fn replies(mut bytes: &[u8]) -> Vec<(String, String)> {
    let mut replies = Vec::new();
    while let Head::Whole(body) = frame::head(bytes, FrameLimit::MOST) {
        let reply = Reply::parse(body).expect("a session writes replies");
        replies.push((reply.kind.to_string(), reply.result.get().to_owned()));
        bytes = &bytes[PREFIX_BYTES + body.len()..];
    }
    assert!(
        bytes.is_empty(),
        "{} bytes are left behind the last whole reply",
        bytes.len()
    );
    replies
}

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
    let got = replies(&play(SessionOptions::default(), &asked, &[usize::MAX]));
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
        let Step::Work(work) = session.step() else {
            panic!("the next request is a job");
        };
        assert_eq!(session.step(), Step::Working);
        let answered = session.answered();
        let outcome = work.run(&clock);
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

#[test]
fn a_warm_connection_allocates_nothing_for_a_ping() {
    for params in [
        "\"ireader 0\"",
        "12345678901234567890",
        "[1, 2.5, \"x\\n\"]",
        "{\"a\": 1, \"b\": null}",
        "\"\\u00e9\"",
    ] {
        let one = requests(&[("ping", params)]);
        let mut session = Session::new(SessionOptions::default());
        let mut exchange = || {
            receive(&mut session, &mut &one[..], usize::MAX);
            assert_eq!(session.step(), Step::Replied);
            assert_eq!(session.step(), Step::Read);
            session.sent(session.output().len());
        };
        exchange();
        let counted = allocation_counter::measure(|| (0..1000).for_each(|_| exchange()));
        assert_eq!(counted.count_total, 0, "with {params}");
    }
}

#[test]
fn the_counter_of_allocations_counts() {
    assert_ne!(
        allocation_counter::measure(|| drop(std::hint::black_box(vec![0_u8; 10]))).count_total,
        0
    );
}

/// Any JSON value, as text.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|b| b.to_string()),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>()
            .prop_filter("JSON has no NaN", |n| n.is_finite())
            .prop_map(|n| format!("{n:e}")),
        any::<String>().prop_map(|text| json_string(&text)),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::vec((any::<String>(), inner), 0..8).prop_map(|items| {
                let items: Vec<_> = items
                    .iter()
                    .map(|(key, value)| format!("{}:{value}", json_string(key)))
                    .collect();
                format!("{{{}}}", items.join(","))
            }),
        ]
    })
}

fn json_string(text: &str) -> String {
    serde_json::to_string(text).expect("a string is a JSON value")
}

proptest! {
    #[test]
    fn any_split_of_a_stream_gives_the_same_frames(
        lengths in prop::collection::vec(0..6000_usize, 1..20),
        first: u8,
        pieces in prop::collection::vec(1..9000_usize, 1..20),
    ) {
        let mut bytes = (first..=u8::MAX).cycle();
        let bodies: Vec<Vec<u8>> = lengths.iter().map(|&length| bytes.by_ref().take(length).collect()).collect();
        let mut stream = Vec::new();
        for body in &bodies {
            frame::append(&mut stream, |out| out.extend_from_slice(body));
        }
        let (mut left, mut buffer, mut got) = (&stream[..], ReadBuffer::default(), Vec::new());
        for piece in pieces.iter().cycle() {
            while let Head::Whole(body) = frame::head(buffer.bytes(), FrameLimit::default()) {
                let used = PREFIX_BYTES + body.len();
                got.push(body.to_vec());
                buffer.consume(used);
            }
            if left.is_empty() {
                break;
            }
            let room = buffer.room(PREFIX_BYTES + 6000);
            let now = room.len().min(left.len()).min(*piece);
            room[..now].copy_from_slice(&left[..now]);
            buffer.filled(now);
            left = &left[now..];
        }
        prop_assert!(buffer.bytes().is_empty());
        prop_assert_eq!(got, bodies);
    }

    #[test]
    fn any_split_of_a_stream_gives_the_same_replies(
        params in prop::collection::vec(json(), 1..20),
        pieces in prop::collection::vec(1..200_usize, 1..20),
        two_writes: bool,
    ) {
        let messages: Vec<_> = params.iter().map(|params| ("ping", params.as_str())).collect();
        let writes = if two_writes { Writes::PrefixThenBody } else { Writes::Whole };
        let options = SessionOptions { writes, ..SessionOptions::default() };
        let got = replies(&play(options, &requests(&messages), &pieces));
        let expected: Vec<_> = params.into_iter().map(|params| ("pong".to_owned(), params)).collect();
        prop_assert_eq!(got, expected);
    }

    #[test]
    fn a_message_is_decoded_as_it_was_encoded(operation: String, params in json(), kind in "[a-z_]{1,12}") {
        let mut bytes = requests(&[(&operation, &params)]);
        let Head::Whole(body) = frame::head(&bytes, FrameLimit::default()) else { panic!("not a whole frame") };
        let request = Request::parse(body).unwrap();
        prop_assert_eq!(&*request.operation, &*operation);
        prop_assert_eq!(request.params.get(), &*params);

        bytes.clear();
        Reply::append(&mut bytes, &kind, |out| out.extend_from_slice(params.as_bytes()));
        prop_assert_eq!(replies(&bytes), vec![(kind, params)]);
    }

    #[test]
    fn arbitrary_bytes_are_answered_or_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        pieces in prop::collection::vec(1..64_usize, 1..8),
    ) {
        let limit = FrameLimit::new(FrameLimit::LEAST_BYTES).unwrap();
        let options = SessionOptions { limit, writes: Writes::Whole };
        let whole = play(options, &bytes, &[usize::MAX]);
        prop_assert_eq!(replies(&play(options, &bytes, &pieces)), replies(&whole));
    }

    #[test]
    fn a_frame_of_arbitrary_bytes_is_always_answered(bodies in prop::collection::vec(any::<Vec<u8>>(), 1..8)) {
        let mut bytes = Vec::new();
        for body in &bodies {
            frame::append(&mut bytes, |out| out.extend_from_slice(body));
        }
        prop_assert_eq!(replies(&play(SessionOptions::default(), &bytes, &[7])).len(), bodies.len());
    }
}
