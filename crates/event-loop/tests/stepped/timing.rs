//! Sleeps, the idle timeout and the frame timeout, with a clock that is stepped.

use event_loop::Turn;
use serving::Service;

use crate::harness::{PLAIN, Stepped, ms, pings, pongs, request};

const IDLE: Service = Service {
    idle_timeout: Some(ms(100)),
    ..PLAIN
};
const FRAME: Service = Service {
    frame_timeout: Some(ms(100)),
    ..PLAIN
};

#[test]
fn a_sleep_ends_at_its_time_and_not_before() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.receives(&[request("sleep", "200"), pings([1])].concat());
    stepped.passes(ms(199));
    stepped.timer();
    assert_eq!(stepped.sent_bytes(), 0);
    stepped.passes(ms(1));
    assert_eq!(stepped.replies(), ["slept 200", "pong 1"]);
}

#[test]
fn sleeps_follow_each_other() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.receives(&request("sleep", "10").repeat(3));
    for _ in 0..3 {
        assert_eq!(stepped.sent_bytes(), 0);
        stepped.passes(ms(10));
        assert_eq!(stepped.replies(), ["slept 10"]);
    }
}

#[test]
fn requests_behind_a_sleep_are_not_read() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.receives(&request("sleep", "10"));
    stepped.receives(&pings([1]));
    assert_eq!(stepped.unread_bytes(), pings([1]).len());
    stepped.passes(ms(10));
    assert_eq!(stepped.replies(), ["slept 10", "pong 1"]);
}

#[test]
fn an_idle_connection_is_closed_in_time() {
    let mut stepped = Stepped::new(&IDLE);
    stepped.passes(ms(99));
    assert!(!stepped.is_over());
    stepped.passes(ms(1));
    assert!(stepped.is_over());
}

#[test]
fn every_byte_in_either_direction_starts_the_time_again() {
    let mut stepped = Stepped::new(&IDLE);
    stepped.limit_writes(usize::MAX, 0);
    for byte in pings([1]) {
        stepped.passes(ms(60));
        stepped.receives(&[byte]);
    }
    stepped.passes(ms(60));
    stepped.window_opens(1);
    stepped.passes(ms(60));
    assert!(!stepped.is_over());
    stepped.passes(ms(40));
    assert!(stepped.is_over());
}

#[test]
fn a_request_that_the_loop_has_not_seen_is_answered() {
    let mut stepped = Stepped::new(&IDLE);
    stepped.receives(&pings([0]));
    // A handler holds the loop, so the timer is looked at before the event.
    stepped.arrives(&pings([1]));
    stepped.passes(ms(500));
    assert_eq!(stepped.replies(), pongs(0..2));
    stepped.passes(ms(99));
    assert!(!stepped.is_over());
    stepped.passes(ms(1));
    assert!(stepped.is_over());
}

#[test]
fn work_that_waited_for_its_turn_is_done() {
    let mut stepped = Stepped::new(&IDLE);
    stepped.arrives(&request("spin", "5").repeat(2));
    assert_eq!(stepped.turn(), Turn::Unfinished);
    // Meanwhile the others hold the loop.
    stepped.passes(ms(500));
    assert_eq!(stepped.replies(), ["spun 5", "spun 5"]);
    assert!(!stepped.is_over());
}

#[test]
fn a_sleep_is_not_idle() {
    let mut stepped = Stepped::new(&IDLE);
    stepped.receives(&request("sleep", "1000"));
    stepped.passes(ms(999));
    assert!(!stepped.is_over());
    stepped.passes(ms(1));
    assert_eq!(stepped.replies(), ["slept 1000"]);
    stepped.passes(ms(99));
    assert!(!stepped.is_over());
    stepped.passes(ms(1));
    assert!(stepped.is_over());
}

#[test]
fn after_a_sleep_a_slow_peer_has_the_whole_time() {
    let mut stepped = Stepped::new(&IDLE);
    stepped.limit_writes(usize::MAX, 0);
    stepped.receives(&request("sleep", "1000"));
    stepped.passes(ms(1000));
    stepped.passes(ms(99));
    assert!(!stepped.is_over());
    stepped.passes(ms(1));
    assert!(stepped.is_over());
}

#[test]
fn a_frame_has_to_be_whole_in_time() {
    let mut stepped = Stepped::new(&FRAME);
    let ping = pings([1]);
    // No frame has begun.
    stepped.passes(ms(1000));
    stepped.receives(&ping[..1]);
    for byte in &ping[1..10] {
        stepped.passes(ms(9));
        stepped.receives(&[*byte]);
    }
    stepped.passes(ms(18));
    assert!(!stepped.is_over());
    stepped.passes(ms(1));
    assert!(stepped.is_over());
}

#[test]
fn a_frame_that_is_whole_in_time_is_answered() {
    let mut stepped = Stepped::new(&FRAME);
    let pings = pings(0..2);
    let (first, rest) = pings.split_at(pings.len() / 2 - 1);
    stepped.receives(first);
    stepped.passes(ms(99));
    // The next frame begins now, and has a time of its own.
    stepped.receives(&rest[..5]);
    assert_eq!(stepped.replies(), pongs([0]));
    stepped.passes(ms(99));
    assert!(!stepped.is_over());
    stepped.receives(&rest[5..]);
    assert_eq!(stepped.replies(), pongs([1]));
    stepped.passes(ms(1000));
    assert!(!stepped.is_over());
}

#[test]
fn the_unseen_rest_of_a_frame_counts() {
    let mut stepped = Stepped::new(&FRAME);
    let ping = pings([1]);
    stepped.receives(&ping[..7]);
    stepped.arrives(&ping[7..]);
    stepped.passes(ms(100));
    assert_eq!(stepped.replies(), pongs([1]));
    assert!(!stepped.is_over());
}

#[test]
fn the_clock_is_read_only_where_something_depends_on_it() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.receives(&pings(0..5));
    let whole = pings([1]);
    stepped.receives(&whole[..3]);
    stepped.receives(&whole[3..]);
    assert_eq!(stepped.looks_at_the_clock(), 0);
    stepped.receives(&request("sleep", "1"));
    assert_eq!(stepped.looks_at_the_clock(), 1);
}

#[test]
fn a_timer_with_nothing_due_changes_nothing() {
    for service in [PLAIN, IDLE, FRAME] {
        let mut stepped = Stepped::new(&service);
        let bytes = [pings([1]), request("sleep", "10"), pings([2])].concat();
        stepped.limit_writes(1, 0);
        for byte in bytes {
            stepped.timer();
            stepped.receives(&[byte]);
            stepped.timer();
            stepped.window_opens(1);
        }
        stepped.timer();
        stepped.passes(ms(10));
        for _ in 0..200 {
            stepped.timer();
            stepped.window_opens(1);
        }
        assert_eq!(stepped.replies(), ["pong 1", "slept 10", "pong 2"]);
        assert!(!stepped.is_over());
    }
}
