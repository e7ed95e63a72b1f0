//! What a server inherits from the program that started it, and must not depend on.

use std::process::{Command, Stdio};

use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill};

use crate::client::request;
use crate::model::Model;
use crate::patience::{eventually, let_it_arrive};
use crate::server::Server;

/// A shell that ignores every signal that a server may rely on, then becomes the server.
const IGNORING: [&str; 4] = [
    "sh",
    "-c",
    r#"trap '' TERM INT CHLD ALRM USR1 USR2 PROF VTALRM; exec "$@""#,
    "sh",
];

pub(crate) fn signals_blocked_at_the_start_work_all_the_same(model: &Model) {
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

pub(crate) fn signals_ignored_at_the_start_work_all_the_same(model: &Model) {
    signals_work(model, |flags| model.start_by(&IGNORING, flags));
}

#[track_caller]
fn signals_work(model: &Model, start: impl Fn(&[&str]) -> Server) {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut server = start(&["--drain-timeout", "60s"]);
        for _ in 0..3 {
            server.serves();
        }
        if model.traits.forking {
            eventually("children that have ended are reaped", || {
                server.tree().zombies() == 0
            });
        }
        if model.traits.workers {
            model.has_its_workers(&server);
            let killed = server.tree().children()[0];
            kill(killed, Signal::SIGKILL).expect("the worker is there");
            eventually("a worker that died is replaced", || {
                let workers = server.tree().children();
                workers.len() == 2 && !workers.contains(&killed)
            });
        }
        let mut client = is_asleep(&server, "300");
        server.signal(signal);
        client.receive().is("slept", "300");
        assert_eq!(server.finish().code, Some(0), "{signal}");

        let mut server = start(&["--drain-timeout", "300ms"]);
        let mut client = is_asleep(&server, "60000");
        server.signal(signal);
        client.is_cut_off();
        assert_eq!(server.finish().code, Some(0), "{signal}, then the drain timeout");
    }
}

/// The kernel gives the next descriptors to sockets, and what is printed would go to a client.
pub(crate) fn standard_streams_closed_at_the_start_are_not_taken_by_sockets(model: &Model) {
    let closed = ["sh", "-c", r#"exec "$@" <&- 2>&-"#, "sh"];
    let mut server = model.start_by(&closed, &["-v"]);
    for _ in 0..3 {
        server.serves();
    }
    let mut client = server.connect_served();
    server.signal(Signal::SIGTERM);
    client.ends();
    assert_eq!(server.finish().code, Some(0));
}

/// A shell that has started something, then becomes the server.
pub(crate) fn children_from_before_the_start_leave_no_zombies(model: &Model) {
    let parent = ["sh", "-c", r#"true & sleep 0.2 & exec "$@""#, "sh"];
    let server = model.start_by(&parent, &[]);
    eventually("the children from before have ended and are reaped", || {
        let tree = server.tree();
        let strangers = if model.traits.workers { 2 } else { 0 };
        tree.zombies() == 0 && tree.children().len() == strangers
    });
    server.serves();
}

/// `ITIMER_REAL` and `ITIMER_PROF` both survive exec, and the signal of either ends a process that does not expect it.
pub(crate) fn timers_set_before_the_start_do_nothing(model: &Model) {
    const SET_TIMERS: &str = "import os, signal, sys
signal.setitimer(signal.ITIMER_REAL, 0.5)
signal.setitimer(signal.ITIMER_PROF, 0.01, 0.01)
signal.setitimer(signal.ITIMER_VIRTUAL, 0.01, 0.01)
os.execv(sys.argv[1], sys.argv[1:])";
    if !can_run("python3", &["--version"]) {
        println!("skipped: there is no python3");
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

/// A write past the limit raises SIGXFSZ, which ends a process that does not expect it.
pub(crate) fn a_file_size_limit_costs_log_lines_only(model: &Model) {
    if !can_run("prlimit", &["--version"]) {
        println!("skipped: there is no prlimit");
        return;
    }
    let server = model.start(&["-v"]);
    model.has_its_workers(&server);
    let before = server.tree().pids();
    for pid in &before {
        let pid = format!("--pid={pid}");
        assert!(can_run("prlimit", &[&pid, "--fsize=0"]), "a limit can be set");
    }
    for _ in 0..5 {
        server.serves();
    }
    eventually("the server has the processes that it had before", || {
        server.tree().pids() == before
    });
}

/// A timer that sends a signal takes one of the queued signals that are allowed.
pub(crate) fn a_limit_of_no_queued_signals_drops_no_request(model: &Model) {
    if !can_run("prlimit", &["--version"]) {
        println!("skipped: there is no prlimit");
        return;
    }
    let limited = ["prlimit", "--sigpending=0"];
    let mut server = model.start_by(&limited, &["--drain-timeout", "60s"]);
    let mut client = is_asleep(&server, "400");
    server.signal(Signal::SIGTERM);
    client.receive().is("slept", "400");
    assert_eq!(server.finish().code, Some(0));

    let mut server = model.start_by(&limited, &["--drain-timeout", "300ms"]);
    let mut client = is_asleep(&server, "60000");
    server.signal(Signal::SIGTERM);
    client.is_cut_off();
    assert_eq!(server.finish().code, Some(0));
}

/// A connection with a `sleep` of so many milliseconds in progress.
#[track_caller]
pub(crate) fn is_asleep(server: &Server, time_ms: &str) -> crate::client::Client {
    let mut client = server.connect();
    client.send([request("ping", "1"), request("sleep", time_ms)].concat());
    client.receive().is("pong", "1");
    let_it_arrive();
    client
}

fn can_run(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
