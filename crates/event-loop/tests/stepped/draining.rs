//! The end of the process: what has arrived by then is answered, and nothing later.

use crate::harness::{PLAIN, Stepped, ms, pings, pongs, request};

#[test]
fn a_drain_ends_an_idle_connection() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.receives(&pings([1]));
    stepped.drains();
    assert!(stepped.is_over());
    assert!(!stepped.is_shut_down());
}

#[test]
fn what_had_arrived_is_answered_though_no_event_was_seen() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.receives(&pings([0]));
    stepped.arrives(&pings(1..500));
    stepped.drains();
    assert_eq!(stepped.replies(), pongs(0..500));
    assert!(stepped.is_over());
}

#[test]
fn what_arrives_later_is_not_answered() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.limit_writes(usize::MAX, 0);
    stepped.arrives(&pings([1]));
    stepped.drains();
    stepped.receives(&pings([2]));
    stepped.window_opens(usize::MAX);
    assert_eq!(stepped.replies(), pongs([1]));
    // To close with bytes unread would be a reset, which can overtake the reply.
    assert!(stepped.is_shut_down() && !stepped.is_over());
    stepped.receives_end();
    assert!(stepped.is_over());
}

#[test]
fn half_a_frame_does_not_hold_up_a_drain() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.receives(&pings([1])[..5]);
    stepped.drains();
    assert!(stepped.is_over());
}

#[test]
fn a_sleep_is_answered_before_the_end() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.receives(&[request("sleep", "50"), pings([1])].concat());
    stepped.drains();
    assert!(!stepped.is_over());
    stepped.passes(ms(50));
    assert_eq!(stepped.replies(), ["slept 50", "pong 1"]);
    assert!(stepped.is_over());
}

#[test]
fn replies_to_a_slow_peer_are_sent_before_the_end() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.limit_writes(usize::MAX, 0);
    stepped.receives(&pings(0..10));
    stepped.drains();
    assert!(!stepped.is_over());
    while !stepped.is_over() {
        stepped.window_opens(1);
    }
    assert_eq!(stepped.replies(), pongs(0..10));
}
