//! The description: what `--describe` prints is true, field by field.

use nix::sys::signal::{Signal, kill};

use crate::client::{Client, request};
use crate::description::{BlockHolds, CrashLoses, Description, Serves, WaitHolds, WorkerKind};
use crate::model::{Model, WORKERS};
use crate::server::Server;
use crate::wait::{eventually, let_packets_arrive};

pub(crate) fn describe_prints_one_object_and_exits(model: &Model) {
    let finished = model.run(&["--describe"]);
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""));
    assert_eq!(
        Description::parse(&finished.stdout),
        Ok(model.description.clone())
    );
    let summary = &model.description.summary;
    assert!(!summary.contains('\n'), "the summary is one line: {summary}");
}

/// Neither a port in use nor one of another machine matters, and no file is created.
pub(crate) fn describe_opens_nothing(model: &Model) {
    let plain = model.run(&["--describe"]).stdout;
    let server = model.start(&[]);
    let in_use = server.address().to_string();
    let folder = tempfile::tempdir().expect("a folder for the tally");
    let tally = folder.path().join("tally.jsonl");
    let mut flags = vec![["--listen", &in_use], ["--listen", "192.0.2.1:8080"]];
    if model.description.tally {
        flags.push(["--tally", tally.to_str().expect("the path is text")]);
    }
    for [flag, value] in flags {
        let finished = model.run(&[flag, value, "--describe"]);
        assert_eq!(finished.code, Some(0), "{flag} {value}: {}", finished.stderr);
        assert_eq!(finished.stdout, plain, "{flag} {value}");
    }
    assert!(!tally.exists(), "no tally was opened");
    server.expect_service();
}

pub(crate) fn it_serves_as_many_connections_as_described(model: &Model) {
    const MANY: usize = 300;
    const FEW: usize = 3;
    let server = model.start_for(FEW, &[]);
    let count = match model.description.serves {
        Serves::One => 1,
        Serves::Workers => FEW,
        Serves::Many => MANY,
    };
    let mut clients: Vec<_> = (0..count).map(|_| server.connect_served()).collect();
    clients.iter_mut().for_each(Client::expect_pong);
    if !model.serves_many() {
        let mut next = server.connect();
        next.send(request("ping", "1"));
        next.expect_silence();
        clients.pop();
        next.receive().is("pong", "1");
    }
}

pub(crate) fn workers_are_what_is_described(model: &Model) {
    let Some(workers) = model.description.workers else {
        refuses(model, &["--workers", "2"]);
        return;
    };
    let [one, four] = ["1", "4"].map(|count| model.start(&["--workers", count]));
    match workers.kind {
        WorkerKind::Processes => {
            one.wait_for_workers(1);
            four.wait_for_workers(4);
        }
        WorkerKind::Threads => {
            eventually("three more workers are three more threads", || {
                four.tree().threads() == one.tree().threads() + 3
            });
            assert_eq!(four.tree().pids().len(), 1, "they are threads of one process");
        }
    }
}

pub(crate) fn the_default_number_of_workers_is_as_described(model: &Model) {
    let Some(workers) = model.description.workers else {
        return;
    };
    let server = model.start_with_default_workers();
    match workers.kind {
        WorkerKind::Processes => {
            server.wait_for_workers(workers.default);
            server.wait_until_idle(|| {});
            server.wait_for_workers(workers.default);
        }
        WorkerKind::Threads => {
            let explicit = model.start(&["--workers", &workers.default.to_string()]);
            eventually("there are as many threads without the flag", || {
                server.tree().threads() == explicit.tree().threads()
            });
        }
    }
}

pub(crate) fn a_sleep_holds_what_is_described(model: &Model) {
    waits_hold_what_is_described(model, &request("sleep", "60000"));
}

