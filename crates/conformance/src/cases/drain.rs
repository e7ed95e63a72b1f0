//! How a server shuts down: it sends every reply that it owes, and waits for nothing else.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::client::{Client, request};
use crate::model::Model;
use crate::server::Server;
use crate::traffic::{Flood, Hog};
use crate::wait::{TIMEOUT, eventually, let_packets_arrive};

/// Longer than any timeout of a case, so that a server that waits for it fails.
const LONG_DRAIN: [&str; 2] = ["--drain-timeout", "60s"];

pub(crate) fn either_signal_ends_an_unused_server(model: &Model) {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        ends_cleanly(model.start(&LONG_DRAIN), signal);
    }
}

pub(crate) fn either_signal_ends_a_server_that_was_used(model: &Model) {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let server = model.start(&LONG_DRAIN);
        for _ in 0..5 {
            server.expect_service();
        }
        ends_cleanly(server, signal);
    }
}

pub(crate) fn an_idle_connection_does_not_delay_shutdown(model: &Model) {
    let server = model.start_for(3, &LONG_DRAIN);
    let mut used = server.connect_served();
    let never_used = (!model.serves_one()).then(|| server.connect());
    ends_cleanly(server, Signal::SIGTERM);
    used.expect_end();
    if let Some(mut never_used) = never_used {
        // The kernel resets a connection that the server had not accepted yet.
        never_used.expect_disconnect();
    }
}

pub(crate) fn half_a_request_does_not_delay_shutdown(model: &Model) {
    for half in [2, 20] {
        let server = model.start(&LONG_DRAIN);
        let mut client = server.connect_served();
        client.send(&request("ping", "1")[..half]);
        let_packets_arrive();
        ends_cleanly(server, Signal::SIGTERM);
        client.expect_disconnect();
    }
}

pub(crate) fn a_request_in_progress_is_answered_before_exit(model: &Model) {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        for (operation, params, out, result) in [
            ("sleep", "400", "slept", "400"),
            ("block", "400", "blocked", "400"),
            // The signal arrives in its first part, and the second begins while the server drains.
            ("work", r#"{"cpu_us": 200000, "wait_ms": 200}"#, "worked", r#""""#),
        ] {
            let server = model.start(&LONG_DRAIN);
            let mut client = server.connect_with(request(operation, params));
            server.signal(signal);
            client.receive().is(out, result);
            client.expect_end();
            has_ended_cleanly(server);
        }
    }
}

/// For Ctrl-C, a terminal sends the signal to every process of a server, workers and children included.
pub(crate) fn ctrl_c_in_a_terminal_drains_too(model: &Model) {
    let server = model.start(&LONG_DRAIN);
    let mut client = server.connect_with(request("sleep", "400"));
    server.signal_group(Signal::SIGINT);
    client.receive().is("slept", "400");
    client.expect_end();
    has_ended_cleanly(server);
}

