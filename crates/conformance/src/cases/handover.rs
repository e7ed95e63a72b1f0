//! Connections at the moment when their server, or one of its workers, gets a signal to stop.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::client::{Client, request};
use crate::model::{Model, WORKERS};
use crate::process_limit::process_limit;
use crate::server::Server;
use crate::wait::eventually;

/// Longer than any timeout of a case, so that a connection that waits for the end of the drain fails it.
const LONG_DRAIN: [&str; 2] = ["--drain-timeout", "60s"];

/// Requests that last as long, or nearly.
const LONG: [(&str, &str); 3] = [("sleep", "60000"), ("block", "60000"), ("spin", "10000000")];

/// A connection to a server that drains is refused at once, and not reset later.
pub(crate) fn the_listener_closes_before_the_last_reply(model: &Model) {
    for accept in model.accept_flags() {
        for (operation, params) in LONG {
            let server = model.start(&[&accept[..], &LONG_DRAIN].concat());
            let client = server.connect_with(request(operation, params));
            server.signal(Signal::SIGTERM);
            eventually("connecting is refused", || {
                assert!(
                    !client.has_data(),
                    "{accept:?}, {operation}: the listener stayed open until the reply"
                );
                Client::connect(server.address()).is_err()
            });
        }
    }
}

/// A request that arrived before the signal is answered, even if its connection was not accepted yet.
///
/// The first process is paused. In a server with workers this is the supervisor, and idle workers take the connections,
/// unless the supervisor accepts.
pub(crate) fn the_backlog_is_answered_before_exit(model: &Model) {
    let mut server = model.start_for(5, &LONG_DRAIN);
    if model.has_worker_processes() {
        server.wait_for_workers(if model.serves_one_per_worker() { 5 } else { WORKERS });
    }
    let pid = server.pid();
    kill(pid, Signal::SIGSTOP).expect("the server runs");
    let mut clients: Vec<_> = (0..5)
        .map(|_| {
            let mut client = server.connect();
            client.send(request("ping", "1"));
            client
        })
        .collect();
    if model.has_worker_processes() && !model.accepts_in_its_parent() {
        eventually("the workers have answered", || {
            clients.iter().all(Client::has_data)
        });
    }
    server.signal(Signal::SIGTERM);
    kill(pid, Signal::SIGCONT).expect("the server runs");
    for client in &mut clients {
        client.receive().is("pong", "1");
        client.expect_end();
    }
    let finished = server.finish();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
}

/// The replacement starts when the drain begins, so that no connection waits for the end of the drain.
pub(crate) fn a_new_connection_does_not_wait_for_a_draining_worker(model: &Model) {
    for accept in model.accept_flags() {
        for (operation, params) in LONG {
            let server = start(model, &accept, "1");
            let worker = server.wait_for_workers(1)[0];
            let held = server.connect_with(request(operation, params));
            kill(worker, Signal::SIGTERM).expect("the worker runs");
            for _ in 0..5 {
                server.expect_service();
            }
            assert!(!held.has_data(), "{accept:?}: the worker still drains");
            assert!(
                server.tree().children().contains(&worker),
                "{accept:?}: the worker still drains"
            );
        }
    }
}

/// Connections in the backlog of a worker that drains are served by its replacement.
pub(crate) fn the_backlog_of_a_draining_worker_is_served(model: &Model) {
    for accept in model.accept_flags() {
        let server = start(model, &accept, "1");
        let worker = server.wait_for_workers(1)[0];
        // In an event loop the others wait too, because the handler holds the loop.
        let held = server.connect_with(request("block", "60000"));
        server.wait_until_idle(|| {});
        let mut waiting: Vec<_> = (0..5).map(|_| server.connect()).collect();
        for client in &mut waiting {
            client.send(request("ping", "1"));
        }
        assert!(waiting.iter().all(|client| !client.has_data()));
        kill(worker, Signal::SIGTERM).expect("the worker runs");
        for mut client in waiting {
            client.receive().is("pong", "1");
        }
        assert!(!held.has_data(), "{accept:?}: the worker still drains");
    }
}

