//! One broken example for each rule.

use serde_json::{Value, json};

use super::sample::good;
use super::{Facts, check};

/// The faults of the good trace after a change.
fn faults(change: impl FnOnce(&mut Value)) -> String {
    let mut trace = good();
    change(&mut trace);
    assert_ne!(trace, good(), "the change changes something");
    check(&trace.to_string())
        .expect_err("the checker rejects it")
        .join("\n")
}

/// The faults after a change of the events with this name, or of one that a condition chooses.
fn faults_with(is_one: impl Fn(&Value) -> bool, key: &str, value: impl Into<Value>) -> String {
    let value = value.into();
    faults(|trace| {
        for event in list(trace).iter_mut().filter(|event| is_one(event)) {
            match (&value, key.split_once('.')) {
                (Value::Null, None) => {
                    event.as_object_mut().expect("an object").remove(key);
                }
                (_, None) => event[key] = value.clone(),
                (_, Some((outer, inner))) => event[outer][inner] = value.clone(),
            }
        }
    })
}

fn list(trace: &mut Value) -> &mut Vec<Value> {
    trace["traceEvents"].as_array_mut().expect("a list")
}

fn named(name: &str) -> impl Fn(&Value) -> bool {
    move |event| event["name"] == name
}

fn phase(phase: &str) -> impl Fn(&Value) -> bool {
    move |event| event["ph"] == phase
}

/// The state of a thread that begins at this time.
fn state(tid: u32, from: f64) -> impl Fn(&Value) -> bool {
    move |event| event["cat"] == "state" && event["tid"] == tid && event["ts"] == from
}

#[track_caller]
fn assert_has(faults: &str, fault: &str) {
    assert!(faults.contains(fault), "{fault:?} is not in:\n{faults}");
}

#[test]
fn a_good_trace_gives_its_facts() {
    let Facts {
        lanes,
        held_by,
        requests,
        parts,
        wakes,
        arrows,
        connections,
        ..
    } = check(&good().to_string()).expect("it is good");
    assert_eq!((requests, parts, wakes, arrows, connections), (1, 2, 2, 1, 1));
    assert_eq!(held_by[&1], [0, 1]);
    let [main, helper] = &lanes[..] else {
        panic!("{lanes:?}")
    };
    assert_eq!((main.running_ns, main.blocked_ns), (20_000, 70_000));
    assert_eq!((helper.from_ns, helper.runnable_ns), (5_000, 9_500));
    assert!(helper.calls.iter().eq(["futex", "sendto"]));
}

#[test]
fn another_form_of_file_is_rejected() {
    let rejected = |text: &str| check(text).expect_err("it is rejected").join("\n");
    assert_has(&rejected("{"), "no JSON");
    assert_has(&rejected("[]"), "no object with a list");
    assert_has(
        &faults(|trace| trace["displayTimeUnit"] = json!("s")),
        "displayTimeUnit",
    );
    assert_has(
        &faults(|trace| trace["otherData"]["source"] = json!("guess")),
        "otherData.source",
    );
    assert_has(
        &faults(|trace| trace["otherData"]["length_ns"] = json!("long")),
        "otherData.length_ns",
    );
}

#[test]
fn a_missing_key_is_rejected() {
    for key in ["ph", "name", "cat", "pid", "tid", "ts", "dur"] {
        assert_has(
            &faults_with(named("part 1"), key, Value::Null),
            &format!("no `{key}`"),
        );
    }
    assert_has(&faults_with(phase("i"), "s", Value::Null), "`s` is neither");
    assert_has(&faults_with(phase("s"), "id", Value::Null), "no `id`");
    assert_has(&faults_with(phase("f"), "bp", Value::Null), "`bp` is not \"e\"");
    assert_has(&faults_with(phase("f"), "ph", "Q"), "unknown `ph` Q");
}

