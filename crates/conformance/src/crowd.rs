//! Many connections, at once or one after another, busy or silent.

use nix::sys::signal::Signal;

use crate::client::{Client, request};
use crate::load::Flood;
use crate::model::Model;
use crate::patience::eventually;

pub(crate) fn three_hundred_connections_at_once_are_all_served(model: &Model) {
    let server = model.start(&[]);
    model.has_its_workers(&server);
    let before = server.tree().pids().len();
    let mut clients: Vec<_> = (0..300).map(|_| server.connect()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(request("ping", &number.to_string()));
    }
    for (number, client) in clients.iter_mut().enumerate() {
        client.receive().is("pong", &number.to_string());
    }
    // Each is still there, and gets its own replies.
    for (number, client) in clients.iter_mut().enumerate().rev() {
        client
            .call("ping", &number.to_string())
            .is("pong", &number.to_string());
    }
    // All leave at once: children that end together raise one signal for many.
    drop(clients);
    eventually("no process stays for a connection that is gone", || {
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
    model.has_its_workers(&server);
    // What is made on first use is not a leak; and each worker has its own first use.
    for _ in 0..50 {
        server.serves();
    }
    server.settles(|| {});
    let before = footprint();
    for _ in 0..200 {
        server.serves();
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

/// Children that end while there is always another connection to accept are reaped all the same.
pub(crate) fn a_flood_of_connections_leaves_no_zombies(model: &Model) {
    let server = model.start(&[]);
    let flood = Flood::let_loose(server.address());
    while flood.asked() < 2_000 {
        let zombies = server.tree().zombies();
        // Whoever reaps between two accepts may find those ended that the flood had open meanwhile.
        assert!(zombies <= 2 * Flood::OPEN, "{zombies} zombies");
    }
    drop(flood);
    eventually("no zombie stays", || server.tree().zombies() == 0);
}

pub(crate) fn a_silent_peer_delays_no_other_connection(model: &Model) {
    let server = model.start_for(3, &[]);
    let mut silent = server.connect();
    let mut half = server.connect();
    half.send(&request("ping", "1")[..10]);
    for _ in 0..20 {
        server.serves();
    }
    silent.pings();
    half.send(&request("ping", "1")[10..]);
    half.receive().is("pong", "1");
}

/// Silent peers in any number cost a model without a limit nothing but room.
pub(crate) fn a_hundred_silent_peers_delay_no_other_connection(model: &Model) {
    let server = model.start(&[]);
    let silent: Vec<_> = (0..100).map(|_| server.connect()).collect();
    for _ in 0..5 {
        server.serves();
    }
    for mut client in silent {
        client.pings();
    }
}

pub(crate) fn a_second_connection_waits_for_the_first_to_leave(model: &Model) {
    let server = model.start(&[]);
    waits_until_somebody_leaves(vec![server.connect_served()], server.connect());
}

pub(crate) fn when_all_workers_have_a_connection_the_next_waits_for_one_to_leave(model: &Model) {
    let server = model.start_for(3, &[]);
    let holders = (0..3).map(|_| server.connect_served()).collect();
    waits_until_somebody_leaves(holders, server.connect());
}

/// A worker that is killed frees its connection's place no less than one that is done.
pub(crate) fn a_worker_that_dies_makes_room_for_a_waiting_connection(model: &Model) {
    let server = model.start_for(1, &[]);
    let mut holder = server.connect_served();
    let mut next = server.connect();
    next.send(request("ping", "1"));
    next.hears_nothing();
    let worker = server.tree().children()[0];
    nix::sys::signal::kill(worker, Signal::SIGKILL).expect("the worker is there");
    holder.is_cut_off();
    next.receive().is("pong", "1");
}

#[track_caller]
fn waits_until_somebody_leaves(mut holders: Vec<Client>, mut next: Client) {
    next.send(request("ping", "1"));
    next.hears_nothing();
    for holder in &mut holders {
        holder.pings();
    }
    next.hears_nothing();
    holders.pop();
    next.receive().is("pong", "1");
}
