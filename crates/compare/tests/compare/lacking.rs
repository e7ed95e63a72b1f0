//! Machines that lack something.

use std::fs;

use crate::support::{only_run, smoke, text};

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
    assert!(
        text(&done.stderr).contains("nothing is left to be measured"),
        "{}",
        text(&done.stderr)
    );
}