#[test]
fn times_without_a_meaning_are_rejected() {
    let fault = "is not a time with at most three decimals";
    assert_has(&faults_with(named("part 1"), "ts", 20.000_1), fault);
    assert_has(&faults_with(named("part 1"), "dur", -1.0), fault);
    assert_has(
        &faults_with(named("received"), "ts", 90.001),
        "is not within the trace",
    );
}

#[test]
fn threads_without_names_are_rejected() {
    assert_has(
        &faults_with(named("process_name"), "name", "process_sort_index"),
        "no `args.sort_index`",
    );
    assert_has(
        &faults(|trace| list(trace).retain(|event| event["name"] != "process_name")),
        "process 7 has no name",
    );
    assert_has(
        &faults(|trace| list(trace).retain(|event| event["name"] != "thread_name")),
        "thread 8 of process 7 has no name",
    );
    assert_has(
        &faults(|trace| list(trace).retain(|event| event["name"] != "thread_sort_index")),
        "thread 8 of process 7 has no sort index",
    );
    let is_name_of_8 = |event: &Value| event["name"] == "thread_name" && event["tid"] == 8;
    assert_has(
        &faults_with(is_name_of_8, "args.name", "main"),
        "two lanes are named \"main\"",
    );
    assert_has(&faults_with(is_name_of_8, "tid", 7), "metadata twice");
    let is_client = |event: &Value| event["args"]["name"] == "client";
    assert_has(
        &faults_with(is_client, "args.name", "load"),
        "not one process named client",
    );
}

#[test]
fn events_that_overlap_in_part_are_rejected() {
    assert_has(&faults_with(named("part 1"), "dur", 25.0), "overlaps \"part 1\"");
    assert_has(
        &faults_with(named("part 1"), "ts", 19.0),
        "overlaps \"blocked: read\"",
    );
    let narrow = faults(|trace| {
        for event in list(trace).iter_mut().filter(|event| event["name"] == "part 1") {
            (event["ts"], event["dur"]) = (json!(22.0), json!(3.0));
        }
    });
    assert_has(
        &narrow,
        "\"part 1\" at 22 µs, thread 7 of process 7 is within the state",
    );
}

#[test]
fn arrows_without_both_ends_are_rejected() {
    let without = |phase: &str| {
        let phase = phase.to_owned();
        faults(move |trace| list(trace).retain(|event| event["ph"] != phase))
    };
    assert_has(&without("f"), "has no end");
    assert_has(&without("s"), "has no beginning");
    assert_has(&faults_with(phase("f"), "id", 3), "has no end");
    assert_has(&faults_with(phase("f"), "cat", "other"), "has no beginning");
    assert_has(&faults_with(phase("f"), "ts", 30.0), "ends before it begins");
    assert_has(&faults_with(phase("s"), "ts", 95.0), "has no event to bind to");
    let early = |event: &Value| matches!(event["ph"].as_str(), Some("s" | "f"));
    assert_has(&faults_with(early, "ts", 4.0), "has no event to bind to");
    let twice = faults(|trace| {
        let again = list(trace).last().expect("an event").clone();
        list(trace).push(again);
    });
    assert_has(&twice, "two arrows have its id");
}

#[test]
fn points_without_a_waker_are_rejected() {
    let point = |event: &Value| event["ph"] == "i" && event["name"] == "wake";
    assert_has(&faults_with(point, "args.by", "nobody"), "names no waker");
    assert_has(&faults_with(point, "tid", 2), "is at no thread of the server");
}

#[test]
fn states_that_do_not_cover_a_lane_are_rejected() {
    assert_has(&faults_with(state(8, 40.0), "ts", 41.0), "helper has a gap");
    assert_has(
        &faults_with(state(8, 40.0), "dur", 4.0),
        "the states of helper do not add up",
    );
    assert_has(&faults_with(state(8, 40.0), "ts", 39.0), "helper has an overlap");
    assert_has(
        &faults_with(state(7, 0.0), "ts", 1.0),
        "main, the first lane, does not span the trace",
    );
    assert_has(
        &faults_with(state(7, 40.0), "dur", 49.0),
        "main, the first lane, does not span the trace",
    );
    let none = faults(|trace| list(trace).retain(|event| event["cat"] != "state" || event["tid"] != 8));
    assert_has(&none, "helper has no state");
    let nobody = faults(|trace| list(trace).retain(|event| event["pid"] == 1));
    assert_has(&nobody, "there is no thread of a server");
}

