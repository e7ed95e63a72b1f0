//! The counts of a run, which add up.
//!
//! A tally belongs to one thread while the load runs. Merging adds, so the order of the threads does not matter.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use schema::load::{Backlog, Connections, Failure, Failures, Requests};
use schema::trace::Marks;

use crate::histogram::{add, histogram};
use crate::marks;
use crate::outages::Outages;
use crate::pauses::Pauses;
use crate::slices::Times;

/// The counts of one thread, or of all together.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Requests that were in the system at some time within the window, by how they ended.
    pub(crate) requests: Requests,
    /// The times of those whose good reply came after the window.
    pub(crate) after_window: Times,
    /// The number of requests in the system as the window opened, and as it closed.
    pub(crate) backlog: Backlog,
    /// The pauses of this client.
    pub(crate) pauses: Pauses,
    /// How long after the window the last request ended.
    pub(crate) drain: Duration,
    /// Good replies within the window, whenever their requests were sent.
    pub(crate) completed: u64,
    /// The good replies to requests that count whose latency was at most the bound, if there is one.
    pub(crate) within: u64,
    /// All good replies of the run.
    pub(crate) answered_total: u64,
    /// Good replies within the window, for each connection slot.
    pub(crate) served: Vec<u64>,
    /// The number of slots with a good reply within the window, or to a request of it.
    pub(crate) connections_served: u64,
    /// The number of slots whose connection could be opened.
    pub(crate) opened: u64,
    /// The number of connections to each of the server's addresses.
    pub(crate) opened_to: Vec<u64>,
    /// The times without any connection, from the first request on.
    pub(crate) outages: Outages,
    /// Connections that were replaced within the window.
    pub(crate) reconnects: u64,
    /// How long it took to open a connection, in nanoseconds.
    pub(crate) connecting: Histogram<u64>,
    /// For a mix, the latencies of each part.
    pub(crate) parts: Vec<Histogram<u64>>,
    /// The length of the window.
    pub(crate) window: Duration,
    /// CPU time within the window.
    pub(crate) cpu: Duration,
    /// How busy each thread was, the busiest first.
    pub(crate) threads: Vec<ThreadTime>,
    /// The longest gap between two readings of the clock by a thread that did not sleep.
    pub(crate) longest_gap_ns: u64,
    /// Little's L: the number of requests in the system, integrated over the window, in requests times nanoseconds.
    pub(crate) area_ns: u128,
    /// Little's λW: the sum of all latencies, as far as they lie within the window.
    pub(crate) waits_ns: u128,
    /// A sample of the gaps between due times, each with the next one.
    pub(crate) gaps: Vec<(f64, f64)>,
    /// The times of single requests, if they were noted.
    pub(crate) marks: Option<Marks>,
    /// Why the run ended early.
    pub(crate) ended_early: Option<String>,
    failures: BTreeMap<Failure, (u64, String)>,
}

/// How a thread spent the window, in shares of it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct ThreadTime {
    /// On a CPU, without watching the clock.
    pub(crate) busy: f64,
    /// Runnable, while other threads had the CPU.
    pub(crate) waited: f64,
}

impl ThreadTime {
    /// The share in which the thread could not have done more.
    pub(crate) fn taken(self) -> f64 {
        self.busy + self.waited
    }
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            requests: Requests::default(),
            after_window: Times::default(),
            backlog: Backlog::default(),
            pauses: Pauses::default(),
            drain: Duration::ZERO,
            completed: 0,
            within: 0,
            answered_total: 0,
            served: Vec::new(),
            connections_served: 0,
            opened: 0,
            opened_to: Vec::new(),
            outages: Outages::default(),
            reconnects: 0,
            connecting: histogram(),
            parts: Vec::new(),
            window: Duration::ZERO,
            cpu: Duration::ZERO,
            threads: Vec::new(),
            longest_gap_ns: 0,
            area_ns: 0,
            waits_ns: 0,
            gaps: Vec::new(),
            marks: None,
            ended_early: None,
            failures: BTreeMap::new(),
        }
    }
}

impl Tally {
    /// A tally with latencies for so many parts of a mix.
    pub(crate) fn with_parts(parts: usize) -> Self {
        Self {
            parts: vec![histogram(); parts],
            ..Self::default()
        }
    }

