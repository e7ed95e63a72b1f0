//! Writing a trace.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use schema::trace::{Connection, Lane, Request, Slice, State, Trace, Wake, Waker};
use serde::Serialize;

use super::event::{
    By, CLIENT, Category, Event, Metadata, Micros, NO_CALL, Name, Number, OtherData, PartArgs, RequestArgs,
    SCHEMA, SortIndex, StateArgs, WakeArgs,
};
use super::nest::{Span, cut, nest};

/// Writes a trace, one event per line. [`read`](super::read()) gives the same trace again.
///
/// No two lanes have the same process and thread. Requests on one connection do not overlap.
#[must_use]
pub fn write(trace: &Trace) -> String {
    let other = OtherData {
        schema: SCHEMA,
        model: trace.model.clone(),
        source: trace.source,
        lacks: trace.lacks.clone(),
        workload: trace.workload.clone(),
        recorded: trace.recorded.clone(),
        length_ns: trace.length_ns,
        zero_ns: trace.zero_ns,
    };
    let mut events = names(trace);
    for (index, lane) in trace.lanes.iter().enumerate() {
        events.extend(lane_events(index, lane, &trace.requests));
    }
    events.extend(
        trace
            .connections
            .iter()
            .map(|connection| connection_event(connection, trace)),
    );
    events.extend(trace.requests.iter().flat_map(request_events));
    for (index, wake) in trace.wakes.iter().enumerate() {
        events.extend(wake_events(index + 1, wake, trace));
    }
    format!(
        "{{\"displayTimeUnit\":\"ns\",\n\"otherData\":{},\n\"traceEvents\":[\n{}\n]}}\n",
        json(&other),
        events.join(",\n")
    )
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("times, numbers and texts are JSON")
}

fn micros(ns: u64) -> Micros {
    Micros { ns }
}

/// The row of a connection.
fn row(connection: usize) -> i32 {
    i32::try_from(connection).map_or(i32::MAX, |number| CLIENT.saturating_add(number))
}

/// Names and places of all processes and threads: the client first, then the lanes in their order.
fn names(trace: &Trace) -> Vec<String> {
    let mut events = Vec::new();
    let mut add = |pid, tid, thread: bool, name: &str, sort_index| {
        let [named, sorted] = if thread {
            [Metadata::ThreadName, Metadata::ThreadSortIndex]
        } else {
            [Metadata::ProcessName, Metadata::ProcessSortIndex]
        };
        let (text, index) = (name.to_owned(), SortIndex { sort_index });
        events.push(json(&Event::Metadata {
            pid,
            tid,
            name: named,
            args: Name { name: text },
        }));
        events.push(json(&Event::Metadata {
            pid,
            tid,
            name: sorted,
            args: index,
        }));
    };
    add(CLIENT, CLIENT, false, "client", -1);
    let opened = trace.connections.iter().map(|connection| connection.number);
    let used = trace.requests.iter().map(|request| request.connection);
    for connection in opened.chain(used).collect::<BTreeSet<_>>() {
        let place = i64::from(row(connection) - CLIENT);
        add(
            CLIENT,
            row(connection),
            true,
            &format!("connection {connection}"),
            place,
        );
    }
    let mut processes = BTreeSet::new();
    for (place, lane) in (0..).zip(&trace.lanes) {
        if processes.insert(lane.process) {
            add(lane.process, lane.process, false, &trace.model, place);
        }
        add(lane.process, lane.thread, true, &lane.name, place);
    }
    events
}

/// The states of a lane and the parts of requests on it, by time, the enclosing ones first.
fn lane_events(index: usize, lane: &Lane, requests: &[Request]) -> Vec<String> {
    let mut parts = Vec::new();
    for request in requests {
        let here = (1..).zip(&request.parts).filter(|(_, part)| part.lane == index);
        parts.extend(here.map(|(place, part)| Span {
            from_ns: part.from_ns,
            to_ns: part.to_ns,
            item: (request.number, place),
        }));
    }
    let edges: BTreeSet<u64> = parts.iter().flat_map(|part| [part.from_ns, part.to_ns]).collect();
    let mut events = Vec::new();
    for piece in nest(parts) {
        events.push((piece.from_ns, piece.to_ns, part_event(lane, &piece)));
    }
    for slice in &lane.slices {
        for (from_ns, to_ns) in cut(slice.from_ns, slice.to_ns, &edges) {
            events.push((from_ns, to_ns, state_event(lane, slice, from_ns, to_ns)));
        }
    }
    // Stable: a part stays before a state of the same time, and encloses it.
    events.sort_by_key(|&(from_ns, to_ns, _)| (from_ns, Reverse(to_ns)));
    events.into_iter().map(|(_, _, event)| event).collect()
}

fn part_event(lane: &Lane, piece: &Span<(usize, usize)>) -> String {
    let (number, part) = piece.item;
    json(&Event::Complete {
        pid: lane.process,
        tid: lane.thread,
        ts: micros(piece.from_ns),
        dur: micros(piece.to_ns - piece.from_ns),
        cat: Category::Request,
        name: format!("request {number}"),
        args: PartArgs { number, part },
    })
}

