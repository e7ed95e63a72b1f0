//! A trace that is good.

use serde_json::{Value, json};

/// Thread 7 reads a request and wakes thread 8, which replies.
pub(super) fn good() -> Value {
    let mut events = Vec::new();
    let mut names = |pid: u32, process: &str, threads: &[(u32, &str, u32)]| {
        events.push(
            json!({"ph": "M", "name": "process_name", "pid": pid, "tid": pid, "args": {"name": process}}),
        );
        for (tid, name, place) in threads {
            events.push(
                json!({"ph": "M", "name": "thread_name", "pid": pid, "tid": tid, "args": {"name": name}}),
            );
            let args = json!({"sort_index": place});
            events
                .push(json!({"ph": "M", "name": "thread_sort_index", "pid": pid, "tid": tid, "args": args}));
        }
    };
    names(1, "client", &[(2, "connection 1", 0)]);
    names(7, "mu", &[(7, "main", 0), (8, "helper", 1)]);
    let mut complete = |tid: u32, category: &str, name: &str, from: f64, to: f64, args: Value| {
        let pid = if tid == 2 { 1 } else { 7 };
        events.push(json!({
            "ph": "X", "name": name, "cat": category, "pid": pid, "tid": tid, "ts": from, "dur": to - from, "args": args,
        }));
    };
    let request = json!({"number": 1, "connection": 1});
    complete(2, "connection", "connection 1", 0.0, 90.0, json!({"number": 1}));
    complete(2, "request", "request 1", 10.0, 70.0, request);
    let blocked = json!({"state": "blocked", "call": "read"});
    complete(7, "state", "blocked: read", 0.0, 20.0, blocked.clone());
    complete(
        7,
        "request",
        "part 1",
        20.0,
        40.0,
        json!({"number": 1, "part": 1}),
    );
    complete(
        7,
        "state",
        "running",
        20.0,
        40.0,
        json!({"state": "running", "cpu": 0}),
    );
    complete(7, "state", "blocked: read", 40.0, 90.0, blocked);
    complete(
        8,
        "state",
        "blocked: futex",
        5.0,
        30.5,
        json!({"state": "blocked", "call": "futex"}),
    );
    complete(8, "state", "runnable", 30.5, 40.0, json!({"state": "runnable"}));
    complete(
        8,
        "request",
        "part 2",
        45.0,
        70.0,
        json!({"number": 1, "part": 2}),
    );
    complete(
        8,
        "state",
        "running",
        40.0,
        45.0,
        json!({"state": "running", "cpu": 0}),
    );
    let sends = json!({"state": "running", "cpu": 0, "call": "sendto"});
    complete(8, "state", "running: sendto", 45.0, 70.0, sends.clone());
    complete(8, "state", "running: sendto", 70.0, 90.0, sends);
    for (name, at) in [("due", 9.0), ("sent", 10.0), ("received", 70.0)] {
        events.push(json!({
            "ph": "i", "name": name, "cat": "mark", "pid": 1, "tid": 2, "ts": at, "s": "t", "args": {"number": 1},
        }));
    }
    let arrow = |phase: &str, tid: u32| json!({"ph": phase, "name": "wake", "cat": "wake", "pid": 7, "tid": tid, "ts": 30.5, "id": 2, "bp": "e"});
    events.push(json!({
        "ph": "i", "name": "wake", "cat": "wake", "pid": 7, "tid": 7, "ts": 20.0, "s": "t",
        "args": {"wake": 1, "by": "kernel"},
    }));
    events.push(arrow("s", 7));
    events.push(arrow("f", 8));
    let other = json!({
        "model": "mu", "source": "perf", "lacks": ["Nothing."], "length_ns": 90_000, "zero_ns": 9_000,
    });
    json!({"displayTimeUnit": "ns", "otherData": other, "traceEvents": events})
}
