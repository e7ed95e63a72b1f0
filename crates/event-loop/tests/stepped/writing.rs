//! Peers that read slowly, or not at all.

use event_loop::Turn;
use protocol::session::UNSENT_MOST_BYTES;

use crate::harness::{PLAIN, Stepped, pings, pongs, request};

#[test]
fn a_reply_may_leave_in_short_writes() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.limit_writes(3, usize::MAX);
    stepped.receives(&pings([1]));
    let (_, writes) = stepped.calls();
    assert_eq!(writes, stepped.sent_bytes().div_ceil(3));
    assert_eq!(stepped.replies(), pongs([1]));
}

#[test]
fn a_reply_that_finds_no_window_is_sent_later() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.limit_writes(usize::MAX, 5);
    stepped.receives(&pings([1]));
    assert_eq!(stepped.sent_bytes(), 5);
    stepped.window_opens(usize::MAX);
    assert_eq!(stepped.replies(), pongs([1]));
}

#[test]
fn a_peer_that_does_not_read_is_not_read_from() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.limit_writes(usize::MAX, 0);
    stepped.receives(&pings([0]));
    stepped.calls();
    for number in 1..100 {
        stepped.receives(&pings([number]));
    }
    let (reads, _) = stepped.calls();
    assert_eq!(reads, 0);
    assert_eq!(stepped.unread_bytes(), pings(1..100).len());
    stepped.window_opens(usize::MAX);
    assert_eq!(stepped.replies(), pongs(0..100));
}

#[test]
fn replies_that_a_peer_does_not_read_are_bounded() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.limit_writes(usize::MAX, 0);
    let blob = "1000";
    stepped.receives(&request("blob", blob).repeat(1000));
    let stopped_at = stepped.unread_bytes();
    stepped.turns();
    assert_eq!(stepped.unread_bytes(), stopped_at);
    let mut replies = Vec::new();
    while replies.len() < 1000 {
        // The peer takes a little more than what may be owed to it at a time.
        stepped.window_opens(UNSENT_MOST_BYTES + 2000);
        stepped.limit_writes(usize::MAX, usize::MAX);
        stepped.turns();
        replies.extend(stepped.replies());
    }
    assert_eq!(replies.len(), 1000);
}

#[test]
fn a_full_window_ends_the_turn() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.limit_writes(usize::MAX, 0);
    stepped.arrives(&pings(0..10));
    assert_eq!(stepped.turn(), Turn::Blocked);
    // Nobody has read meanwhile, so another turn only tries again.
    stepped.calls();
    assert_eq!(stepped.turn(), Turn::Blocked);
    assert_eq!(stepped.calls(), (0, 1));
}

#[test]
fn a_window_that_opens_byte_by_byte_loses_nothing() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.limit_writes(usize::MAX, 0);
    stepped.receives(&pings(0..5));
    for _ in 0..1000 {
        stepped.window_opens(1);
    }
    assert_eq!(stepped.replies(), pongs(0..5));
}

#[test]
fn work_behind_a_full_window_is_done() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.limit_writes(usize::MAX, 0);
    stepped.receives(&[pings([1]), request("spin", "5")].concat());
    assert_eq!(stepped.jobs(), 1);
    stepped.window_opens(usize::MAX);
    assert_eq!(stepped.replies(), ["pong 1", "spun 5"]);
}
