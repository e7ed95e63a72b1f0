//! Peers that have gone for good: what they held is free at once, whatever it was waiting for.

use std::thread;
use std::time::Duration;

use crate::client::{Client, request};
use crate::model::Model;
use crate::patience::eventually;
use crate::server::Server;

/// Longer than anyone's patience, so that a server that waits for it fails.
const SLEEP: [&str; 2] = ["sleep", "60000"];

pub(crate) fn a_reset_during_a_sleep_releases_the_connection(model: &Model) {
    releases(model, |client| {
        client.send([request("ping", "1"), request(SLEEP[0], SLEEP[1])].concat());
        client.receive().is("pong", "1");
    });
}

/// Requests that wait unread behind the sleep must hide the reset neither from a thread nor from a loop.
pub(crate) fn a_reset_with_requests_behind_a_sleep_releases_the_connection(model: &Model) {
    releases(model, |client| {
        client.send([request("ping", "1"), request(SLEEP[0], SLEEP[1])].concat());
        client.receive().is("pong", "1");
        client.send(request("ping", "2").repeat(5_000));
    });
}

pub(crate) fn a_reset_after_half_a_close_releases_the_connection(model: &Model) {
    releases(model, |client| {
        client.send([request("ping", "1"), request(SLEEP[0], SLEEP[1])].concat());
        client.finishes_sending();
        client.receive().is("pong", "1");
    });
}

/// More replies than the kernel takes, so that the server is in the middle of one.
pub(crate) fn a_reset_with_replies_unread_releases_the_connection(model: &Model) {
    releases(model, |client| {
        client.send(request("blob", "1000000").repeat(60));
        assert_eq!(client.try_receive_once(1).expect("the reply begins").len(), 1);
    });
}

/// The descriptors, processes and threads of a server are those from before once such peers have reset, and there is
/// room for as many again.
#[track_caller]
fn releases(model: &Model, wait_on: impl Fn(&mut Client)) {
    let server = model.start(&[]);
    model.has_its_workers(&server);
    for _ in 0..50 {
        server.serves();
    }
    server.settles(|| {});
    let before = footprint(&server);
    let at_once = match model.traits {
        traits if traits.one_connection => 1,
        traits if traits.connection_per_worker => 2,
        _ => 20,
    };
    let mut peers: Vec<_> = (0..at_once).map(|_| server.connect()).collect();
    peers.iter_mut().for_each(&wait_on);
    peers.into_iter().for_each(Client::resets);
    eventually("what the peers held is released", || footprint(&server) == before);
    server.serves();
}

fn footprint(server: &Server) -> (usize, usize, i64, usize) {
    let tree = server.tree();
    (
        tree.pids().len(),
        tree.zombies(),
        tree.threads(),
        tree.descriptors(),
    )
}

/// A thread or a loop that looks for the peer's end while it waits must not be woken by anything else for ever.
pub(crate) fn waiting_for_a_sleep_takes_no_cpu(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    client.send([request("ping", "1"), request(SLEEP[0], SLEEP[1])].concat());
    client.receive().is("pong", "1");
    client.send(request("ping", "2").repeat(100));
    client.finishes_sending();
    server.settles(|| {});
    let before_s = server.tree().cpu_s();
    thread::sleep(Duration::from_secs(1));
    let used_s = server.tree().cpu_s() - before_s;
    assert!(used_s < 0.25, "it spins: {used_s} s of CPU time in a second");
}
