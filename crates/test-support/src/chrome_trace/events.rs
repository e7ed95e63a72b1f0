//! The events of a trace, each with the keys that its kind must have.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The process and the thread.
pub(super) type Id = (i64, i64);

/// What was read of a trace.
pub(super) struct Events {
    pub(super) other: Value,
    pub(super) source: String,
    pub(super) length_ns: i64,
    /// Complete events (`X`), in the order of the file.
    pub(super) complete: Vec<Event>,
    /// Points in time (`i`).
    pub(super) instants: Vec<Event>,
    /// Beginnings of arrows (`s`).
    pub(super) starts: Vec<Event>,
    /// Ends of arrows (`f`).
    pub(super) ends: Vec<Event>,
    processes: BTreeMap<i64, String>,
    threads: BTreeMap<Id, String>,
    /// `thread_sort_index`.
    places: BTreeMap<Id, i64>,
}

/// An event that is no metadata.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) category: String,
    pub(super) name: String,
    pub(super) id: Id,
    pub(super) from_ns: i64,
    /// The same as `from_ns` but for a complete event.
    pub(super) to_ns: i64,
    /// The identity of an arrow.
    pub(super) arrow: Value,
    pub(super) args: Value,
}

impl Event {
    /// The event for a person.
    pub(super) fn shown(&self) -> String {
        let (process, thread) = self.id;
        format!(
            "{:?} at {} µs, thread {thread} of process {process}",
            self.name,
            self.from_ns as f64 / 1000.0
        )
    }

    /// A number of `args`.
    pub(super) fn number(&self, key: &str) -> Option<i64> {
        self.args[key].as_i64()
    }
}

impl Events {
    pub(super) fn read(file: &Value, faults: &mut Vec<String>) -> Self {
        if !matches!(file["displayTimeUnit"].as_str(), Some("ns" | "ms")) {
            faults.push("displayTimeUnit is neither \"ns\" nor \"ms\"".to_owned());
        }
        let other = &file["otherData"];
        let source = other["source"].as_str().unwrap_or_default();
        if !matches!(source, "perf" | "switches" | "strace") {
            faults.push("otherData.source is neither perf, switches nor strace".to_owned());
        }
        let length_ns = other["length_ns"].as_i64().unwrap_or(-1);
        if length_ns < 0 {
            faults.push("otherData.length_ns is no number".to_owned());
        }
        let mut events = Self {
            other: other.clone(),
            source: source.to_owned(),
            length_ns,
            complete: Vec::new(),
            instants: Vec::new(),
            starts: Vec::new(),
            ends: Vec::new(),
            processes: BTreeMap::new(),
            threads: BTreeMap::new(),
            places: BTreeMap::new(),
        };
        match file["traceEvents"].as_array() {
            None => faults.push("the file is no object with a list `traceEvents`".to_owned()),
            Some(list) => {
                for event in list {
                    if let Err(fault) = events.add(event) {
                        faults.push(format!("{fault}: {event}"));
                    }
                }
            }
        }
        events.check_names(faults);
        events
    }

    fn add(&mut self, event: &Value) -> Result<(), String> {
        let phase = event["ph"].as_str().ok_or("no `ph`")?;
        let name = event["name"].as_str().ok_or("no `name`")?;
        let pid = event["pid"].as_i64().ok_or("no `pid`")?;
        if phase == "M" {
            return self.add_metadata(event, pid, name);
        }
        let from_ns = nanoseconds(event, "ts")?;
        let mut read = Event {
            category: event["cat"].as_str().ok_or("no `cat`")?.to_owned(),
            name: name.to_owned(),
            id: (pid, event["tid"].as_i64().ok_or("no `tid`")?),
            from_ns,
            to_ns: from_ns,
            arrow: event["id"].clone(),
            args: event["args"].clone(),
        };
        match phase {
            "X" => {
                read.to_ns += nanoseconds(event, "dur")?;
                self.complete.push(read);
            }
            "i" => {
                if !matches!(event["s"].as_str(), Some("t" | "p" | "g")) {
                    return Err("`s` is neither t, p nor g".to_owned());
                }
                self.instants.push(read);
            }
            "s" | "f" if !(read.arrow.is_u64() || read.arrow.is_string()) => {
                return Err("no `id`".to_owned());
            }
            "s" => self.starts.push(read),
            "f" if event["bp"] != "e" => return Err("`bp` is not \"e\"".to_owned()),
            "f" => self.ends.push(read),
            _ => return Err(format!("unknown `ph` {phase}")),
        }
        Ok(())
    }

