//! A trace that is written and read again, and what other programs find in it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use proptest::prelude::*;
use schema::trace::State::{Blocked, Runnable, Running};
use schema::trace::{Connection, Lane, Part, Recorded, Request, Slice, Source, Trace, Wake, Waker, Workload};
use serde_json::{Value, json};
use test_support::chrome_trace;

use super::{read, write};

/// A trace of two threads that pass a request on, and of two requests that overlap on the first thread.
fn sample() -> Trace {
    let slice = |from_ns, to_ns, state, cpu, call: Option<&str>| Slice {
        from_ns,
        to_ns,
        state,
        cpu,
        call: call.map(str::to_owned),
    };
    let request = |number, connection, sent_ns, received_ns, parts: &[(usize, u64, u64)]| Request {
        number,
        connection,
        due_ns: sent_ns - 50,
        sent_ns,
        received_ns,
        parts: parts
            .iter()
            .map(|&(lane, from_ns, to_ns)| Part { lane, from_ns, to_ns })
            .collect(),
    };
    Trace {
        model: "alpha".to_owned(),
        source: Source::Perf,
        lacks: vec!["The CPU of the first state is unknown.".to_owned()],
        workload: Workload {
            op: "work".to_owned(),
            params: json!({"cpu_us": 300}),
            connections: 2,
            requests: 2,
            rate_per_s: None,
        },
        recorded: Recorded {
            at: Timestamp::UNIX_EPOCH,
            kernel: "6.1.0".to_owned(),
            commit: None,
            command: vec!["alpha".to_owned(), "--listen".to_owned()],
            server_cpus: "0-1".parse().expect("a list of CPUs"),
            client_cpus: "2".parse().expect("a list of CPUs"),
            unrecorded_ns: Some(4_000_000),
        },
        length_ns: 9_000,
        zero_ns: 950,
        lanes: vec![
            Lane {
                process: 70,
                thread: 70,
                name: "main".to_owned(),
                slices: vec![
                    slice(0, 1_001, Blocked, None, Some("epoll_wait")),
                    slice(1_001, 1_100, Runnable, None, Some("epoll_wait")),
                    slice(1_100, 1_300, Running, Some(0), Some("epoll_wait")),
                    slice(1_300, 4_000, Running, Some(0), None),
                    slice(4_000, 4_500, Running, Some(0), Some("futex")),
                    slice(4_500, 9_000, Blocked, None, None),
                ],
            },
            Lane {
                process: 70,
                thread: 72,
                name: "helper".to_owned(),
                slices: vec![
                    slice(500, 4_200, Blocked, None, Some("futex")),
                    slice(4_200, 4_700, Runnable, None, Some("futex")),
                    slice(4_700, 9_000, Running, Some(0), Some("sendto")),
                ],
            },
        ],
        wakes: vec![
            Wake {
                at_ns: 1_001,
                lane: 0,
                by: Waker::Client,
            },
            Wake {
                at_ns: 4_200,
                lane: 1,
                by: Waker::Lane(0),
            },
            Wake {
                at_ns: 8_999,
                lane: 0,
                by: Waker::Kernel,
            },
        ],
        connections: vec![
            Connection {
                number: 1,
                opens_ns: 0,
            },
            Connection {
                number: 2,
                opens_ns: 10,
            },
        ],
        requests: vec![
            request(1, 2, 1_000, 7_000, &[(0, 1_300, 2_500), (1, 4_800, 6_900)]),
            request(2, 1, 1_200, 8_000, &[(0, 1_350, 4_300)]),
        ],
    }
}

fn events(text: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(text).expect("a trace is JSON");
    file["traceEvents"].as_array().expect("a list").clone()
}

/// The times of the events of a category, in the order of the file.
fn times(events: &[Value], pid: i32, category: &str, name: &str) -> Vec<(f64, f64)> {
    let here = events.iter().filter(|event| {
        event["pid"] == pid && event["cat"] == category && event["name"] == name && event["ph"] == "X"
    });
    let number = |value: &Value| value.as_f64().expect("a number");
    here.map(|event| (number(&event["ts"]), number(&event["dur"])))
        .collect()
}

#[test]
fn the_independent_checker_accepts_a_trace() {
    let facts = chrome_trace::check(&write(&sample())).expect("no fault");
    assert_eq!(facts.lanes.len(), 2);
    assert_eq!((facts.requests, facts.parts, facts.wakes), (2, 3, 3));
    assert_eq!(facts.source, "perf");
}

