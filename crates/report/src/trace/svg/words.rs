//! What a picture shows, in words.

use std::fmt::Write as _;

use schema::trace::{Source, State, Trace};
use serde_json::Value;

use super::pieces::{Piece, Stretch};
use crate::numbers::{self, counted};
use crate::trace::facts::Facts;

/// Up to this many parts of a piece are named one by one.
const NAMED_MOST: usize = 4;

/// A length of time with its unit: `0.8 µs`, `23 µs`, `1.05 ms`.
pub(super) fn duration(ns: u64) -> String {
    let us = ns as f64 / 1e3;
    match us {
        us if us < 9.95 => format!("{us:.1} µs"),
        us if us < 999.5 => format!("{us:.0} µs"),
        us if us < 99_950.0 => format!("{:.2} ms", us / 1e3),
        us => format!("{} ms", numbers::rounded(us / 1e3)),
    }
}

/// A state of a thread with its length.
pub(super) fn stretch(stretch: &Stretch<'_>) -> String {
    let length = duration(stretch.length_ns());
    let call = stretch.call;
    match stretch.state {
        State::Running => {
            let cpu = stretch.cpu.map_or(String::new(), |cpu| format!(" on CPU {cpu}"));
            let place = call.map_or("its own code".to_owned(), str::to_owned);
            format!("runs{cpu} in {place}, {length}")
        }
        State::Runnable => format!("runnable for {length}: it waits for a CPU"),
        State::Blocked => match call {
            Some(call) => format!("blocked in {call} for {length}"),
            None => format!("blocked for {length}, in no system call"),
        },
    }
}

/// What a thread did in a piece.
pub(super) fn piece(piece: &Piece<'_>, request: Option<usize>) -> String {
    let mut words = match &piece.stretches[..] {
        [one] => stretch(one),
        several => {
            let length = duration(piece.end_ns().saturating_sub(piece.begin_ns()));
            let words = if several.len() > NAMED_MOST {
                shares(piece)
            } else {
                several.iter().map(stretch).collect::<Vec<_>>().join("; ")
            };
            format!("{length} in {} pieces: {words}", several.len())
        }
    };
    if let Some(number) = request {
        let _ = write!(words, " (request {number})");
    }
    words
}

/// How much of a piece a thread was in each state.
fn shares(piece: &Piece<'_>) -> String {
    let states = [
        (State::Running, "runs"),
        (State::Runnable, "runnable"),
        (State::Blocked, "blocked"),
    ];
    let share = |(state, word): (State, &str)| {
        let share = piece.share(|stretch| stretch.state == state);
        (share > 0.0).then(|| format!("{word} {:.0} %", share * 100.0))
    };
    states
        .into_iter()
        .filter_map(share)
        .collect::<Vec<_>>()
        .join(", ")
}

/// The time that a thread spent in each state.
pub(super) fn totals(trace: &Trace, lane: usize) -> String {
    let lane = &trace.lanes[lane];
    let states = [
        (State::Running, "running"),
        (State::Runnable, "runnable"),
        (State::Blocked, "blocked"),
    ];
    let total = |(state, word): (State, &str)| {
        let slices = lane.slices.iter().filter(|slice| slice.state == state);
        let total: u64 = slices
            .map(|slice| slice.to_ns.saturating_sub(slice.from_ns))
            .sum();
        format!("{word} {}", duration(total))
    };
    format!("{}: {}", lane.name, states.map(total).join(", "))
}

/// The title: the model, and what was asked of it.
pub(super) fn title(trace: &Trace) -> String {
    let workload = &trace.workload;
    format!(
        "{}: {} {} request{} on {}",
        trace.model,
        numbers::count(workload.requests as f64),
        workload.op,
        if workload.requests == 1 { "" } else { "s" },
        counted(workload.connections, "connection", "connections")
    )
}

/// What stands below the title: parameters, the server, and the source.
pub(super) fn subtitle(trace: &Trace) -> String {
    let mut sentences = Vec::new();
    let each = parameters(&trace.workload.params);
    let pace = match trace.workload.rate_per_s {
        Some(rate) => format!("open loop, {} requests/s", numbers::rounded(rate)),
        None => "closed loop".to_owned(),
    };
    sentences.push(if each.is_empty() {
        capitalized(&pace)
    } else {
        format!("Each: {each}; {pace}")
    });
    let cpus = &trace.recorded.server_cpus;
    let cpus = match cpus.len() {
        0 => String::new(),
        1 => format!(" on CPU {cpus}"),
        _ => format!(" on CPUs {cpus}"),
    };
    sentences.push(format!("Server: {}{cpus}", threads(trace)));
    sentences.extend(Facts::count(trace).answered());
    let date = trace.recorded.at.strftime("%Y-%m-%d");
    sentences.push(format!(
        "{}, Linux {}, {date}",
        source(trace.source),
        trace.recorded.kernel
    ));
    sentences.join(". ") + "."
}

