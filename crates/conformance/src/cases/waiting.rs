//! Requests that wait without using the CPU, and which other requests wait for them.

use std::time::{Duration, Instant};

use crate::client::request;
use crate::model::Model;
use crate::server::Server;

pub(crate) fn requests_behind_a_sleep_are_answered_after_it(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    let mut stream = request("ping", "1");
    stream.extend(request("sleep", "150"));
    stream.extend(request("ping", "2"));
    stream.extend(request("sleep", "50"));
    stream.extend(request("ping", "3"));
    let start = Instant::now();
    client.send(stream);
    client.receive().is("pong", "1");
    client.receive().is("slept", "150");
    client.receive().is("pong", "2");
    assert!(start.elapsed() >= Duration::from_millis(150));
    client.receive().is("slept", "50");
    client.receive().is("pong", "3");
    assert!(start.elapsed() >= Duration::from_millis(200));
}

/// Requests that arrive during a wait are kept, in whatever pieces they come.
pub(crate) fn requests_that_arrive_during_a_sleep_are_answered_after_it(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect_served();
    client.send(request("sleep", "300"));
    let late = request("ping", r#""late""#);
    let (begin, end) = late.split_at(7);
    for _ in 0..5 {
        client.send(begin);
        client.send(end);
    }
    client.receive().is("slept", "300");
    for _ in 0..5 {
        client.receive().is("pong", r#""late""#);
    }
}

/// The sleep is longer than the client's timeout, so that a connection that waits for it fails.
pub(crate) fn a_sleep_delays_no_other_connection(model: &Model) {
    let server = model.start_for(2, &[]);
    let mut sleeper = server.connect_served();
    sleeper.send(request("sleep", "60000"));
    let mut other = server.connect();
    for _ in 0..20 {
        other.expect_pong();
        other.call("sleep", "5").is("slept", "5");
    }
    assert!(!sleeper.has_data(), "the sleep of 60 s goes on");
}

pub(crate) fn eight_sleeps_at_once_take_as_long_as_one(model: &Model) {
    let server = model.start_for(8, &[]);
    eight_take_as_long_as_one(&server, "sleep", "slept");
}

/// Each of as many workers as connections runs its handler by itself.
pub(crate) fn eight_blocks_at_once_take_as_long_as_one(model: &Model) {
    let server = if model.has_workers() {
        model.start(&["--workers", "8"])
    } else {
        model.start(&[])
    };
    eight_take_as_long_as_one(&server, "block", "blocked");
}

/// All eight in one event loop: no sleep may hold a thread.
pub(crate) fn eight_sleeps_in_one_loop_take_as_long_as_one(model: &Model) {
    let server = model.start_one_loop(&[]);
    server.expect_service();
    let threads = server.tree().threads();
    eight_take_as_long_as_one(&server, "sleep", "slept");
    let mut sleepers: Vec<_> = (0..8).map(|_| server.connect_served()).collect();
    for sleeper in &mut sleepers {
        sleeper.send(request("sleep", "60000"));
    }
    server.expect_service();
    assert_eq!(server.tree().threads(), threads, "a sleep holds no thread");
}

/// What a blocking handler costs in an event loop: it holds the only thread.
pub(crate) fn blocks_in_one_loop_run_one_after_another(model: &Model) {
    let server = model.start_one_loop(&[]);
    let mut clients: Vec<_> = (0..4).map(|_| server.connect_served()).collect();
    let start = Instant::now();
    for client in &mut clients {
        client.send(request("block", "100"));
    }
    for client in &mut clients {
        client.receive().is("blocked", "100");
    }
    let took = start.elapsed();
    assert!(
        took >= Duration::from_millis(400),
        "{took:?} is less than four times 100 ms in turn"
    );
}

/// Sleeps end in the order of their deadlines, not of their connections.
pub(crate) fn a_short_sleep_overtakes_an_earlier_long_one(model: &Model) {
    let server = model.start_for(3, &[]);
    let mut long = server.connect_served();
    let mut short = server.connect_served();
    let mut none = server.connect_served();
    long.send(request("sleep", "60000"));
    short.send(request("sleep", "20"));
    none.send(request("sleep", "0"));
    none.receive().is("slept", "0");
    short.receive().is("slept", "20");
    assert!(!long.has_data(), "the long sleep goes on");
}

/// One after another, eight of them take at least eight times as long on any machine. On a busy machine they may take as
/// long in one attempt, but not in each of several.
#[track_caller]
fn eight_take_as_long_as_one(server: &Server, operation: &str, out: &str) {
    const ONE: Duration = Duration::from_millis(500);
    const ATTEMPTS: usize = 5;
    let mut clients: Vec<_> = (0..8).map(|_| server.connect_served()).collect();
    let mut attempt = || {
        let start = Instant::now();
        for client in &mut clients {
            client.send(request(operation, "500"));
        }
        for client in &mut clients {
            client.receive().is(out, "500");
        }
        let took = start.elapsed();
        assert!(took >= ONE, "{took:?}: each takes 500 ms");
        took
    };
    assert!(
        (0..ATTEMPTS).any(|_| attempt() < 8 * ONE),
        "in each of {ATTEMPTS} attempts eight took eight times as long as one {operation}"
    );
}