#[test]
fn a_sample_is_read_as_it_was_written() {
    for trace in [sample(), crate::trace::sample::trace()] {
        let text = write(&trace);
        assert_eq!(read(&text).expect("a trace"), trace);
        chrome_trace::check(&text).expect("no fault");
    }
}

#[test]
fn a_sample_is_written_with_one_event_per_line() {
    insta::assert_snapshot!(write(&sample()));
}

#[test]
fn parts_that_overlap_are_cut_and_enclose_states() {
    let events = events(&write(&sample()));
    assert_eq!(
        times(&events, 70, "request", "request 1"),
        [(1.3, 1.2), (4.8, 2.1)]
    );
    assert_eq!(
        times(&events, 70, "request", "request 2"),
        [(1.35, 1.15), (2.5, 1.8)]
    );
    let running = times(&events, 70, "state", "running");
    assert_eq!(running, [(1.3, 0.05), (1.35, 1.15), (2.5, 1.5)]);
}

#[test]
fn times_have_at_most_three_decimals() {
    let mut trace = sample();
    trace.length_ns = 123_456_789_012_345;
    let last = trace.lanes[0].slices.last_mut().expect("a slice");
    last.to_ns = trace.length_ns;
    for event in events(&write(&trace)) {
        for key in ["ts", "dur"] {
            let text = event[key].to_string();
            let decimals = text.split_once('.').map_or("", |(_, decimals)| decimals);
            assert!(decimals.len() <= 3 && !text.contains('e'), "{event}");
        }
    }
    assert_eq!(read(&write(&trace)).expect("a trace"), trace);
}

