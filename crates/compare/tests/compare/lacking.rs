//! Machines without strace, and servers that never start.

use std::fs;

use crate::support::{event_loop, only_run, program, smoke, text, with_a_server};

#[test]
fn without_strace_its_experiment_is_left_out() {
    let out = tempfile::tempdir().unwrap();
    let nothing = tempfile::tempdir().unwrap();
    let asked = |experiments: &str| {
        let mut run = smoke(experiments, event_loop(), out.path());
        run.env("PATH", nothing.path()).output().unwrap()
    };
    let done = asked("request-cost,system-calls");
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let message = text(&done.stderr);
    assert!(
        message.contains("the experiment system-calls is left out: strace is missing"),
        "{message}"
    );
    let page = fs::read_to_string(out.path().join("README.md")).unwrap();
    assert!(
        page.contains("Left out: `system-calls` (strace is missing"),
        "{page}"
    );
    let folder = only_run(out.path());
    let records = fs::read_to_string(folder.join("records.jsonl")).unwrap();
    assert_eq!(records.lines().count(), 1, "{records}");
    let environment = fs::read_to_string(folder.join("environment.json")).unwrap();
    let environment: serde_json::Value = serde_json::from_str(&environment).unwrap();
    let left_out = &environment["experiments_left_out"];
    assert_eq!(left_out[0]["name"], "system-calls", "{left_out}");

    let done = asked("system-calls");
    assert_eq!(done.status.code(), Some(1));
    only_run(out.path());
    assert!(
        text(&done.stderr).contains("no experiment is left to be measured"),
        "{}",
        text(&done.stderr)
    );
}

#[test]
fn a_run_that_does_not_begin_keeps_only_server_output() {
    let out = tempfile::tempdir().unwrap();
    let results = out.path().join("results");
    let none_passes = |script| {
        let failing = with_a_server("alpha", script);
        let mut run = smoke("request-cost", "alpha", &results);
        let done = run.arg("--servers").arg(failing.path()).output().unwrap();
        let message = text(&done.stderr);
        assert_eq!(done.status.code(), Some(1), "{message}");
        assert!(
            message.contains("no contender is left to be measured"),
            "{message}"
        );
        message
    };
    none_passes("exit 1");
    assert!(!results.exists());
    let message = none_passes("echo out of luck >&2; exit 1");
    let output = only_run(&results).join("output");
    assert!(
        message.contains(&format!("see what the servers printed, in {}", output.display())),
        "{message}"
    );
    let printed = fs::read_to_string(output.join("verify-alpha.log")).unwrap();
    assert_eq!(printed, "out of luck\n");
}

#[test]
fn a_fault_during_verification_leaves_no_folder() {
    // The server works, but a file is in the way of its output.
    let out = tempfile::tempdir().unwrap();
    let results = out.path().join("results");
    let faulty = with_a_server(
        "alpha",
        &format!(
            "for run in {}/runs/*; do touch $run/output; done; exec {} \"$@\"",
            results.display(),
            program(event_loop()).display()
        ),
    );
    let mut run = smoke("request-cost", "alpha", &results);
    let done = run.arg("--servers").arg(faulty.path()).output().unwrap();
    let message = text(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{message}");
    assert!(message.contains("can't write "), "{message}");
    assert!(!results.exists(), "{message}");
}
