//! Connections at the moment when their server, or one worker of it, is asked to stop.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::client::{Client, request};
use crate::limits::process_limit;
use crate::model::Model;
use crate::patience::eventually;
use crate::server::Server;
use crate::workers::{ACCEPT, has_workers};

/// Longer than anyone's patience, so that a connection that waits for the end of a drain fails its case.
const AGES: [&str; 2] = ["--drain-timeout", "60s"];

/// What holds a connection for so long, if not for longer.
const LONG: [(&str, &str); 3] = [("sleep", "60000"), ("block", "60000"), ("spin", "10000000")];

/// Whoever connects while a server drains is refused, and not reset later.
pub(crate) fn the_listener_closes_before_the_last_reply(model: &Model) {
    for (operation, params) in LONG {
        let server = model.start(&AGES);
        let client = connect_and_hold(&server, operation, params);
        server.signal(Signal::SIGTERM);
        eventually("connecting is refused", || {
            assert!(
                !client.has_heard(),
                "{operation}: the listener was open until the reply"
            );
            Client::connect(server.address()).is_err()
        });
    }
}

/// A request that had arrived when the server was asked to stop is answered, even if nobody had accepted its connection.
///
/// Where workers accept, the supervisor is the one that is stopped here, and each connection finds an idle worker.
pub(crate) fn what_waits_in_the_backlog_is_answered_before_the_end(model: &Model) {
    let mut server = model.start_for(5, &AGES);
    if model.traits.workers {
        has_workers(&server, if model.traits.connection_per_worker { 5 } else { 2 });
    }
    let pid = server.pid();
    kill(pid, Signal::SIGSTOP).expect("the server is there");
    let mut clients: Vec<_> = (0..5)
        .map(|_| {
            let mut client = server.connect();
            client.send(request("ping", "1"));
            client
        })
        .collect();
    if model.traits.workers {
        eventually("the workers have answered", || {
            clients.iter().all(Client::has_heard)
        });
    }
    server.signal(Signal::SIGTERM);
    kill(pid, Signal::SIGCONT).expect("the server is there");
    for client in &mut clients {
        client.receive().is("pong", "1");
        client.ends();
    }
    let finished = server.finish();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
}

/// The successor starts as the drain begins, so that nobody waits for its end.
pub(crate) fn a_new_connection_does_not_wait_for_a_draining_worker(model: &Model) {
    for accept in ACCEPT {
        for (operation, params) in LONG {
            let server = start(model, accept, "1");
            let worker = has_workers(&server, 1)[0];
            let held = connect_and_hold(&server, operation, params);
            kill(worker, Signal::SIGTERM).expect("the worker is there");
            for _ in 0..5 {
                server.serves();
            }
            assert!(!held.has_heard(), "{accept}: the worker still drains");
            assert!(
                server.tree().children().contains(&worker),
                "{accept}: the worker still drains"
            );
        }
    }
}

/// What waits in the backlog of a worker that drains is served by its successor.
pub(crate) fn the_backlog_of_a_draining_worker_is_served(model: &Model) {
    for accept in ACCEPT {
        let server = start(model, accept, "1");
        let worker = has_workers(&server, 1)[0];
        // In an event loop the others wait as well, since the handler holds it.
        let held = connect_and_hold(&server, "block", "60000");
        server.settles(|| {});
        let mut waiting: Vec<_> = (0..5).map(|_| server.connect()).collect();
        for client in &mut waiting {
            client.send(request("ping", "1"));
        }
        assert!(waiting.iter().all(|client| !client.has_heard()));
        kill(worker, Signal::SIGTERM).expect("the worker is there");
        for mut client in waiting {
            client.receive().is("pong", "1");
        }
        assert!(!held.has_heard(), "{accept}: the worker still drains");
    }
}

/// A worker that drains is out of the way of the others.
pub(crate) fn a_draining_worker_takes_no_wake_up_from_another(model: &Model) {
    for accept in ACCEPT {
        let server = start(model, accept, "2");
        let workers = has_workers(&server, 2);
        server.settles(|| {});
        let held_before: Vec<_> = workers.iter().map(|pid| descriptors(&server, *pid)).collect();
        let held = connect_and_hold(&server, "sleep", "60000");
        let its_worker = workers
            .iter()
            .zip(held_before)
            .find(|(pid, before)| descriptors(&server, **pid) > *before)
            .map(|(pid, _)| *pid)
            .expect("a worker holds the connection");
        kill(its_worker, Signal::SIGTERM).expect("the worker is there");
        for _ in 0..30 {
            server.serves();
        }
        assert!(!held.has_heard(), "{accept}: the worker still drains");
    }
}

/// Every worker in turn, several times, while others connect: whichever process takes a connection answers it.
pub(crate) fn workers_that_drain_in_turn_lose_no_connection(model: &Model) {
    for accept in ACCEPT {
        let server = start(model, accept, "2");
        for _ in 0..5 {
            for worker in has_workers(&server, 2) {
                let mut clients: Vec<_> = (0..4).map(|_| server.connect()).collect();
                for client in &mut clients {
                    client.send(request("ping", "1"));
                }
                // It may be one that drained already in the round before, and be gone.
                let _ = kill(worker, Signal::SIGTERM);
                for mut client in clients {
                    client.receive().is("pong", "1");
                }
            }
        }
        let stderr = server.printed_on_stderr();
        assert!(
            stderr.lines().all(|line| line.contains("drains")),
            "none of them counts as a death: {stderr}"
        );
    }
}

/// Ctrl-C reaches workers and supervisor at once: the workers end for good.
pub(crate) fn a_signal_to_all_processes_starts_no_successor(model: &Model) {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        for _ in 0..5 {
            let mut server = model.start(&AGES);
            has_workers(&server, 2);
            server.signal_group(signal);
            let finished = server.finish();
            assert_eq!(finished.code, Some(0), "{}", finished.stderr);
            assert_eq!(finished.stderr, "");
        }
    }
}

/// A connection that was accepted while no process or thread could be had for it is answered before the end, and so are
/// those behind it in the backlog.
pub(crate) fn a_connection_without_a_process_is_still_answered(model: &Model) {
    let Some(limit) = process_limit(model, 12) else {
        return;
    };
    let mut server = limit.start(model, &AGES);
    let mut idle = Vec::new();
    // Connections are accepted in the order in which they come, so the first without a reply is the one that waits.
    let waits = loop {
        let mut client = server.connect();
        client.send(request("ping", "1"));
        eventually("the reply, or the limit", || {
            client.has_heard() || !server.printed_on_stderr().is_empty()
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
        client.ends();
    }
    assert_eq!(server.finish().code, Some(0));
}

fn start(model: &Model, accept: &str, workers: &str) -> Server {
    let [timeout, ages] = AGES;
    model.start(&["--accept", accept, "--workers", workers, timeout, ages])
}

/// A connection whose server has begun a long request, or is about to.
#[track_caller]
fn connect_and_hold(server: &Server, operation: &str, params: &str) -> Client {
    let mut client = server.connect();
    client.send([request("ping", "1"), request(operation, params)].concat());
    client.receive().is("pong", "1");
    client
}

fn descriptors(server: &Server, worker: Pid) -> usize {
    server.tree().descriptors_of(worker)
}
