//! What a session allocates, and what it keeps while it is idle.

use protocol::{Session, SessionOptions, SharedBuffers, Step};

use crate::harness::{Buffers, receive, requests, send_all};

#[test]
fn a_warm_connection_allocates_nothing_for_a_ping() {
    for params in [
        "\"ireader 0\"",
        "12345678901234567890",
        "[1, 2.5, \"x\\n\"]",
        "{\"a\": 1, \"b\": null}",
        "\"\\u00e9\"",
    ] {
        for buffers in [Buffers::Own, Buffers::Lent] {
            let one = requests(&[("ping", params)]);
            let mut session = Session::new(SessionOptions::default());
            let mut shared = SharedBuffers::default();
            let mut exchange = || {
                if buffers == Buffers::Lent {
                    session.borrow_buffers(&mut shared);
                }
                receive(&mut session, &mut &one[..], usize::MAX);
                assert_eq!(session.step(), Step::Replied);
                assert_eq!(session.step(), Step::Read);
                session.sent(session.output().len());
                if buffers == Buffers::Lent {
                    session.return_buffers(&mut shared);
                }
            };
            exchange();
            let counted = allocation_counter::measure(|| (0..1000).for_each(|_| exchange()));
            assert_eq!(counted.count_total, 0, "with {params}, buffers: {buffers:?}");
        }
    }
}

#[test]
fn a_session_that_gave_its_buffers_back_owns_no_memory() {
    let (mut session, mut shared) = (Session::new(SessionOptions::default()), SharedBuffers::default());
    for request in [("ping", "1"), ("blob", "300000"), ("ping", "2")] {
        let bytes = requests(&[request]);
        session.borrow_buffers(&mut shared);
        receive(&mut session, &mut &bytes[..], usize::MAX);
        assert_eq!(session.step(), Step::Replied);
        send_all(&mut session, &mut Vec::new());
        session.return_buffers(&mut shared);
    }
    let counted = allocation_counter::measure(|| drop(session));
    assert_eq!(counted.bytes_current, 0);
}

#[test]
fn a_session_keeps_what_is_not_used_or_not_sent() {
    let (mut session, mut shared) = (Session::new(SessionOptions::default()), SharedBuffers::default());
    let bytes = requests(&[("ping", "1"), ("ping", "2")]);
    session.borrow_buffers(&mut shared);
    receive(&mut session, &mut &bytes[..bytes.len() - 1], usize::MAX);
    assert_eq!(session.step(), Step::Replied);
    assert_eq!(session.step(), Step::Read);
    let (unused_bytes, unsent_bytes) = (bytes.len() / 2 - 1, session.output().len());
    session.return_buffers(&mut shared);
    let counted = allocation_counter::measure(|| drop(session));
    assert_eq!(counted.count_current, -2);
    assert!(-counted.bytes_current <= 2 * i64::try_from(unused_bytes + unsent_bytes).unwrap());
}

#[test]
fn the_counter_of_allocations_counts() {
    assert_ne!(
        allocation_counter::measure(|| drop(std::hint::black_box(vec![0_u8; 10]))).count_total,
        0
    );
}
