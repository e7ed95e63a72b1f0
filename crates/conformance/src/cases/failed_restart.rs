//! SIGHUP where new workers can't start: the old ones go on serving.

use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::model::Model;
use crate::process_limit::process_limit;
use crate::wait::eventually;

/// A worker that can't start replaces none, whether it gives up or can't be forked.
pub(crate) fn a_restart_that_fails_keeps_the_old_workers(model: &Model) {
    let server = model.start(&["--workers", "2", "--start-retries", "1"]);
    let before = model.wait_for_count(&server, 2);
    let mut client = server.connect_served();
    let limit = |limit: &str| {
        let pid = format!("--pid={}", server.pid());
        let mut command = Command::new("prlimit");
        command
            .args([&pid, limit])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    // The soft limit alone, so that it can be raised again. It closes no descriptor, and forbids new ones.
    if !limit("--nofile=3:") {
        test_support::skip("prlimit is not installed");
        return;
    }
    server.signal(Signal::SIGHUP);
    eventually("the restart is given up, or put off", || {
        let stderr = server.printed_on_stderr();
        // Once for both: a parent that accepts has no descriptor for a connection, and none for a worker.
        let puts_off = stderr.contains("can't accept") || stderr.contains("can't fork");
        stderr.contains("given up") || puts_off
    });
    server.wait_until_idle(|| {});
    client.expect_pong();
    assert_eq!(model.wait_for_count(&server, 2), before);
    assert!(limit("--nofile=1024:"), "a limit can be raised");
    server.expect_service();
    server.signal(Signal::SIGHUP);
    model.wait_for_replacements(&server, &before, 2);
}

/// Threads that can't all be started replace none. There is one attempt for each request; the old threads serve, and nothing
/// goes on trying.
pub(crate) fn each_restart_at_the_thread_limit_is_reported(model: &Model) {
    for accept in model.accept_flags() {
        // Enough to start with four workers, and too few for four more.
        let Some(limit) = process_limit(model, 8) else {
            return;
        };
        let server = limit.start(model, &[&accept[..], &["--workers", "4"]].concat());
        server.expect_service();
        server.wait_until_idle(|| {});
        let before = server.tree().thread_ids();
        for restarts in 1..=3 {
            server.signal(Signal::SIGHUP);
            eventually("the restart fails", || {
                server.printed_on_stderr().lines().count() == restarts
            });
        }
        server.wait_until_idle(|| {});
        let used_s = server.cpu_s_within(Duration::from_millis(500));
        assert!(
            used_s < 0.1,
            "{accept:?}: {used_s} s of CPU time in an idle half second"
        );
        let stderr = server.printed_on_stderr();
        let is_failure = |line: &str| line.contains("SIGHUP: the worker threads are not replaced: can't");
        assert!(
            stderr.lines().count() == 3 && stderr.lines().all(is_failure),
            "{accept:?}: {stderr}"
        );
        assert_eq!(server.tree().thread_ids(), before, "{accept:?}");
        server.connect().call("block", "1").is("blocked", "1");
        server.expect_service();
    }
}
