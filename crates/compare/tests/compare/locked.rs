//! A run's folder has one writer, and each trial is there once.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{event_loop, eventually, made, only_run, run, smoke, text, two_models};

#[test]
fn a_live_run_can_not_be_resumed_beside_it() {
    let out = tempfile::tempdir().unwrap();
    let mut live = smoke("request-cost", event_loop(), out.path())
        .args(["--trials", "1000"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let records = || {
        let runs = fs::read_dir(out.path().join("runs"))
            .into_iter()
            .flatten()
            .flatten();
        let mut files = runs.filter_map(|run| fs::metadata(run.path().join("records.jsonl")).ok());
        files.any(|file| file.len() > 0)
    };
    eventually("a trial is written down", records);
    let folder = only_run(out.path());
    let refused = run(&["run", "--resume", folder.to_str().unwrap()]);
    let running = live.try_wait().unwrap().is_none();
    kill(Pid::from_raw(live.id().cast_signed()), Signal::SIGINT).unwrap();
    live.wait().unwrap();

    let message = text(&refused.stderr);
    assert!(running, "the live run goes on");
    assert_eq!(refused.status.code(), Some(2), "{message}");
    for part in ["records.jsonl is locked", &format!("process {}", live.id())] {
        assert!(message.contains(part), "{part}: {message}");
    }
    let lines = fs::read_to_string(folder.join("records.jsonl")).unwrap();
    let mut numbers: Vec<_> = lines.lines().map(number).collect();
    numbers.dedup();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
}

fn number(line: &str) -> u64 {
    let record: serde_json::Value = serde_json::from_str(line).expect("a line is a record");
    record["trial"].as_u64().expect("a trial has a number")
}

#[test]
fn a_doubled_trial_is_refused_by_every_reader() {
    let out = tempfile::tempdir().unwrap();
    made(&mut smoke("request-cost", &two_models(), out.path()));
    let folder = only_run(out.path());
    let well = tempfile::tempdir().unwrap();
    for name in ["records.jsonl", "environment.json"] {
        fs::copy(folder.join(name), well.path().join(name)).unwrap();
    }
    let path = folder.join("records.jsonl");
    let lines = fs::read_to_string(&path).unwrap();
    let first = lines.lines().next().unwrap();
    fs::write(&path, format!("{lines}{first}\n")).unwrap();
    let [folder, well] = [&folder, well.path()].map(|path: &Path| path.to_str().unwrap());
    let commands: [&[&str]; 5] = [
        &["report", folder],
        &["diff", well, folder],
        &["diff", folder, well],
        &["check", folder, "--baseline", well],
        &["run", "--resume", folder],
    ];
    for command in commands {
        let done = run(command);
        let message = text(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{command:?}: {message}");
        for part in ["records.jsonl:3 has", "records.jsonl:1 has (trial 1)"] {
            assert!(message.contains(part), "{command:?}: {message}");
        }
    }
}
