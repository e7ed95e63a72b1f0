//! Connections that end in every way but the usual one, each at its own cost only.

use crate::client::{Client, request};
use crate::model::Model;
use crate::patience::eventually;
use crate::wire::ping_of_body_length;

pub(crate) fn a_peer_that_has_finished_sending_still_gets_its_reply(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    client.send(request("ping", "1"));
    client.finishes_sending();
    client.receive().is("pong", "1");
    client.ends();

    let mut client = server.connect();
    client.send(request("ping", "2").repeat(300));
    client.finishes_sending();
    for _ in 0..300 {
        client.receive().is("pong", "2");
    }
    client.ends();
}

pub(crate) fn a_peer_that_has_finished_sending_still_gets_a_reply_that_takes_time(model: &Model) {
    let server = model.start(&[]);
    for (operation, out) in [("sleep", "slept"), ("block", "blocked")] {
        let mut client = server.connect();
        client.send(request(operation, "100"));
        client.send(request("ping", "1"));
        client.finishes_sending();
        client.receive().is(out, "100");
        client.receive().is("pong", "1");
        client.ends();
    }
}

pub(crate) fn a_peer_that_has_finished_sending_still_gets_a_large_reply(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    client.send(request("blob", "1000000").repeat(10));
    client.finishes_sending();
    for _ in 0..10 {
        let reply = client.receive();
        assert_eq!((reply.out.as_str(), reply.result.len()), ("blob", 1_000_002));
    }
    client.ends();
}

pub(crate) fn a_connection_that_is_finished_in_mid_frame_closes_without_a_reply(model: &Model) {
    let server = model.start(&[]);
    let whole = request("ping", r#""never to be completed""#);
    for sent in [1, 3, 4, 5, whole.len() - 1] {
        let mut client = server.connect();
        client.send(request("ping", "1"));
        client.send(&whole[..sent]);
        client.finishes_sending();
        client.receive().is("pong", "1");
        client.ends();
    }
}

pub(crate) fn a_connection_without_a_request_costs_nothing(model: &Model) {
    harms_nobody(model, drop);
    harms_nobody(model, |mut client| {
        client.finishes_sending();
        client.ends();
    });
}

pub(crate) fn a_peer_that_vanishes_in_mid_frame_costs_its_own_connection_only(model: &Model) {
    let large = ping_of_body_length(900_000);
    harms_nobody(model, |mut client| client.send(&request("ping", "1")[..3]));
    harms_nobody(model, |mut client| client.send(&request("ping", "1")[..17]));
    harms_nobody(model, |mut client| client.send(&large[..800_000]));
}

pub(crate) fn a_reset_in_mid_request_costs_its_own_connection_only(model: &Model) {
    harms_nobody(model, Client::resets);
    harms_nobody(model, |mut client| {
        client.send(&request("ping", "1")[..9]);
        client.resets();
    });
}

pub(crate) fn a_reset_while_a_reply_is_awaited_costs_its_own_connection_only(model: &Model) {
    harms_nobody(model, |mut client| {
        client.pings();
        client.send(request("sleep", "30"));
        client.send(request("ping", "1").repeat(20));
        client.resets();
    });
}

/// To write to a connection that was reset raises SIGPIPE, which ends a process that is not prepared for it.
pub(crate) fn a_reset_while_a_reply_is_written_costs_its_own_connection_only(model: &Model) {
    harms_nobody(model, |mut client| {
        client.send(request("blob", "1000000").repeat(20));
        assert_eq!(client.try_receive_once(1).expect("the reply begins").len(), 1);
        client.resets();
    });
}

/// Lets connections misbehave one after another, and asserts that the server goes on with the processes that it had.
#[track_caller]
fn harms_nobody(model: &Model, misbehave: impl Fn(Client)) {
    let server = model.start(&[]);
    model.has_its_workers(&server);
    let before = server.tree().pids();
    for _ in 0..10 {
        misbehave(server.connect());
    }
    server.serves();
    eventually("the server has the processes that it had before", || {
        server.tree().pids() == before
    });
    eventually("no zombie stays", || server.tree().zombies() == 0);
}
