//! `compare trace`: what it records of real servers, with each source that works here, and what it writes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use schema::trace::{Source, Trace};
use serde_json::Value;

use crate::support::{Script, compare, event_loop, made, only_run, preforked, servers, smoke, text};

const WORKERS: usize = 4;
/// Part of why a server is left out if the kernel lost events each time, as beside many other tests on few CPUs.
const LOST: &str = "this machine was too busy";

/// The command, with its files in this folder.
pub(crate) fn trace(out: &Path, flags: &[&str]) -> Command {
    servers();
    let mut command = compare(&["trace", "--out"]);
    command.arg(out).args(flags);
    command
}

/// What it came to; none, with the test skipped, if this source does not work here.
fn traced(command: &mut Command, source: &str) -> Option<Output> {
    let done = command
        .args(["--source", source])
        .output()
        .expect("compare can be started");
    let message = text(&done.stderr);
    let Some((_, reason)) = message.split_once(&format!("source {source} can't be used: ")) else {
        return Some(done);
    };
    assert_eq!(done.status.code(), Some(1), "{message}");
    test_support::skip(reason);
    None
}

/// The traces in a folder of results, by model.
pub(crate) fn written(out: &Path) -> BTreeMap<String, Trace> {
    let files = fs::read_dir(out.join("trace")).expect("there is a folder of traces");
    let paths = files.map(|file| file.expect("it can be listed").path());
    let traces = paths.filter(|path| path.extension().is_some_and(|ending| ending == "json"));
    let traces = traces.map(|path| {
        let json = fs::read_to_string(&path).expect("it can be read");
        let trace =
            report::trace::chrome::read(&json).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (trace.model.clone(), trace)
    });
    traces.collect()
}

/// How many lanes a model of this description has with one thread per worker, and whether it may have more.
fn lanes(description: &Value) -> (usize, bool) {
    let workers = &description["workers"];
    match (workers["kind"].as_str(), description["serves"].as_str()) {
        (Some("processes"), _) => (1 + WORKERS, false),
        (Some(_), _) => (1 + WORKERS, true),
        (None, Some("one")) => (1, false),
        (None, _) => (1, true),
    }
}

/// Traces every model with this source, and checks what was written.
fn traces_every_model(source: Source, name: &str) {
    let out = tempfile::tempdir().expect("a folder can be made");
    let mut command = trace(out.path(), &["--workers", &WORKERS.to_string()]);
    let Some(done) = traced(&mut command, name) else {
        return;
    };
    let (message, printed) = (text(&done.stderr), text(&done.stdout));
    if message.contains(LOST) {
        return test_support::inconclusive(&message);
    }
    assert_eq!(done.status.code(), Some(0), "{message}");
    let traces = written(out.path());
    for server in test_support::servers() {
        let model = &server.name;
        let Some(trace) = traces.get(model) else {
            assert!(
                message.contains(&format!("{model} is left out: ")),
                "{model}: {message}"
            );
            continue;
        };
        assert_eq!(
            (trace.source, trace.requests.len(), trace.connections.len()),
            (source, 8, 4),
            "{model}"
        );
        let (least, may_have_more) = lanes(&server.description);
        let lanes = trace.lanes.len();
        assert!(
            lanes == least || may_have_more && lanes > least,
            "{model} has {lanes} lanes"
        );
        assert_eq!(trace.workload.op, "work");
        assert_eq!(
            trace.workload.params,
            serde_json::json!({"cpu_us": 300, "wait_ms": 1})
        );
        assert!(
            trace.recorded.command[0].ends_with(model),
            "{:?}",
            trace.recorded.command
        );
        for connection in 1..=4 {
            let of_it = trace
                .requests
                .iter()
                .filter(|request| request.connection == connection);
            assert_eq!(of_it.count(), 2, "each sends its share: {model}");
        }
        // Each request waits for a millisecond.
        assert!(
            trace
                .requests
                .iter()
                .all(|request| request.received_ns - request.sent_ns >= 1_000_000)
        );
        let line = printed
            .lines()
            .find(|line| line.starts_with(&format!("{model} ")));
        let line = line.unwrap_or_else(|| panic!("{model} has no line: {printed}"));
        assert!(
            line.contains(&format!(" {lanes} lane")) && line.ends_with(name),
            "{line}"
        );
        let folder = out.path().join("trace");
        let json = fs::read_to_string(folder.join(format!("{model}.json"))).expect("there is a file");
        let facts = test_support::chrome_trace::check(&json);
        let facts = facts.unwrap_or_else(|faults| panic!("{model}: {}", faults.join("\n")));
        assert_eq!((facts.lanes.len(), facts.requests), (lanes, 8), "{model}");
        assert_eq!(facts.source, name);
        let picture = fs::read_to_string(folder.join(format!("{model}.svg"))).expect("there is a picture");
        assert!(
            picture.contains("<svg") && picture.contains(model.as_str()),
            "{model}"
        );
        assert!(!folder.join(format!("{model}.recording.json")).exists());
    }
    assert!(!traces.is_empty());
    let page = fs::read_to_string(out.path().join("trace/report.html")).expect("there is a page");
    for model in traces.keys() {
        assert!(page.contains(model.as_str()), "the page has {model}");
    }
}

