//! How a server ends when it is asked to: with every reply that it owes, and without waiting for anything else.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::client::{Client, request};
use crate::load::{Flood, Hog};
use crate::model::Model;
use crate::patience::{PATIENCE, eventually, let_it_arrive};
use crate::server::Server;

/// Longer than anyone's patience, so that a server that waits for it fails.
const AGES: [&str; 2] = ["--drain-timeout", "60s"];

pub(crate) fn either_signal_ends_an_unused_server(model: &Model) {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        ends_well(model.start(&AGES), signal);
    }
}

pub(crate) fn either_signal_ends_a_server_that_was_used(model: &Model) {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let server = model.start(&AGES);
        for _ in 0..5 {
            server.serves();
        }
        ends_well(server, signal);
    }
}

pub(crate) fn an_idle_connection_does_not_hold_up_the_end(model: &Model) {
    let server = model.start_for(3, &AGES);
    let mut asked = server.connect_served();
    let never_asked = model.traits.several_connections.then(|| server.connect());
    ends_well(server, Signal::SIGTERM);
    asked.ends();
    if let Some(mut never_asked) = never_asked {
        // A connection that the server had yet to accept is the kernel's to end, by a reset.
        never_asked.is_cut_off();
    }
}

pub(crate) fn half_a_request_does_not_hold_up_the_end(model: &Model) {
    for half in [2, 20] {
        let server = model.start(&AGES);
        let mut client = server.connect_served();
        client.send(&request("ping", "1")[..half]);
        let_it_arrive();
        ends_well(server, Signal::SIGTERM);
        client.is_cut_off();
    }
}

pub(crate) fn a_sleep_in_progress_is_answered_before_the_end(model: &Model) {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        for (operation, out) in [("sleep", "slept"), ("block", "blocked")] {
            let server = model.start(&AGES);
            let mut client = connect_and_send(&server, request(operation, "400"));
            server.signal(signal);
            client.receive().is(out, "400");
            client.ends();
            has_ended_well(server);
        }
    }
}

/// A terminal sends the signal of Ctrl-C to every process of a server, workers and children included.
pub(crate) fn ctrl_c_in_a_terminal_drains_as_well(model: &Model) {
    let server = model.start(&AGES);
    let mut client = connect_and_send(&server, request("sleep", "400"));
    server.signal_group(Signal::SIGINT);
    client.receive().is("slept", "400");
    client.ends();
    has_ended_well(server);
}

