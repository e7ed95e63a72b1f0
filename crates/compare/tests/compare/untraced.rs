//! `compare trace` where something can't be traced: no source, servers that fail, and a signal.

use std::fs;
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::support::{Script, event_loop, eventually, processes_with, program, text, with_a_server};
use crate::trace::{trace, with_any_source, written};

const MARK: &str = "COMPARE_TEST_MARK";

#[test]
fn without_perf_and_strace_it_reports_what_to_install() {
    let (out, nothing) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let done = trace(out.path(), &[])
        .env("PATH", nothing.path())
        .output()
        .unwrap();
    let message = text(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(message.contains("no source of traces works here"), "{message}");
    for named in ["perf: ", "strace: ", "install"] {
        assert!(message.contains(named), "{named}: {message}");
    }
    assert!(!out.path().join("trace").exists());
}

/// A folder with an event loop, and with a server `alpha` that does this.
fn event_loop_beside(alpha: &str) -> TempDir {
    let fakes = with_a_server("alpha", alpha);
    let real = program(event_loop());
    let name = real.file_name().expect("a program has a name");
    fs::copy(&real, fakes.path().join(name)).expect("it can be copied");
    fakes
}

#[test]
fn what_fails_is_left_out_and_the_others_are_traced() {
    let fakes = event_loop_beside("echo out of luck >&2; exit 3");
    let folder = fakes.path().to_str().unwrap();
    let out = tempfile::tempdir().unwrap();
    let Some(done) = with_any_source(&mut trace(out.path(), &["--servers", folder])) else {
        return;
    };
    let message = text(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{message}");
    assert!(
        message.contains("alpha is left out: ") && message.contains("out of luck"),
        "{message}"
    );
    assert!(message.ends_with("not traced: alpha\n"), "{message}");
    assert_eq!(
        written(out.path()).into_keys().collect::<Vec<_>>(),
        [event_loop()]
    );

    let only = ["--servers", folder, "--models", "alpha"];
    let nowhere = tempfile::tempdir().unwrap();
    let done = trace(nowhere.path(), &only).output().unwrap();
    let message = text(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{message}");
    assert!(message.contains("no server was traced"), "{message}");
    assert!(!nowhere.path().join("trace").exists());
}

#[test]
fn a_model_that_can_not_run_here_is_excused() {
    let fakes = event_loop_beside("echo io_uring is refused here >&2; exit 1");
    let folder = fakes.path().to_str().unwrap();
    let out = tempfile::tempdir().unwrap();
    let Some(done) = with_any_source(&mut trace(out.path(), &["--servers", folder])) else {
        return;
    };
    let message = text(&done.stderr);
    assert_eq!(done.status.code(), Some(0), "{message}");
    assert!(message.contains("alpha is left out: "), "{message}");
}

#[test]
fn a_contender_that_answers_wrongly_is_not_traced() {
    let wrong = "def answer(connection, at_request):\n    connection.recv(65536)\n    connection.sendall(b'\\x02\\0\\0\\0{}')\n\
                 serve(\"listening on 127.0.0.1:%d\", lambda: None)";
    let Some(script) = Script::new("mine", wrong, "") else {
        return;
    };
    let contenders = script.contenders();
    let flags = [
        "--models",
        "mine",
        "--contenders",
        contenders.to_str().unwrap(),
        "--op",
        "ping",
    ];
    let Some(done) = with_any_source(&mut trace(&script.out(), &flags)) else {
        return;
    };
    let message = text(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{message}");
    assert!(
        message.contains("mine is left out: ") && message.contains("wrong_value"),
        "{message}"
    );
    assert!(!script.out().join("trace").exists());
}

#[test]
fn ctrl_c_ends_a_trace_and_leaves_nothing() {
    // The first two requests are those of the load that is not recorded.
    let slow = "asked = 0\ndef at_request():\n    global asked\n    asked += 1\n    if asked > 2:\n        open(\"reached\", \"w\").close()\n        time.sleep(100)\n\
                serve(\"listening on 127.0.0.1:%d\", at_request)";
    let Some(script) = Script::new("mine", slow, "") else {
        return;
    };
    let (out, contenders) = (script.out(), script.contenders());
    let mark = out.to_str().unwrap();
    let one = [
        "--connections",
        "1",
        "--requests",
        "2",
        "--op",
        "ping",
        "--models",
        "mine",
        "--contenders",
    ];
    let mut command = trace(&out, &one);
    command.arg(&contenders).env(MARK, mark);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let reached = contenders.with_file_name("reached");
    let mut child = Some(child);
    let mut ended = None;
    eventually("the server is recorded", || {
        let running = child.as_mut().expect("it is there");
        if running.try_wait().unwrap().is_some() {
            ended = child.take().map(|child| child.wait_with_output().unwrap());
            return true;
        }
        reached.exists()
    });
    if let Some(done) = ended {
        let message = text(&done.stderr);
        assert!(message.contains("no source of traces works here"), "{message}");
        return test_support::skip(&message);
    }
    let child = child.expect("it still runs");
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    let done = child.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(1));
    assert_eq!(text(&done.stdout), "");
    assert!(!out.exists());
    eventually("no process stays", || processes_with(MARK, mark).is_empty());
}
