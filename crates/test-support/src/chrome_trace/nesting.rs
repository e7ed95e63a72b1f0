//! Complete events of a thread are beside each other or within each other.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::events::{Event, Events};

/// Perfetto takes the events of a thread by their beginning, the longest first, then in the order of the file. An event that
/// begins within another and ends after it is moved elsewhere, or dropped.
pub(super) fn check(events: &Events, faults: &mut Vec<String>) {
    let mut threads: BTreeMap<_, Vec<&Event>> = BTreeMap::new();
    for event in &events.complete {
        threads.entry(event.id).or_default().push(event);
    }
    for mut here in threads.into_values() {
        here.sort_by_key(|event| (event.from_ns, Reverse(event.to_ns)));
        let mut open: Vec<&Event> = Vec::new();
        for event in here {
            while open.last().is_some_and(|outer| outer.to_ns <= event.from_ns) {
                open.pop();
            }
            if let Some(outer) = open.last().filter(|outer| outer.to_ns < event.to_ns) {
                faults.push(format!("{} overlaps {} in part", event.shown(), outer.shown()));
            }
            let has_length = event.from_ns < event.to_ns;
            if let Some(state) = open
                .last()
                .filter(|outer| has_length && outer.category == "state")
            {
                faults.push(format!("{} is within the state {}", event.shown(), state.shown()));
            }
            open.push(event);
        }
    }
}
