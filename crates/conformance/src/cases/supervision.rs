//! Workers that can't start, and workers that keep dying.

use std::fs;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::model::Model;
use crate::process::READY;
use crate::process_limit::process_limit;
use crate::server::Server;
use crate::wait::eventually;

/// With few descriptors, a server either serves or exits with the reason. It never reports that it is ready and then does
/// not serve.
pub(crate) fn a_server_that_is_ready_can_serve(model: &Model) {
    for descriptors in 4..20 {
        let limit = format!(r#"ulimit -n {descriptors} && exec "$0" "$@""#);
        let mut process = model.start_unready(&["sh", "-c", &limit], &[]);
        let mut ended = false;
        eventually("the server is ready, or exits", || {
            ended = process.try_wait().is_some();
            ended || process.printed_on_stdout().contains('\n')
        });
        if !ended {
            Server::from_ready(process).expect_service();
            continue;
        }
        let finished = process.finish();
        let stderr = finished.stderr;
        // The shell exits with 127 if the program can't be loaded.
        assert!(
            matches!(finished.code, Some(1 | 127)),
            "{descriptors}: {:?}, {stderr}",
            finished.code
        );
        assert_eq!(finished.stdout, "", "{descriptors}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{descriptors}: one line: {stderr}");
        assert!(!stderr.contains("panicked"), "{descriptors}: {stderr}");
    }
}

/// The same for a server that can create no process or thread.
pub(crate) fn a_server_without_processes_or_threads_exits_with_one_line(model: &Model) {
    let Some(limit) = process_limit(model, 1) else {
        return;
    };
    let finished = limit.run(model);
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    assert!(!finished.stdout.contains(READY));
    assert_eq!(
        finished.stderr.lines().count(),
        1,
        "one line: {}",
        finished.stderr
    );
}

/// A new worker that can't be forked replaces none until it can, and the attempts cost no descriptor.
pub(crate) fn a_restart_at_the_process_limit_waits_for_room(model: &Model) {
    for accept in model.accept_flags() {
        // The supervisor and two workers.
        let Some(limit) = process_limit(model, 3) else {
            return;
        };
        let server = limit.start(model, &[&accept[..], &["--workers", "2"]].concat());
        let before = model.wait_for_count(&server, 2);
        let mut client = server.connect_served();
        server.wait_until_idle(|| {});
        let held = || server.tree().descriptors_of(server.pid());
        let held_before = held();
        server.signal(Signal::SIGHUP);
        eventually("no worker can be forked", || {
            server.printed_on_stderr().contains("can't fork")
        });
        // For some more attempts.
        thread::sleep(Duration::from_millis(500));
        assert_eq!(
            model.workers_now(&server),
            before,
            "{accept:?}: the workers go on"
        );
        client.expect_pong();
        drop(client);
        // It leaves room for the restart.
        kill(before[0], Signal::SIGKILL).expect("the worker runs");
        server.wait_for_replacements(&before, 2);
        server.wait_until_idle(|| {});
        assert_eq!(held(), held_before, "{accept:?}: descriptors of the supervisor");
        server.expect_service();
    }
}

/// A kernel allows a process so many mappings of memory, and each thread has several.
pub(crate) fn more_threads_than_the_kernel_allows_are_refused(model: &Model) {
    const MOST_WORKERS: usize = 65_535;
    let limit = fs::read_to_string("/proc/sys/vm/max_map_count").expect("the kernel shows its limits");
    if limit.trim().parse::<usize>().expect("a number") > 2 * MOST_WORKERS {
        // This kernel may allow as many threads as the flag does.
        return;
    }
    let refused = model.run(&["--listen", "127.0.0.1:0", "--workers", &MOST_WORKERS.to_string()]);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert_eq!(refused.stderr.lines().count(), 1, "{}", refused.stderr);
}

/// The other workers continue, and get every connection.
pub(crate) fn a_worker_that_keeps_dying_is_given_up(model: &Model) {
    for accept in model.accept_flags() {
        let flags = ["--workers", "2", "--start-retries", "2"];
        let server = model.start(&[&accept[..], &flags].concat());
        let healthy = server.wait_for_workers(2)[0];
        eventually("the server gives up the other worker", || {
            kill_all_but(&server, Some(healthy));
            server.printed_on_stderr().contains("given up")
        });
        eventually("only the healthy worker is left", || {
            server.tree().children() == [healthy]
        });
        for _ in 0..30 {
            server.expect_service();
        }
        server.wait_until_idle(|| {});
        assert_eq!(
            server.tree().children(),
            [healthy],
            "{accept:?}: no worker is started again"
        );
        let stderr = server.printed_on_stderr();
        let given_up = stderr.lines().filter(|line| line.contains("given up"));
        assert_eq!(given_up.count(), 1, "it is reported once: {stderr}");
    }
}

pub(crate) fn a_server_whose_workers_all_keep_dying_exits(model: &Model) {
    for accept in model.accept_flags() {
        let flags = ["--workers", "2", "--start-retries", "1"];
        let mut server = model.start(&[&accept[..], &flags].concat());
        eventually("the server exits", || {
            kill_all_but(&server, None);
            server.try_wait().is_some()
        });
        let finished = server.finish();
        assert_eq!(finished.code, Some(1), "{}", finished.stderr);
        let last = finished.stderr.lines().last().unwrap_or_default();
        assert!(last.contains("no worker is left"), "it prints the reason: {last}");
    }
}

pub(crate) fn help_names_the_limit_of_restarts(model: &Model) {
    let help = model.run(&["--help"]).stdout;
    let limit = help
        .split("--start-retries")
        .nth(1)
        .expect("--help names the flag");
    assert!(limit.contains("[default: 10]"), "{limit}");
}

fn kill_all_but(server: &Server, spared: Option<Pid>) {
    for worker in server.tree().children() {
        if Some(worker) != spared {
            // It may have been killed before and not be reaped yet.
            let _ = kill(worker, Signal::SIGKILL);
        }
    }
}
