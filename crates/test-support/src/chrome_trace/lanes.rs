//! The states of the server's threads.

use std::collections::{BTreeMap, BTreeSet};

use super::events::{Event, Events};
use super::facts::LaneFacts;

pub(super) fn check(events: &Events, faults: &mut Vec<String>) -> Vec<LaneFacts> {
    let mut lanes = Vec::new();
    let mut names = BTreeSet::new();
    for (id, name) in events.lanes() {
        let mut states: Vec<&Event> = events
            .complete_at(id)
            .filter(|event| event.category == "state")
            .collect();
        states.sort_by_key(|event| event.from_ns);
        if !names.insert(name) {
            faults.push(format!("two lanes are named {name:?}"));
        }
        for state in &states {
            check_state(state, events, faults);
        }
        lanes.extend(summed_up(id, name, &states, faults));
    }
    if lanes.is_empty() {
        faults.push("there is no thread of a server".to_owned());
    }
    if let Some(first) = lanes.first()
        && (first.from_ns, first.to_ns) != (0, events.length_ns)
    {
        faults.push(format!("{}, the first lane, does not span the trace", first.name));
    }
    check_cpus(events, faults);
    for event in &events.complete {
        if event.category == "state" && events.is_client(event.id) {
            faults.push(format!("{} is a state of the client", event.shown()));
        }
    }
    lanes
}

fn check_state(state: &Event, events: &Events, faults: &mut Vec<String>) {
    let call = state.args["call"].as_str().unwrap_or_default();
    match state.args["state"].as_str() {
        Some("running") if events.source != "strace" && state.number("cpu").is_none() => {
            faults.push(format!("{} has no cpu", state.shown()));
        }
        Some("blocked") if call.is_empty() => faults.push(format!("{} has no call", state.shown())),
        Some("runnable" | "blocked") if state.number("cpu").is_some() => {
            faults.push(format!("{} has a cpu and does not run", state.shown()));
        }
        Some("running" | "runnable" | "blocked") => {}
        _ => faults.push(format!("{} has no known state", state.shown())),
    }
}

/// A lane, if its states cover its time.
fn summed_up(
    (process, thread): (i64, i64),
    name: &str,
    states: &[&Event],
    faults: &mut Vec<String>,
) -> Option<LaneFacts> {
    let (Some(first), Some(last)) = (states.first(), states.last()) else {
        faults.push(format!("{name} has no state"));
        return None;
    };
    for pair in states.windows(2) {
        let word = match pair[1].from_ns - pair[0].to_ns {
            0 => continue,
            gap if gap > 0 => "a gap",
            _ => "an overlap",
        };
        faults.push(format!("{name} has {word} before {}", pair[1].shown()));
    }
    let total_ns = |wanted: &str| {
        let states = states.iter().filter(|state| state.args["state"] == wanted);
        states.map(|state| state.to_ns - state.from_ns).sum()
    };
    let lane = LaneFacts {
        name: name.to_owned(),
        process,
        thread,
        from_ns: first.from_ns,
        to_ns: last.to_ns,
        running_ns: total_ns("running"),
        runnable_ns: total_ns("runnable"),
        blocked_ns: total_ns("blocked"),
        calls: states
            .iter()
            .filter_map(|state| state.args["call"].as_str())
            .map(str::to_owned)
            .collect(),
        cpus: states.iter().filter_map(|state| state.number("cpu")).collect(),
    };
    let whole_ns = lane.running_ns + lane.runnable_ns + lane.blocked_ns;
    if whole_ns != lane.to_ns - lane.from_ns {
        faults.push(format!("the states of {name} do not add up to its time"));
    }
    Some(lane)
}

/// A CPU runs one thread at a time.
fn check_cpus(events: &Events, faults: &mut Vec<String>) {
    let mut cpus: BTreeMap<i64, Vec<&Event>> = BTreeMap::new();
    for event in &events.complete {
        if let Some(cpu) = event.number("cpu").filter(|_| event.category == "state") {
            cpus.entry(cpu).or_default().push(event);
        }
    }
    for (cpu, mut runs) in cpus {
        runs.sort_by_key(|event| event.from_ns);
        for pair in runs.windows(2) {
            if pair[1].from_ns < pair[0].to_ns {
                faults.push(format!(
                    "CPU {cpu} runs {} and {} at once",
                    pair[0].shown(),
                    pair[1].shown()
                ));
            }
        }
    }
}
