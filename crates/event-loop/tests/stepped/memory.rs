//! What a connection allocates, and what it keeps.

use protocol::buffer::RETAINED_BYTES;

use crate::harness::{PLAIN, Stepped, pings, pongs, request};

#[test]
fn a_warm_connection_allocates_nothing_for_a_request() {
    let mut stepped = Stepped::new(&PLAIN);
    for request in [pings([7]), request("block", "1"), request("blob", "100")] {
        let mut exchange = |times: usize| {
            for _ in 0..times {
                stepped.receives(&request);
                stepped.forget_replies();
            }
        };
        exchange(100);
        let counted = allocation_counter::measure(|| exchange(1000));
        assert_eq!(counted.count_total, 0);
    }
}

#[test]
fn an_idle_connection_owns_no_memory() {
    let large = request("ping", &format!("\"{}\"", "x".repeat(5 * RETAINED_BYTES)));
    let whole_lives = [
        ("a ping", pings([1])),
        ("pipelined pings", pings(0..5000)),
        ("large replies", request("blob", "200000").repeat(5)),
        ("a large request", large),
        ("work", request("spin", "1").repeat(10)),
        ("a refusal", request("pong", "1")),
    ];
    for (life, bytes) in whole_lives {
        for part_bytes in [7, 1000, usize::MAX] {
            let mut stepped = Stepped::new(&PLAIN);
            stepped.limit_writes(usize::MAX, 0);
            for part in bytes.chunks(part_bytes) {
                stepped.receives(part);
            }
            // The peer reads at last.
            stepped.window_opens(usize::MAX);
            assert_ne!(stepped.replies().len(), 0);
            assert_eq!(stepped.unread_bytes(), 0);
            assert_eq!(stepped.owned_bytes(), 0, "after {life} in parts of {part_bytes}");
        }
    }
}

#[test]
fn a_part_of_a_frame_is_kept_in_its_size() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.receives(&pings(0..10));
    stepped.receives(&pings([1])[..10]);
    assert_eq!(stepped.owned_bytes(), 10);
}

#[test]
fn replies_that_are_owed_are_kept_in_about_their_size() {
    for (operation, params) in [("ping", "1"), ("blob", "10000"), ("blob", "1000000")] {
        let mut stepped = Stepped::new(&PLAIN);
        // The loop's buffer has grown before.
        stepped.receives(&request("blob", "60000"));
        stepped.forget_replies();
        stepped.receives(&request(operation, params));
        let owed_bytes = stepped.sent_bytes();
        stepped.limit_writes(usize::MAX, 0);
        stepped.receives(&request(operation, params));
        let kept_bytes = stepped.owned_bytes();
        assert!(
            (owed_bytes..=2 * owed_bytes).contains(&kept_bytes),
            "{kept_bytes} bytes for {owed_bytes}"
        );
    }
}

#[test]
fn connections_take_turns_with_the_same_buffers() {
    // As many connections as one loop has, and one set of buffers.
    let mut lent = Stepped::new(&PLAIN);
    for _ in 0..100 {
        let mut stepped = Stepped::new(&PLAIN);
        stepped.swap_lent(&mut lent);
        stepped.receives(&pings(0..100));
        assert_eq!(stepped.replies(), pongs(0..100));
        stepped.swap_lent(&mut lent);
        assert_eq!(stepped.owned_bytes(), 0);
    }
}
