//! What happened, counted so that it adds up.
//!
//! A tally belongs to one thread while the load runs. Merging is by sums, so the order of the threads means nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use schema::load::{Backlog, Connections, Failure, Failures, Requests};

use crate::histogram::{add, histogram};
use crate::outages::Outages;
use crate::pauses::Pauses;
use crate::slices::Times;

/// What one thread, or all together, counted.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Those that were in the system at some time within the window, by how they ended.
    pub(crate) requests: Requests,
    /// The times of those of them that were answered well when the window was over.
    pub(crate) after_window: Times,
    /// How many were in the system as the window opened, and as it closed.
    pub(crate) backlog: Backlog,
    /// When this client did not look.
    pub(crate) pauses: Pauses,
    /// How long after the window the last of them ended.
    pub(crate) drain: Duration,
    /// Good replies that came within the window, whenever they were asked for.
    pub(crate) completed: u64,
    /// Good replies from the first to the last.
    pub(crate) answered_total: u64,
    /// Good replies within the window by connection, for those that are asked for at once.
    pub(crate) served: Vec<u64>,
    /// How many of these had one within the window, or to a request of it that came after its end.
    pub(crate) connections_served: u64,
    /// How many of these could be opened at all.
    pub(crate) opened: u64,
    /// How many connections were opened to each of the server's addresses.
    pub(crate) opened_to: Vec<u64>,
    /// When there was no connection and none could be opened, from the load's first request on.
    pub(crate) outages: Outages,
    /// Connections opened within the window in the place of another.
    pub(crate) reconnects: u64,
    /// How long it took to open a connection, in nanoseconds.
    pub(crate) connecting: Histogram<u64>,
    /// For a mix, the latencies of each part.
    pub(crate) parts: Vec<Histogram<u64>>,
    /// How long was measured.
    pub(crate) window: Duration,
    /// Processor time within the window.
    pub(crate) cpu: Duration,
    /// What each thread did with the window; the one with the least left first.
    pub(crate) threads: Vec<ThreadTime>,
    /// The longest that a thread which did not sleep took from one look at the clock to the next.
    pub(crate) longest_gap_ns: u64,
    /// Little's L: the number of requests on their way, integrated over the window, in requests times nanoseconds.
    pub(crate) area_ns: u128,
    /// Little's λW: the parts of all requests' latencies that lie within the window, added up.
    pub(crate) waits_ns: u128,
    /// A sample of the gaps between requests as they had fallen due, each with the one after it.
    pub(crate) gaps: Vec<(f64, f64)>,
    /// Why the run ended before its time.
    pub(crate) ended_early: Option<String>,
    failures: BTreeMap<Failure, (u64, String)>,
}

/// Shares of the window.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct ThreadTime {
    /// On a processor, the watching of the clock not counted.
    pub(crate) busy: f64,
    /// Ready for a processor, which others had.
    pub(crate) waited: f64,
}

impl ThreadTime {
    /// What the thread could not have done more in.
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
            ended_early: None,
            failures: BTreeMap::new(),
        }
    }
}

impl Tally {
    /// With room for the latencies of so many parts of a mix.
    pub(crate) fn with_parts(parts: usize) -> Self {
        Self {
            parts: vec![histogram(); parts],
            ..Self::default()
        }
    }

    /// Counts a failure, and keeps what it looked like if it is the first of its kind.
    pub(crate) fn fail(&mut self, failure: Failure, count: u64, example: impl FnOnce() -> String) {
        self.failures.entry(failure).or_insert_with(|| (0, example())).0 += count;
    }

    /// Counts a connection that was opened to the server's address of this number.
    pub(crate) fn opened_to(&mut self, address: usize) {
        if self.opened_to.len() <= address {
            self.opened_to.resize(address + 1, 0);
        }
        self.opened_to[address] += 1;
    }

    /// Two tallies as one.
    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.requests = self.requests.plus(other.requests);
        self.after_window.add(&other.after_window);
        self.backlog.at_open += other.backlog.at_open;
        self.backlog.at_close += other.backlog.at_close;
        self.pauses = self.pauses.merge(other.pauses);
        self.drain = self.drain.max(other.drain);
        self.completed += other.completed;
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
        self.ended_early = self.ended_early.or(other.ended_early);
        for (failure, (count, example)) in other.failures {
            self.fail(failure, count, || example);
        }
        self
    }

    /// What the thread did with the window that had the least of it left.
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
        // The second was busier, and the first waited for that.
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
