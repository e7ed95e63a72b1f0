//! Connections that a process accepts and passes to a worker, and those that a worker leaves when it dies.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::client::{Client, request};
use crate::model::Model;
use crate::server::Server;
use crate::wait::eventually;

/// More connections than wait for a worker in a socket pair.
const MANY: usize = 400;

/// Connections that a stopped worker has not accepted when it is killed are served by another, or closed. None hangs.
pub(crate) fn connections_of_a_killed_worker_are_served_or_closed(model: &Model) {
    for accept in model.accept_flags() {
        let server = model.start(&[&accept[..], &["--workers", "2"]].concat());
        for _ in 0..3 {
            let stopped = server.wait_for_workers(2)[0];
            kill(stopped, Signal::SIGSTOP).expect("the worker runs");
            let mut clients: Vec<_> = (0..8).map(|_| server.connect()).collect();
            for client in &mut clients {
                client.send(request("ping", "1"));
            }
            server.wait_until_idle(|| {});
            kill(stopped, Signal::SIGKILL).expect("the worker runs");
            server.wait_for_replacements(&[stopped], 2);
            for mut client in clients {
                // Another one may have it, or nobody. A read that times out is a connection that hangs.
                if let Err(error) = client.try_receive() {
                    assert!(!is_timeout(&error), "{accept:?}: a connection hangs");
                }
            }
            server.expect_service();
        }
    }
}

/// What waits for a stopped worker when it is killed is passed to others, and costs the parent no descriptor.
pub(crate) fn what_a_killed_worker_has_not_received_is_served(model: &Model) {
    let server = model.start(&["--workers", "2"]);
    server.wait_for_workers(2);
    server.expect_service();
    server.wait_until_idle(|| {});
    let held = || server.tree().descriptors_of(server.pid());
    let held_before = held();
    for _ in 0..5 {
        let stopped = server.wait_for_workers(2)[0];
        kill(stopped, Signal::SIGSTOP).expect("the worker runs");
        let mut clients: Vec<_> = (0..20).map(|_| server.connect()).collect();
        for client in &mut clients {
            client.send(request("ping", "1"));
        }
        server.wait_until_idle(|| {});
        let waiting = clients.iter().filter(|client| !client.has_data()).count();
        assert_eq!(waiting, 10, "half of the connections are for the stopped worker");
        kill(stopped, Signal::SIGKILL).expect("the worker runs");
        for client in &mut clients {
            client.receive().is("pong", "1");
        }
        drop(clients);
        server.wait_for_replacements(&[stopped], 2);
        server.wait_until_idle(|| {});
    }
    assert_eq!(held(), held_before, "descriptors of the parent");
}

pub(crate) fn the_worker_with_the_fewest_connections_gets_the_next(model: &Model) {
    let server = model.start(&["--workers", "3"]);
    let workers = server.wait_for_workers(3);
    let mut open: Vec<_> = (0..9).map(|_| served(&server)).collect();
    assert_eq!(counts(&workers, &open), [3, 3, 3]);
    // Two workers lose two connections each, and the next four go there.
    for worker in &workers[..2] {
        for _ in 0..2 {
            let index = open.iter().position(|(_, pid)| pid == worker);
            drop(open.swap_remove(index.expect("it has a connection")));
        }
    }
    server.wait_until_idle(|| {});
    assert_eq!(counts(&workers, &open), [1, 1, 3]);
    open.extend((0..4).map(|_| served(&server)));
    assert_eq!(counts(&workers, &open), [3, 3, 3]);
}

/// Its connections wait. It gets no new one while another worker has fewer.
pub(crate) fn a_blocked_worker_gets_connections_last(model: &Model) {
    let server = model.start(&["--workers", "2"]);
    let workers = server.wait_for_workers(2);
    let [blocked, other] = [served(&server), served(&server)];
    assert_eq!(
        counts(&workers, &[blocked.1, other.1].map(|pid| ((), pid))),
        [1, 1]
    );
    let ((mut blocked, _), (other, pid)) = (blocked, other);
    blocked.send(request("block", "60000"));
    drop(other);
    server.wait_until_idle(|| {});
    for _ in 0..3 {
        let (client, serving) = served(&server);
        assert_eq!(serving, pid, "the other worker has fewer");
        drop(client);
        server.wait_until_idle(|| {});
    }
    assert!(!blocked.has_data(), "the block goes on");
}

/// More connections than the socket pair of a worker holds.
pub(crate) fn connections_beyond_a_full_channel_are_served(model: &Model) {
    let server = model.start(&["--workers", "1", "--drain-timeout", "60s"]);
    for end in [None, Some(Signal::SIGTERM), Some(Signal::SIGKILL)] {
        let worker = server.wait_for_workers(1)[0];
        let time_ms = if end.is_some() { "60000" } else { "1000" };
        let blocked = server.connect_with(request("block", time_ms));
        let mut clients: Vec<_> = (0..MANY).map(|_| server.connect()).collect();
        for client in &mut clients {
            client.send(request("ping", "1"));
        }
        server.wait_until_idle(|| {});
        if let Some(end) = end {
            kill(worker, end).expect("the worker runs");
        }
        for client in &mut clients {
            client.receive().is("pong", "1");
        }
        drop(blocked);
        if end == Some(Signal::SIGTERM) {
            kill(worker, Signal::SIGKILL).expect("the worker is blocked");
        }
        if end.is_some() {
            server.wait_for_replacements(&[worker], 1);
        }
    }
}

