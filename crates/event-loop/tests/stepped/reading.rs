//! Requests that arrive at once, in parts, or all too many.

use event_loop::connection::TURN_REQUESTS;
use event_loop::{Readiness, Turn};
use protocol::buffer::RETAINED_BYTES;

use crate::harness::{PLAIN, Stepped, pings, pongs, request};

#[test]
fn a_request_costs_one_read_and_one_write() {
    let mut stepped = Stepped::new(&PLAIN);
    for number in 0..3 {
        stepped.receives(&pings([number]));
        assert_eq!(stepped.replies(), pongs([number]));
        // The read came back short, so that there is no second one, and nothing depends on the time.
        assert_eq!(stepped.calls(), (1, 1));
        assert_eq!(stepped.looks_at_the_clock(), 0);
    }
}

#[test]
fn pipelined_requests_leave_in_one_write() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.receives(&pings(0..10));
    assert_eq!(stepped.replies(), pongs(0..10));
    assert_eq!(stepped.calls(), (1, 1));
}

#[test]
fn a_read_that_fills_its_room_is_followed_by_another() {
    let mut stepped = Stepped::new(&PLAIN);
    // The first room is 4 KiB, and the kernel reports the arrival only once.
    let bytes = pings(0..1000);
    stepped.receives(&bytes);
    assert_eq!(stepped.unread_bytes(), 0);
    assert_eq!(stepped.replies(), pongs(0..1000));
}

#[test]
fn without_an_event_there_is_no_read() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.receives(&pings([1]));
    stepped.calls();
    stepped.arrives(&pings([2]));
    assert_eq!(stepped.turn(), Turn::Blocked);
    stepped.event(Readiness::default());
    assert_eq!(stepped.calls(), (0, 0));
    stepped.receives(&[]);
    assert_eq!(stepped.replies(), pongs([1, 2]));
}

#[test]
fn an_event_without_bytes_costs_one_read() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.receives(&[]);
    assert_eq!(stepped.calls(), (1, 0));
    stepped.turns();
    assert_eq!(stepped.calls(), (0, 0));
}

#[test]
fn a_frame_may_arrive_byte_by_byte() {
    let mut stepped = Stepped::new(&PLAIN);
    let bytes = pings(0..3);
    for byte in bytes {
        stepped.receives(&[byte]);
    }
    assert_eq!(stepped.replies(), pongs(0..3));
}

#[test]
fn a_frame_larger_than_the_buffer_arrives_in_parts() {
    let mut stepped = Stepped::new(&PLAIN);
    let params = format!("\"{}\"", "x".repeat(5 * RETAINED_BYTES));
    let bytes = request("ping", &params);
    for part in bytes.chunks(RETAINED_BYTES + 1) {
        assert_eq!(stepped.sent_bytes(), 0);
        stepped.receives(part);
    }
    assert_eq!(stepped.replies(), [format!("pong {params}")]);
    stepped.receives(&pings([1]));
    assert_eq!(stepped.replies(), pongs([1]));
}

#[test]
fn after_many_requests_it_is_the_others_turn() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.arrives(&pings(0..3 * TURN_REQUESTS));
    assert_eq!(stepped.turn(), Turn::Unfinished);
    assert_eq!(stepped.turn(), Turn::Unfinished);
    stepped.turns();
    assert_eq!(stepped.replies(), pongs(0..3 * TURN_REQUESTS));
}

#[test]
fn interrupted_calls_are_repeated() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.interrupt(3);
    stepped.receives(&pings([1]));
    assert_eq!(stepped.replies(), pongs([1]));
}

#[test]
fn work_is_done_before_what_stands_behind_it() {
    let mut stepped = Stepped::new(&PLAIN);
    let spin = request("spin", "5");
    stepped.receives(&[pings([1]), spin, pings([2])].concat());
    assert_eq!(stepped.jobs(), 1);
    assert_eq!(stepped.replies(), ["pong 1", "spun 5", "pong 2"]);
}
