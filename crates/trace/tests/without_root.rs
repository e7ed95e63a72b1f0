//! Recordings that were made without root, of the two sources that need none.
//!
//! `data/switches.json` and `data/strace.json` are of a server with one process that only starts four others, each of which
//! serves one connection at a time. It served two requests on each of four connections: `work` with 300 µs of CPU and 1 ms of
//! waiting, on one CPU (Linux 6.18, strace 6.1). The program has another name. They were made by `compare trace --source SOURCE
//! --keep-records`.

use std::fs;

use schema::trace::{Marks, Recorded, Slice, Source, State, Trace, Workload};
use serde::Deserialize;
use trace::build::{self, About};
use trace::event::Recording;
use trace::physics;

#[derive(Deserialize)]
struct Kept {
    recording: Recording,
    marks: Marks,
}

fn kept(name: &str) -> Kept {
    let path = format!("{}/tests/data/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).expect("the recording is there");
    serde_json::from_str(&text).expect("it is a recording")
}

fn built(name: &str) -> Trace {
    let Kept { recording, marks } = kept(name);
    let about = About {
        model: "mu".to_owned(),
        workload: Workload {
            op: "work".to_owned(),
            params: serde_json::json!({"cpu_us": 300, "wait_ms": 1}),
            connections: 4,
            requests: 8,
            rate_per_s: None,
        },
        recorded: Recorded {
            at: "2026-01-02T03:04:05Z".parse().expect("a time"),
            kernel: "6.18".to_owned(),
            commit: None,
            command: vec!["mu".to_owned()],
            server_cpus: "0".parse().expect("a CPU"),
            client_cpus: "1".parse().expect("a CPU"),
            unrecorded_ns: None,
        },
    };
    build::trace(&recording, &marks, about).expect("the load is within the recording")
}

/// The slices of a lane within a part of a request.
fn within(trace: &Trace, lane: usize, from_ns: u64, to_ns: u64) -> impl Iterator<Item = &Slice> {
    let slices = trace.lanes[lane].slices.iter();
    slices.filter(move |slice| slice.from_ns < to_ns && slice.to_ns > from_ns)
}

#[test]
fn recordings_without_root_obey_physics() {
    for name in ["switches", "strace"] {
        let trace = built(name);
        assert_eq!(physics::check(&trace), Ok(()), "{name}");
        assert_eq!(trace.lanes.len(), 5, "{name}");
        assert_eq!(trace.requests.len(), 8, "{name}");
        assert!(!trace.lacks.is_empty(), "{name}");
    }
}

#[test]
fn each_worker_serves_the_requests_of_one_connection() {
    for name in ["switches", "strace"] {
        let trace = built(name);
        for connection in 1..=4 {
            let own = trace
                .requests
                .iter()
                .filter(|request| request.connection == connection);
            let mut lanes: Vec<_> = own
                .flat_map(|request| request.parts.iter().map(|part| part.lane))
                .collect();
            lanes.dedup();
            assert_eq!(lanes.len(), 1, "{name}: connection {connection}");
            // The first lane only waits for the others.
            assert_ne!(lanes[0], 0, "{name}");
        }
    }
}

#[test]
fn a_request_computes_and_waits_as_it_was_asked_to() {
    for (name, states) in [
        ("switches", &[State::Running, State::Runnable][..]),
        ("strace", &[State::Running]),
    ] {
        let trace = built(name);
        for request in &trace.requests {
            let first = &request.parts[0];
            let own = |slice: &&Slice| slice.call.is_none() && states.contains(&slice.state);
            // A server computes until so much time has passed, and may have to wait for its CPU meanwhile.
            let computes = within(&trace, first.lane, first.from_ns, first.to_ns).filter(own);
            let total_ns: u64 = computes.map(Slice::length_ns).sum();
            assert!(
                total_ns >= 300_000,
                "{name}: request {}: {total_ns} ns",
                request.number
            );
            let mut waits = within(&trace, first.lane, request.sent_ns, request.received_ns)
                .filter(|slice| slice.state == State::Blocked && slice.call.as_deref() == Some("ppoll"));
            assert!(
                waits.any(|slice| slice.length_ns() >= 990_000),
                "{name}: request {}",
                request.number
            );
        }
    }
}

#[test]
fn stops_are_shown_where_they_are_known() {
    let stops = |trace: &Trace| {
        let slices = trace.lanes.iter().flat_map(|lane| &lane.slices);
        slices
            .filter(|slice| slice.call.as_deref() == Some("ptrace stop"))
            .cloned()
            .collect::<Vec<_>>()
    };
    let of_switches = stops(&built("switches"));
    assert!(of_switches.iter().all(|slice| slice.state == State::Blocked));
    // Two in each call: read, compute and wait, send, for each request.
    assert!(of_switches.len() >= 8 * 3 * 2, "{}", of_switches.len());
    assert_eq!(stops(&built("strace")), []);
}

#[test]
fn strace_alone_knows_no_cpu() {
    let Kept { recording, .. } = kept("strace");
    assert_eq!(recording.source, Source::Strace);
    let trace = built("strace");
    let mut slices = trace.lanes.iter().flat_map(|lane| &lane.slices);
    assert!(slices.all(|slice| slice.cpu.is_none() && slice.state != State::Runnable));
    assert_eq!(trace.wakes, []);
}
