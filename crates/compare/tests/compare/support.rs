//! What the tests of `compare` share: it is run as its users run it, with real servers and with scripts.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// A limit for what takes no time on an idle machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The program, with these arguments.
pub(crate) fn compare(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_compare"));
    command.args(arguments);
    command
}

/// A smoke run of these experiments with these models, into this folder of results. More flags can be added.
pub(crate) fn smoke(experiments: &str, models: &str, out: &Path) -> Command {
    servers();
    let mut command = compare(&["run", "--profile", "smoke", "--experiments", experiments]);
    command.args(["--models", models, "--out"]).arg(out);
    command
}

/// Runs what has to succeed.
#[track_caller]
pub(crate) fn succeeds(command: &mut Command) -> Output {
    let done = command.output().expect("compare can be started");
    assert!(done.status.success(), "{}", text(&done.stderr));
    done
}

/// Makes a run, whatever it measures. On a busy machine a model may lose requests, and then the run exits with 1.
#[track_caller]
pub(crate) fn made(command: &mut Command) -> Output {
    let done = command.output().expect("compare can be started");
    assert!(
        matches!(done.status.code(), Some(0 | 1)) && text(&done.stdout).contains("\npage: "),
        "{}",
        text(&done.stderr)
    );
    done
}

/// Runs the program to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    compare(arguments).output().expect("compare can be started")
}

/// The folder of the models' programs, built from the current sources.
pub(crate) fn servers() -> &'static Path {
    test_support::programs()
}

/// The name of a model with one event loop: it serves any number of connections with little memory.
pub(crate) fn event_loop() -> &'static str {
    model_that(|model| model["wait_holds"] == "nothing" && model["workers"].is_null())
}

/// The name of a model with a thread or process for each connection.
pub(crate) fn blocking() -> &'static str {
    model_that(|model| {
        model["serves"] == "many" && model["wait_holds"] != "nothing" && model["workers"].is_null()
    })
}

/// The name of a model with a worker process for each connection that it serves.
pub(crate) fn preforked() -> &'static str {
    model_that(|model| model["serves"] == "workers" && model["workers"]["kind"] == "processes")
}

/// The names of a blocking model and of an event loop, for a list on the command line.
pub(crate) fn two_models() -> String {
    format!("{},{}", blocking(), event_loop())
}

fn model_that(has: impl Fn(&Value) -> bool) -> &'static str {
    &test_support::server_that(has).name
}

/// The program of a model.
pub(crate) fn program(model: &str) -> PathBuf {
    servers().join(format!("server-{model}"))
}

/// A folder in which this script is the server of a model of this name, which describes itself as an event loop.
pub(crate) fn with_a_server(model: &str, script: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let like = test_support::server_that(|other| other["name"] == event_loop());
    let mut description = like.description.clone();
    description["name"] = model.into();
    let script =
        format!("if [ \"$1\" = --describe ]; then\ncat <<'END'\n{description}\nEND\nexit\nfi\n{script}");
    write_program(&folder.path().join(format!("server-{model}")), &script);
    folder
}

/// Writes a shell script that can be started.
pub(crate) fn write_program(path: &Path, script: &str) {
    fs::write(path, format!("#!/bin/sh\n{script}\n")).expect("a script can be written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a script can be made a program");
}

/// Whether there is a Python to run a contender with; without one, the test is skipped.
pub(crate) fn has_python() -> bool {
    let has = Command::new("python3").arg("--version").output().is_ok();
    if !has {
        test_support::skip("there is no python3");
    }
    has
}

/// The folder of the only run in this folder of results.
pub(crate) fn only_run(out: &Path) -> PathBuf {
    let mut runs = fs::read_dir(out.join("runs")).expect("there is a folder of runs");
    let run = runs
        .next()
        .expect("there is a run")
        .expect("its name can be read");
    assert!(runs.next().is_none(), "there is one run");
    run.path()
}

/// Changes the records of a run as they are stored.
pub(crate) fn change_records(path: &Path, change: impl Fn(&mut Value)) {
    let text = fs::read_to_string(path).expect("the records can be read");
    let lines = text.lines().map(|line| {
        let mut record: Value = serde_json::from_str(line).expect("a line is a record");
        change(&mut record);
        format!("{record}\n")
    });
    fs::write(path, lines.collect::<String>()).expect("the records can be written");
}