/// It waits behind a part that holds its thread.
pub(crate) fn a_wait_of_work_holds_what_is_described(model: &Model) {
    waits_hold_what_is_described(model, &request("work", r#"{"cpu_us": 1, "wait_ms": 60000}"#));
}

/// More connections wait than there were threads before. A thread for each wait, or not, is then a matter of counting.
#[track_caller]
fn waits_hold_what_is_described(model: &Model, wait: &[u8]) {
    const FEW: usize = 8;
    if model.serves_one() {
        let description = &model.description;
        assert_eq!(
            description.wait_holds,
            WaitHolds::Thread,
            "its only connection waits"
        );
        return;
    }
    let server = model.start_for(FEW, &[]);
    if model.serves_many() {
        model.wait_for_workers(&server);
    }
    let threads = || usize::try_from(server.tree().threads()).expect("a number of threads");
    let count = if model.serves_many() { threads() + FEW } else { FEW };
    // Each answers a ping while those before it wait.
    let waiting = (0..count).map(|_| server.connect_with(wait));
    let waiting: Vec<_> = waiting.inspect(|_| let_packets_arrive()).collect();
    let observed = if threads() >= count {
        WaitHolds::Thread
    } else {
        WaitHolds::Nothing
    };
    assert_eq!(
        observed,
        model.description.wait_holds,
        "{count} waits in {} threads",
        threads()
    );
    assert!(waiting.iter().all(|client| !client.has_data()), "the waits go on");
}

pub(crate) fn a_block_stops_what_is_described(model: &Model) {
    stops_what_is_described(model, &request("block", "60000"));
}

pub(crate) fn a_block_of_work_stops_what_is_described(model: &Model) {
    stops_what_is_described(model, &request("work", r#"{"wait_ms": 60000, "block": true}"#));
}

#[track_caller]
fn stops_what_is_described(model: &Model, block: &[u8]) {
    match model.description.block_holds {
        BlockHolds::Connection => {
            let server = model.start_for(4, &[]);
            let mut others: Vec<_> = (0..3).map(|_| server.connect_served()).collect();
            let blocked = server.connect_with(block);
            others.iter_mut().for_each(Client::expect_pong);
            assert!(!blocked.has_data(), "the block goes on");
        }
        BlockHolds::Loop => {
            stops_everything(&model.start_one_loop(&[]), model, block);
            if model.has_workers() {
                let server = model.start(&["--workers", "2"]);
                let blocked = server.connect_with(block);
                eventually("the other loop serves a connection", || {
                    let mut other = server.connect();
                    other.send(request("ping", "1"));
                    other.is_answered_soon()
                });
                assert!(!blocked.has_data(), "the block goes on");
            }
        }
        BlockHolds::Everything => stops_everything(&model.start_for(4, &[]), model, block),
    }
}

#[track_caller]
fn stops_everything(server: &Server, model: &Model, block: &[u8]) {
    let before = if model.serves_one() { 0 } else { 3 };
    let mut others: Vec<_> = (0..before).map(|_| server.connect_served()).collect();
    let blocked = server.connect_with(block);
    others.extend((0..3).map(|_| server.connect()));
    for client in &mut others {
        client.send(request("ping", "1"));
    }
    for client in &mut others {
        client.expect_silence();
    }
    assert!(!blocked.has_data(), "the block goes on");
}

/// The process that serves the most connections is killed. With more connections than workers, two share one.
pub(crate) fn a_crash_loses_what_is_described(model: &Model) {
    let count = if model.serves_one() { 1 } else { WORKERS + 1 };
    let mut server = model.start_for(count, &[]);
    let mut clients: Vec<_> = (0..count).map(|_| server.connect_served()).collect();
    let processes: Vec<_> = clients.iter().map(|client| server.process_of(client)).collect();
    let connections_of = |pid| processes.iter().filter(|&&process| process == pid).count();
    let killed = *processes
        .iter()
        .max_by_key(|&&pid| connections_of(pid))
        .expect("there are connections");
    kill(killed, Signal::SIGKILL).expect("the process runs");

    let observed = if killed == server.pid() {
        CrashLoses::Everything
    } else if connections_of(killed) > 1 {
        CrashLoses::Worker
    } else {
        CrashLoses::Connection
    };
    assert_eq!(observed, model.description.crash_loses);
    for (client, process) in clients.iter_mut().zip(&processes) {
        if *process == killed || observed == CrashLoses::Everything {
            client.expect_disconnect();
        } else {
            client.expect_pong();
        }
    }
    if observed == CrashLoses::Everything {
        assert_eq!(server.finish().code, None, "the server was killed");
    } else {
        server.expect_service();
    }
}

pub(crate) fn the_accept_modes_are_those_described(model: &Model) {
    for flags in model.accept_flags() {
        model.start(&flags).expect_service();
    }
    for mode in ["shared", "reuseport", "queue", "deal", "no-such-mode"] {
        if !model.accepts(mode) {
            refuses(model, &["--accept", mode]);
        }
    }
}

pub(crate) fn a_tally_is_written_as_described(model: &Model) {
    let folder = tempfile::tempdir().expect("a folder for the tally");
    let tally = folder.path().join("tally.jsonl");
    let flags = ["--tally", tally.to_str().expect("the path is text")];
    if !model.description.tally {
        refuses(model, &flags);
        return;
    }
    let mut server = model.start(&flags);
    server.expect_service();
    server.signal(Signal::SIGTERM);
    assert_eq!(server.finish().code, Some(0));
    let text = std::fs::read_to_string(&tally).expect("the tally can be read");
    assert_ne!(text, "", "the workers wrote their lines");
}

#[track_caller]
fn refuses(model: &Model, flags: &[&str]) {
    let finished = model.run(&[flags, &["--listen", "127.0.0.1:0"]].concat());
    assert_eq!(finished.code, Some(2), "{flags:?}: {}", finished.stderr);
}
