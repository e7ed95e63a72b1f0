//! What a server inherits from the program that starts it, and must not depend on.

use std::process::{Command, Stdio};

use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill};

use crate::client::request;
use crate::model::{Model, WORKERS};
use crate::server::Server;
use crate::wait::eventually;

/// A shell that ignores every signal that a server may use, and then becomes the server.
const IGNORING: [&str; 4] = [
    "sh",
    "-c",
    r#"trap '' TERM INT CHLD ALRM USR1 USR2 PROF VTALRM; exec "$@""#,
    "sh",
];

pub(crate) fn signals_blocked_at_startup_still_work(model: &Model) {
    signals_work(model, |flags| {
        let mut before = SigSet::empty();
        let all = Some(&SigSet::all());
        nix::sys::signal::pthread_sigmask(SigmaskHow::SIG_BLOCK, all, Some(&mut before))
            .expect("signals can be blocked");
        let server = model.start(flags);
        before.thread_set_mask().expect("signals can be unblocked");
        server
    });
}

pub(crate) fn signals_ignored_at_startup_still_work(model: &Model) {
    signals_work(model, |flags| model.start_by(&IGNORING, flags));
}

#[track_caller]
fn signals_work(model: &Model, start: impl Fn(&[&str]) -> Server) {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut server = start(&["--drain-timeout", "60s"]);
        for _ in 0..3 {
            server.expect_service();
        }
        if model.forks() {
            eventually("children that have ended are reaped", || {
                server.tree().zombies() == 0
            });
        }
        if model.has_worker_processes() {
            let killed = model.wait_for_workers(&server)[0];
            kill(killed, Signal::SIGKILL).expect("the worker runs");
            server.wait_for_replacements(&[killed], WORKERS);
        }
        let mut client = server.connect_asleep("300");
        server.signal(signal);
        client.receive().is("slept", "300");
        assert_eq!(server.finish().code, Some(0), "{signal}");

        let mut server = start(&["--drain-timeout", "300ms"]);
        let mut client = server.connect_asleep("60000");
        server.signal(signal);
        client.expect_disconnect();
        assert_eq!(server.finish().code, Some(0), "{signal}, then the drain timeout");
    }
}

/// The kernel gives the free descriptors to sockets, and a server would print to a client.
pub(crate) fn closed_standard_streams_are_not_reused_for_sockets(model: &Model) {
    let closed = ["sh", "-c", r#"exec "$@" <&- 2>&-"#, "sh"];
    let mut server = model.start_by(&closed, &["-v"]);
    for _ in 0..3 {
        server.expect_service();
    }
    let mut client = server.connect_served();
    server.signal(Signal::SIGTERM);
    client.expect_end();
    assert_eq!(server.finish().code, Some(0));
}

/// A shell that has started other programs, and then becomes the server.
pub(crate) fn inherited_children_leave_no_zombies(model: &Model) {
    let parent = ["sh", "-c", r#"true & sleep 0.2 & exec "$@""#, "sh"];
    let server = model.start_by(&parent, &[]);
    eventually("the inherited children have ended and are reaped", || {
        let tree = server.tree();
        let own = if model.has_worker_processes() { WORKERS } else { 0 };
        tree.zombies() == 0 && tree.children().len() == own
    });
    server.expect_service();
}

/// Both `ITIMER_REAL` and `ITIMER_PROF` survive exec, and the signal of either ends a process that does not handle it.
pub(crate) fn inherited_timers_do_nothing(model: &Model) {
    const SET_TIMERS: &str = "import os, signal, sys
signal.setitimer(signal.ITIMER_REAL, 0.5)
signal.setitimer(signal.ITIMER_PROF, 0.01, 0.01)
signal.setitimer(signal.ITIMER_VIRTUAL, 0.01, 0.01)
os.execv(sys.argv[1], sys.argv[1:])";
    if !can_run("python3", &["--version"]) {
        test_support::skip("python3 is not installed");
        return;
    }
    let launcher = ["python3", "-c", SET_TIMERS];
    let mut server = model.start_by(&launcher, &[]);
    let mut client = server.connect_served();
    client.call("spin", "100000").is("spun", "100000");
    client.send([request("ping", "1"), request("sleep", "1500")].concat());
    client.receive().is("pong", "1");
    server.signal(Signal::SIGTERM);
    client.receive().is("slept", "1500");
    assert_eq!(server.finish().code, Some(0));
}

/// A write beyond the limit raises SIGXFSZ, which ends a process that does not handle it.
pub(crate) fn a_file_size_limit_loses_only_log_lines(model: &Model) {
    if !can_run("prlimit", &["--version"]) {
        test_support::skip("prlimit is not installed");
        return;
    }
    let server = model.start(&["-v"]);
    model.wait_for_workers(&server);
    let before = server.tree().pids();
    for pid in &before {
        let pid = format!("--pid={pid}");
        assert!(can_run("prlimit", &[&pid, "--fsize=0"]), "a limit can be set");
    }
    for _ in 0..5 {
        server.expect_service();
    }
    eventually("the server has the processes that it had before", || {
        server.tree().pids() == before
    });
}

/// A timer that sends a signal uses one of the allowed queued signals.
pub(crate) fn without_queued_signals_no_request_is_dropped(model: &Model) {
    if !can_run("prlimit", &["--version"]) {
        test_support::skip("prlimit is not installed");
        return;
    }
    let limited = ["prlimit", "--sigpending=0"];
    let mut server = model.start_by(&limited, &["--drain-timeout", "60s"]);
    let mut client = server.connect_asleep("400");
    server.signal(Signal::SIGTERM);
    client.receive().is("slept", "400");
    assert_eq!(server.finish().code, Some(0));

    let mut server = model.start_by(&limited, &["--drain-timeout", "300ms"]);
    let mut client = server.connect_asleep("60000");
    server.signal(Signal::SIGTERM);
    client.expect_disconnect();
    assert_eq!(server.finish().code, Some(0));
}

fn can_run(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