/// Makes the trials of a run what they are on a quiet machine: none is excluded, and so none is repeated.
pub(crate) fn undisturbed(run: &Path) {
    let path = run.join("records.jsonl");
    change_records(&path, |record| {
        let Some(measured) = record.get_mut("measured") else {
            return;
        };
        let interference = measured["interference"].as_object_mut().expect("it is an object");
        for value in interference.values_mut().filter(|value| value.is_number()) {
            *value = json!(0);
        }
        measured["spent"]["elapsed_s"] = measured["load"]["window_s"].clone();
    });
    let text = fs::read_to_string(&path).expect("the records can be read");
    let mut last = BTreeMap::new();
    for line in text.lines() {
        let record: Value = serde_json::from_str(line).expect("a line is a record");
        let trial = ["round", "experiment", "setting", "model"].map(|key| record[key].to_string());
        last.insert(trial, record);
    }
    let mut records: Vec<_> = last.into_values().collect();
    records.sort_by_key(|record| record["trial"].as_u64());
    let lines = records.iter().map(|record| format!("{record}\n"));
    fs::write(path, lines.collect::<String>()).expect("the records can be written");
}

/// Waits until the condition holds.
#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The living processes that have this environment variable, from whoever started them.
pub(crate) fn processes_with(variable: &str, value: &str) -> Vec<i32> {
    let wanted = format!("{variable}={value}").into_bytes();
    let all = procfs::process::all_processes().expect("/proc can be listed");
    all.filter_map(|process| {
        let process = process.ok()?;
        // A zombie has no environment any more.
        let environment = fs::read(format!("/proc/{}/environ", process.pid())).ok()?;
        let marked = environment.split(|&byte| byte == 0).any(|entry| entry == wanted);
        marked.then_some(process.pid())
    })
    .collect()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Checks that a contender was verified and measured. On a busy machine it may lose requests, and then the run exits with 1.
#[track_caller]
pub(crate) fn was_measured(done: &Output, out: &Path, name: &str) {
    let message = text(&done.stderr);
    assert!(matches!(done.status.code(), Some(0 | 1)), "{message}");
    assert!(!message.contains("is left out"), "{message}");
    let records = fs::read_to_string(only_run(out).join("records.jsonl")).expect("there are records");
    let named = format!("\"model\":\"{name}\"");
    let measured = |line: &str| line.contains(&named) && line.contains("\"measured\"");
    assert!(records.lines().any(measured), "{records}");
}

/// A contender in Python, which tests write.
pub(crate) struct Script {
    folder: tempfile::TempDir,
}

/// `serve(line, at_request, host)` listens on a free port of the host, prints the line with the port in it, and answers
/// pings; `at_request` is called before each answer.
const SERVE: &str = r#"
import json, os, signal, socket, struct, sys, threading, time

def answer(connection, at_request):
    data = b""
    while piece := connection.recv(65536):
        data += piece
        while len(data) >= 4 and len(data) >= (end := 4 + struct.unpack("<I", data[:4])[0]):
            at_request()
            body = json.dumps({"out": "pong", "result": json.loads(data[4:end])["params"]}).encode()
            data = data[end:]
            connection.sendall(struct.pack("<I", len(body)) + body)

def serve(line, at_request, host="127.0.0.1"):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    port = int(sys.argv[1].rsplit(":", 1)[1])
    listener = socket.create_server((host, port), family=family, backlog=128)
    print(line % listener.getsockname()[1], flush=True)
    while True:
        connection = listener.accept()[0]
        threading.Thread(target=answer, args=(connection, at_request), daemon=True).start()
"#;

impl Script {
    /// A contender of this name and program, with more lines for its file; none without Python.
    pub(crate) fn new(name: &str, program: &str, more: &str) -> Option<Self> {
        if !has_python() {
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder can be made");
        fs::write(folder.path().join("server.py"), format!("{SERVE}\n{program}"))
            .expect("a file can be written");
        let contender = format!(
            "[[contender]]\nname = \"{name}\"\ncommand = [\"python3\", \"server.py\", \"{{addr}}\"]\n{more}\n"
        );
        fs::write(folder.path().join("contenders.toml"), contender).expect("a file can be written");
        Some(Self { folder })
    }

    /// The folder of its results.
    pub(crate) fn out(&self) -> PathBuf {
        self.folder.path().join("results")
    }

    /// The file of contenders.
    pub(crate) fn contenders(&self) -> PathBuf {
        self.folder.path().join("contenders.toml")
    }

    /// A smoke run of it beside an event loop.
    pub(crate) fn smoke(&self) -> Command {
        let mut command = smoke("request-cost", event_loop(), &self.out());
        command.arg("--contenders").arg(self.contenders());
        command
    }
}
