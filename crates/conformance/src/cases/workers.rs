//! A fixed set of workers: as many as requested, each replaced when it dies, and how they get connections.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::client::request;
use crate::model::Model;
use crate::wait::{TIMEOUT, eventually};

pub(crate) fn there_are_as_many_workers_as_requested(model: &Model) {
    for accept in model.accept_flags() {
        for count in [1, 3] {
            let server = model.start(&[&accept[..], &["--workers", &count.to_string()]].concat());
            model.wait_for_count(&server, count);
            server.expect_service();
            server.wait_until_idle(|| {});
            model.wait_for_count(&server, count);
        }
    }
}

/// If each worker held descriptors of all others, few would be left for connections.
pub(crate) fn workers_hold_no_descriptors_of_other_workers(model: &Model) {
    for accept in model.accept_flags() {
        let [few, many] = [1, 12].map(|count| {
            let server = model.start(&[&accept[..], &["--workers", &count.to_string()]].concat());
            let workers = server.wait_for_workers(count);
            server.wait_until_idle(|| {});
            server.tree().descriptors_of(workers[0])
        });
        assert_eq!(
            few, many,
            "{accept:?}: descriptors of a single worker, and of one of twelve"
        );
    }
}

pub(crate) fn every_accept_mode_serves(model: &Model) {
    for accept in model.accept_flags() {
        let server = model.start(&[&accept[..], &["--workers", "4"]].concat());
        for _ in 0..60 {
            server.expect_service();
        }
    }
}

/// With a listener for each worker, the kernel distributes connections by their addresses, so that each worker gets some.
pub(crate) fn reuseport_spreads_connections_over_the_workers(model: &Model) {
    let server = model.start(&["--accept", "reuseport", "--workers", "2"]);
    server.wait_for_workers(2);
    for _ in 0..40 {
        server.expect_service();
    }
    server.wait_until_idle(|| {});
    let held = |pid: Pid| server.tree().descriptors_of(pid);
    let before: Vec<_> = server
        .tree()
        .children()
        .into_iter()
        .map(|pid| (pid, held(pid)))
        .collect();
    // All of sixteen open connections go to the same one of two workers only once in 32,768 times. A connection that waits
    // in the queue of a blocking worker counts too: the worker's listener has it.
    let _open: Vec<_> = (0..16).map(|_| server.connect()).collect();
    eventually("each worker holds a connection", || {
        before.iter().all(|(pid, count)| held(*pid) > *count)
    });
}

pub(crate) fn a_port_in_use_is_reported_in_every_accept_mode(model: &Model) {
    for first in &model.accept_flags() {
        for second in &model.accept_flags() {
            let server = model.start(first);
            let address = server.address().to_string();
            let refused = model.run(&[&second[..], &["--listen", &address]].concat());
            assert_eq!(
                refused.code,
                Some(1),
                "{first:?}, then {second:?}: {}",
                refused.stderr
            );
            assert_eq!(
                refused.stderr.lines().count(),
                1,
                "{first:?}, then {second:?}: {}",
                refused.stderr
            );
            assert!(
                refused.stderr.contains(&address),
                "{first:?}, then {second:?}: {}",
                refused.stderr
            );
        }
    }
}

pub(crate) fn a_killed_worker_is_replaced(model: &Model) {
    for accept in model.accept_flags() {
        let server = model.start(&[&accept[..], &["--workers", "3"]].concat());
        let before = server.wait_for_workers(3);
        kill(before[1], Signal::SIGKILL).expect("the worker runs");
        let after = server.wait_for_replacements(&before[1..2], 3);
        assert!(
            after.contains(&before[0]) && after.contains(&before[2]),
            "the other workers still run"
        );
        for _ in 0..20 {
            server.expect_service();
        }
    }
}

/// Workers that die at the same time raise one signal for all of them.
pub(crate) fn workers_that_are_killed_all_at_once_are_all_replaced(model: &Model) {
    let server = model.start(&["--workers", "6"]);
    let before = server.wait_for_workers(6);
    for worker in &before {
        kill(*worker, Signal::SIGKILL).expect("the worker runs");
    }
    server.wait_for_replacements(&before, 6);
    for _ in 0..20 {
        server.expect_service();
    }
}

/// A free worker takes the next connection from the shared listener, so that no connection waits for a busy one.
pub(crate) fn a_blocked_worker_delays_no_new_connection(model: &Model) {
    let server = model.start(&["--accept", "shared", "--workers", "2"]);
    model.wait_for_count(&server, 2);
    let mut blocked = server.connect_served();
    blocked.send(request("block", "60000"));
    for _ in 0..30 {
        server.expect_service();
    }
    assert!(!blocked.has_data(), "its worker is still blocked");
}

/// A single worker that gets SIGTERM drains as a whole server does, and is replaced as if it had died.
pub(crate) fn a_worker_that_gets_sigterm_drains_and_is_replaced(model: &Model) {
    let server = model.start(&["--workers", "1"]);
    let before = server.wait_for_workers(1);
    let mut client = server.connect_served();
    client.send([request("ping", "1"), request("sleep", "300")].concat());
    client.receive().is("pong", "1");
    kill(before[0], Signal::SIGTERM).expect("the worker runs");
    client.receive().is("slept", "300");
    client.expect_end();
    server.wait_for_replacements(&before, 1);
    server.expect_service();
}

/// Restarting a worker that always dies must not occupy the machine.
pub(crate) fn workers_that_keep_dying_are_replaced_more_and_more_slowly(model: &Model) {
    const WATCHED: Duration = Duration::from_secs(2);
    let server = model.start(&["--workers", "1"]);
    server.wait_for_workers(1);
    let mut seen = BTreeSet::new();
    let start = Instant::now();
    // A slow machine gets more time to start a second worker.
    while start.elapsed() < WATCHED || (seen.len() < 2 && start.elapsed() < TIMEOUT) {
        for worker in server.tree().children() {
            seen.insert(worker);
            // It may have been killed in the last round and not be reaped yet.
            let _ = kill(worker, Signal::SIGKILL);
        }
        thread::sleep(Duration::from_millis(1));
    }
    // A pause that starts at a few milliseconds and doubles exceeds a second after ten restarts.
    assert!(
        (2..40).contains(&seen.len()),
        "{} workers in {:?}",
        seen.len(),
        start.elapsed()
    );
    server.wait_for_workers(1);
    server.expect_service();
}

pub(crate) fn workers_end_when_the_server_is_killed(model: &Model) {
    for accept in model.accept_flags() {
        let mut server = model.start(&[&accept[..], &["--workers", "4"]].concat());
        server.wait_for_workers(4);
        let _served = server.connect_served();
        server.signal(Signal::SIGKILL);
        server.finish();
    }
}
