//! Connections that end in unusual ways, without an effect on others.

use crate::client::{Client, ping_of_body_length, request};
use crate::model::Model;
use crate::wait::eventually;

pub(crate) fn a_half_closed_connection_still_gets_its_replies(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    client.send(request("ping", "1"));
    client.finish_sending();
    client.receive().is("pong", "1");
    client.expect_end();

    let mut client = server.connect();
    client.send(request("ping", "2").repeat(300));
    client.finish_sending();
    for _ in 0..300 {
        client.receive().is("pong", "2");
    }
    client.expect_end();
}

pub(crate) fn a_half_closed_connection_still_gets_a_slow_reply(model: &Model) {
    let server = model.start(&[]);
    for (operation, out) in [("sleep", "slept"), ("block", "blocked")] {
        let mut client = server.connect();
        client.send(request(operation, "100"));
        client.send(request("ping", "1"));
        client.finish_sending();
        client.receive().is(out, "100");
        client.receive().is("pong", "1");
        client.expect_end();
    }
}

pub(crate) fn a_half_closed_connection_still_gets_a_large_reply(model: &Model) {
    let server = model.start(&[]);
    let mut client = server.connect();
    client.send(request("blob", "1000000").repeat(10));
    client.finish_sending();
    for _ in 0..10 {
        let reply = client.receive();
        assert_eq!((reply.out.as_str(), reply.result.len()), ("blob", 1_000_002));
    }
    client.expect_end();
}

pub(crate) fn half_a_frame_then_end_of_stream_gets_no_reply(model: &Model) {
    let server = model.start(&[]);
    let whole = request("ping", r#""never to be completed""#);
    for sent in [1, 3, 4, 5, whole.len() - 1] {
        let mut client = server.connect();
        client.send(request("ping", "1"));
        client.send(&whole[..sent]);
        client.finish_sending();
        client.receive().is("pong", "1");
        client.expect_end();
    }
}

pub(crate) fn a_connection_without_requests_does_no_harm(model: &Model) {
    affects_nobody_else(model, drop);
    affects_nobody_else(model, |mut client| {
        client.finish_sending();
        client.expect_end();
    });
}

pub(crate) fn a_close_in_mid_frame_affects_only_its_own_connection(model: &Model) {
    let large = ping_of_body_length(900_000);
    affects_nobody_else(model, |mut client| client.send(&request("ping", "1")[..3]));
    affects_nobody_else(model, |mut client| client.send(&request("ping", "1")[..17]));
    affects_nobody_else(model, |mut client| client.send(&large[..800_000]));
}

pub(crate) fn a_reset_in_mid_request_affects_only_its_own_connection(model: &Model) {
    affects_nobody_else(model, Client::reset);
    affects_nobody_else(model, |mut client| {
        client.send(&request("ping", "1")[..9]);
        client.reset();
    });
}

pub(crate) fn a_reset_before_the_reply_affects_only_its_own_connection(model: &Model) {
    affects_nobody_else(model, |mut client| {
        client.expect_pong();
        client.send(request("sleep", "30"));
        client.send(request("ping", "1").repeat(20));
        client.reset();
    });
}

/// A write to a connection that was reset raises SIGPIPE, which ends a process that does not handle it.
pub(crate) fn a_reset_during_a_reply_affects_only_its_own_connection(model: &Model) {
    affects_nobody_else(model, |mut client| {
        client.send(request("blob", "1000000").repeat(20));
        assert_eq!(client.try_receive_once(1).expect("the reply begins").len(), 1);
        client.reset();
    });
}

/// Lets connections misbehave one after another, and asserts that the server keeps its processes and serves.
#[track_caller]
fn affects_nobody_else(model: &Model, misbehave: impl Fn(Client)) {
    let server = model.start(&[]);
    model.wait_for_workers(&server);
    let before = server.tree().pids();
    for _ in 0..10 {
        misbehave(server.connect());
    }
    server.expect_service();
    eventually("the server has the processes that it had before", || {
        server.tree().pids() == before
    });
    eventually("no zombie is left", || server.tree().zombies() == 0);
}
