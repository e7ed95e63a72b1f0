//! Machines that lack something.

use std::fs;

use crate::support::{only_run, servers, smoke, text, with_a_server};

#[test]
fn without_strace_the_experiment_that_needs_it_is_left_out_and_all_is_well() {
    let out = tempfile::tempdir().unwrap();
    let nothing = tempfile::tempdir().unwrap();
    let asked = |experiments: &str| {
        let mut run = smoke(experiments, "async", out.path());
        run.env("PATH", nothing.path()).output().unwrap()
    };
    let done = asked("request-cost,system-calls");
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let told = text(&done.stderr);
    assert!(
        told.contains("the experiment system-calls is left out: there is no strace"),
        "{told}"
    );
    let page = fs::read_to_string(out.path().join("README.md")).unwrap();
    assert!(
        page.contains("Left out: `system-calls` (there is no strace"),
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
        text(&done.stderr).contains("nothing is left to be measured"),
        "{}",
        text(&done.stderr)
    );
}

#[test]
fn a_run_that_does_not_begin_keeps_only_what_servers_printed() {
    let out = tempfile::tempdir().unwrap();
    let results = out.path().join("results");
    let none_passes = |script| {
        let failing = with_a_server("async", script);
        let mut run = smoke("request-cost", "async", &results);
        let done = run.arg("--servers").arg(failing.path()).output().unwrap();
        let message = text(&done.stderr);
        assert_eq!(done.status.code(), Some(1), "{message}");
        assert!(message.contains("nobody is left to be measured"), "{message}");
        message
    };
    none_passes("exit 1");
    assert!(!results.exists());
    let message = none_passes("echo out of luck >&2; exit 1");
    let output = only_run(&results).join("output");
    assert!(
        message.contains(&format!("what the servers printed is in {}", output.display())),
        "{message}"
    );
    let printed = fs::read_to_string(output.join("verify-async.log")).unwrap();
    assert_eq!(printed, "out of luck\n");
}

#[test]
fn a_fault_during_verification_leaves_no_folder() {
    // The server itself is good, and a file is in the way of its output.
    let out = tempfile::tempdir().unwrap();
    let results = out.path().join("results");
    let faulty = with_a_server(
        "async",
        &format!(
            "for run in {}/runs/*; do touch $run/output; done; exec {}/server-async \"$@\"",
            results.display(),
            servers().display()
        ),
    );
    let mut run = smoke("request-cost", "async", &results);
    let done = run.arg("--servers").arg(faulty.path()).output().unwrap();
    let message = text(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{message}");
    assert!(message.contains("can't write "), "{message}");
    assert!(!results.exists(), "{message}");
}
