//! No room for another connection: who waits, who does not, and how it is reported.

use crate::client::request;
use crate::model::Model;
use crate::patience::eventually;
use crate::server::Server;
use crate::workers::{ACCEPT, has_workers};

/// Enough for any worker to start with, and few enough to use up.
const DESCRIPTORS: usize = 24;

/// Connections go to whichever worker has room, until none has.
pub(crate) fn a_worker_without_descriptors_leaves_connections_to_the_other(model: &Model) {
    let limit = DESCRIPTORS.to_string();
    let limited = ["sh", "-c", r#"ulimit -n "$0" && exec "$@""#, &limit];
    let server = model.start_by(&limited, &["--workers", "2"]);
    let workers = has_workers(&server, 2);
    server.settles(|| {});
    let room = || {
        let tree = server.tree();
        let held = workers.iter().map(|worker| tree.descriptors_of(*worker));
        held.map(|held| DESCRIPTORS.saturating_sub(held)).sum::<usize>()
    };
    let mut open = Vec::new();
    while room() > 0 {
        open.push(server.connect_served());
    }
    // With both full, the next waits until either has room, whichever that is.
    while let Some(mut client) = open.pop() {
        client.pings();
        let mut waits = server.connect();
        waits.send(request("ping", "1"));
        drop(client);
        waits.receive().is("pong", "1");
    }
}

pub(crate) fn max_connections_makes_further_ones_wait(model: &Model) {
    waits_beyond_three(&model.start(&["--max-connections", "3"]));
}

/// Each worker has a share, and together they hold as many as were asked for.
pub(crate) fn max_connections_counts_for_all_workers_together(model: &Model) {
    for accept in ACCEPT {
        waits_beyond_three(&model.start(&["--max-connections", "3", "--workers", "1", "--accept", accept]));
    }
    for workers in [2, 3] {
        let server = model.start(&["--max-connections", "3", "--workers", &workers.to_string()]);
        has_workers(&server, workers);
        waits_beyond_three(&server);
    }
}

/// A worker that may hold no connection is not started.
pub(crate) fn there_are_no_more_workers_than_connections(model: &Model) {
    for accept in ACCEPT {
        let server = model.start(&["--max-connections", "2", "--workers", "5", "--accept", accept]);
        has_workers(&server, 2);
        server.settles(|| {});
        has_workers(&server, 2);
        server.serves();
    }
}

/// A connection that leaves makes room at once, also while requests of others take time.
pub(crate) fn max_connections_allows_any_number_one_after_another(model: &Model) {
    let server = model.start_for(2, &["--max-connections", "2"]);
    let mut held = model.traits.several_connections.then(|| server.connect_served());
    if let Some(held) = &mut held {
        held.send(request("sleep", "60000"));
    }
    for _ in 0..50 {
        server.serves();
    }
}

pub(crate) fn a_wrong_number_of_connections_is_refused_in_one_line(model: &Model) {
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
    assert_eq!(server.printed_on_stderr(), "", "nobody waits yet");
    let mut waiting: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for client in &mut waiting {
        client.send(request("ping", "1"));
    }
    waiting[0].hears_nothing();
    eventually("a line on stderr", || !server.printed_on_stderr().is_empty());
    for client in &mut open {
        client.pings();
    }
    let count = waiting.len();
    for left in (0..count).rev() {
        open.pop();
        eventually("one that waits is served", || {
            waiting.iter().filter(|client| client.has_heard()).count() == count - left
        });
    }
    for client in &mut waiting {
        client.receive().is("pong", "1");
    }
    let mut next = server.connect();
    next.send(request("ping", "1"));
    next.hears_nothing();
    drop(waiting);
    next.receive().is("pong", "1");
    let stderr = server.printed_on_stderr();
    assert!(
        stderr.lines().count() == 1 && stderr.contains("--max-connections"),
        "it is reported once: {stderr}"
    );
}
