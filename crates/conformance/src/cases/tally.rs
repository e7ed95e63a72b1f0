//! The file of `--tally`: how many connections and requests each worker served.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use crate::client::{MAX_FRAME, prefix, request};
use crate::model::Model;
use crate::server::Server;

/// A line of the file.
#[derive(Debug)]
struct Line {
    worker: u64,
    pid: Pid,
    connections: u64,
    requests: u64,
}

pub(crate) fn the_tally_adds_up_to_what_was_sent(model: &Model) {
    for accept in model.accept_flags() {
        let (_folder, file) = place();
        let mut server = model.start(&[&accept[..], &["--workers", "3", "--tally", &file]].concat());
        let workers = model.wait_for_count(&server, 3);
        for _ in 0..30 {
            let mut client = server.connect();
            client.send([request("ping", "1"), request("blob", "5"), request("pi", "9")].concat());
            client.receive().is("pong", "1");
            client.receive().is("blob", r#""xxxxx""#);
            assert_eq!(client.receive().out, "pi_r");
        }
        // More requests than an event loop serves in one turn.
        let mut client = server.connect();
        client.send(request("ping", "1").repeat(500));
        (0..500).for_each(|_| client.receive().is("pong", "1"));
        drop(client);
        // An error reply counts as a request. Half a request does not.
        let mut client = server.connect();
        client.call("nonsense", "null").is_error("unknown_operation");
        client.send(prefix(MAX_FRAME + 1));
        client.receive().is_error("frame_too_large");
        client.expect_end();
        let mut client = server.connect_served();
        client.send(&request("ping", "1")[..9]);
        client.reset();
        // A connection that is still open, with a request to be drained.
        let mut client = server.connect_served();
        client.send([request("ping", "1"), request("sleep", "300")].concat());
        client.receive().is("pong", "1");
        end(&mut server);
        client.receive().is("slept", "300");

        let lines = lines(&file);
        let numbers: Vec<_> = lines.iter().map(|line| line.worker).collect();
        assert_eq!(numbers, [0, 1, 2], "{accept:?}: {lines:?}");
        let pids: BTreeSet<_> = lines.iter().map(|line| line.pid).collect();
        let processes = if model.has_worker_processes() {
            workers.clone()
        } else {
            vec![server.pid()]
        };
        assert!(
            pids.iter().eq(&processes),
            "{accept:?}: {lines:?} of the workers {workers:?}"
        );
        assert_eq!(
            sums(&lines),
            (30 + 4, 30 * 3 + 500 + 2 + 1 + 3),
            "{accept:?}: {lines:?}"
        );
    }
}

pub(crate) fn a_killed_worker_writes_no_tally_and_its_replacements_do(model: &Model) {
    let (_folder, file) = place();
    fs::write(&file, "what was there before\n").expect("a file can be written");
    let mut server = model.start(&["--workers", "1", "--tally", &file]);

    let killed = server.wait_for_workers(1);
    server.expect_service();
    kill(killed[0], Signal::SIGKILL).expect("the worker runs");
    let drained = server.wait_for_replacements(&killed, 1);
    let mut client = server.connect();
    client.send([request("ping", "1"), request("sleep", "100")].concat());
    client.receive().is("pong", "1");
    kill(drained[0], Signal::SIGTERM).expect("the worker runs");
    client.receive().is("slept", "100");
    let last = server.wait_for_replacements(&drained, 1);
    server.expect_service();
    server.expect_service();
    server.expect_service();
    end(&mut server);

    let text = fs::read_to_string(&file).expect("the file can be read");
    let ours = text
        .strip_prefix("what was there before\n")
        .expect("the old content stays, and lines are appended");
    let found: Vec<_> = ours.lines().map(Line::parse).collect();
    let [first, second] = &found[..] else {
        panic!("a line for each worker except the killed one: {found:?}");
    };
    assert_eq!((first.worker, second.worker), (0, 0));
    assert_eq!((first.pid, second.pid), (drained[0], last[0]));
    assert_eq!((first.connections, first.requests), (1, 2));
    assert_eq!((second.connections, second.requests), (3, 3));
}

/// Each worker of each generation has a line, and together they have all connections.
pub(crate) fn replaced_workers_write_their_tallies(model: &Model) {
    for accept in model.accept_flags() {
        let (_folder, file) = place();
        let mut server = model.start(&[&accept[..], &["--workers", "2", "--tally", &file]].concat());
        let mut workers = model.wait_for_count(&server, 2);
        let mut all = workers.clone();
        for _ in 0..3 {
            for _ in 0..5 {
                server.expect_service();
            }
            server.signal(Signal::SIGHUP);
            workers = model.wait_for_replacements(&server, &workers, 2);
            all.extend(&workers);
        }
        end(&mut server);
        let lines = lines(&file);
        let mut pids: Vec<_> = lines.iter().map(|line| line.pid).collect();
        pids.sort_unstable();
        all.sort_unstable();
        if model.has_worker_threads() {
            all.fill(server.pid());
        }
        assert_eq!(pids, all, "{accept:?}: {lines:?}");
        let of_first = lines.iter().filter(|line| line.worker == 0).count();
        assert_eq!(of_first, 4, "{accept:?}: {lines:?}");
        assert_eq!(sums(&lines), (15, 15), "{accept:?}: {lines:?}");
    }
}

/// On a full disk only the line is lost.
pub(crate) fn a_tally_on_a_full_disk_is_reported(model: &Model) {
    let mut server = model.start(&["--workers", "1", "--tally", "/dev/full"]);
    model.wait_for_count(&server, 1);
    server.expect_service();
    assert_eq!(server.printed_on_stderr(), "");
    let stderr = end(&mut server);
    assert!(
        stderr.lines().count() == 1 && stderr.contains("append to the tally"),
        "{stderr:?}"
    );
}

/// The path of a file that does not exist yet. Dropping the folder deletes it.
fn place() -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder for the tally");
    let file = folder.path().join("tally.jsonl");
    let file = file.to_str().expect("the path is text").to_owned();
    (folder, file)
}

/// Ends the server cleanly, and returns what it printed on stderr.
#[track_caller]
fn end(server: &mut Server) -> String {
    server.signal(Signal::SIGTERM);
    let finished = server.finish();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    finished.stderr
}

/// The lines of the file, by worker.
#[track_caller]
fn lines(file: impl AsRef<Path>) -> Vec<Line> {
    let text = fs::read_to_string(file).expect("the file can be read");
    let mut lines: Vec<_> = text.lines().map(Line::parse).collect();
    lines.sort_by_key(|line| line.worker);
    lines
}

/// The sums of connections and of requests.
fn sums(lines: &[Line]) -> (u64, u64) {
    let connections = lines.iter().map(|line| line.connections).sum();
    let requests = lines.iter().map(|line| line.requests).sum();
    (connections, requests)
}

impl Line {
    #[track_caller]
    fn parse(text: &str) -> Self {
        let line: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        let fields: BTreeSet<_> = line
            .as_object()
            .expect("a line is an object")
            .keys()
            .map(String::as_str)
            .collect();
        assert!(
            fields.iter().eq(&["connections", "pid", "requests", "worker"]),
            "{text:?}"
        );
        let number = |name: &str| {
            line[name]
                .as_u64()
                .unwrap_or_else(|| panic!("{name} in {text:?}"))
        };
        Self {
            worker: number("worker"),
            pid: Pid::from_raw(i32::try_from(number("pid")).expect("a process id fits")),
            connections: number("connections"),
            requests: number("requests"),
        }
    }
}
