//! Collecting the events of a trace, by what they belong to.

use std::collections::BTreeMap;

use schema::trace::{Connection, Request};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::event::{
    By, CLIENT, Category, Event, Metadata, Name, Number, PartArgs, RequestArgs, SortIndex, StateArgs,
    WakeArgs,
};
use super::nest::Span;

/// The process and the thread.
pub(super) type Id = (i32, i32);

/// What was read of a trace.
#[derive(Default)]
pub(super) struct Events {
    pub(super) threads: BTreeMap<Id, Thread>,
    pub(super) wakes: BTreeMap<usize, Wakening>,
    pub(super) connections: BTreeMap<usize, Connection>,
    pub(super) requests: BTreeMap<usize, Request>,
    /// By the number of the request and that of the part.
    pub(super) parts: BTreeMap<(usize, usize), Vec<Span<Id>>>,
}

/// A thread of the server.
#[derive(Default)]
pub(super) struct Thread {
    pub(super) name: Option<String>,
    pub(super) place: Option<i64>,
    pub(super) pieces: Vec<Span<StateArgs>>,
}

/// A wake-up: the ends of an arrow, or a point.
#[derive(Default)]
pub(super) struct Wakening {
    pub(super) from: Option<(Id, u64)>,
    pub(super) to: Option<(Id, u64)>,
    pub(super) point: Option<(By, Option<usize>)>,
}

impl Events {
    /// Takes what an event adds.
    pub(super) fn add(&mut self, event: Event<Value>) -> Result<(), String> {
        match event {
            Event::Metadata { pid, tid, name, args } => self.add_metadata((pid, tid), name, args)?,
            Event::Complete {
                pid,
                tid,
                ts,
                dur,
                cat,
                args,
                ..
            } => {
                let to_ns = ts.ns.checked_add(dur.ns).ok_or("its end is out of range")?;
                self.add_complete((pid, tid), ts.ns, to_ns, cat, args)?;
            }
            Event::Instant {
                cat: Category::Mark, ..
            } => {}
            Event::Instant {
                pid,
                tid,
                ts,
                cat: Category::Wake,
                args,
                ..
            } => {
                let WakeArgs { wake, by, lane } = typed(args)?;
                let wakening = self.wakes.entry(wake).or_default();
                once(&mut wakening.to, ((pid, tid), ts.ns))?;
                wakening.point = Some((by, lane));
            }
            Event::FlowStart {
                pid,
                tid,
                ts,
                cat: Category::Wake,
                id,
                ..
            } => once(&mut self.wakes.entry(id).or_default().from, ((pid, tid), ts.ns))?,
            Event::FlowEnd {
                pid,
                tid,
                ts,
                cat: Category::Wake,
                id,
                ..
            } => once(&mut self.wakes.entry(id).or_default().to, ((pid, tid), ts.ns))?,
            Event::Instant { cat, .. } | Event::FlowStart { cat, .. } | Event::FlowEnd { cat, .. } => {
                return Err(format!("an event of this kind has not the category {cat:?}"));
            }
        }
        Ok(())
    }

    fn add_metadata(&mut self, id: Id, name: Metadata, args: Value) -> Result<(), String> {
        if id.0 == CLIENT {
            return Ok(());
        }
        match name {
            Metadata::ProcessName | Metadata::ProcessSortIndex => {}
            Metadata::ThreadName => {
                let Name { name } = typed(args)?;
                once(&mut self.threads.entry(id).or_default().name, name)?;
            }
            Metadata::ThreadSortIndex => {
                let SortIndex { sort_index } = typed(args)?;
                once(&mut self.threads.entry(id).or_default().place, sort_index)?;
            }
        }
        Ok(())
    }

    fn add_complete(
        &mut self,
        id: Id,
        from_ns: u64,
        to_ns: u64,
        cat: Category,
        args: Value,
    ) -> Result<(), String> {
        match (cat, id.0 == CLIENT) {
            (Category::State, false) => {
                let pieces = &mut self.threads.entry(id).or_default().pieces;
                pieces.push(Span {
                    from_ns,
                    to_ns,
                    item: typed(args)?,
                });
            }
            (Category::Request, false) => {
                let PartArgs { number, part } = typed(args)?;
                let pieces = self.parts.entry((number, part)).or_default();
                pieces.push(Span {
                    from_ns,
                    to_ns,
                    item: id,
                });
            }
            (Category::Request, true) => self.add_request(&typed(args)?)?,
            (Category::Connection, true) => {
                let Number { number } = typed(args)?;
                let opens_ns = from_ns;
                let twice = self.connections.insert(number, Connection { number, opens_ns });
                if twice.is_some() {
                    return Err(format!("connection {number} appears twice"));
                }
            }
            _ => return Err(format!("a thread of this process has no {cat:?}")),
        }
        Ok(())
    }

    fn add_request(&mut self, args: &RequestArgs) -> Result<(), String> {
        let request = Request {
            number: args.number,
            connection: args.connection,
            due_ns: args.due_us.ns,
            sent_ns: args.sent_us.ns,
            received_ns: args.received_us.ns,
            parts: Vec::new(),
        };
        match self.requests.insert(args.number, request) {
            None => Ok(()),
            Some(twice) => Err(format!("request {} appears twice", twice.number)),
        }
    }
}

fn typed<A: DeserializeOwned>(args: Value) -> Result<A, String> {
    serde_json::from_value(args).map_err(|error| format!("args: {error}"))
}

fn once<T>(place: &mut Option<T>, value: T) -> Result<(), String> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err("the same was there before; remove one of the two".to_owned()),
    }
}
