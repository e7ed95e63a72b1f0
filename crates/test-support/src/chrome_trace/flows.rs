//! Wake-ups: arrows between threads, and points.

use std::collections::BTreeMap;

use super::events::{Event, Events};
use super::facts::LaneFacts;

/// Returns how many wake-ups there are, and how many of them are arrows.
pub(super) fn check(events: &Events, lanes: &[LaneFacts], faults: &mut Vec<String>) -> (usize, usize) {
    let starts = by_identity(&events.starts, faults);
    let ends = by_identity(&events.ends, faults);
    for (identity, start) in &starts {
        match ends.get(identity) {
            None => faults.push(format!("the arrow {} has no end", start.shown())),
            Some(end) if end.from_ns < start.from_ns => {
                faults.push(format!("the arrow {} ends before it begins", start.shown()));
            }
            Some(_) => {}
        }
    }
    for (identity, end) in &ends {
        if !starts.contains_key(identity) {
            faults.push(format!("the arrow {} has no beginning", end.shown()));
        }
        if events.is_client(end.id) {
            faults.push(format!("the arrow {} wakes the client", end.shown()));
        }
    }
    for bound in starts.values().chain(ends.values()) {
        let covers = |event: &Event| (event.from_ns..=event.to_ns).contains(&bound.from_ns);
        if !events.complete_at(bound.id).any(covers) {
            faults.push(format!("the arrow {} has no event to bind to", bound.shown()));
        }
    }
    let points = points(events, lanes, faults);
    (starts.len() + points, starts.len())
}

/// The arrows of a kind, by what makes two events one arrow.
fn by_identity<'a>(
    flows: &'a [Event],
    faults: &mut Vec<String>,
) -> BTreeMap<(String, String, String), &'a Event> {
    let mut found = BTreeMap::new();
    for flow in flows {
        let identity = (flow.category.clone(), flow.name.clone(), flow.arrow.to_string());
        if found.insert(identity, flow).is_some() {
            faults.push(format!("{}: two arrows have its id", flow.shown()));
        }
    }
    found
}

/// Wake-ups without an arrow: at a lane, by a known kind of waker.
fn points(events: &Events, lanes: &[LaneFacts], faults: &mut Vec<String>) -> usize {
    let wakes = events.instants.iter().filter(|event| event.category == "wake");
    let mut count = 0;
    for wake in wakes {
        count += 1;
        if !matches!(wake.args["by"].as_str(), Some("kernel" | "client" | "lane")) {
            faults.push(format!("{} names no waker", wake.shown()));
        }
        if !lanes.iter().any(|lane| (lane.process, lane.thread) == wake.id) {
            faults.push(format!("{} is at no thread of the server", wake.shown()));
        }
    }
    count
}
