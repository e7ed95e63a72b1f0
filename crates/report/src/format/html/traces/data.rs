//! A trace as the page's script reads it.

use schema::trace::{State, Trace, Waker};
use serde_json::{Value, json};

use crate::escape::markup::visible;

/// What the player needs to know, with times from when the first request was due. Lists stand in place of names: a page has
/// thousands of slices.
pub(super) fn data(trace: &Trace) -> Value {
    let at = |ns: u64| ns.cast_signed() - trace.zero_ns.cast_signed();
    let mut calls: Vec<&str> = trace
        .lanes
        .iter()
        .flat_map(|lane| &lane.slices)
        .filter_map(|slice| slice.call.as_deref())
        .collect();
    calls.sort_unstable();
    calls.dedup();
    let number = |call: &Option<String>| match call {
        Some(call) => calls
            .binary_search(&call.as_str())
            .map_or(json!(-1), |index| json!(index)),
        None => json!(-1),
    };
    let state = |state: State| match state {
        State::Running => 0,
        State::Runnable => 1,
        State::Blocked => 2,
    };
    let lanes = trace.lanes.iter().map(|lane| {
        let slices = lane
            .slices
            .iter()
            .map(|slice| json!([at(slice.to_ns), state(slice.state), number(&slice.call)]));
        json!({
            "name": visible(&lane.name),
            "from": at(lane.span_ns().map_or(0, |(from, _)| from)),
            "slices": slices.collect::<Vec<_>>(),
        })
    });
    let wakes = trace.wakes.iter().map(|wake| {
        let by = match wake.by {
            Waker::Lane(lane) => json!(lane),
            Waker::Client => json!(-1),
            Waker::Kernel => json!(-2),
        };
        json!([at(wake.at_ns), wake.lane, by])
    });
    let requests = trace.requests.iter().map(|request| {
        let parts = request
            .parts
            .iter()
            .map(|part| json!([part.lane, at(part.from_ns), at(part.to_ns)]));
        let parts: Vec<_> = parts.collect();
        json!([
            request.number,
            at(request.due_ns),
            at(request.sent_ns),
            at(request.received_ns),
            parts
        ])
    });
    json!({
        "from": at(0),
        "to": at(trace.length_ns),
        "calls": calls.iter().map(|call| visible(call)).collect::<Vec<_>>(),
        "lanes": lanes.collect::<Vec<_>>(),
        "wakes": wakes.collect::<Vec<_>>(),
        "requests": requests.collect::<Vec<_>>(),
    })
}