    fn add_metadata(&mut self, event: &Value, pid: i64, name: &str) -> Result<(), String> {
        let tid = || event["tid"].as_i64().ok_or("no `tid`");
        let named = || event["args"]["name"].as_str().ok_or("no `args.name`");
        let sorted = || event["args"]["sort_index"].as_i64().ok_or("no `args.sort_index`");
        let twice = match name {
            "process_name" => self.processes.insert(pid, named()?.to_owned()).is_some(),
            "thread_name" => self.threads.insert((pid, tid()?), named()?.to_owned()).is_some(),
            "thread_sort_index" => self.places.insert((pid, tid()?), sorted()?).is_some(),
            "process_sort_index" => {
                sorted()?;
                false
            }
            _ => return Err("unknown metadata".to_owned()),
        };
        if twice {
            return Err("metadata twice".to_owned());
        }
        Ok(())
    }

    fn check_names(&self, faults: &mut Vec<String>) {
        let timed = [&self.complete, &self.instants, &self.starts, &self.ends];
        let used: BTreeSet<Id> = timed.into_iter().flatten().map(|event| event.id).collect();
        for id @ (process, thread) in used.iter().chain(self.threads.keys()) {
            if !self.processes.contains_key(process) {
                faults.push(format!("process {process} has no name"));
            }
            if !self.threads.contains_key(id) {
                faults.push(format!("thread {thread} of process {process} has no name"));
            }
            if !self.places.contains_key(id) {
                faults.push(format!("thread {thread} of process {process} has no sort index"));
            }
        }
        for event in timed.into_iter().flatten() {
            if event.from_ns < 0 || event.to_ns > self.length_ns {
                faults.push(format!("{} is not within the trace", event.shown()));
            }
        }
        let clients = self.processes.values().filter(|name| *name == "client");
        if clients.count() != 1 {
            faults.push("there is not one process named client".to_owned());
        }
    }

    /// Whether this is a row of the load generator.
    pub(super) fn is_client(&self, (process, _): Id) -> bool {
        self.processes.get(&process).is_some_and(|name| name == "client")
    }

    /// The threads of the server with their names, in their order.
    pub(super) fn lanes(&self) -> Vec<(Id, &str)> {
        let threads = self.threads.iter().filter(|&(&id, _)| !self.is_client(id));
        let mut lanes: Vec<_> = threads.map(|(&id, name)| (id, name.as_str())).collect();
        lanes.sort_by_key(|(id, _)| self.places.get(id));
        lanes
    }

    /// The rows of connections.
    pub(super) fn connections(&self) -> impl Iterator<Item = &Event> {
        let rows = self.complete.iter();
        rows.filter(|event| event.category == "connection" && self.is_client(event.id))
    }

    /// The complete events of a thread.
    pub(super) fn complete_at(&self, id: Id) -> impl Iterator<Item = &Event> {
        self.complete.iter().filter(move |event| event.id == id)
    }
}

/// A time, which must be whole nanoseconds.
fn nanoseconds(event: &Value, key: &str) -> Result<i64, String> {
    let us = event[key].as_f64().ok_or_else(|| format!("no `{key}`"))?;
    let text = event[key].to_string();
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    if us < 0.0 || decimals > 3 {
        return Err(format!("`{key}` is not a time with at most three decimals"));
    }
    Ok((us * 1000.0).round() as i64)
}