pub(crate) fn every_request_that_has_arrived_is_answered_before_the_end(model: &Model) {
    let server = model.start(&AGES);
    let mut stream = request("sleep", "200");
    for number in 0..300 {
        stream.extend(request("ping", &number.to_string()));
    }
    stream.extend(request("sleep", "50"));
    stream.extend(request("blob", "100000"));
    stream.extend(&request("ping", r#""only half of it""#)[..20]);
    let mut client = connect_and_send(&server, stream);
    server.signal(Signal::SIGTERM);
    client.receive().is("slept", "200");
    for number in 0..300 {
        client.receive().is("pong", &number.to_string());
    }
    client.receive().is("slept", "50");
    assert_eq!(client.receive().result.len(), 100_002);
    client.is_cut_off();
    has_ended_well(server);
}

/// More than the kernel holds for a connection, so that the server is in the middle of it when the signal comes.
pub(crate) fn replies_are_written_to_their_end_before_the_end(model: &Model) {
    const REPLIES: usize = 40;
    let server = model.start(&AGES);
    let mut client = connect_and_send(&server, request("blob", "1000000").repeat(REPLIES));
    server.settles(|| {});
    server.signal(Signal::SIGTERM);
    let_it_arrive();
    for _ in 0..REPLIES {
        let body = client
            .try_receive()
            .expect("a reply can be read")
            .expect("a reply comes before the end");
        assert!(body.len() > 1_000_000, "a blob of that size");
    }
    client.ends();
    has_ended_well(server);
}

/// What arrives after the signal has come too late, however much of it there is.
pub(crate) fn a_peer_that_sends_without_end_does_not_hold_up_the_end(model: &Model) {
    let server = model.start(&AGES);
    let hog = Hog::let_loose(server.connect());
    eventually("the server is busy with the hog", || {
        hog.received_bytes() > 200_000
    });
    ends_well(server, Signal::SIGTERM);
}

/// A listener that is always ready must not hide the signal.
pub(crate) fn a_flood_of_connections_does_not_hold_up_the_end(model: &Model) {
    let server = model.start(&AGES);
    let flood = Flood::let_loose(server.address());
    eventually("the flood is under way", || flood.asked() > 500);
    ends_well(server, Signal::SIGTERM);
}

pub(crate) fn several_connections_are_drained_side_by_side(model: &Model) {
    let server = model.start_for(5, &AGES);
    let mut sleepers: Vec<_> = [300, 100, 200, 400]
        .into_iter()
        .map(|time_ms: u32| {
            (
                connect_and_send(&server, request("sleep", &time_ms.to_string())),
                time_ms,
            )
        })
        .collect();
    let mut idle = server.connect_served();
    server.signal(Signal::SIGTERM);
    idle.ends();
    for (client, time_ms) in &mut sleepers {
        client.receive().is("slept", &time_ms.to_string());
        client.ends();
    }
    has_ended_well(server);
}

/// While a server waits for what it owes, it takes nothing new: a connection is refused, closed or left alone.
pub(crate) fn no_new_connection_is_served_during_the_end(model: &Model) {
    let server = model.start_for(4, &AGES);
    let sleeper = connect_and_send(&server, request("sleep", "60000"));
    let mut idle = server.connect_served();
    server.signal(Signal::SIGTERM);
    idle.ends();
    let is_served = || {
        Client::connect(server.address()).is_ok_and(|mut client| {
            client.try_send(request("ping", "1")).is_ok() && client.is_answered_soon()
        })
    };
    eventually("new connections are no longer served", || !is_served());
    for _ in 0..3 {
        assert!(!is_served(), "a connection was served again");
    }
    assert!(!sleeper.has_heard(), "the server still waits for the sleep");
}

pub(crate) fn nobody_listens_after_the_end(model: &Model) {
    let mut server = model.start(&AGES);
    server.serves();
    server.signal(Signal::SIGTERM);
    server.finish();
    assert!(
        Client::connect(server.address()).is_err(),
        "a connection is refused"
    );
}

pub(crate) fn the_drain_timeout_ends_what_takes_longer(model: &Model) {
    let long = [
        request("sleep", "60000"),
        request("block", "60000"),
        request("sleep", "1000").repeat(60),
    ];
    for stream in long {
        let server = model.start(&["--drain-timeout", "500ms"]);
        let mut client = connect_and_send(&server, stream);
        let start = Instant::now();
        ends_well(server, Signal::SIGTERM);
        let took = start.elapsed();
        assert!(
            took >= Duration::from_millis(490),
            "it ended after {took:?} and owed a reply"
        );
        assert!(took < PATIENCE / 2, "it ended {took:?} after the signal");
        client.is_cut_off();
    }
}

/// Replies that nobody reads are owed as well, but not for longer than the timeout.
pub(crate) fn the_drain_timeout_ends_replies_that_nobody_reads(model: &Model) {
    let server = model.start(&["--drain-timeout", "500ms"]);
    let mut client = server.connect();
    client.send(request("blob", "1000000").repeat(200));
    server.settles(|| {});
    ends_well(server, Signal::SIGTERM);
    let mut read = 0;
    while let Ok(Some(_)) = client.try_receive() {
        read += 1;
    }
    assert!(read < 200, "the kernel alone can't have held all replies");
}

/// Sends that behind a ping, in one write, so that the ping's reply tells that all of it has arrived.
#[track_caller]
fn connect_and_send(server: &Server, stream: Vec<u8>) -> Client {
    let mut client = server.connect();
    let mut all = request("ping", r#""arrived""#);
    all.extend(stream);
    client.send(all);
    client.receive().is("pong", r#""arrived""#);
    client
}

#[track_caller]
fn ends_well(server: Server, signal: Signal) {
    server.signal(signal);
    has_ended_well(server);
}

#[track_caller]
fn has_ended_well(mut server: Server) {
    let finished = server.finish();
    assert_eq!(
        finished.code,
        Some(0),
        "it exits in good order: {}",
        finished.stderr
    );
    assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
}
