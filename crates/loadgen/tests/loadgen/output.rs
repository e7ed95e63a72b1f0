//! The output of the program.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use base64::prelude::{BASE64_STANDARD, Engine};
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use serde_json::Value;

use crate::fake::{Act, Fake, error, reply};
use crate::ports::dead_port;
use crate::program::{Left, Running, loadgen_with};

/// A run of 150 ms on four connections, with these further arguments.
pub(crate) fn short_run(fake: &Fake, arguments: &[&str]) -> Left {
    start_short_run(fake, arguments, Stdio::piped()).end()
}

/// Starts such a run, with this stderr.
pub(crate) fn start_short_run(fake: &Fake, arguments: &[&str], stderr: Stdio) -> Running {
    let address = fake.address.to_string();
    let mut all = vec!["run", "--connect", &address, "--connections", "4"];
    all.extend(["--duration", "150ms", "--timeout", "60s"]);
    if !arguments.contains(&"--warmup") {
        all.extend(["--warmup", "0"]);
    }
    all.extend(arguments);
    Running::start_with_stderr(&all, stderr)
}

#[test]
fn a_json_file_comes_with_text_unless_quiet() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("result.json");
    fs::write(&path, "x".repeat(100_000)).expect("an older and longer result can be written");
    let fake = Fake::good();
    let left = short_run(&fake, &["--json", path.to_str().unwrap()]);
    assert_eq!(left.code, Some(0));
    let json: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(json["requests"]["ok"], fake.requests());
    for part in [
        "closed loop on",
        "requests/s",
        "latency",
        "connections  4 asked, 4 opened, 4 served",
        "Jain's index",
        "Little's law",
    ] {
        assert!(left.stdout.contains(part), "{part}: {}", left.stdout);
    }

    let left = short_run(&fake, &["--json", path.to_str().unwrap(), "--quiet"]);
    assert_eq!((left.code, &*left.stdout, &*left.stderr), (Some(0), "", ""));
}

#[test]
fn an_unwritable_file_is_reported_before_the_load() {
    let fake = Fake::good();
    let left = short_run(&fake, &["--json", "/nowhere/result.json"]);
    assert_eq!(left.code, Some(2));
    assert!(
        left.stderr.contains("--json /nowhere/result.json"),
        "{}",
        left.stderr
    );
    assert_eq!(left.stderr.lines().count(), 1);
    assert_eq!(fake.requests(), 0);
}

#[test]
fn a_full_disk_keeps_no_other_output_from_being_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("result");
    let path = path.to_str().unwrap();
    for (full, whole, holds) in [
        ("--json", "--hdr", "#[Histogram log format version 1."),
        ("--hdr", "--json", "\"schema\": 1"),
    ] {
        let fake = Fake::good();
        let left = short_run(&fake, &[full, "/dev/full", whole, path]);
        assert_eq!(left.code, Some(1));
        assert!(
            left.stderr.starts_with("loadgen: can't write /dev/full: "),
            "{}",
            left.stderr
        );
        assert_eq!(left.stderr.lines().count(), 1);
        assert!(left.stdout.contains("closed loop on"), "{}", left.stdout);
        let written = fs::read_to_string(path).unwrap();
        assert!(written.contains(holds), "{written}");
    }
}

#[test]
fn two_results_do_not_go_to_one_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("result");
    let same = folder.path().join(".").join("result");
    for (json, hdr) in [("-", "-"), (path.to_str().unwrap(), same.to_str().unwrap())] {
        let fake = Fake::good();
        let left = short_run(&fake, &["--json", json, "--hdr", hdr]);
        assert_eq!((left.code, &*left.stdout), (Some(2), ""));
        assert!(left.stderr.contains("--json and --hdr"), "{}", left.stderr);
        assert_eq!(fake.requests(), 0);
    }
}

/// Starts a short run by a shell, with this file as its stdout and these outputs.
fn run_with_stdout_to(file: &Path, fake: &Fake, json: &str, hdr: &str) -> Left {
    let script = format!(
        "exec {} run --connect {} --warmup 0 --duration 50ms --timeout 60s --json {json} --hdr {hdr} > {}",
        env!("CARGO_BIN_EXE_loadgen"),
        fake.address,
        file.display()
    );
    Running::start_program("sh", &["-c", &script], Stdio::piped()).end()
}

#[test]
fn two_results_in_one_file_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stdout");
    let name = file.to_str().unwrap();
    let mut pairs = vec![
        ("-", "/dev/stdout"),
        ("/dev/stdout", "-"),
        ("/proc/self/fd/1", name),
        (name, "-"),
    ];
    let shared = tempfile::NamedTempFile::new_in("/dev/shm");
    match &shared {
        Ok(shared) => pairs.push((shared.path().to_str().unwrap(), shared.path().to_str().unwrap())),
        Err(error) => test_support::skip(format!("no file below /dev: {error}")),
    }
    let fake = Fake::good();
    for (json, hdr) in pairs {
        let left = run_with_stdout_to(&file, &fake, json, hdr);
        assert_eq!(left.code, Some(2), "{json} {hdr}");
        assert!(left.stderr.contains("--json and --hdr"), "{}", left.stderr);
    }
    assert_eq!(fake.requests(), 0);
    let left = run_with_stdout_to(&file, &fake, "/dev/null", "/dev/null");
    assert_eq!(
        left.code,
        Some(0),
        "what is thrown away does not mix: {}",
        left.stderr
    );
}