/// They wait for a blocked worker, some of them in the parent. All are answered before the server exits.
pub(crate) fn connections_beyond_a_full_channel_are_drained(model: &Model) {
    let mut server = model.start(&["--workers", "1", "--drain-timeout", "60s"]);
    server.wait_for_workers(1);
    let mut blocked = server.connect_with(request("block", "1500"));
    let mut clients: Vec<_> = (0..MANY).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(request("ping", "1"));
    }
    server.signal(Signal::SIGTERM);
    blocked.receive().is("blocked", "1500");
    for client in &mut clients {
        client.receive().is("pong", "1");
        client.expect_end();
    }
    assert_eq!(server.finish().code, Some(0));
}

/// The parent that waits for a blocked worker sleeps between its attempts, and hears a second signal.
pub(crate) fn a_drain_without_room_sleeps_and_can_be_ended(model: &Model) {
    let mut server = model.start(&["--workers", "1", "--drain-timeout", "60s"]);
    server.wait_for_workers(1);
    let _blocked = server.connect_with(request("block", "60000"));
    let _clients: Vec<_> = (0..MANY).map(|_| server.connect()).collect();
    server.signal(Signal::SIGTERM);
    eventually("connecting is refused", || {
        Client::connect(server.address()).is_err()
    });
    let sleeps = || server.tree().sleeps_of(server.pid());
    let sleeps_before = sleeps();
    eventually("the parent sleeps between its attempts", || {
        sleeps() >= sleeps_before + 20
    });
    eventually("a second signal ends the server", || {
        let ended = server.try_wait().is_some();
        if !ended {
            server.signal(Signal::SIGTERM);
        }
        ended
    });
    let finished = server.finish();
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
}

/// More connections wait for a stopped worker than the parent has descriptors for. When it is killed, none is lost.
pub(crate) fn more_connections_than_descriptors_are_taken_back(model: &Model) {
    let limited = ["sh", "-c", r#"ulimit -n 40 && exec "$0" "$@""#];
    for workers in [1, 2] {
        let server = model.start_by(&limited, &["--workers", &workers.to_string()]);
        let stopped = server.wait_for_workers(workers)[0];
        kill(stopped, Signal::SIGSTOP).expect("the worker runs");
        let mut clients: Vec<_> = (0..120).map(|_| server.connect()).collect();
        for client in &mut clients {
            client.send(request("ping", "1"));
        }
        server.wait_until_idle(|| {});
        let waiting = clients.iter().filter(|client| !client.has_data()).count();
        assert!(waiting > 60, "most wait for the stopped worker: {waiting}");
        kill(stopped, Signal::SIGKILL).expect("the worker runs");
        // As they close, others get their descriptors.
        eventually("all are served", || {
            clients.retain_mut(|client| {
                let is_over = client.is_readable();
                if is_over {
                    client.receive().is("pong", "1");
                }
                !is_over
            });
            clients.is_empty()
        });
        server.wait_for_replacements(&[stopped], workers);
        server.expect_service();
    }
}

/// The parent counts connections of all workers together, those of a worker that drains included.
pub(crate) fn max_connections_counts_workers_that_drain(model: &Model) {
    let server = model.start(&[
        "--workers",
        "2",
        "--max-connections",
        "3",
        "--drain-timeout",
        "60s",
    ]);
    let mut workers = server.wait_for_workers(2);
    let mut sleepers: Vec<_> = (0..3).map(|_| server.connect_asleep("60000")).collect();
    let before = workers.clone();
    server.signal(Signal::SIGHUP);
    eventually("there are two new workers", || {
        workers = server.tree().children();
        workers.retain(|pid| !before.contains(pid));
        workers.len() == 2
    });
    let mut waits = server.connect();
    waits.send(request("ping", "1"));
    waits.expect_silence();
    sleepers.pop().into_iter().for_each(Client::reset);
    waits.receive().is("pong", "1");
}

/// A connection that is served, and the worker that serves it.
fn served(server: &Server) -> (Client, Pid) {
    let client = server.connect_served();
    let worker = server.process_of(&client);
    (client, worker)
}

/// How many of these connections each worker has.
fn counts<T>(workers: &[Pid], open: &[(T, Pid)]) -> Vec<usize> {
    let count = |worker: &Pid| open.iter().filter(|(_, pid)| pid == worker).count();
    workers.iter().map(count).collect()
}

fn is_timeout(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut)
}
