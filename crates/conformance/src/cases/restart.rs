//! SIGHUP: a rolling restart in a server with workers, and the end of one without.

use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::client::{Client, request};
use crate::model::Model;
use crate::server::Server;
use crate::traffic::Visitors;
use crate::wait::{eventually, let_packets_arrive};

/// Longer than any timeout of a case, so that a restart that waits for the end of a drain fails it.
const LONG_DRAIN: [&str; 2] = ["--drain-timeout", "60s"];

/// A shell that ignores SIGHUP, and then becomes the server: what nohup(1) is.
const NOHUP: [&str; 4] = ["sh", "-c", r#"trap '' HUP; exec "$@""#, "sh"];

pub(crate) fn sighup_replaces_every_worker(model: &Model) {
    for accept in model.accept_flags() {
        let (server, before) = start(model, &accept, 3);
        server.signal(Signal::SIGHUP);
        let after = model.wait_for_replacements(&server, &before, 3);
        for _ in 0..10 {
            let client = server.connect_served();
            let serving = server.process_of(&client);
            let is_new = model.has_worker_threads() || after.contains(&serving);
            assert!(is_new, "{accept:?}: a new worker serves");
        }
        let stderr = server.printed_on_stderr();
        assert!(
            stderr.lines().count() == 1 && stderr.contains("SIGHUP"),
            "{accept:?}: it is reported in one line: {stderr}"
        );
        assert_eq!(server.printed_on_stdout().lines().count(), 1, "{accept:?}");
    }
}

/// What has arrived behind it, too.
pub(crate) fn a_request_in_progress_survives_a_restart(model: &Model) {
    for accept in model.accept_flags() {
        for (operation, out) in [("sleep", "slept"), ("block", "blocked")] {
            let (server, before) = start(model, &accept, 1);
            let requests = [(operation, "500"), ("ping", "1"), ("block", "10"), ("ping", "2")];
            let stream: Vec<u8> = requests
                .iter()
                .flat_map(|(operation, params)| request(operation, params))
                .collect();
            let mut client = server.connect_with(stream);
            server.signal(Signal::SIGHUP);
            for (out, result) in [(out, "500"), ("pong", "1"), ("blocked", "10"), ("pong", "2")] {
                client.receive().is(out, result);
            }
            client.expect_end();
            model.wait_for_replacements(&server, &before, 1);
        }
    }
}

/// The successor serves while the old worker is busy, and what waits for the old one is served by it.
pub(crate) fn a_connection_does_not_wait_for_a_replaced_worker(model: &Model) {
    for accept in model.accept_flags() {
        let (server, before) = start(model, &accept, 1);
        let held = server.connect_with(request("block", "60000"));
        server.wait_until_idle(|| {});
        let mut waiting: Vec<_> = (0..5).map(|_| server.connect()).collect();
        for client in &mut waiting {
            client.send(request("ping", "1"));
        }
        server.signal(Signal::SIGHUP);
        for mut client in waiting {
            client.receive().is("pong", "1");
        }
        for _ in 0..5 {
            server.expect_service();
        }
        assert!(!held.has_data(), "{accept:?}: the old worker is still blocked");
        assert!(
            model.workers_now(&server).contains(&before[0]),
            "{accept:?}: the old worker drains"
        );
    }
}

/// Clients connect all the time. None is refused, reset or left without its reply.
pub(crate) fn restarts_in_a_row_lose_no_connection(model: &Model) {
    for accept in model.accept_flags() {
        let (server, mut workers) = start(model, &accept, 2);
        let visitors = Visitors::start(server.address());
        for _ in 0..5 {
            visitors.wait_for_more();
            server.signal(Signal::SIGHUP);
            workers = model.wait_for_replacements(&server, &workers, 2);
        }
        visitors.wait_for_more();
        visitors.expect_no_loss();
        expect_no_deaths(&server);
    }
}

/// A client that has just connected sends its request next. A worker that is replaced in between waits for it.
pub(crate) fn a_new_connection_may_send_its_first_request_late(model: &Model) {
    // A server gives a new connection 100 ms. An attempt that was too slow, on a busy machine, does not count.
    const PROMPT: Duration = Duration::from_millis(80);
    let (server, mut workers) = start(model, &[], 1);
    for _ in 0..10 {
        let begun = Instant::now();
        let mut client = server.connect();
        thread::sleep(Duration::from_millis(5));
        server.signal(Signal::SIGHUP);
        thread::sleep(Duration::from_millis(40));
        let sent = client.try_send(request("ping", "1"));
        if begun.elapsed() < PROMPT {
            sent.expect("the connection is open");
            client.receive().is("pong", "1");
        }
        workers = model.wait_for_replacements(&server, &workers, 1);
    }
}

/// At no moment are there fewer workers than before, because a new one is started before an old one drains.
///
/// A moment with fewer can be too short for this. Where a new worker can't start, it lasts, and the cases of such restarts
/// show it with certainty.
pub(crate) fn a_restart_keeps_as_many_workers(model: &Model) {
    let (server, before) = start(model, &[], 3);
    let mut last = before.clone();
    server.signal(Signal::SIGHUP);
    eventually("all workers are replaced", || {
        let workers = model.workers_now(&server);
        // The processes are listed one after another. Two lists that are the same show what there was in between.
        let is_certain = workers == last;
        last.clone_from(&workers);
        assert!(
            !is_certain || workers.len() >= 3,
            "only {} workers are left",
            workers.len()
        );
        workers.len() == 3 && before.iter().all(|pid| !workers.contains(pid))
    });
}

pub(crate) fn sighup_during_a_restart_replaces_all_workers_again(model: &Model) {
    let (server, before) = start(model, &[], 3);
    let visitors = Visitors::start(server.address());
    for signals in [1, 2, 5] {
        for _ in 0..signals {
            server.signal(Signal::SIGHUP);
        }
        let_packets_arrive();
        server.signal(Signal::SIGHUP);
    }
    model.wait_for_replacements(&server, &before, 3);
    visitors.expect_no_loss();
    // Nothing is left of the restarts: the workers stay as they are.
    server.wait_until_idle(|| {});
    let settled = model.wait_for_count(&server, 3);
    server.wait_until_idle(|| {});
    assert_eq!(model.wait_for_count(&server, 3), settled);
    expect_no_deaths(&server);
}

/// A terminal that is closed sends SIGHUP to every process of a server. It is one restart.
pub(crate) fn sighup_to_all_processes_is_one_restart(model: &Model) {
    let (server, before) = start(model, &[], 3);
    let mut sleeper = server.connect_with(request("sleep", "500"));
    let mut seen = before.clone();
    server.signal_group(Signal::SIGHUP);
    eventually("all workers are replaced", || {
        let workers = model.workers_now(&server);
        seen.extend(&workers);
        workers.len() == 3 && before.iter().all(|pid| !workers.contains(pid))
    });
    server.wait_until_idle(|| seen.extend(model.workers_now(&server)));
    seen.sort_unstable();
    seen.dedup();
    // A list of processes can miss some.
    assert!(seen.len() <= 6, "three workers before, and three after: {seen:?}");
    sleeper.receive().is("slept", "500");
    let stderr = server.printed_on_stderr();
    assert_eq!(stderr.lines().count(), 1, "it is one restart: {stderr}");
}

pub(crate) fn sigterm_ends_a_server_during_a_restart(model: &Model) {
    for pause_ms in [0, 1, 2, 5, 10, 20, 50] {
        let (mut server, _) = start(model, &[], 3);
        let mut client = server.connect_with(request("sleep", "300"));
        server.signal(Signal::SIGHUP);
        thread::sleep(Duration::from_millis(pause_ms));
        server.signal(Signal::SIGTERM);
        client.receive().is("slept", "300");
        client.expect_end();
        let finished = server.finish();
        assert_eq!(finished.code, Some(0), "{pause_ms} ms: {}", finished.stderr);
    }
}

pub(crate) fn many_restarts_leave_no_zombie_and_no_descriptor(model: &Model) {
    for accept in model.accept_flags() {
        let (server, mut workers) = start(model, &accept, 2);
        let held_by = |pid: Pid| server.tree().descriptors_of(pid);
        let mut restart = || {
            server.signal(Signal::SIGHUP);
            workers = model.wait_for_replacements(&server, &workers, 2);
            server.expect_service();
            server.wait_until_idle(|| {});
            (held_by(server.pid()), held_by(workers[0]), held_by(workers[1]))
        };
        let first = restart();
        for _ in 0..8 {
            restart();
        }
        assert_eq!(restart(), first, "{accept:?}: descriptors after ten restarts");
        expect_no_deaths(&server);
    }
}

/// Neither threads nor descriptors nor memory are left of fifty generations.
pub(crate) fn fifty_generations_of_threads_leave_nothing(model: &Model) {
    const MOST_BYTES: u64 = 1 << 20;
    const SERIES: usize = 3;
    for accept in model.accept_flags() {
        let (server, mut workers) = start(model, &accept, 4);
        let mut restart = || {
            server.signal(Signal::SIGHUP);
            workers = model.wait_for_replacements(&server, &workers, 4);
            (0..4).for_each(|_| server.expect_service());
        };
        let measure = || {
            server.wait_until_idle(|| {});
            let tree = server.tree();
            ((tree.threads(), tree.descriptors()), tree.memory_bytes())
        };
        (0..10).for_each(|_| restart());
        let (first, mut before_bytes) = measure();
        // The allocator adds arenas now and then, which stay. What leaks grows in each series.
        let mut measured = Vec::new();
        let leaks = (0..SERIES).all(|_| {
            (0..50).for_each(|_| restart());
            let (last, after_bytes) = measure();
            assert_eq!(first, last, "{accept:?}: threads and descriptors");
            let grows = after_bytes >= before_bytes + MOST_BYTES;
            measured.push((before_bytes, after_bytes));
            before_bytes = after_bytes;
            grows
        });
        assert!(
            !leaks,
            "{accept:?}: bytes of memory before and after 50 restarts: {measured:?}"
        );
        expect_no_deaths(&server);
    }
}

/// A connection of a replaced worker is closed at the end of the drain timeout. A thread that waits for it ends then.
pub(crate) fn a_replaced_thread_ends_at_the_drain_timeout(model: &Model) {
    for accept in model.accept_flags() {
        let flags = ["--workers", "1", "--drain-timeout", "300ms"];
        let server = model.start(&[&accept[..], &flags].concat());
        let busy = model.wait_for_count(&server, 1);
        let mut asleep = server.connect_with(request("sleep", "60000"));
        server.signal(Signal::SIGHUP);
        asleep.expect_disconnect();
        let busy = model.wait_for_replacements(&server, &busy, 1);
        // A peer that does not read its replies.
        let mut unread = server.connect_served();
        for _ in 0..200 {
            if unread.try_send(request("blob", "1000000")).is_err() {
                break;
            }
        }
        server.signal(Signal::SIGHUP);
        model.wait_for_replacements(&server, &busy, 1);
        server.expect_service();
    }
}

/// A worker that does not come to its end is limited by the drain timeout, and a stopped one too.
pub(crate) fn a_replaced_worker_ends_at_the_drain_timeout(model: &Model) {
    let server = model.start(&["--workers", "1", "--drain-timeout", "300ms"]);
    let busy = model.wait_for_count(&server, 1);
    let mut client = server.connect_with(request("sleep", "60000"));
    server.signal(Signal::SIGHUP);
    client.expect_disconnect();
    let stopped = model.wait_for_replacements(&server, &busy, 1);
    kill(stopped[0], Signal::SIGSTOP).expect("the worker runs");
    server.signal(Signal::SIGHUP);
    model.wait_for_replacements(&server, &stopped, 1);
    server.expect_service();
}

pub(crate) fn max_connections_holds_after_a_restart(model: &Model) {
    for accept in model.accept_flags() {
        let flags = [&accept[..], &["--max-connections", "3", "--workers", "1"]].concat();
        let server = model.start(&flags);
        let mut workers = model.wait_for_count(&server, 1);
        for _ in 0..3 {
            server.signal(Signal::SIGHUP);
            workers = model.wait_for_replacements(&server, &workers, 1);
        }
        let most = if model.serves_many() { 3 } else { 1 };
        let mut open: Vec<_> = (0..most).map(|_| server.connect_served()).collect();
        let mut waits = server.connect();
        waits.send(request("ping", "1"));
        waits.expect_silence();
        open.iter_mut().for_each(Client::expect_pong);
        open.pop();
        waits.receive().is("pong", "1");
    }
}

/// A SIGHUP that the program before had ignored is no reason to end.
pub(crate) fn a_server_started_with_nohup_survives(model: &Model) {
    let server = model.start_by(&NOHUP, &[]);
    model.wait_for_workers(&server);
    server.signal_group(Signal::SIGHUP);
    for _ in 0..3 {
        server.expect_service();
    }
    server.wait_until_idle(|| {});
    server.expect_service();
}

/// Without workers there is nothing to restart. A terminal that is closed ends the server.
pub(crate) fn sighup_ends_a_server_without_workers(model: &Model) {
    let mut server = model.start(&[]);
    server.expect_service();
    server.signal(Signal::SIGHUP);
    let finished = server.finish();
    assert_eq!((finished.code, finished.stderr.as_str()), (None, ""));
}

fn start(model: &Model, accept: &[&str], workers: usize) -> (Server, Vec<Pid>) {
    let count = workers.to_string();
    let server = model.start(&[accept, &["--workers", &count], &LONG_DRAIN].concat());
    let workers = model.wait_for_count(&server, workers);
    (server, workers)
}

/// A worker that is replaced has not died.
#[track_caller]
fn expect_no_deaths(server: &Server) {
    let stderr = server.printed_on_stderr();
    assert!(
        stderr.lines().all(|line| line.contains("SIGHUP")),
        "no worker died: {stderr}"
    );
}
