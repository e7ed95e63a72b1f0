//! Peers that demand more than their share of the server's memory or time.

use std::thread;

use crate::client::{Client, MAX_FRAME, ping_of_body_length, request};
use crate::model::Model;
use crate::server::Server;
use crate::traffic::Hog;
use crate::wait::eventually;

/// The most memory that one connection may use: a frame and a reply of 1 MiB each, buffers that have grown to twice their
/// size, and slack for the allocator. The replies below are many times as large.
const BOUND_BYTES: u64 = 16 << 20;

/// The server must stop reading when the kernel accepts no more of its replies, and continue later.
pub(crate) fn unread_replies_to_many_requests_use_bounded_memory(model: &Model) {
    unread_replies_use_bounded_memory(model, &request("blob", "65536"));
}

/// Each request computes a little, so that its reply comes after its job and not with its request.
pub(crate) fn unread_replies_to_work_use_bounded_memory(model: &Model) {
    let work = request("work", r#"{"cpu_us": 1, "reply_bytes": 65536}"#);
    unread_replies_use_bounded_memory(model, &work);
}

pub(crate) fn unread_large_replies_use_bounded_memory(model: &Model) {
    const REQUESTS: usize = 100;
    let server = model.start(&[]);
    let mut greedy = server.connect();
    stays_within_bounds(&server, &greedy, ping_of_body_length(MAX_FRAME).repeat(REQUESTS));
    for _ in 0..REQUESTS {
        let body = greedy
            .try_receive()
            .expect("a reply can be read")
            .expect("a reply comes");
        assert!(body.len() >= MAX_FRAME - 100, "a pong of that size");
    }
    greedy.expect_pong();
}

pub(crate) fn a_peer_that_does_not_read_delays_no_other_connection(model: &Model) {
    let server = model.start_for(2, &[]);
    let greedy = server.connect();
    stays_within_bounds(&server, &greedy, request("blob", "65536").repeat(1_000));
    for _ in 0..20 {
        server.expect_service();
    }
}

/// A connection with endless pipelined requests never pauses. The server must turn to others by itself.
pub(crate) fn a_peer_that_never_stops_sending_delays_no_other_connection(model: &Model) {
    let server = if model.is_event_loop() {
        model.start_one_loop(&[])
    } else {
        model.start_for(3, &[])
    };
    let mut other = server.connect_served();
    let hog = Hog::start(server.connect());
    eventually("the server is busy with the hog", || {
        hog.received_bytes() > 200_000
    });
    for _ in 0..50 {
        other.expect_pong();
    }
    server.expect_service();
    let received_bytes = hog.received_bytes();
    eventually("the hog is still served", || {
        hog.received_bytes() > received_bytes
    });
}

/// A large request that arrives slowly delays no other connection.
pub(crate) fn a_peer_that_sends_slowly_delays_no_other_connection(model: &Model) {
    let server = model.start_for(2, &[]);
    let mut slow = server.connect();
    let large = ping_of_body_length(500_000);
    for piece in large.chunks(20_000) {
        slow.send(piece);
        server.expect_service();
    }
    assert_eq!(slow.receive().out, "pong");
}

/// The request asks for a reply of 64 KiB.
#[track_caller]
fn unread_replies_use_bounded_memory(model: &Model, request: &[u8]) {
    const REQUESTS: usize = 2_000;
    let server = model.start(&[]);
    let mut greedy = server.connect();
    stays_within_bounds(&server, &greedy, request.repeat(REQUESTS));
    for _ in 0..REQUESTS {
        let body = greedy
            .try_receive()
            .expect("a reply can be read")
            .expect("a reply comes");
        assert!(body.len() >= 65_536, "a reply of that size");
    }
    greedy.expect_pong();
}

/// Sends the stream from another thread, because the server may never read all of it. Watches the server's memory until
/// the server is idle.
#[track_caller]
pub(super) fn stays_within_bounds(server: &Server, greedy: &Client, stream: Vec<u8>) {
    let before = server.tree().memory_bytes();
    assert!(before > 0, "the kernel reports the memory of the server");
    let mut sender = greedy.another_handle();
    thread::spawn(move || sender.try_send(stream));
    eventually("the server begins to reply", || greedy.has_data());
    server.wait_until_idle(|| {
        let now = server.tree().memory_bytes();
        assert!(
            now < before + BOUND_BYTES,
            "memory has grown from {before} to {now} bytes"
        );
    });
}
