//! Reading a trace again.

use std::collections::BTreeMap;

use schema::trace::{Lane, Part, Request, Slice, State, Trace, Wake, Waker};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;

use super::collect::{Events, Id, Thread, Wakening};
use super::event::{By, CLIENT, NO_CALL, OtherData, SCHEMA, StateArgs};
use super::nest::Span;

/// Why a text is no trace.
#[derive(Debug, Error)]
pub enum Error {
    /// It is no JSON, or has not the members of the object form.
    #[error("this is no trace in Chrome's trace event format: {0}")]
    Form(#[from] serde_json::Error),
    /// It was written by another version.
    #[error("`schema` of the trace is {found}; this program reads {SCHEMA}")]
    Schema {
        /// The version that it has.
        found: Value,
    },
    /// An event is wrong.
    #[error("event {number} of `traceEvents`: {fault}")]
    Event {
        /// Its place in the file, counted from 1.
        number: usize,
        /// What is wrong with it.
        fault: String,
    },
    /// The events do not make a trace together.
    #[error("{place}: {fault}")]
    Whole {
        /// The thread, wake-up or request.
        place: String,
        /// What is wrong with it.
        fault: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File<'a> {
    #[serde(borrow)]
    other_data: &'a RawValue,
    #[serde(borrow)]
    trace_events: Vec<&'a RawValue>,
}

/// Reads what [`write`](super::write()) wrote. Events of other kinds are an error.
pub fn read(text: &str) -> Result<Trace, Error> {
    let file: File = serde_json::from_str(text)?;
    let other: Value = serde_json::from_str(file.other_data.get())?;
    if other["schema"] != SCHEMA {
        let found = other["schema"].clone();
        return Err(Error::Schema { found });
    }
    let other: OtherData = serde_json::from_value(other)?;
    let mut events = Events::default();
    for (number, event) in (1..).zip(file.trace_events) {
        let added = serde_json::from_str(event.get())
            .map_err(|error| error.to_string())
            .and_then(|event| events.add(event));
        added.map_err(|fault| Error::Event { number, fault })?;
    }
    let (lanes, places) = lanes(events.threads)?;
    let wakes = wakes(events.wakes, &places, lanes.len())?;
    Ok(Trace {
        model: other.model,
        source: other.source,
        lacks: other.lacks,
        workload: other.workload,
        recorded: other.recorded,
        length_ns: other.length_ns,
        zero_ns: other.zero_ns,
        requests: requests(events.requests, events.parts, &places)?,
        connections: events.connections.into_values().collect(),
        lanes,
        wakes,
    })
}

/// The lanes in their order, and where each thread is among them.
fn lanes(threads: BTreeMap<Id, Thread>) -> Result<(Vec<Lane>, BTreeMap<Id, usize>), Error> {
    let mut ordered = BTreeMap::new();
    for (id @ (process, thread), events) in threads {
        let fault = |fault: &str| whole(format!("thread {thread} of process {process}"), fault);
        let name = events.name.ok_or_else(|| fault("it has no `thread_name`"))?;
        let place = events
            .place
            .ok_or_else(|| fault("it has no `thread_sort_index`"))?;
        let lane = Lane {
            process,
            thread,
            slices: joined(events.pieces).map_err(|at_us| {
                fault(&format!(
                    "its state at {at_us} µs continues no state; remove `continued`"
                ))
            })?,
            name,
        };
        if ordered.insert(place, (id, lane)).is_some() {
            return Err(fault("another thread has the same `thread_sort_index`"));
        }
    }
    let places = (0..)
        .zip(ordered.values())
        .map(|(index, &(id, _))| (id, index))
        .collect();
    Ok((ordered.into_values().map(|(_, lane)| lane).collect(), places))
}

/// The states of a lane, joined where they were cut; or the time of one that continues nothing.
fn joined(mut pieces: Vec<Span<StateArgs>>) -> Result<Vec<Slice>, f64> {
    pieces.sort_by_key(|piece| piece.from_ns);
    let mut slices: Vec<Slice> = Vec::new();
    for piece in pieces {
        let Span {
            from_ns,
            to_ns,
            item: args,
        } = piece;
        let no_call = args.state == State::Blocked && args.call.as_deref() == Some(NO_CALL);
        let slice = Slice {
            from_ns,
            to_ns,
            state: args.state,
            cpu: args.cpu,
            call: args.call.filter(|_| !no_call),
        };
        if !args.continued {
            slices.push(slice);
            continue;
        }
        match slices.last_mut() {
            Some(last) if last.to_ns == from_ns && same(last, &slice) => last.to_ns = to_ns,
            _ => return Err(from_ns as f64 / 1000.0),
        }
    }
    Ok(slices)
}

fn same(one: &Slice, other: &Slice) -> bool {
    (one.state, one.cpu, &one.call) == (other.state, other.cpu, &other.call)
}

fn wakes(
    wakes: BTreeMap<usize, Wakening>,
    places: &BTreeMap<Id, usize>,
    lanes: usize,
) -> Result<Vec<Wake>, Error> {
    let wake = |(number, wakening): (usize, Wakening)| {
        let fault = |fault: &str| whole(format!("wake-up {number}"), fault);
        let lane_of = |id: Id| {
            let place = places.get(&id).copied();
            place.ok_or_else(|| fault("one of its ends is at no thread of the server"))
        };
        let (to, at_ns) = wakening.to.ok_or_else(|| fault("its arrow has no end"))?;
        let by = match (wakening.point, wakening.from) {
            (None, None) => return Err(fault("its arrow has no beginning")),
            (Some(_), Some(_)) => return Err(fault("it is an arrow and a point; remove one of them")),
            (None, Some(((CLIENT, _), _))) | (Some((By::Client, _)), None) => Waker::Client,
            (None, Some((id, _))) => Waker::Lane(lane_of(id)?),
            (Some((By::Kernel, _)), None) => Waker::Kernel,
            (Some((By::Lane, lane)), None) => {
                let lane = lane.filter(|&lane| lane < lanes);
                Waker::Lane(lane.ok_or_else(|| fault("`lane` is no lane of this trace"))?)
            }
        };
        Ok(Wake {
            at_ns,
            lane: lane_of(to)?,
            by,
        })
    };
    wakes.into_iter().map(wake).collect()
}

fn requests(
    mut requests: BTreeMap<usize, Request>,
    parts: BTreeMap<(usize, usize), Vec<Span<Id>>>,
    places: &BTreeMap<Id, usize>,
) -> Result<Vec<Request>, Error> {
    for ((number, part), mut pieces) in parts {
        let fault = |fault: &str| whole(format!("part {part} of request {number}"), fault);
        let request = requests.get_mut(&number);
        let request = request.ok_or_else(|| fault("the client has no such request"))?;
        if part != request.parts.len() + 1 {
            return Err(fault("the part before it is missing"));
        }
        pieces.sort_by_key(|piece| (piece.from_ns, piece.to_ns));
        let follows = |pair: &[Span<Id>]| pair[0].item == pair[1].item && pair[0].to_ns == pair[1].from_ns;
        if !pieces.windows(2).all(follows) {
            return Err(fault("its pieces do not follow each other on one thread"));
        }
        let (first, last) = (pieces[0], pieces[pieces.len() - 1]);
        let lane = places.get(&first.item);
        request.parts.push(Part {
            lane: *lane.ok_or_else(|| fault("its thread is no lane"))?,
            from_ns: first.from_ns,
            to_ns: last.to_ns,
        });
    }
    Ok(requests.into_values().collect())
}

fn whole(place: String, fault: &str) -> Error {
    Error::Whole {
        place,
        fault: fault.to_owned(),
    }
}