pub(crate) fn every_request_that_arrived_is_answered_before_exit(model: &Model) {
    let server = model.start(&LONG_DRAIN);
    let mut stream = request("sleep", "200");
    for number in 0..300 {
        stream.extend(request("ping", &number.to_string()));
    }
    stream.extend(request("sleep", "50"));
    stream.extend(request("blob", "100000"));
    stream.extend(&request("ping", r#""only half of it""#)[..20]);
    let mut client = server.connect_with(stream);
    server.signal(Signal::SIGTERM);
    client.receive().is("slept", "200");
    for number in 0..300 {
        client.receive().is("pong", &number.to_string());
    }
    client.receive().is("slept", "50");
    assert_eq!(client.receive().result.len(), 100_002);
    client.expect_disconnect();
    has_ended_cleanly(server);
}

/// More than the kernel buffers for a connection, so that the server is still writing when the signal comes.
pub(crate) fn replies_are_written_completely_before_exit(model: &Model) {
    const REPLIES: usize = 40;
    let server = model.start(&LONG_DRAIN);
    let mut client = server.connect_with(request("blob", "1000000").repeat(REPLIES));
    server.wait_until_idle(|| {});
    server.signal(Signal::SIGTERM);
    let_packets_arrive();
    for _ in 0..REPLIES {
        let body = client
            .try_receive()
            .expect("a reply can be read")
            .expect("a reply comes before the end");
        assert!(body.len() > 1_000_000, "a blob of that size");
    }
    client.expect_end();
    has_ended_cleanly(server);
}

/// Requests that arrive after the signal are not answered, however many they are.
pub(crate) fn a_peer_that_never_stops_sending_does_not_delay_shutdown(model: &Model) {
    let server = model.start(&LONG_DRAIN);
    let hog = Hog::start(server.connect());
    eventually("the server is busy with the hog", || {
        hog.received_bytes() > 200_000
    });
    ends_cleanly(server, Signal::SIGTERM);
}

/// A listener that is always ready must not hide the signal.
pub(crate) fn a_flood_of_connections_does_not_delay_shutdown(model: &Model) {
    for accept in model.accept_flags() {
        let server = model.start(&[&accept[..], &LONG_DRAIN].concat());
        let flood = Flood::start(server.address());
        eventually("the flood has begun", || flood.sent() > 500);
        ends_cleanly(server, Signal::SIGTERM);
    }
}

pub(crate) fn several_connections_drain_at_the_same_time(model: &Model) {
    let server = model.start_for(5, &LONG_DRAIN);
    let mut sleepers: Vec<_> = [300, 100, 200, 400]
        .into_iter()
        .map(|time_ms: u32| {
            (
                server.connect_with(request("sleep", &time_ms.to_string())),
                time_ms,
            )
        })
        .collect();
    let mut idle = server.connect_served();
    server.signal(Signal::SIGTERM);
    idle.expect_end();
    for (client, time_ms) in &mut sleepers {
        client.receive().is("slept", &time_ms.to_string());
        client.expect_end();
    }
    has_ended_cleanly(server);
}

/// While a server drains, it serves no new connection: it refuses it, closes it or leaves it in the backlog.
pub(crate) fn no_new_connection_is_served_while_draining(model: &Model) {
    let server = model.start_for(4, &LONG_DRAIN);
    let sleeper = server.connect_with(request("sleep", "60000"));
    let mut idle = server.connect_served();
    server.signal(Signal::SIGTERM);
    idle.expect_end();
    let is_served = || {
        Client::connect(server.address()).is_ok_and(|mut client| {
            client.try_send(request("ping", "1")).is_ok() && client.is_answered_soon()
        })
    };
    eventually("new connections are no longer served", || !is_served());
    for _ in 0..3 {
        assert!(!is_served(), "a connection was served again");
    }
    assert!(!sleeper.has_data(), "the server still waits for the sleep");
}

pub(crate) fn the_port_is_closed_after_exit(model: &Model) {
    let mut server = model.start(&LONG_DRAIN);
    server.expect_service();
    server.signal(Signal::SIGTERM);
    server.finish();
    assert!(
        Client::connect(server.address()).is_err(),
        "a connection is refused"
    );
}

pub(crate) fn the_drain_timeout_ends_longer_requests(model: &Model) {
    let long = [
        request("sleep", "60000"),
        request("block", "60000"),
        request("sleep", "1000").repeat(60),
    ];
    for stream in long {
        let server = model.start(&["--drain-timeout", "500ms"]);
        let mut client = server.connect_with(stream);
        let start = Instant::now();
        ends_cleanly(server, Signal::SIGTERM);
        let took = start.elapsed();
        assert!(
            took >= Duration::from_millis(490),
            "it exited after {took:?}, and a reply was due"
        );
        assert!(took < TIMEOUT / 2, "it exited {took:?} after the signal");
        client.expect_disconnect();
    }
}

/// The server waits for the reader of a reply too, but not for longer than the timeout.
pub(crate) fn the_drain_timeout_ends_unread_replies(model: &Model) {
    let server = model.start(&["--drain-timeout", "500ms"]);
    let mut client = server.connect();
    client.send(request("blob", "1000000").repeat(200));
    server.wait_until_idle(|| {});
    ends_cleanly(server, Signal::SIGTERM);
    let mut read = 0;
    while let Ok(Some(_)) = client.try_receive() {
        read += 1;
    }
    assert!(read < 200, "the kernel alone can't have buffered all replies");
}

#[track_caller]
fn ends_cleanly(server: Server, signal: Signal) {
    server.signal(signal);
    has_ended_cleanly(server);
}

#[track_caller]
fn has_ended_cleanly(mut server: Server) {
    let finished = server.finish();
    assert_eq!(finished.code, Some(0), "it exits cleanly: {}", finished.stderr);
    assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
}
