//! What each value of `--accept` promises, where workers are threads.

use std::fs;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::client::{Client, request};
use crate::model::Model;
use crate::server::Server;
use crate::wait::eventually;

/// Each connection goes to the loop that has the fewest. So the load stays even when the connections of one loop close.
pub(crate) fn deal_gives_connections_to_the_loop_with_fewest(model: &Model) {
    let connections = connections_of_workers(model, "deal", |server| {
        let before = server.tree().descriptors();
        let mut open: Vec<_> = (0..8).map(|_| server.connect_served()).collect();
        // Dealt in turn, the first loop has every other one. It loses all of them.
        let mut index = 0;
        open.retain(|_| {
            index += 1;
            index % 2 == 0
        });
        eventually("the server has closed them too", || {
            server.tree().descriptors() == before + open.len()
        });
        // All of these go to the first loop.
        open.extend((0..4).map(|_| server.connect_served()));
        // And these in turn again.
        open.extend((0..4).map(|_| server.connect_served()));
        open
    });
    assert_eq!(connections, [8 + 2, 4 + 2]);
}

/// The kernel distributes connections by their addresses. All of 32 go to one listener of two once in two billion times.
pub(crate) fn reuseport_spreads_connections_over_the_threads(model: &Model) {
    let connections = connections_of_workers(model, "reuseport", |server| {
        (0..32).map(|_| server.connect_served()).collect()
    });
    assert_eq!(connections.iter().sum::<u64>(), 32);
    assert!(connections.iter().all(|count| *count > 0), "{connections:?}");
}

/// With every thread busy and a full queue the server accepts nothing more. The backlog has the rest, and none is lost.
pub(crate) fn a_full_queue_leaves_connections_in_the_backlog(model: &Model) {
    let server = model.start(&["--accept", "queue", "--workers", "1", "--queue", "2"]);
    let before = server.tree().descriptors();
    let held = server.connect_served();
    let waiting = connect(&server, 6);
    eventually("one is served, and two wait in the queue", || {
        server.tree().descriptors() == before + 3
    });
    server.wait_until_idle(|| {});
    assert_eq!(
        server.tree().descriptors(),
        before + 3,
        "the rest is in the backlog"
    );
    assert!(waiting.iter().all(|client| !client.has_data()));
    drop(held);
    // Each is served when the one before it closes, in the order in which they came.
    for mut client in waiting {
        client.receive().is("pong", "1");
    }
}

/// Requests that had arrived on connections in the queue, and behind it in the backlog, are answered before the server ends.
pub(crate) fn a_queue_is_answered_before_exit(model: &Model) {
    let flags = ["--accept", "queue", "--workers", "1", "--queue", "2"];
    let mut server = model.start(&[&flags[..], &["--drain-timeout", "60s"]].concat());
    let before = server.tree().descriptors();
    let mut held = server.connect_with(request("sleep", "500"));
    let mut waiting = connect(&server, 6);
    eventually("the queue is full", || server.tree().descriptors() == before + 3);
    server.signal(Signal::SIGTERM);
    held.receive().is("slept", "500");
    for client in &mut waiting {
        client.receive().is("pong", "1");
        client.expect_end();
    }
    assert_eq!(server.finish().code, Some(0));
}

/// A worker gives a new connection a moment for its first request. With the queue full the main thread waits for that worker,
/// and has to close a connection that stays silent.
pub(crate) fn a_silent_peer_delays_no_queue_at_exit(model: &Model) {
    let flags = ["--accept", "queue", "--workers", "1", "--queue", "1"];
    for _ in 0..3 {
        let mut server = model.start(&[&flags[..], &["--drain-timeout", "60s"]].concat());
        let before = server.tree().descriptors();
        let mut silent = server.connect();
        let mut waiting = connect(&server, 4);
        eventually("the queue is full", || server.tree().descriptors() == before + 2);
        server.signal(Signal::SIGTERM);
        for client in &mut waiting {
            client.receive().is("pong", "1");
            client.expect_end();
        }
        silent.expect_end();
        assert_eq!(server.finish().code, Some(0));
    }
}

/// A connection in the queue is open, so it counts.
pub(crate) fn max_connections_counts_the_queue(model: &Model) {
    for accept in model.accept_flags() {
        let flags = [&accept[..], &["--workers", "5", "--max-connections", "3"]].concat();
        let server = model.start(&flags);
        model.wait_for_count(&server, 3);
        let before = server.tree().descriptors();
        let waiting = connect(&server, 10);
        eventually("three are served", || {
            waiting.iter().filter(|client| client.has_data()).count() == 3
        });
        server.wait_until_idle(|| {});
        assert_eq!(
            server.tree().descriptors(),
            before + 3,
            "{accept:?}: the rest is in the backlog"
        );
        for mut client in waiting {
            client.receive().is("pong", "1");
        }
        server.expect_service();
    }
}

/// Connections in the queue are left to the successors of a worker that drains.
pub(crate) fn a_restart_loses_nothing_of_the_queue(model: &Model) {
    let flags = ["--accept", "queue", "--workers", "1", "--queue", "2"];
    let server = model.start(&[&flags[..], &["--drain-timeout", "60s"]].concat());
    let before = server.tree().descriptors();
    let held = server.connect_with(request("block", "60000"));
    // They have sent nothing yet. A worker that drains would close them.
    let mut waiting: Vec<_> = (0..6).map(|_| server.connect()).collect();
    eventually("the queue is full", || server.tree().descriptors() == before + 3);
    server.signal(Signal::SIGHUP);
    eventually("the new worker has taken one, and another is queued", || {
        server.tree().descriptors() == before + 4
    });
    for client in &mut waiting {
        client.expect_silence();
    }
    for mut client in waiting {
        client.expect_pong();
    }
    assert!(!held.has_data(), "the old worker is still blocked");
}

/// Connections that have each sent a request, in this order.
fn connect(server: &Server, count: usize) -> Vec<Client> {
    let clients = (0..count).map(|_| {
        let mut client = server.connect();
        client.send(request("ping", "1"));
        client
    });
    clients.collect()
}

/// How many connections each of two workers has served, by the tally.
#[track_caller]
fn connections_of_workers(
    model: &Model,
    accept: &str,
    connect: impl FnOnce(&Server) -> Vec<Client>,
) -> Vec<u64> {
    let folder = tempfile::tempdir().expect("a folder for the tally");
    let tally = folder.path().join("tally.jsonl");
    let tally_flag = tally.to_str().expect("the path is text");
    let flags = ["--workers", "2", "--accept", accept, "--tally", tally_flag];
    let mut server = model.start(&flags);
    model.wait_for_count(&server, 2);
    drop(connect(&server));
    server.wait_until_idle(|| {});
    server.signal(Signal::SIGTERM);
    assert_eq!(server.finish().code, Some(0));
    let text = fs::read_to_string(&tally).expect("the tally can be read");
    let lines = text.lines().map(|line| {
        let line: Value = serde_json::from_str(line).expect("a line is JSON");
        let number = |key: &str| line[key].as_u64().expect("a number");
        (number("worker"), number("connections"))
    });
    let mut lines: Vec<_> = lines.collect();
    lines.sort_unstable();
    lines.into_iter().map(|(_, connections)| connections).collect()
}
