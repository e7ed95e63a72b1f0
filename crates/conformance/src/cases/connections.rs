//! Many connections: at the same time or one after another, busy or silent.

use nix::sys::signal::Signal;

use crate::client::{Client, request};
use crate::model::Model;
use crate::traffic::Flood;
use crate::wait::eventually;

pub(crate) fn three_hundred_connections_at_once_are_all_served(model: &Model) {
    let server = model.start(&[]);
    model.wait_for_workers(&server);
    let before = server.tree().pids().len();
    let mut clients: Vec<_> = (0..300).map(|_| server.connect()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(request("ping", &number.to_string()));
    }
    for (number, client) in clients.iter_mut().enumerate() {
        client.receive().is("pong", &number.to_string());
    }
    // Each is still open, and gets its own replies.
    for (number, client) in clients.iter_mut().enumerate().rev() {
        client
            .call("ping", &number.to_string())
            .is("pong", &number.to_string());
    }
    // All close together: children that end at the same time raise one signal for many.
    drop(clients);
    eventually("no process is left for a closed connection", || {
        let tree = server.tree();
        tree.pids().len() == before && tree.zombies() == 0
    });
}

pub(crate) fn two_hundred_short_connections_leave_nothing_behind(model: &Model) {
    let server = model.start(&[]);
    let footprint = || {
        let tree = server.tree();
        (tree.pids(), tree.zombies(), tree.threads(), tree.descriptors())
    };
    model.wait_for_workers(&server);
    // What a worker allocates on first use is not a leak.
    for _ in 0..50 {
        server.expect_service();
    }
    server.wait_until_idle(|| {});
    let before = footprint();
    for _ in 0..200 {
        server.expect_service();
    }
    let mut after = footprint();
    eventually(
        "the server has the processes, threads and descriptors that it had before",
        || {
            after = footprint();
            after == before
        },
    );
}

/// Children are reaped even while there is always another connection to accept.
pub(crate) fn a_flood_of_connections_leaves_no_zombies(model: &Model) {
    let server = model.start(&[]);
    let flood = Flood::start(server.address());
    while flood.sent() < 2_000 {
        let zombies = server.tree().zombies();
        // Between two accepts, as many children may end as the flood has connections open.
        assert!(zombies <= 2 * Flood::OPEN, "{zombies} zombies");
    }
    drop(flood);
    eventually("no zombie is left", || server.tree().zombies() == 0);
}

pub(crate) fn a_silent_peer_delays_no_other_connection(model: &Model) {
    let server = model.start_for(3, &[]);
    let mut silent = server.connect();
    let mut half = server.connect();
    half.send(&request("ping", "1")[..10]);
    for _ in 0..20 {
        server.expect_service();
    }
    silent.expect_pong();
    half.send(&request("ping", "1")[10..]);
    half.receive().is("pong", "1");
}

/// Silent peers, however many, take only memory from a server without a limit.
pub(crate) fn a_hundred_silent_peers_delay_no_other_connection(model: &Model) {
    let server = model.start(&[]);
    let silent: Vec<_> = (0..100).map(|_| server.connect()).collect();
    for _ in 0..5 {
        server.expect_service();
    }
    for mut client in silent {
        client.expect_pong();
    }
}

pub(crate) fn a_second_connection_waits_until_the_first_closes(model: &Model) {
    let server = model.start(&[]);
    waits_until_one_closes(vec![server.connect_served()], server.connect());
}

pub(crate) fn a_connection_waits_while_all_workers_have_one(model: &Model) {
    let server = model.start_for(3, &[]);
    let holders = (0..3).map(|_| server.connect_served()).collect();
    waits_until_one_closes(holders, server.connect());
}

/// A killed worker makes room for another connection, as one does that is done.
pub(crate) fn a_worker_that_dies_makes_room_for_a_waiting_connection(model: &Model) {
    let server = model.start_for(1, &[]);
    let mut holder = server.connect_served();
    let mut next = server.connect();
    next.send(request("ping", "1"));
    next.expect_silence();
    let worker = server.tree().children()[0];
    nix::sys::signal::kill(worker, Signal::SIGKILL).expect("the worker runs");
    holder.expect_disconnect();
    next.receive().is("pong", "1");
}

#[track_caller]
fn waits_until_one_closes(mut holders: Vec<Client>, mut next: Client) {
    next.send(request("ping", "1"));
    next.expect_silence();
    for holder in &mut holders {
        holder.expect_pong();
    }
    next.expect_silence();
    holders.pop();
    next.receive().is("pong", "1");
}
