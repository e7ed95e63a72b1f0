//! Runs that are ended early: nothing that was measured is lost, and no process stays.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};

use crate::support::{
    blocking, compare, eventually, only_run, preforked, processes_with, servers, text, with_a_server,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const MARK: &str = "COMPARE_TEST_MARK";

/// A run in this folder that would take minutes, and has made two trials.
fn under_way(out: &Path, models: &str) -> Child {
    servers();
    let mark = out.to_str().expect("a temporary folder has a plain name");
    let arguments = [
        "run",
        "--profile",
        "quick",
        "--trials",
        "100",
        "--models",
        models,
        "--out",
        mark,
    ];
    let child = begun(&arguments, mark);
    eventually("two trials are recorded", || lines(out) >= 2);
    // There is the run itself, and a server. The server may be between two trials.
    eventually("a server runs", || processes_with(MARK, mark).len() >= 2);
    child
}

/// Starts compare, with a mark that its processes inherit.
fn begun(arguments: &[&str], mark: &str) -> Child {
    compare(arguments)
        .env(MARK, mark)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("compare can be started")
}

/// The names of a blocking model and of one with workers, for a list on the command line.
fn two_kinds_of_processes() -> String {
    format!("{},{}", blocking(), preforked())
}

fn lines(out: &Path) -> usize {
    let runs = fs::read_dir(out.join("runs")).into_iter().flatten().flatten();
    let records = runs.filter_map(|run| fs::read_to_string(run.path().join("records.jsonl")).ok());
    records.map(|records| records.lines().count()).sum()
}

fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(child.id().try_into().expect("a process id fits"));
    kill(pid, signal).expect("the run is there to be signalled");
}

#[test]
fn ctrl_c_keeps_what_was_measured_and_leaves_no_process() {
    let out = tempfile::tempdir().unwrap();
    let child = under_way(out.path(), &two_kinds_of_processes());
    signal(&child, Signal::SIGINT);
    let done = child.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(1));
    assert!(
        text(&done.stderr).contains("interrupted after"),
        "{}",
        text(&done.stderr)
    );
    assert!(processes_with(MARK, out.path().to_str().unwrap()).is_empty());
    let page = fs::read_to_string(out.path().join("README.md")).unwrap();
    assert!(page.contains("The run was interrupted: "), "{page}");
    let made = format!(": {} trials on a ", lines(out.path()));
    assert!(page.contains(&made), "{page}");
}

#[test]
fn a_killed_run_leaves_no_process_and_usable_records() {
    let out = tempfile::tempdir().unwrap();
    let mut child = under_way(out.path(), &two_kinds_of_processes());
    signal(&child, Signal::SIGKILL);
    child.wait().unwrap();
    eventually("no server stays", || {
        processes_with(MARK, out.path().to_str().unwrap()).is_empty()
    });
    assert!(!out.path().join("README.md").exists());
    let report = compare(&["report", only_run(out.path()).to_str().unwrap()])
        .output()
        .unwrap();
    assert!(report.status.success(), "{}", text(&report.stderr));
    assert!(out.path().join("README.md").exists());
}

#[test]
fn ctrl_c_during_verification_begins_no_run() {
    let fakes = with_a_server("alpha", "exec sleep 100");
    let out = tempfile::tempdir().unwrap();
    let mark = out.path().to_str().unwrap();
    let arguments = [
        "run",
        "--models",
        "alpha",
        "--servers",
        fakes.path().to_str().unwrap(),
        "--out",
        mark,
    ];
    let child = begun(&arguments, mark);
    eventually("the server is verified", || processes_with(MARK, mark).len() >= 2);
    signal(&child, Signal::SIGINT);
    let done = child.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(1));
    let message = text(&done.stderr);
    // Another test may have killed a run.
    let own = message
        .lines()
        .filter(|line| !line.starts_with("removed what a killed run left"));
    assert_eq!((text(&done.stdout), own.count()), (String::new(), 0), "{message}");
    assert!(!out.path().join("runs").exists());
    assert!(processes_with(MARK, mark).is_empty());
}