fn state_event(lane: &Lane, slice: &Slice, from_ns: u64, to_ns: u64) -> String {
    let word = match slice.state {
        State::Running => "running",
        State::Runnable => "runnable",
        State::Blocked => "blocked",
    };
    let name = match &slice.call {
        Some(call) if slice.state != State::Runnable => format!("{word}: {call}"),
        _ => word.to_owned(),
    };
    let no_call = || (slice.state == State::Blocked).then(|| NO_CALL.to_owned());
    json(&Event::Complete {
        pid: lane.process,
        tid: lane.thread,
        ts: micros(from_ns),
        dur: micros(to_ns - from_ns),
        cat: Category::State,
        name,
        args: StateArgs {
            state: slice.state,
            cpu: slice.cpu,
            call: slice.call.clone().or_else(no_call),
            continued: from_ns > slice.from_ns,
        },
    })
}

/// From when it was opened to the end of the trace, since nothing records its end.
fn connection_event(connection: &Connection, trace: &Trace) -> String {
    let number = connection.number;
    json(&Event::Complete {
        pid: CLIENT,
        tid: row(number),
        ts: micros(connection.opens_ns),
        dur: micros(trace.length_ns.saturating_sub(connection.opens_ns)),
        cat: Category::Connection,
        name: format!("connection {number}"),
        args: Number { number },
    })
}

fn request_events(request: &Request) -> [String; 4] {
    let tid = row(request.connection);
    let mark = |name: &str, at_ns| {
        json(&Event::Instant {
            pid: CLIENT,
            tid,
            ts: micros(at_ns),
            cat: Category::Mark,
            name: name.to_owned(),
            s: "t".to_owned(),
            args: Number {
                number: request.number,
            },
        })
    };
    let whole = json(&Event::Complete {
        pid: CLIENT,
        tid,
        ts: micros(request.sent_ns),
        dur: micros(request.received_ns.saturating_sub(request.sent_ns)),
        cat: Category::Request,
        name: format!("request {}", request.number),
        args: RequestArgs {
            number: request.number,
            connection: request.connection,
            due_us: micros(request.due_ns),
            sent_us: micros(request.sent_ns),
            received_us: micros(request.received_ns),
        },
    });
    [
        mark("due", request.due_ns),
        whole,
        mark("sent", request.sent_ns),
        mark("received", request.received_ns),
    ]
}

/// An arrow, if both of its ends are known and have an event to bind to; else a point at the woken thread.
fn wake_events(id: usize, wake: &Wake, trace: &Trace) -> Vec<String> {
    let woken = &trace.lanes[wake.lane];
    let waker = match wake.by {
        Waker::Lane(index) => {
            let lane = &trace.lanes[index];
            lane.lives_at(wake.at_ns).then_some((lane.process, lane.thread))
        }
        Waker::Client => last_active_connection(trace, wake.at_ns).map(|number| (CLIENT, row(number))),
        Waker::Kernel => None,
    };
    let (ts, cat, name) = (micros(wake.at_ns), Category::Wake, "wake".to_owned());
    if let Some((pid, tid)) = waker.filter(|_| woken.lives_at(wake.at_ns)) {
        let start = Event::<()>::FlowStart {
            pid,
            tid,
            ts,
            cat,
            name: name.clone(),
            id,
        };
        let end = Event::<()>::FlowEnd {
            pid: woken.process,
            tid: woken.thread,
            ts,
            cat,
            name,
            id,
            bp: "e".to_owned(),
        };
        return vec![json(&start), json(&end)];
    }
    let (by, lane) = match wake.by {
        Waker::Lane(index) => (By::Lane, Some(index)),
        Waker::Client => (By::Client, None),
        Waker::Kernel => (By::Kernel, None),
    };
    let point = Event::Instant {
        pid: woken.process,
        tid: woken.thread,
        ts,
        cat,
        name,
        s: "t".to_owned(),
        args: WakeArgs { wake: id, by, lane },
    };
    vec![json(&point)]
}

/// The connection that the client last opened, sent or received on: it sends the next request or closes after it has received.
fn last_active_connection(trace: &Trace, at_ns: u64) -> Option<usize> {
    if at_ns > trace.length_ns {
        return None;
    }
    let opens = trace.connections.iter();
    let mut active: BTreeMap<usize, u64> = opens
        .map(|connection| (connection.number, connection.opens_ns))
        .filter(|&(_, opens_ns)| opens_ns <= at_ns)
        .collect();
    for request in &trace.requests {
        let times = [request.sent_ns, request.received_ns];
        let before = times.into_iter().filter(|&time_ns| time_ns <= at_ns).max();
        if let (Some(before_ns), Some(last_ns)) = (before, active.get_mut(&request.connection)) {
            *last_ns = before_ns.max(*last_ns);
        }
    }
    let last = active
        .into_iter()
        .max_by_key(|&(number, last_ns)| (last_ns, Reverse(number)));
    last.map(|(number, _)| number)
}
