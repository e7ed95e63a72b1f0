//! Requests: what the client notes of them, and the times in which the server's threads hold them.

use std::collections::{BTreeMap, BTreeSet};

use super::events::{Event, Events};

/// What is known of the requests.
pub(super) struct Held {
    pub(super) requests: usize,
    pub(super) parts: usize,
    /// The lanes of each request's parts, in the order of time.
    pub(super) by: BTreeMap<i64, Vec<usize>>,
}

pub(super) fn check(events: &Events, faults: &mut Vec<String>) -> Held {
    let is_request = |event: &&Event| event.category == "request";
    let (of_client, parts): (Vec<&Event>, Vec<&Event>) = events
        .complete
        .iter()
        .filter(is_request)
        .partition(|event| events.is_client(event.id));
    let mut requests: BTreeMap<i64, &Event> = BTreeMap::new();
    for event in of_client {
        match event.number("number") {
            None => faults.push(format!("{} has no number", event.shown())),
            Some(number) if requests.insert(number, event).is_some() => {
                faults.push(format!("request {number} appears twice"));
            }
            Some(_) => {}
        }
    }
    if !requests.keys().copied().eq((1..).take(requests.len())) {
        faults.push("the numbers of the requests are not 1, 2, 3 and so on".to_owned());
    }
    for (&number, event) in &requests {
        check_marks(number, event, events, faults);
    }
    let mut whole = BTreeSet::new();
    for part in &parts {
        let request = part.number("number").and_then(|number| requests.get(&number));
        let Some(request) = request else {
            faults.push(format!("{} is of no request of the client", part.shown()));
            continue;
        };
        if part.from_ns < request.from_ns || part.to_ns > request.to_ns {
            faults.push(format!(
                "{} is not between the sent and received marks of its request",
                part.shown()
            ));
        }
        whole.insert((part.number("number"), part.number("part"), part.id));
    }
    Held {
        requests: requests.len(),
        parts: whole.len(),
        by: held_by(parts, events),
    }
}

/// due ≤ sent < received; the marks, the event and its `args` agree.
fn check_marks(number: i64, request: &Event, events: &Events, faults: &mut Vec<String>) {
    let mark_ns = |name: &str| {
        let marks = events.instants.iter().filter(|event| {
            event.category == "mark"
                && event.id == request.id
                && event.name == name
                && event.number("number") == Some(number)
        });
        let at: Vec<i64> = marks.map(|mark| mark.from_ns).collect();
        (at.len() == 1).then(|| at[0])
    };
    let marks = ["due", "sent", "received"].map(mark_ns);
    let [Some(due_ns), Some(sent_ns), Some(received_ns)] = marks else {
        faults.push(format!(
            "request {number} has not one mark due, sent and received each"
        ));
        return;
    };
    if !(due_ns <= sent_ns && sent_ns < received_ns) {
        faults.push(format!(
            "request {number} was not due, sent and received in this order"
        ));
    }
    if (sent_ns, received_ns) != (request.from_ns, request.to_ns) {
        faults.push(format!(
            "request {number} is not from its sent to its received mark"
        ));
    }
    let rows = events.connections().filter(|row| row.id == request.id);
    let numbers: Vec<_> = rows.map(|row| row.number("number")).collect();
    if numbers != [request.number("connection")] {
        faults.push(format!("request {number} is not on the row of its connection"));
    }
}

fn held_by(mut parts: Vec<&Event>, events: &Events) -> BTreeMap<i64, Vec<usize>> {
    let lanes = events.lanes();
    parts.sort_by_key(|part| part.from_ns);
    let mut held: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for part in parts {
        let lane = lanes.iter().position(|(id, _)| *id == part.id);
        if let (Some(number), Some(lane)) = (part.number("number"), lane) {
            let lanes = held.entry(number).or_default();
            if lanes.last() != Some(&lane) {
                lanes.push(lane);
            }
        }
    }
    held
}
