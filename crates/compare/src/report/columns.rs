//! What a table has columns for.

use super::numbers::{count, rounded};
use crate::record::Measured;

/// A figure of every trial.
#[derive(Debug)]
pub(super) struct Column {
    /// Its heading where there is room.
    pub(super) title: &'static str,
    /// Its heading in a terminal.
    pub(super) short: &'static str,
    /// What it says.
    pub(super) meaning: &'static str,
    /// Which of two models has the better one.
    pub(super) better: Better,
    /// What a trial has of it, if anything.
    pub(super) of: fn(&Measured) -> Option<f64>,
    /// How it is written.
    pub(super) write: fn(f64) -> String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Better {
    More,
    Less,
    /// It is a fact about the model and not a merit.
    Neither,
}

const MIB: f64 = 1_048_576.0;

/// The place of the requests per second, which the client may limit.
pub(super) const RATE: usize = 0;
/// The place of the connections served.
pub(super) const SERVED: usize = 3;
/// The place of the CPU time per request, the steadiest figure.
pub(super) const CPU: usize = 4;

pub(super) const ALL: [Column; 9] = [
    Column {
        title: "requests/s",
        short: "req/s",
        meaning: "good replies within the window, by its length; each reply is checked for its own request's value",
        better: Better::More,
        of: |trial| Some(trial.load.throughput_per_s),
        write: rounded,
    },
    Column {
        title: "p50 latency, µs",
        short: "p50 µs",
        meaning: "half of the replies came within this time of their request's sending; where each request has a \
                  connection of its own, opening it is not in this time",
        better: Better::Less,
        of: |trial| trial.load.latency_us.and_then(|latency| latency.p50),
        write: rounded,
    },
    Column {
        title: "p99 latency, µs",
        short: "p99 µs",
        meaning: "99 of 100 replies came within this time; not told where fewer than 10 replies took longer",
        better: Better::Less,
        of: |trial| trial.load.latency_us.and_then(|latency| latency.p99),
        write: rounded,
    },
    Column {
        title: "served",
        short: "served",
        meaning: "connections, of those asked for, on which there was a good reply within the window",
        better: Better::Neither,
        of: |trial| Some(trial.load.connections.served as f64),
        write: count,
    },
    Column {
        title: "CPU µs/request",
        short: "CPU µs",
        meaning: "CPU time of all the server's processes, those that have exited included, by the replies in the same \
                  time (from ready to gone); user and system together",
        better: Better::Less,
        of: |trial| per_reply(trial, trial.cost.cpu_us),
        write: rounded,
    },
    Column {
        title: "switches/request",
        short: "switches",
        meaning: "context switches of the same processes by the same replies, voluntary and involuntary together",
        better: Better::Less,
        of: |trial| {
            let switches = trial.cost.voluntary_switches + trial.cost.involuntary_switches;
            per_reply(trial, switches as f64)
        },
        write: rounded,
    },
    Column {
        title: "peak memory, MiB",
        short: "MiB",
        meaning: "the most that the server's processes held together while the load ran (proportional set size: a page \
                  that several share counts once)",
        better: Better::Less,
        of: |trial| Some(trial.footprint.memory_bytes as f64 / MIB),
        write: rounded,
    },
    Column {
        title: "processes",
        short: "proc",
        meaning: "the most at once",
        better: Better::Neither,
        of: |trial| Some(trial.footprint.processes as f64),
        write: count,
    },
    Column {
        title: "threads",
        short: "thr",
        meaning: "the most at once, in all processes together",
        better: Better::Neither,
        of: |trial| Some(trial.footprint.threads as f64),
        write: count,
    },
];

fn per_reply(trial: &Measured, amount: f64) -> Option<f64> {
    (trial.cost.replies > 0).then(|| amount / trial.cost.replies as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_that_are_asked_for_by_place_are_there() {
        assert_eq!(ALL[RATE].title, "requests/s");
        assert_eq!(ALL[SERVED].title, "served");
        assert_eq!(ALL[CPU].title, "CPU µs/request");
    }
}
