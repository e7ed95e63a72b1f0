//! How a conversation ends: by the peer, by a reset, or by a frame that is too large.

use protocol::{FrameLimit, SessionOptions};
use serving::Service;
use serving::connection::{LINGER_MOST, LINGER_MOST_BYTES};

use crate::harness::{PLAIN, Stepped, ms, pings, pongs, request, reset_event};

/// A length over the limit, without a body.
fn oversized() -> Vec<u8> {
    u32::MAX.to_le_bytes().to_vec()
}

#[test]
fn a_peer_that_leaves_ends_its_connection() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.receives_end();
    assert!(stepped.is_over());
    assert!(!stepped.is_shut_down());
}

#[test]
fn what_arrived_before_the_end_is_answered() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.arrives(&pings(0..200));
    stepped.receives_end();
    assert_eq!(stepped.replies(), pongs(0..200));
    assert!(stepped.is_over());
}

#[test]
fn the_end_is_found_behind_a_short_read() {
    let mut stepped = Stepped::new(&PLAIN);
    // The event reports bytes and the end together, and the first read returns the bytes only.
    stepped.arrives(&pings([1]));
    stepped.receives_end();
    let (reads, _) = stepped.calls();
    assert_eq!(reads, 2);
    assert!(stepped.is_over());
}

#[test]
fn half_a_frame_before_the_end_is_dropped() {
    let mut stepped = Stepped::new(&PLAIN);
    let bytes = pings(0..2);
    stepped.receives(&bytes[..bytes.len() - 1]);
    stepped.receives_end();
    assert_eq!(stepped.replies(), pongs([0]));
    assert!(stepped.is_over());
}

#[test]
fn replies_that_are_owed_are_sent_after_the_end() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.limit_writes(usize::MAX, 0);
    stepped.arrives(&pings([1]));
    stepped.receives_end();
    assert!(!stepped.is_over());
    stepped.window_opens(usize::MAX);
    assert_eq!(stepped.replies(), pongs([1]));
    assert!(stepped.is_over());
}

#[test]
fn a_sleep_is_answered_after_the_end() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.arrives(&request("sleep", "10"));
    stepped.receives_end();
    assert!(!stepped.is_over());
    stepped.passes(ms(10));
    assert_eq!(stepped.replies(), ["slept 10"]);
    assert!(stepped.is_over());
}

#[test]
fn a_failed_read_ends_the_connection() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.reset();
    stepped.receives(&pings([1]));
    assert!(stepped.is_over());
}

#[test]
fn a_failed_write_ends_the_connection() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.limit_writes(usize::MAX, 0);
    stepped.receives(&pings([1]));
    stepped.reset();
    stepped.window_opens(usize::MAX);
    assert!(stepped.is_over());
}

#[test]
fn a_reset_ends_a_connection_that_sleeps() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.receives(&request("sleep", "1000"));
    stepped.event(reset_event());
    assert!(stepped.is_over());
    assert_eq!(stepped.sent_bytes(), 0);
}

#[test]
fn a_reset_ends_a_connection_with_a_full_window() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.limit_writes(usize::MAX, 0);
    stepped.receives(&pings([1]));
    stepped.event(reset_event());
    assert!(stepped.is_over());
}

#[test]
fn an_oversized_frame_is_answered_and_then_lingers() {
    let mut stepped = lingering();
    assert!(stepped.is_shut_down() && !stepped.is_over());
    stepped.receives(&vec![0; 100_000]);
    assert_eq!(stepped.unread_bytes(), 0);
    stepped.receives_end();
    assert!(stepped.is_over());
}

#[test]
fn lingering_ends_in_time() {
    let mut stepped = lingering();
    stepped.passes(LINGER_MOST / 2);
    stepped.receives(&[0; 1000]);
    stepped.passes(LINGER_MOST / 4);
    assert!(!stepped.is_over());
    stepped.passes(LINGER_MOST / 4);
    assert!(stepped.is_over());
}

#[test]
fn lingering_reads_a_bounded_amount() {
    let mut stepped = lingering();
    for _ in 0..LINGER_MOST_BYTES / 100_000 {
        stepped.receives(&vec![0; 100_000]);
        assert!(!stepped.is_over());
    }
    stepped.receives(&vec![0; 100_000]);
    assert!(stepped.is_over());
}

#[test]
fn a_lingering_peer_is_read_until_it_closes() {
    let mut stepped = lingering();
    // Both sides are closed now, which the kernel reports like a connection that can send nothing more.
    stepped.arrives(&[0; 10]);
    stepped.event(reset_event());
    assert_eq!(stepped.unread_bytes(), 0);
    stepped.receives_end();
    assert!(stepped.is_over());
}

#[test]
fn a_reset_while_lingering_ends_the_connection() {
    let mut stepped = lingering();
    stepped.reset();
    stepped.event(reset_event());
    assert!(stepped.is_over());
}

#[test]
fn the_last_reply_is_sent_before_the_side_is_closed() {
    let mut stepped = Stepped::new(&limited());
    stepped.limit_writes(usize::MAX, 0);
    stepped.receives(&[pings([1]), oversized()].concat());
    assert!(!stepped.is_shut_down());
    stepped.window_opens(usize::MAX);
    assert!(stepped.is_shut_down());
    assert_eq!(stepped.replies().len(), 2);
}

fn limited() -> Service {
    Service {
        session: SessionOptions::default(),
        ..PLAIN
    }
}

/// A connection that has replied to an oversized frame.
fn lingering() -> Stepped {
    assert!(FrameLimit::default().bytes() < u32::MAX as usize);
    let mut stepped = Stepped::new(&limited());
    stepped.receives(&oversized());
    let replies = stepped.replies();
    assert!(
        replies.len() == 1 && replies[0].contains("frame_too_large"),
        "{replies:?}"
    );
    stepped
}
