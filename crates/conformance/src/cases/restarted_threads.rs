//! SIGHUP in a server whose worker threads run jobs and hold no connections: each is replaced, and no request is lost.
//!
//! A connection may outlive the restart. `restart` has the cases of workers that serve connections.

use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::client::request;
use crate::model::{Model, WORKERS};
use crate::server::Server;
use crate::traffic::Visitors;
use crate::wait::eventually;

/// Longer than any timeout of a case, so that a restart that waits for the end of a drain fails it.
const LONG_DRAIN: [&str; 2] = ["--drain-timeout", "60s"];

pub(crate) fn sighup_replaces_every_worker_thread(model: &Model) {
    for accept in model.accept_flags() {
        let server = start(model, &accept, WORKERS);
        for _ in 0..5 {
            restart(&server, WORKERS);
            server.expect_service();
        }
        assert_eq!(server.printed_on_stdout().lines().count(), 1, "{accept:?}");
    }
}

pub(crate) fn requests_in_progress_survive_a_restart(model: &Model) {
    for accept in model.accept_flags() {
        for (operation, out) in [("sleep", "slept"), ("block", "blocked")] {
            let server = start(model, &accept, 1);
            let mut stream = request(operation, "500");
            stream.extend(request("ping", "1"));
            stream.extend(request("block", "10"));
            stream.extend(request("ping", "2"));
            let mut client = server.connect_with(stream);
            server.signal(Signal::SIGHUP);
            client.receive().is(out, "500");
            client.receive().is("pong", "1");
            client.receive().is("blocked", "10");
            client.receive().is("pong", "2");
            server.expect_service();
        }
    }
}

/// The only worker is busy, and its successor is not.
pub(crate) fn a_request_does_not_wait_for_a_replaced_thread(model: &Model) {
    for accept in model.accept_flags() {
        let server = start(model, &accept, 1);
        let held = server.connect_with(request("block", "60000"));
        server.wait_until_idle(|| {});
        let mut waiting: Vec<_> = (0..5).map(|_| server.connect()).collect();
        for client in &mut waiting {
            client.send(request("block", "1"));
        }
        server.signal(Signal::SIGHUP);
        for mut client in waiting {
            client.receive().is("blocked", "1");
        }
        for _ in 0..5 {
            server.connect().call("block", "1").is("blocked", "1");
        }
        assert!(
            !held.has_data(),
            "{accept:?}: the replaced worker is still blocked"
        );
    }
}

/// Clients connect all the time. None is refused, reset or left without its reply.
pub(crate) fn restarts_in_a_row_lose_no_connection(model: &Model) {
    for accept in model.accept_flags() {
        let server = start(model, &accept, WORKERS);
        let visitors = Visitors::start(server.address());
        for signals in [1, 1, 1, 2, 5] {
            visitors.wait_for_more();
            for _ in 0..signals {
                server.signal(Signal::SIGHUP);
            }
        }
        visitors.wait_for_more();
        visitors.expect_no_loss();
    }
}

/// It sends SIGHUP to all processes.
pub(crate) fn a_terminal_that_hangs_up_ends_no_server(model: &Model) {
    let server = start(model, &[], WORKERS);
    let mut client = server.connect_with(request("sleep", "500"));
    server.signal_group(Signal::SIGHUP);
    client.receive().is("slept", "500");
    server.expect_service();
}

pub(crate) fn sigterm_ends_a_server_during_a_restart(model: &Model) {
    for pause_ms in [0, 1, 2, 5, 10, 20, 50] {
        let mut server = start(model, &[], WORKERS);
        let mut clients = ["sleep", "block"].map(|operation| server.connect_with(request(operation, "300")));
        server.signal(Signal::SIGHUP);
        thread::sleep(Duration::from_millis(pause_ms));
        server.signal(Signal::SIGTERM);
        for (client, out) in clients.iter_mut().zip(["slept", "blocked"]) {
            client.receive().is(out, "300");
            client.expect_end();
        }
        let finished = server.finish();
        assert_eq!(finished.code, Some(0), "{pause_ms} ms: {}", finished.stderr);
    }
}

pub(crate) fn many_restarts_leave_no_thread_and_no_descriptor(model: &Model) {
    for accept in model.accept_flags() {
        let server = start(model, &accept, WORKERS);
        let footprint = || (server.tree().threads(), server.tree().descriptors());
        server.expect_service();
        server.wait_until_idle(|| {});
        let before = footprint();
        for _ in 0..10 {
            server.signal(Signal::SIGHUP);
            server.expect_service();
            eventually("the replaced threads have ended", || footprint() == before);
        }
    }
}

pub(crate) fn max_connections_holds_after_a_restart(model: &Model) {
    for accept in model.accept_flags() {
        let server = start(model, &[&accept[..], &["--max-connections", "1"]].concat(), 1);
        for _ in 0..3 {
            restart(&server, 1);
            server.expect_service();
        }
        let mut open = server.connect_served();
        let mut waits = server.connect();
        waits.send(request("ping", "1"));
        waits.expect_silence();
        open.expect_pong();
        drop(open);
        waits.receive().is("pong", "1");
    }
}

/// Sends SIGHUP, and waits until the worker threads are replaced.
#[track_caller]
fn restart(server: &Server, workers: usize) {
    let before = server.tree().thread_ids();
    server.signal(Signal::SIGHUP);
    eventually("as many threads are new as there are workers", || {
        let after = server.tree().thread_ids();
        let new = after.iter().filter(|thread| !before.contains(thread));
        after.len() == before.len() && new.count() >= workers
    });
}

#[track_caller]
fn start(model: &Model, flags: &[&str], workers: usize) -> Server {
    let count = workers.to_string();
    model.start(&[flags, &["--workers", &count], &LONG_DRAIN].concat())
}
