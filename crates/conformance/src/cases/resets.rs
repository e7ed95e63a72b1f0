//! Peers that reset their connections: what they held is released at once, whatever it was waiting for.

use std::time::Duration;

use crate::client::{Client, request};
use crate::description::Serves;
use crate::model::{Model, WORKERS};
use crate::server::Server;
use crate::wait::eventually;

/// Longer than any timeout of a case, so that a server that waits for its end fails.
const SLEEP: [&str; 2] = ["sleep", "60000"];

pub(crate) fn a_reset_during_a_sleep_releases_the_connection(model: &Model) {
    releases(model, |client| {
        client.send([request("ping", "1"), request(SLEEP[0], SLEEP[1])].concat());
        client.receive().is("pong", "1");
    });
}

/// Unread requests behind the sleep must not hide the reset, neither from a thread nor from an event loop.
pub(crate) fn a_reset_with_requests_behind_a_sleep_releases_the_connection(model: &Model) {
    releases(model, |client| {
        client.send([request("ping", "1"), request(SLEEP[0], SLEEP[1])].concat());
        client.receive().is("pong", "1");
        client.send(request("ping", "2").repeat(5_000));
    });
}

pub(crate) fn a_reset_after_a_half_close_releases_the_connection(model: &Model) {
    releases(model, |client| {
        client.send([request("ping", "1"), request(SLEEP[0], SLEEP[1])].concat());
        client.finish_sending();
        client.receive().is("pong", "1");
    });
}

/// More replies than the kernel buffers, so that the server is in the middle of one.
pub(crate) fn a_reset_with_unread_replies_releases_the_connection(model: &Model) {
    releases(model, |client| {
        client.send(request("blob", "1000000").repeat(60));
        assert_eq!(client.try_receive_once(1).expect("the reply begins").len(), 1);
    });
}

/// After such peers have reset, the server has the descriptors, processes and threads that it had before, and serves.
#[track_caller]
fn releases(model: &Model, wait_on: impl Fn(&mut Client)) {
    let server = model.start(&[]);
    model.wait_for_workers(&server);
    for _ in 0..50 {
        server.expect_service();
    }
    server.wait_until_idle(|| {});
    let before = footprint(&server);
    let count = match model.description.serves {
        Serves::One => 1,
        Serves::Workers => WORKERS,
        Serves::Many => 20,
    };
    let mut peers: Vec<_> = (0..count).map(|_| server.connect()).collect();
    peers.iter_mut().for_each(&wait_on);
    peers.into_iter().for_each(Client::reset);
    eventually("the server has released what the peers held", || {
        footprint(&server) == before
    });
    server.expect_service();
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

/// A thread or an event loop watches for the end of the peer during a wait. Nothing else may wake it again and again.
pub(crate) fn a_sleep_uses_no_cpu(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    client.send([request("ping", "1"), request(SLEEP[0], SLEEP[1])].concat());
    client.receive().is("pong", "1");
    client.send(request("ping", "2").repeat(100));
    client.finish_sending();
    server.wait_until_idle(|| {});
    let used_s = server.cpu_s_within(Duration::from_secs(1));
    assert!(used_s < 0.25, "it spins: {used_s} s of CPU time in a second");
}
