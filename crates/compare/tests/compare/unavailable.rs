//! Servers that can't run on this machine: they are left out with the reason, and the run goes on.

use std::fs;

use serde_json::{Value, json};

use crate::support::{event_loop, made, only_run, program, smoke, text, with_a_server};

/// What a server prints that can't run here.
const REFUSAL: &str = "io_uring is refused here; allow it, or use another model";

/// A folder with an event loop and a model `alpha` that ends so before it is ready.
fn beside_a_server_that(ends: &str) -> tempfile::TempDir {
    let folder = with_a_server("alpha", ends);
    let real = program(event_loop());
    let copy = folder
        .path()
        .join(real.file_name().expect("a program has a name"));
    fs::copy(real, copy).expect("a program can be copied");
    folder
}

/// A smoke run of these models: its messages, its environment and its page.
fn measured(servers: &tempfile::TempDir, models: &str) -> (String, Value, String) {
    let out = tempfile::tempdir().expect("a folder can be made");
    let done = made(
        smoke("request-cost", models, out.path())
            .arg("--servers")
            .arg(servers.path()),
    );
    let run = only_run(out.path());
    let records = fs::read_to_string(run.join("records.jsonl")).expect("there are records");
    let of_others = |line: &str| line.contains(&format!("\"model\":\"{}\"", event_loop()));
    assert!(records.lines().all(of_others), "{records}");
    assert_eq!(records.lines().count(), 1, "{records}");
    let environment = fs::read_to_string(run.join("environment.json")).expect("there is an environment");
    let page = fs::read_to_string(out.path().join("README.md")).expect("there is a page");
    let message = text(&done.stderr);
    let all_take_part = !message.contains("not measured: alpha");
    assert!(
        all_take_part || done.status.code() == Some(1),
        "exit code and message agree: {message}"
    );
    (
        message,
        serde_json::from_str(&environment).expect("it is JSON"),
        page,
    )
}

#[test]
fn a_server_that_refuses_to_run_here_is_left_out() {
    let servers = beside_a_server_that(&format!("echo '{REFUSAL}' >&2; exit 1"));
    let (message, environment, page) = measured(&servers, "all");
    assert!(message.contains("alpha is left out: "), "{message}");
    assert!(message.contains(REFUSAL), "{message}");
    assert!(!message.contains("not measured"), "{message}");
    let left_out = &environment["left_out"][0];
    assert_eq!(
        (&left_out["name"], &left_out["unavailable"]),
        (&json!("alpha"), &json!(true))
    );
    assert!(
        left_out["reason"].as_str().unwrap().contains(REFUSAL),
        "{left_out}"
    );
    assert!(
        page.contains("Left out: `alpha` (") && page.contains(REFUSAL),
        "{page}"
    );
}

#[test]
fn a_server_that_was_named_must_run() {
    let servers = beside_a_server_that(&format!("echo '{REFUSAL}' >&2; exit 1"));
    let (message, environment, _) = measured(&servers, &format!("alpha,{}", event_loop()));
    assert!(message.contains("not measured: alpha"), "{message}");
    let left_out = &environment["left_out"][0];
    assert_eq!(
        (&left_out["unavailable"], &left_out["named"]),
        (&json!(true), &json!(true))
    );
}

#[test]
fn a_server_that_crashes_at_its_start_is_a_fault() {
    let servers = beside_a_server_that("kill -SEGV $$");
    let (message, environment, _) = measured(&servers, "all");
    assert!(message.contains("not measured: alpha"), "{message}");
    assert_eq!(environment["left_out"][0]["unavailable"], Value::Null);
}

#[test]
fn contenders_without_their_tools_are_left_out() {
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("contenders.toml");
    let contenders = "[[contender]]\nname = \"compiled\"\nbuild = [\"no-such-compiler\", \"{built}\"]\n\
                      command = [\"{built}/x\", \"{addr}\"]\n\
                      [[contender]]\nname = \"interpreted\"\ncommand = [\"no-such-interpreter\", \"{addr}\"]\n\
                      [[contender]]\nname = \"broken\"\nbuild = [\"sh\", \"-c\", \"echo a.c:1: error; exit 2\", \"{built}\"]\n\
                      command = [\"{built}/x\", \"{addr}\"]\n";
    fs::write(&file, contenders).unwrap();
    let results = out.path().join("results");
    let done = made(
        smoke("request-cost", event_loop(), &results)
            .arg("--contenders")
            .arg(&file),
    );
    let message = text(&done.stderr);
    for expected in [
        "compiled is left out: its build needs the program no-such-compiler, which is not installed",
        "interpreted is left out: it needs the program no-such-interpreter, which is not installed",
        "broken is left out: its build failed (exit status: 2); first line: a.c:1: error; its output: ",
        "not measured: broken\n",
    ] {
        assert!(message.contains(expected), "{expected}: {message}");
    }
    assert!(only_run(&results).join("output/build-broken.log").is_file());
}
