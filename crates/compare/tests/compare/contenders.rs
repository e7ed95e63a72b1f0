//! The contenders in `examples`, which are measured, and those that fail verification, which are left out with the reason.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{event_loop, has_python, made, only_run, smoke, text};

/// A smoke run of an event loop beside this contender, with a file in the same folder: its messages and its page.
fn beside(contender: &str, file: (&str, &str)) -> (String, String) {
    let here = tempfile::tempdir().expect("a folder can be made");
    let contenders = here.path().join("contenders.toml");
    fs::write(&contenders, contender).expect("a file can be written");
    fs::write(here.path().join(file.0), file.1).expect("a file can be written");
    let out = here.path().join("results");
    let mut run = smoke("request-cost", event_loop(), &out);
    let done = run.arg("--contenders").arg(contenders).output();
    let done = done.expect("compare can be started");
    let message = text(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "one is left out: {message}");
    let records = fs::read_to_string(only_run(&out).join("records.jsonl")).expect("there are records");
    assert_eq!(
        records.lines().count(),
        1,
        "only the other one is measured: {records}"
    );
    let page = fs::read_to_string(out.join("README.md")).expect("there is a page");
    (message, page)
}

#[test]
fn a_contender_that_never_gets_ready_is_left_out() {
    let contender = "[[contender]]\nname = \"sleeper\"\nready_within_ms = 3000\n\
                     command = [\"sh\", \"-c\", \"echo still asleep >&2; exec sleep 100\", \"{addr}\"]";
    let (message, page) = beside(contender, ("unused", ""));
    let reason = "was not ready within 3s; last line on stderr: still asleep";
    assert!(
        message.contains(&format!("sleeper is left out: {reason}")),
        "{message}"
    );
    let printed = format!("Left out: `sleeper` ({reason}; its output: ");
    assert!(page.contains(&printed), "{page}");
}

/// A server that swaps the replies to two requests that come together.
const SWAPS: &str = r#"
import json, socket, struct, sys
host, port = sys.argv[1].rsplit(":", 1)
listener = socket.create_server((host, int(port)))
while True:
    connection, data = listener.accept()[0], b""
    while piece := connection.recv(65536):
        data, replies = data + piece, []
        while len(data) >= 4 and len(data) >= (end := 4 + struct.unpack("<I", data[:4])[0]):
            body = json.dumps({"out": "pong", "result": json.loads(data[4:end])["params"]}).encode()
            data, replies = data[end:], replies + [struct.pack("<I", len(body)) + body]
        connection.sendall(b"".join(replies[1::-1] + replies[2:]))
"#;

#[test]
fn a_contender_that_swaps_replies_is_left_out() {
    if !has_python() {
        return;
    }
    let contender = "[[contender]]\nname = \"swaps\"\ncommand = [\"python3\", \"swaps.py\", \"{addr}\"]";
    let (message, page) = beside(contender, ("swaps.py", SWAPS));
    assert!(
        message.contains("swaps is left out: pings in a pipeline: ") && message.contains("wrong_value"),
        "{message}"
    );
    assert!(
        page.contains("Left out: `swaps` (pings in a pipeline: "),
        "{page}"
    );
}

/// Whatever answers all operations is built, verified and measured, in whichever languages there are.
#[test]
fn contenders_in_other_languages_are_verified_and_measured() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/contenders/contenders.toml");
    let out = tempfile::tempdir().unwrap();
    let mut run = smoke("request-cost", event_loop(), out.path());
    let done = made(run.arg("--contenders").arg(&file));
    let message = text(&done.stderr);
    let environment = fs::read_to_string(only_run(out.path()).join("environment.json")).unwrap();
    let environment: Value = serde_json::from_str(&environment).unwrap();
    for left_out in environment["left_out"].as_array().into_iter().flatten() {
        assert_eq!(left_out["unavailable"], true, "{left_out}: {message}");
        let reason = left_out["reason"].as_str().unwrap();
        if reason.contains("not installed") {
            test_support::skip(format!("{}: {reason}", left_out["name"]));
        } else {
            assert!(reason.contains("virtual threads need JDK 21"), "{left_out}");
        }
    }
    let records = fs::read_to_string(only_run(out.path()).join("records.jsonl")).unwrap();
    let records: Vec<Value> = records
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let contenders = environment["contenders"].as_array().unwrap();
    let names = contenders.iter().map(|contender| &contender["name"]);
    for name in names {
        // In so short a window a cold virtual machine may answer nothing.
        let measured = |record: &Value| record["model"] == *name && record["measured"].is_object();
        assert!(records.iter().any(measured), "{name}: {message}");
    }
    let left_out = environment["left_out"].as_array().map_or(0, Vec::len);
    let entries = fs::read_to_string(&file)
        .unwrap()
        .matches("[[contender]]")
        .count();
    assert_eq!(contenders.len() + left_out, 1 + entries, "{message}");
}
