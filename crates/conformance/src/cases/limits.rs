//! A full descriptor table, and refused processes or threads: the server continues to serve, and accepts again when it
//! can.

use std::time::Duration;

use crate::client::{Client, request};
use crate::model::Model;
use crate::process_limit::process_limit;
use crate::server::Server;
use crate::wait::eventually;

/// Enough for any server to start, and too few for the connections below, even if two processes have so many each.
const DESCRIPTORS: &str = "40";
/// The same for processes and threads.
const PROCESSES: u32 = 12;
const CONNECTIONS: usize = 100;

pub(crate) fn a_server_recovers_from_a_full_descriptor_table(model: &Model) {
    let limited = ["sh", "-c", r#"ulimit -n "$0" && exec "$@""#, DESCRIPTORS];
    recovers_from_its_limit(&model.start_by(&limited, &[]));
}

pub(crate) fn a_server_recovers_when_processes_or_threads_are_refused(model: &Model) {
    if let Some(limit) = process_limit(model, PROCESSES) {
        recovers_from_its_limit(&limit.start(model, &[]));
    }
}

#[track_caller]
fn recovers_from_its_limit(server: &Server) {
    let mut clients: Vec<_> = (0..CONNECTIONS).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(request("ping", "1"));
    }
    eventually("the server reports that it has reached its limit", || {
        !server.printed_on_stderr().is_empty()
    });
    server.wait_until_idle(|| {});

    let (mut answered, waiting): (Vec<_>, Vec<_>) = clients.into_iter().partition(Client::has_data);
    assert!(
        !answered.is_empty() && !waiting.is_empty(),
        "{} of {CONNECTIONS} connections are served",
        answered.len()
    );
    for client in &mut answered {
        client.receive().is("pong", "1");
        client.expect_pong();
    }

    let used_s = server.cpu_s_within(Duration::from_secs(1));
    assert!(
        used_s < 0.25,
        "it spins: {used_s} s of CPU time in an idle second"
    );

    // When one connection closes, one that waits is served.
    let waiting_before = waiting.iter().filter(|client| !client.has_data()).count();
    answered.pop();
    eventually("one waiting connection is served", || {
        waiting.iter().filter(|client| !client.has_data()).count() < waiting_before
    });
    drop(answered);
    for mut client in waiting {
        client.receive().is("pong", "1");
        drop(client);
    }
    server.expect_service();

    let stderr = server.printed_on_stderr();
    assert_eq!(stderr.lines().count(), 1, "it is reported once: {stderr}");
}