#[test]
fn dev_stdout_holds_the_result_and_no_page() {
    let folder = tempfile::tempdir().unwrap();
    let (file, other) = (folder.path().join("stdout"), folder.path().join("other"));
    let (fake, other) = (Fake::good(), other.to_str().unwrap());
    let left = run_with_stdout_to(&file, &fake, "/dev/stdout", other);
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    let text = fs::read_to_string(&file).unwrap();
    assert!(serde_json::from_str::<Value>(&text).is_ok(), "{text}");
    let before = fake.requests();
    let left = run_with_stdout_to(&file, &fake, other, "/dev/stdout");
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    assert_eq!(
        logged(&fs::read_to_string(&file).unwrap(), None),
        fake.requests() - before
    );
}

#[test]
fn a_histogram_log_on_stdout_has_no_other_text() {
    let fake = Fake::good();
    let left = short_run(&fake, &["--hdr", "-"]);
    assert_eq!((left.code, &*left.stderr), (Some(0), ""));
    assert_eq!(logged(&left.stdout, None), fake.requests());
}

/// The number of times with this tag in a text that has to be an interval log.
pub(crate) fn logged(log: &str, tag: Option<&str>) -> u64 {
    let mut times = 0;
    for entry in IntervalLogIterator::new(log.as_bytes()) {
        let LogEntry::Interval(line) = entry.expect("the format's own reader takes it") else {
            continue;
        };
        if line.tag().map(|tag| tag.as_str()) == tag {
            let bytes = BASE64_STANDARD
                .decode(line.encoded_histogram())
                .expect("it is base64");
            let histogram: Histogram<u64> = Deserializer::new()
                .deserialize(&mut &*bytes)
                .expect("it is a histogram");
            times += histogram.len();
        }
    }
    times
}

#[test]
fn an_old_result_survives_a_run_that_cannot_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("result.json");
    fs::write(&path, "of yesterday").unwrap();
    let (_held, address) = dead_port();
    let address = address.to_string();
    let left = loadgen_with(&["run", "--connect", &address, "--json", path.to_str().unwrap()]);
    assert_eq!(left.code, Some(1));
    assert_eq!(fs::read_to_string(&path).unwrap(), "of yesterday");
}

#[test]
fn a_reply_that_should_not_be_is_bad_news() {
    for fault in ["wrong", "error", "unasked"] {
        let fake = Fake::new(move |asked| match fault {
            _ if asked.number != 3 => Act::Answer,
            "wrong" => Act::Instead(reply("pong", "0")),
            "error" => Act::Instead(error("bad_params")),
            _ => Act::Instead([asked.answer, asked.answer].concat()),
        });
        let left = short_run(&fake, &[]);
        assert_eq!(left.code, Some(1));
        assert!(left.stdout.contains("failed       1 × "), "{}", left.stdout);
    }
}

#[test]
fn a_wrong_reply_in_the_warm_up_is_bad_news() {
    let fake = Fake::new(|asked| match asked.number {
        0 => Act::Instead(reply("pong", "0")),
        _ => Act::Answer,
    });
    let left = short_run(&fake, &["--warmup", "300ms"]);
    assert_eq!(left.code, Some(1), "{}", left.stdout);
    assert!(left.stdout.contains(" 0 wrong "), "{}", left.stdout);
    assert!(left.stdout.contains("! Wrong replies"), "{}", left.stdout);
}

#[test]
fn nothing_due_is_bad_news_with_a_reason() {
    let left = short_run(&Fake::good(), &["--rate", "0.001"]);
    assert_eq!(left.code, Some(1));
    assert!(left.stdout.contains("! No request was due"), "{}", left.stdout);
}

#[test]
fn a_server_that_closes_every_connection_is_reported() {
    let fake = Fake::new(|asked| Act::CloseAfter(asked.answer.to_vec()));
    let left = short_run(&fake, &["--rate", "100"]);
    assert!(left.stdout.contains(" × closed"), "{}", left.stdout);
    // A request may have been sent just before the end of its connection came.
    let advice = ["! No request of the window failed", " requests failed."];
    assert!(
        advice.iter().any(|text| left.stdout.contains(text)),
        "{}",
        left.stdout
    );
}

#[test]
fn a_reply_that_is_no_frame_ends_its_connection() {
    let fake = Fake::new(|_| Act::Instead(b"HTTP/1.1 400 Bad Request\r\n".to_vec()));
    let left = short_run(&fake, &[]);
    assert_eq!(left.code, Some(1));
    assert!(left.stdout.contains(" × not_a_frame"), "{}", left.stdout);
    assert!(left.stdout.contains("is closed and replaced"), "{}", left.stdout);
    assert!(!left.stdout.contains("no connection was lost"), "{}", left.stdout);
}

#[test]
fn a_stderr_that_is_full_changes_no_exit_code() {
    let (_held, address) = dead_port();
    let full = || Stdio::from(fs::File::create("/dev/full").expect("there is one"));
    let address = address.to_string();
    let left = Running::start_with_stderr(&["run", "--connect", &address], full()).end();
    assert_eq!(left.code, Some(1));
    let left = start_short_run(&Fake::good(), &["--fail-if", "rate>0", "--quiet"], full()).end();
    assert_eq!(left.code, Some(1));
    let left = Running::start_with_stderr(&["run", "--connect", &address, "--op", "x"], full()).end();
    assert_eq!(left.code, Some(2));
}