/// A worker that drains no longer takes part in accepting.
pub(crate) fn a_draining_worker_takes_no_wake_up_from_another(model: &Model) {
    for accept in model.accept_flags() {
        let server = start(model, &accept, "2");
        let workers = server.wait_for_workers(2);
        server.wait_until_idle(|| {});
        let held_before: Vec<_> = workers.iter().map(|pid| descriptors(&server, *pid)).collect();
        let held = server.connect_with(request("sleep", "60000"));
        let serving = workers
            .iter()
            .zip(held_before)
            .find(|(pid, before)| descriptors(&server, **pid) > *before)
            .map(|(pid, _)| *pid)
            .expect("a worker holds the connection");
        kill(serving, Signal::SIGTERM).expect("the worker runs");
        for _ in 0..30 {
            server.expect_service();
        }
        assert!(!held.has_data(), "{accept:?}: the worker still drains");
    }
}

/// Each worker drains in turn, several times, while clients connect. The process that takes a connection answers it.
pub(crate) fn workers_that_drain_in_turn_lose_no_connection(model: &Model) {
    for accept in model.accept_flags() {
        let server = start(model, &accept, "2");
        for _ in 0..5 {
            for worker in server.wait_for_workers(2) {
                let mut clients: Vec<_> = (0..4).map(|_| server.connect()).collect();
                for client in &mut clients {
                    client.send(request("ping", "1"));
                }
                // It may have drained in the last round and have ended.
                let _ = kill(worker, Signal::SIGTERM);
                for mut client in clients {
                    client.receive().is("pong", "1");
                }
            }
        }
        let stderr = server.printed_on_stderr();
        assert!(
            stderr.lines().all(|line| line.contains("drains")),
            "no drain is reported as a death: {stderr}"
        );
    }
}

/// Ctrl-C reaches the workers and the supervisor at the same time, and no worker is replaced.
pub(crate) fn a_signal_to_all_processes_starts_no_new_worker(model: &Model) {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        for _ in 0..5 {
            let mut server = model.start(&LONG_DRAIN);
            server.wait_for_workers(2);
            server.signal_group(signal);
            let finished = server.finish();
            assert_eq!(finished.code, Some(0), "{}", finished.stderr);
            assert_eq!(finished.stderr, "");
        }
    }
}

/// A connection that was accepted when no process or thread could be created for it is answered before the server exits.
/// So are those behind it in the backlog.
pub(crate) fn a_connection_without_a_process_is_still_answered(model: &Model) {
    let Some(limit) = process_limit(model, 12) else {
        return;
    };
    let mut server = limit.start(model, &LONG_DRAIN);
    let mut idle = Vec::new();
    // Connections are accepted in order, so the first one without a reply is the one that waits.
    let waits = loop {
        let mut client = server.connect();
        client.send(request("ping", "1"));
        eventually("the reply, or the limit", || {
            client.has_data() || !server.printed_on_stderr().is_empty()
        });
        if !client.is_answered_soon() {
            break client;
        }
        idle.push(client);
    };
    let mut waiting = vec![waits];
    for _ in 0..4 {
        let mut client = server.connect();
        client.send(request("ping", "1"));
        waiting.push(client);
    }
    server.signal(Signal::SIGTERM);
    for client in &mut waiting {
        client.receive().is("pong", "1");
        client.expect_end();
    }
    assert_eq!(server.finish().code, Some(0));
}

fn start(model: &Model, accept: &[&str], workers: &str) -> Server {
    model.start(&[accept, &["--workers", workers], &LONG_DRAIN].concat())
}

fn descriptors(server: &Server, worker: Pid) -> usize {
    server.tree().descriptors_of(worker)
}
