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
fn a_new_connection_may_send_its_first_request() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.drains();
    stepped.passes(ms(60));
    assert!(!stepped.is_over());
    stepped.receives(&pings(1..3));
    assert_eq!(stepped.replies(), pongs(1..3));
    assert!(stepped.is_over());
}

#[test]
fn a_new_connection_that_stays_silent_is_closed() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.passes(ms(40));
    stepped.drains();
    stepped.passes(ms(59));
    assert!(!stepped.is_over());
    stepped.passes(ms(1));
    assert!(stepped.is_over());
}

#[test]
fn a_first_request_needs_no_event() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.drains();
    stepped.arrives(&pings([1]));
    stepped.passes(ms(100));
    assert_eq!(stepped.replies(), pongs([1]));
    assert!(stepped.is_over());
}

#[test]
fn a_connection_that_was_never_used_is_closed_at_once() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.passes(ms(100));
    stepped.drains();
    assert!(stepped.is_over());
    let mut stepped = Stepped::new(&PLAIN);
    stepped.drains();
    stepped.receives_end();
    assert!(stepped.is_over(), "its peer has closed it");
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