/// How many processes and threads there are.
fn threads(trace: &Trace) -> String {
    let mut processes: Vec<i32> = trace.lanes.iter().map(|lane| lane.process).collect();
    processes.sort_unstable();
    processes.dedup();
    let number = trace.lanes.len();
    let threads = format!("{number} thread{}", if number == 1 { "" } else { "s" });
    let processes = counted(processes.len(), "process", "processes");
    match trace
        .lanes
        .iter()
        .filter(|lane| lane.process != lane.thread)
        .count()
    {
        // Each process has one thread.
        0 => processes,
        _ => format!("{processes}, {threads}"),
    }
}

fn source(source: Source) -> &'static str {
    match source {
        Source::Perf => "With perf",
        Source::Switches => "From context-switch records and strace",
        Source::Strace => "With strace alone",
    }
}

/// Parameters as people write them: `cpu 300 µs, wait 1 ms`.
fn parameters(params: &Value) -> String {
    let plain = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => numbers::with_commas(&number.to_string()),
        other => other.to_string(),
    };
    let Value::Object(params) = params else {
        return if params.is_null() {
            String::new()
        } else {
            plain(params)
        };
    };
    let units = [("_us", " µs"), ("_ms", " ms"), ("_bytes", " bytes")];
    let each = params.iter().map(|(key, value)| {
        let unit = units.iter().find(|(suffix, _)| key.ends_with(suffix));
        let (name, unit) = unit.map_or((key.as_str(), ""), |(suffix, unit)| {
            (key.trim_end_matches(suffix), *unit)
        });
        format!("{name} {}{unit}", plain(value))
    });
    each.collect::<Vec<_>>().join(", ")
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// The description for screen readers: each thread's time in each state, and the way of each request.
pub(super) fn description(trace: &Trace) -> String {
    let mut sentences = vec![title(trace)];
    sentences.extend((0..trace.lanes.len()).map(|lane| totals(trace, lane)));
    for request in &trace.requests {
        let mut holders: Vec<&str> = Vec::new();
        for part in &request.parts {
            let name = trace.lanes.get(part.lane).map_or("a thread", |lane| &lane.name);
            if holders.last() != Some(&name) {
                holders.push(name);
            }
        }
        let holders = if holders.is_empty() {
            "by a thread that the records do not show".to_owned()
        } else {
            format!("by {}", holders.join(", then "))
        };
        let length = duration(request.received_ns.saturating_sub(request.sent_ns));
        sentences.push(format!("request {}: {length}, {holders}", request.number));
    }
    sentences.join("; ") + "."
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::sample;

    #[test]
    fn durations_have_two_or_three_digits() {
        for (ns, words) in [
            (800, "0.8 µs"),
            (9_960, "10 µs"),
            (23_400, "23 µs"),
            (1_049_000, "1.05 ms"),
            (250_000_000, "250 ms"),
        ] {
            assert_eq!(duration(ns), words);
        }
    }

    #[test]
    fn title_and_subtitle_name_workload_server_and_source() {
        let mut trace = sample::trace();
        assert_eq!(title(&trace), "mu: 4 work requests on 2 connections");
        assert_eq!(
            subtitle(&trace),
            "Each: cpu 300 µs, wait 1 ms; open loop, 10,000 requests/s. Server: 1 process, 3 threads on CPU 0. \
             All requests answered after 3.13 ms (2.95 ms when not recorded). With perf, Linux 6.12.0, 2026-01-02."
        );
        trace.workload.params = Value::Null;
        trace.workload.rate_per_s = None;
        assert!(subtitle(&trace).starts_with("Closed loop. "));
    }

    #[test]
    fn a_screen_reader_gets_lanes_and_requests() {
        let words = description(&sample::trace());
        for part in [
            "main: running 117 µs, runnable 27 µs, blocked 3.66 ms;",
            "request 1: 1.39 ms, by main, then worker-1;",
        ] {
            assert!(words.contains(part), "{part} in {words}");
        }
    }
}