#[test]
fn two_threads_on_one_cpu_are_rejected() {
    let early = faults(|trace| {
        for event in list(trace).iter_mut().filter(|event| state(8, 30.5)(event)) {
            event["dur"] = json!(8.5);
        }
        for event in list(trace).iter_mut().filter(|event| state(8, 40.0)(event)) {
            (event["ts"], event["dur"]) = (json!(39.0), json!(6.0));
        }
    });
    assert_has(&early, "CPU 0 runs \"running\" at 20 µs");
}

#[test]
fn states_without_cpu_or_call_are_rejected() {
    assert_has(
        &faults_with(state(8, 40.0), "args", json!({"state": "running"})),
        "has no cpu",
    );
    assert_has(
        &faults_with(state(7, 0.0), "args", json!({"state": "blocked"})),
        "has no call",
    );
    assert_has(
        &faults_with(state(8, 30.5), "args.cpu", 1),
        "has a cpu and does not run",
    );
    assert_has(
        &faults_with(state(8, 30.5), "args.state", "asleep"),
        "has no known state",
    );
    assert_has(
        &faults_with(state(8, 30.5), "args.state", Value::Null),
        "has no known state",
    );
}

#[test]
fn a_trace_of_strace_needs_no_cpus() {
    let mut trace = good();
    trace["otherData"]["source"] = json!("strace");
    for event in list(&mut trace).iter_mut().filter(|event| state(8, 40.0)(event)) {
        event["args"] = json!({"state": "running"});
    }
    check(&trace.to_string()).expect("strace knows no CPU");
}

#[test]
fn a_part_outside_of_its_request_is_rejected() {
    let fault = "is not between the sent and received marks of its request";
    let later = |event: &Value| event["name"] == "request 1" || event["name"] == "sent";
    assert_has(&faults_with(later, "ts", 21.0), fault);
    assert_has(&faults_with(named("request 1"), "dur", 59.0), fault);
    assert_has(
        &faults_with(named("part 1"), "args.number", 9),
        "is of no request of the client",
    );
}

#[test]
fn requests_are_numbered_without_a_gap() {
    assert_has(
        &faults_with(named("request 1"), "args.number", 2),
        "are not 1, 2, 3 and so on",
    );
    assert_has(
        &faults_with(named("request 1"), "args.number", Value::Null),
        "has no number",
    );
    let twice = faults(|trace| {
        let again = list(trace)
            .iter()
            .find(|event| named("request 1")(event))
            .cloned();
        list(trace).extend(again);
    });
    assert_has(&twice, "request 1 appears twice");
}

#[test]
fn marks_are_in_the_order_of_a_request() {
    let fault = "was not due, sent and received in this order";
    assert_has(&faults_with(named("due"), "ts", 11.0), fault);
    assert_has(&faults_with(named("received"), "ts", 10.0), fault);
    assert_has(
        &faults_with(named("received"), "ts", 71.0),
        "is not from its sent to its received mark",
    );
    assert_has(
        &faults_with(named("due"), "name", "sent"),
        "has not one mark due, sent and received each",
    );
    assert_has(
        &faults_with(named("request 1"), "args.connection", 2),
        "is not on the row of its connection",
    );
}

#[test]
fn the_client_has_no_states() {
    assert_has(
        &faults_with(named("connection 1"), "cat", "state"),
        "is a state of the client",
    );
    let end_at_client = faults(|trace| {
        for event in list(trace).iter_mut().filter(|event| phase("f")(event)) {
            (event["pid"], event["tid"]) = (json!(1), json!(2));
        }
    });
    assert_has(&end_at_client, "wakes the client");
}
