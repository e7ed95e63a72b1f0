//! Limits on connections: which connections wait, and how the server reports it.

use crate::client::request;
use crate::model::Model;
use crate::server::Server;
use crate::wait::eventually;

/// Enough for any worker to start, and few enough to use up.
const DESCRIPTORS: usize = 24;

/// Connections go to a worker that has free descriptors, until none has.
pub(crate) fn a_worker_without_descriptors_leaves_connections_to_the_other(model: &Model) {
    let limit = DESCRIPTORS.to_string();
    let limited = ["sh", "-c", r#"ulimit -n "$0" && exec "$@""#, &limit];
    let server = model.start_by(&limited, &["--workers", "2"]);
    let workers = server.wait_for_workers(2);
    server.wait_until_idle(|| {});
    let free = || {
        let tree = server.tree();
        let held = workers.iter().map(|worker| tree.descriptors_of(*worker));
        held.map(|held| DESCRIPTORS.saturating_sub(held)).sum::<usize>()
    };
    let mut open = Vec::new();
    while free() > 0 {
        open.push(server.connect_served());
    }
    // With both full, the next connection waits until either has a free descriptor.
    while let Some(mut client) = open.pop() {
        client.expect_pong();
        let mut waits = server.connect();
        waits.send(request("ping", "1"));
        drop(client);
        waits.receive().is("pong", "1");
    }
}

pub(crate) fn max_connections_makes_further_ones_wait(model: &Model) {
    waits_beyond_three(&model.start(&["--max-connections", "3"]));
}

/// Each worker has a share, and together they hold as many connections as the flag allows.
pub(crate) fn max_connections_holds_for_all_workers_together(model: &Model) {
    for accept in model.accept_flags() {
        waits_beyond_three(
            &model.start(&[&accept[..], &["--max-connections", "3", "--workers", "1"]].concat()),
        );
    }
    for workers in [2, 3] {
        let server = model.start(&["--max-connections", "3", "--workers", &workers.to_string()]);
        model.wait_for_count(&server, workers);
        waits_beyond_three(&server);
    }
}

/// A worker whose share is no connection is not started.
pub(crate) fn there_are_no_more_workers_than_connections(model: &Model) {
    for accept in model.accept_flags() {
        let server = model.start(&[&accept[..], &["--max-connections", "2", "--workers", "5"]].concat());
        model.wait_for_count(&server, 2);
        server.wait_until_idle(|| {});
        model.wait_for_count(&server, 2);
        server.expect_service();
    }
}

/// A connection that closes makes room at once, even while requests on others take time.
pub(crate) fn max_connections_allows_any_number_one_after_another(model: &Model) {
    let server = model.start_for(2, &["--max-connections", "2"]);
    let mut held = (!model.serves_one()).then(|| server.connect_served());
    if let Some(held) = &mut held {
        held.send(request("sleep", "60000"));
    }
    for _ in 0..50 {
        server.expect_service();
    }
}

pub(crate) fn a_wrong_connection_limit_is_reported_in_one_line(model: &Model) {
    for number in ["0", "-1", "many", "1.5", "99999999999999999999"] {
        let refused = model.run(&["--max-connections", number]);
        assert_eq!(refused.code, Some(2), "{number}: {}", refused.stderr);
        assert_eq!(refused.stderr.lines().count(), 1, "{number}: {}", refused.stderr);
        assert!(
            refused.stderr.contains("--max-connections"),
            "{number}: {}",
            refused.stderr
        );
    }
}

#[track_caller]
fn waits_beyond_three(server: &Server) {
    let mut open: Vec<_> = (0..3).map(|_| server.connect_served()).collect();
    assert_eq!(server.printed_on_stderr(), "", "no connection waits yet");
    let mut waiting: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for client in &mut waiting {
        client.send(request("ping", "1"));
    }
    waiting[0].expect_silence();
    eventually("a line on stderr", || !server.printed_on_stderr().is_empty());
    for client in &mut open {
        client.expect_pong();
    }
    let count = waiting.len();
    for remaining in (0..count).rev() {
        open.pop();
        eventually("one waiting connection is served", || {
            waiting.iter().filter(|client| client.has_data()).count() == count - remaining
        });
    }
    for client in &mut waiting {
        client.receive().is("pong", "1");
    }
    let mut next = server.connect();
    next.send(request("ping", "1"));
    next.expect_silence();
    drop(waiting);
    next.receive().is("pong", "1");
    let stderr = server.printed_on_stderr();
    assert!(
        stderr.lines().count() == 1 && stderr.contains("--max-connections"),
        "it is reported once: {stderr}"
    );
}