    /// Counts a failure. The first of its kind is kept as an example.
    pub(crate) fn fail(&mut self, failure: Failure, count: u64, example: impl FnOnce() -> String) {
        self.failures.entry(failure).or_insert_with(|| (0, example())).0 += count;
    }

    /// Counts a connection to the server's address with this index.
    pub(crate) fn opened_to(&mut self, address: usize) {
        if self.opened_to.len() <= address {
            self.opened_to.resize(address + 1, 0);
        }
        self.opened_to[address] += 1;
    }

    /// Merges two tallies.
    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.requests = self.requests.plus(other.requests);
        self.after_window.add(&other.after_window);
        self.backlog.at_open += other.backlog.at_open;
        self.backlog.at_close += other.backlog.at_close;
        self.pauses = self.pauses.merge(other.pauses);
        self.drain = self.drain.max(other.drain);
        self.completed += other.completed;
        self.within += other.within;
        self.answered_total += other.answered_total;
        self.served.extend(other.served);
        self.connections_served += other.connections_served;
        self.opened += other.opened;
        let addresses = self.opened_to.len().max(other.opened_to.len());
        self.opened_to.resize(addresses, 0);
        for (own, other) in self.opened_to.iter_mut().zip(&other.opened_to) {
            *own += other;
        }
        self.reconnects += other.reconnects;
        self.outages = self.outages.both(&other.outages);
        add(&mut self.connecting, &other.connecting);
        self.parts
            .resize_with(self.parts.len().max(other.parts.len()), histogram);
        for (own, other) in self.parts.iter_mut().zip(&other.parts) {
            add(own, other);
        }
        self.window = self.window.max(other.window);
        self.cpu += other.cpu;
        self.threads.extend(other.threads);
        self.threads.sort_by(|a, b| b.taken().total_cmp(&a.taken()));
        self.longest_gap_ns = self.longest_gap_ns.max(other.longest_gap_ns);
        self.area_ns += other.area_ns;
        self.waits_ns += other.waits_ns;
        self.gaps.extend(other.gaps);
        self.marks = marks::merge(self.marks, other.marks);
        self.ended_early = self.ended_early.or(other.ended_early);
        for (failure, (count, example)) in other.failures {
            self.fail(failure, count, || example);
        }
        self
    }

    /// The busiest thread.
    pub(crate) fn busiest(&self) -> ThreadTime {
        self.threads.first().copied().unwrap_or_default()
    }

    pub(crate) fn connections(&self, asked: u64) -> Connections {
        Connections {
            asked,
            opened: self.opened,
            failed: asked.saturating_sub(self.opened),
            served: self.connections_served,
            reconnects: self.reconnects,
        }
    }

    pub(crate) fn failures(&self) -> Vec<Failures> {
        let failures = self.failures.iter();
        failures
            .map(|(kind, (count, first))| Failures {
                kind: kind.to_string(),
                count: *count,
                first: first.clone(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(ok: u64, connecting_ns: u64) -> Tally {
        let mut tally = Tally {
            served: vec![ok],
            connections_served: 1,
            within: ok,
            threads: vec![ThreadTime {
                busy: 0.1 * ok as f64,
                waited: 0.3 / ok as f64,
            }],
            ..Tally::default()
        };
        tally.requests.ok = ok;
        tally.connecting.record(connecting_ns).unwrap();
        tally.parts = vec![histogram(); ok as usize];
        tally
    }

    #[test]
    fn merging_tallies_does_not_depend_on_their_order() {
        let one = tally(1, 10).merge(tally(2, 20));
        let other = tally(2, 20).merge(tally(1, 10));
        assert_eq!(one.requests, other.requests);
        assert_eq!(one.connecting, other.connecting);
        assert_eq!((one.parts.len(), other.parts.len()), (2, 2));
        assert_eq!(one.connections(3), other.connections(3));
        assert_eq!(one.connections(3).served, 2);
        assert_eq!((one.within, other.within), (3, 3));
        // The second was busier, and the first waited meanwhile.
        assert_eq!((&one.threads, one.busiest().busy), (&other.threads, 0.1));
    }

    #[test]
    fn the_first_of_each_kind_of_failure_is_kept() {
        let mut tally = Tally::default();
        tally.fail(Failure::Timeout, 2, || "first".to_owned());
        tally.fail(Failure::Timeout, 3, || "second".to_owned());
        let failures = tally.failures();
        assert_eq!((failures[0].count, &*failures[0].first), (5, "first"));
    }
}
