//! A fixed set of worker processes: as many as asked for, each replaced when it dies.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::client::request;
use crate::model::Model;
use crate::patience::eventually;
use crate::server::Server;

/// One listener for all, and a listener each.
pub(crate) const ACCEPT: [&str; 2] = ["shared", "reuseport"];

pub(crate) fn there_are_as_many_workers_as_asked_for(model: &Model) {
    for accept in ACCEPT {
        for count in [1, 3] {
            let server = model.start(&["--accept", accept, "--workers", &count.to_string()]);
            has_workers(&server, count);
            server.serves();
            server.settles(|| {});
            has_workers(&server, count);
        }
    }
}

/// A worker that had to hold something of each of the others would have none left for its own connections.
pub(crate) fn a_worker_has_no_more_descriptors_for_being_one_of_many(model: &Model) {
    for accept in ACCEPT {
        let [few, many] = [1, 12].map(|count| {
            let server = model.start(&["--accept", accept, "--workers", &count.to_string()]);
            let workers = has_workers(&server, count);
            server.settles(|| {});
            server.tree().descriptors_of(workers[0])
        });
        assert_eq!(
            few, many,
            "{accept}: descriptors of one alone, and of one of twelve"
        );
    }
}

pub(crate) fn either_way_to_accept_serves(model: &Model) {
    for accept in ACCEPT {
        let server = model.start(&["--accept", accept, "--workers", "4"]);
        for _ in 0..60 {
            server.serves();
        }
    }
}

/// With one listener each the kernel spreads connections by their addresses, so that each worker gets some.
pub(crate) fn reuseport_spreads_connections_over_the_workers(model: &Model) {
    let server = model.start(&["--accept", "reuseport", "--workers", "2"]);
    has_workers(&server, 2);
    for _ in 0..40 {
        server.serves();
    }
    server.settles(|| {});
    let held = |pid: Pid| server.tree().descriptors_of(pid);
    let before: Vec<_> = server
        .tree()
        .children()
        .into_iter()
        .map(|pid| (pid, held(pid)))
        .collect();
    // Sixteen connections that are left open all land with one of two only once in 32,768 times; those that wait
    // behind another of a blocking worker have landed no less.
    let _open: Vec<_> = (0..16).map(|_| server.connect()).collect();
    eventually("each worker holds a connection", || {
        before.iter().all(|(pid, count)| held(*pid) > *count)
    });
}

pub(crate) fn a_port_in_use_is_told_whatever_the_way_to_accept(model: &Model) {
    for first in ACCEPT {
        for second in ACCEPT {
            let server = model.start(&["--accept", first]);
            let address = server.address().to_string();
            let refused = model.run(&["--listen", &address, "--accept", second]);
            assert_eq!(
                refused.code,
                Some(1),
                "{first}, then {second}: {}",
                refused.stderr
            );
            assert_eq!(
                refused.stderr.lines().count(),
                1,
                "{first}, then {second}: {}",
                refused.stderr
            );
            assert!(
                refused.stderr.contains(&address),
                "{first}, then {second}: {}",
                refused.stderr
            );
        }
    }
}

pub(crate) fn a_killed_worker_is_replaced(model: &Model) {
    for accept in ACCEPT {
        let server = model.start(&["--accept", accept, "--workers", "3"]);
        let before = has_workers(&server, 3);
        kill(before[1], Signal::SIGKILL).expect("the worker is there");
        let after = replaced(&server, &before[1..2], 3);
        assert!(
            after.contains(&before[0]) && after.contains(&before[2]),
            "the others were left alone"
        );
        for _ in 0..20 {
            server.serves();
        }
    }
}

/// Deaths that coincide raise one signal for all.
pub(crate) fn workers_that_are_killed_all_at_once_are_all_replaced(model: &Model) {
    let server = model.start(&["--workers", "6"]);
    let before = has_workers(&server, 6);
    for worker in &before {
        kill(*worker, Signal::SIGKILL).expect("the worker is there");
    }
    replaced(&server, &before, 6);
    for _ in 0..20 {
        server.serves();
    }
}

/// Who is free takes the next connection from a listener that is shared, so that nobody waits for one who is not.
pub(crate) fn a_worker_that_is_held_delays_no_new_connection(model: &Model) {
    let server = model.start(&["--accept", "shared", "--workers", "2"]);
    has_workers(&server, 2);
    let mut holder = server.connect_served();
    holder.send(request("block", "60000"));
    for _ in 0..30 {
        server.serves();
    }
    assert!(!holder.has_heard(), "its worker is still held");
}

/// A worker that is told to end by itself does as a whole server would, and is replaced like any that is gone.
pub(crate) fn a_worker_that_is_told_to_end_drains_and_is_replaced(model: &Model) {
    let server = model.start(&["--workers", "1"]);
    let before = has_workers(&server, 1);
    let mut client = server.connect_served();
    client.send([request("ping", "1"), request("sleep", "300")].concat());
    client.receive().is("pong", "1");
    kill(before[0], Signal::SIGTERM).expect("the worker is there");
    client.receive().is("slept", "300");
    client.ends();
    replaced(&server, &before, 1);
    server.serves();
}

/// A worker that can't live is not worth the whole of the machine.
pub(crate) fn workers_that_keep_dying_are_replaced_ever_more_slowly(model: &Model) {
    const WATCHED: Duration = Duration::from_secs(2);
    let server = model.start(&["--workers", "1"]);
    has_workers(&server, 1);
    let mut seen = BTreeSet::new();
    let start = Instant::now();
    while start.elapsed() < WATCHED {
        for worker in server.tree().children() {
            seen.insert(worker);
            // It may have been killed in the last round, and not be reaped yet.
            let _ = kill(worker, Signal::SIGKILL);
        }
        thread::sleep(Duration::from_millis(1));
    }
    // A pause that starts at a few milliseconds and doubles is over a second after ten of them.
    assert!(
        (2..40).contains(&seen.len()),
        "{} workers in {WATCHED:?}",
        seen.len()
    );
    has_workers(&server, 1);
    server.serves();
}

pub(crate) fn workers_end_with_a_server_that_is_killed(model: &Model) {
    for accept in ACCEPT {
        let mut server = model.start(&["--accept", accept, "--workers", "4"]);
        has_workers(&server, 4);
        let _served = server.connect_served();
        server.signal(Signal::SIGKILL);
        server.finish();
    }
}

/// Waits until there are exactly so many workers, and no zombie.
#[track_caller]
pub(crate) fn has_workers(server: &Server, count: usize) -> Vec<Pid> {
    let mut workers = Vec::new();
    eventually("there are as many workers as asked for", || {
        let tree = server.tree();
        workers = tree.children();
        workers.len() == count && tree.zombies() == 0
    });
    workers
}

/// Waits until these are gone, and there are so many workers again.
#[track_caller]
pub(crate) fn replaced(server: &Server, gone: &[Pid], count: usize) -> Vec<Pid> {
    let mut workers = Vec::new();
    eventually("the workers that died are replaced", || {
        workers = has_workers(server, count);
        gone.iter().all(|pid| !workers.contains(pid))
    });
    workers
}