#[test]
fn perf_traces_every_model() {
    traces_every_model(Source::Perf, "perf");
}

#[test]
fn context_switches_and_strace_trace_every_model() {
    traces_every_model(Source::Switches, "switches");
}

#[test]
fn strace_alone_traces_every_model() {
    traces_every_model(Source::Strace, "strace");
}

/// What it came to without asking for a source; none, with the test skipped, if none works here.
pub(crate) fn with_any_source(command: &mut Command) -> Option<Output> {
    let done = command.output().expect("compare can be started");
    let message = text(&done.stderr);
    if message.contains("no source of traces works here") {
        test_support::skip(&message);
        return None;
    }
    Some(done)
}

#[test]
fn an_open_loop_is_traced_at_its_rate() {
    let out = tempfile::tempdir().unwrap();
    let flags = [
        "--models",
        event_loop(),
        "--op",
        "ping",
        "--rate",
        "500",
        "--connections",
        "2",
        "--requests",
        "6",
    ];
    let Some(done) = with_any_source(&mut trace(out.path(), &flags)) else {
        return;
    };
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let traces = written(out.path());
    let trace = &traces[event_loop()];
    assert_eq!(trace.workload.rate_per_s, Some(500.0));
    let due: Vec<_> = trace.requests.iter().map(|request| request.due_ns).collect();
    let gaps = due.windows(2).map(|pair| pair[1] - pair[0]);
    assert_eq!(gaps.collect::<Vec<_>>(), [2_000_000; 5]);
}

#[test]
fn the_page_keeps_earlier_traces_of_other_models() {
    let out = tempfile::tempdir().unwrap();
    let (one, other) = (preforked(), event_loop());
    for model in [one, other] {
        let Some(done) = with_any_source(&mut trace(out.path(), &["--models", model])) else {
            return;
        };
        assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
        let line = format!("{model} ");
        assert!(text(&done.stdout).starts_with(&line), "{}", text(&done.stdout));
    }
    let page = fs::read_to_string(out.path().join("trace/report.html")).unwrap();
    for model in [one, other] {
        assert!(page.contains(&format!("id=\"trace-{model}\"")), "{model}");
    }
}

#[test]
fn records_are_kept_if_they_are_asked_for() {
    let out = tempfile::tempdir().unwrap();
    let flags = ["--models", event_loop(), "--keep-records"];
    let Some(done) = with_any_source(&mut trace(out.path(), &flags)) else {
        return;
    };
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let kept = out.path().join(format!("trace/{}.recording.json", event_loop()));
    let kept: Value = serde_json::from_str(&fs::read_to_string(kept).unwrap()).unwrap();
    assert!(!kept["recording"]["events"].as_array().unwrap().is_empty());
    assert_eq!(kept["marks"]["requests"].as_array().unwrap().len(), 8);
}

#[test]
fn a_contender_is_traced_under_any_name() {
    let name = "mine / in Python <3>";
    let Some(script) = Script::new(name, "serve(\"listening on 127.0.0.1:%d\", lambda: None)", "") else {
        return;
    };
    let contenders = script.contenders();
    let flags = [
        "--models",
        name,
        "--contenders",
        contenders.to_str().unwrap(),
        "--op",
        "ping",
    ];
    let Some(done) = with_any_source(&mut trace(&script.out(), &flags)) else {
        return;
    };
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let traces = written(&script.out());
    let mine = &traces[name];
    assert_eq!(mine.requests.len(), 8);
    // A main thread, and one for each connection.
    assert!(mine.lanes.len() >= 5, "{} lanes", mine.lanes.len());
    let done = made(&mut script.smoke());
    assert!(
        !text(&done.stderr).contains("left out of the page"),
        "{}",
        text(&done.stderr)
    );

    // It only knows pings.
    let flags = ["--models", name, "--contenders", contenders.to_str().unwrap()];
    let done = trace(&script.out(), &flags)
        .output()
        .expect("compare can be started");
    let message = text(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{message}");
    assert!(message.contains("it does not answer work"), "{message}");
}

#[test]
fn the_page_of_a_run_has_the_traces_beside_it() {
    let out = tempfile::tempdir().unwrap();
    let Some(_) = with_any_source(&mut trace(out.path(), &["--models", event_loop()])) else {
        return;
    };
    let broken = out.path().join("trace/broken.json");
    fs::write(&broken, "{\"traceEvents\": [").unwrap();
    let done = made(&mut smoke("request-cost", event_loop(), out.path()));
    let message = text(&done.stderr);
    assert!(
        message.contains(&format!("{} is left out of the page: ", broken.display())),
        "{message}"
    );
    let run = only_run(out.path());
    let page = || fs::read_to_string(run.join("report.html")).unwrap();
    let with_traces = page();
    fs::remove_dir_all(out.path().join("trace")).unwrap();
    let done = compare(&["report", run.to_str().unwrap()]).output().unwrap();
    assert_eq!(text(&done.stderr), "");
    let without = page();
    assert!(
        with_traces.len() > without.len() + 1_000,
        "{} and {}",
        with_traces.len(),
        without.len()
    );
}