#[test]
fn a_wake_up_by_an_ended_thread_is_a_point() {
    let mut trace = sample();
    trace.wakes[1].by = Waker::Lane(1);
    trace.wakes[1].lane = 0;
    trace.wakes[1].at_ns = 400;
    let text = write(&trace);
    assert!(
        text.contains(r#""args":{"wake":2,"by":"lane","lane":1}"#),
        "{text}"
    );
    assert_eq!(read(&text).expect("a trace"), trace);
}

#[test]
fn an_arrow_of_the_client_begins_at_the_latest_connection() {
    let mut trace = sample();
    // Connection 1 is opened at 0 ns, and connection 2 at 10 ns. Connection 2 sends at 1,000 ns and has its reply at 7,000 ns.
    // Connection 1 sends at 1,200 ns.
    for (at_ns, connection) in [(5, 1), (999, 2), (1_001, 2), (1_250, 1), (7_100, 2)] {
        trace.wakes[0].at_ns = at_ns;
        let events = events(&write(&trace));
        let start = events.iter().find(|event| event["ph"] == "s").expect("an arrow");
        assert_eq!(start["tid"], 10_000_000 + connection, "at {at_ns} ns");
    }
}

#[test]
fn errors_name_the_place_and_the_fault() {
    let text = write(&sample());
    let broken = |from: &str, to: &str| {
        assert!(text.contains(from), "{from} is not in {text}");
        read(&text.replacen(from, to, 1))
            .expect_err("an error")
            .to_string()
    };
    let errors = [
        read("[1]").expect_err("an error").to_string(),
        broken(r#""schema":1"#, r#""schema":9"#),
        broken(r#""state":"runnable""#, r#""state":"waiting""#),
        broken(r#""ts":1.001"#, r#""ts":1.0015"#),
        broken(r#""continued":true"#, r#""continued":true,"cpu":5"#),
        broken(
            r#""name":"thread_sort_index","args":{"sort_index":0}"#,
            r#""name":"thread_name","args":{"name":"x"}"#,
        ),
        broken(r#""part":2"#, r#""part":3"#),
        broken(r#""ph":"f""#, r#""ph":"q""#),
    ];
    insta::assert_snapshot!(errors.join("\n"));
}

/// The keys of an object and of those in it.
fn keys(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                found.insert(key.clone());
                // Parameters are those of the operation.
                if key != "params" {
                    keys(value, found);
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| keys(value, found)),
        _ => {}
    }
}

#[test]
fn the_page_on_records_has_every_key_of_a_trace() {
    let page = std::fs::read_to_string("../../docs/RECORDS.md").expect("the page");
    let section = page
        .split("\n## ")
        .find(|section| section.starts_with("Traces\n"));
    let code = section
        .expect("a section on traces")
        .split('`')
        .skip(1)
        .step_by(2);
    let named: BTreeSet<_> = code
        .flat_map(|code| code.split(|char: char| !char.is_alphanumeric() && char != '_'))
        .collect();
    let mut found = BTreeSet::new();
    let mut trace = sample();
    trace.wakes[1].at_ns = 400;
    keys(
        &serde_json::from_str(&write(&trace)).expect("a trace is JSON"),
        &mut found,
    );
    assert!(found.contains("continued") && found.contains("lane") && found.contains("bp"));
    let missing: Vec<_> = found.iter().filter(|key| !named.contains(key.as_str())).collect();
    assert!(missing.is_empty(), "docs/RECORDS.md lacks {missing:?}");
}

prop_compose! {
    fn arbitrary_slices(longest: usize)(
        from_ns in 0..1_000_000_000_u64,
        slices in prop::collection::vec(
            (1..1_000_000_u64, 0..3_u8, prop::option::of(0..8_u32), prop::option::of("[a-d_]{1,9}")),
            0..longest,
        ),
    ) -> Vec<Slice> {
        let mut end_ns = from_ns;
        let slice = |(length_ns, state, cpu, call): (u64, u8, Option<u32>, Option<String>)| {
            let from_ns = end_ns;
            end_ns += length_ns;
            let state = [Running, Runnable, Blocked][usize::from(state)];
            Slice { from_ns, to_ns: end_ns, state, cpu, call }
        };
        slices.into_iter().map(slice).collect()
    }
}

prop_compose! {
    fn arbitrary_request(lanes: usize)(
        number in Just(0),
        connection in 0..5_usize,
        [due_ns, sent_ns, received_ns] in prop::array::uniform3(0..2_000_000_000_u64),
        parts in prop::collection::vec((0..lanes, 0..2_000_000_000_u64, 0..1_000_000_u64), 0..5),
    ) -> Request {
        let part = |(lane, from_ns, length_ns)| Part { lane, from_ns, to_ns: from_ns + length_ns };
        Request { number, connection, due_ns, sent_ns, received_ns, parts: parts.into_iter().map(part).collect() }
    }
}

prop_compose! {
    fn arbitrary_wake(lanes: usize)(at_ns in 0..2_000_000_000_u64, lane in 0..lanes, by in 0..lanes + 2) -> Wake {
        let by = match by {
            0 => Waker::Kernel,
            1 => Waker::Client,
            lane => Waker::Lane(lane - 2),
        };
        Wake { at_ns, lane, by }
    }
}

const LANES: usize = 4;

prop_compose! {
    /// Any trace, physical or not.
    fn arbitrary_trace()(
        lanes in prop::collection::vec((arbitrary_slices(30), 1..3_i32, "\\PC{0,9}"), LANES),
        wakes in prop::collection::vec(arbitrary_wake(LANES), 0..20),
        opens in prop::collection::vec(0..2_000_000_000_u64, 0..5),
        requests in prop::collection::vec(arbitrary_request(LANES), 0..9),
        [length_ns, zero_ns] in prop::array::uniform2(0..1_000_000_000_000_000_u64),
        source in prop::sample::select(vec![Source::Perf, Source::Switches, Source::Strace]),
        rate_per_s in prop::option::of((0..1_000_000_000_u32).prop_map(|thousandths| f64::from(thousandths) / 1000.0)),
    ) -> Trace {
        let lanes = (100..).zip(lanes).map(|(thread, (slices, process, name))| Lane { process, thread, name, slices });
        let connections = (1..).zip(opens).map(|(number, opens_ns)| Connection { number, opens_ns });
        let requests = (1..).zip(requests).map(|(number, request)| Request { number, ..request });
        let mut trace = Trace {
            source,
            length_ns,
            zero_ns,
            lanes: lanes.collect(),
            wakes,
            connections: connections.collect(),
            requests: requests.collect(),
            ..sample()
        };
        trace.workload.rate_per_s = rate_per_s;
        trace
    }
}

proptest! {
    #[test]
    fn any_trace_is_read_as_it_was_written(trace in arbitrary_trace()) {
        let text = write(&trace);
        prop_assert_eq!(read(&text).map_err(|error| error.to_string()), Ok(trace));
    }
}
