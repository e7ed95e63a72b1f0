//! What happened, counted so that it adds up.
//!
//! A tally belongs to one thread while the load runs. Merging is by sums, so the order of the threads means nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::report::{Connections, Failures, Interval, Quantiles, Requests};

/// Three significant digits: a value is off by at most a thousandth.
const DIGITS: u8 = 3;

/// A histogram of nanoseconds that grows as it needs to.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new(DIGITS).expect("three digits are allowed")
}

/// What one thread, or all together, counted.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Those sent within the window, by how they ended.
    pub(crate) requests: Requests,
    /// Good replies that came within the window, whenever they were asked for.
    pub(crate) completed: u64,
    /// Good replies from the first to the last.
    pub(crate) answered_total: u64,
    /// The same by connection, for those that are asked for at once.
    pub(crate) served: Vec<u64>,
    /// How many of these could be opened at all.
    pub(crate) opened: u64,
    /// Connections opened within the window in the place of another.
    pub(crate) reconnects: u64,
    /// How long was measured.
    pub(crate) window: Duration,
    /// Processor time within the window.
    pub(crate) cpu: Duration,
    /// The busiest thread's share of the window on a processor.
    pub(crate) busiest: f64,
    /// Why the run ended before its time.
    pub(crate) ended_early: Option<String>,
    seconds: Vec<Second>,
    failures: BTreeMap<Failure, (u64, String)>,
}

/// The latencies of one second of the window.
#[derive(Debug)]
struct Second {
    ends: Duration,
    latency: Histogram<u64>,
}

/// How a request, or a connection, can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Failure {
    ConnectRefused,
    ConnectTimeout,
    ConnectFailed,
    Reset,
    ClosedInMidReply,
    Closed,
    Timeout,
    WrongValue,
    ErrorReply,
    NotAFrame,
    Unasked,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConnectRefused => "connect_refused",
            Self::ConnectTimeout => "connect_timeout",
            Self::ConnectFailed => "connect_failed",
            Self::Reset => "reset",
            Self::ClosedInMidReply => "closed_in_mid_reply",
            Self::Closed => "closed",
            Self::Timeout => "timeout",
            Self::WrongValue => "wrong_value",
            Self::ErrorReply => "error_reply",
            Self::NotAFrame => "not_a_frame",
            Self::Unasked => "unasked_reply",
        })
    }
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            requests: Requests::default(),
            completed: 0,
            answered_total: 0,
            served: Vec::new(),
            opened: 0,
            reconnects: 0,
            window: Duration::ZERO,
            cpu: Duration::ZERO,
            busiest: 0.0,
            ended_early: None,
            seconds: Vec::new(),
            failures: BTreeMap::new(),
        }
    }
}

impl Tally {
    /// Counts a failure, and keeps what it looked like if it is the first of its kind.
    pub(crate) fn fail(&mut self, failure: Failure, count: u64, example: impl FnOnce() -> String) {
        self.failures.entry(failure).or_insert_with(|| (0, example())).0 += count;
    }

    /// Takes the latencies of a second of the window that ended this long after its start.
    pub(crate) fn close_second(&mut self, ends: Duration, latency: Histogram<u64>) {
        self.seconds.push(Second { ends, latency });
    }

    /// Two tallies as one.
    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.requests = self.requests.plus(other.requests);
        self.completed += other.completed;
        self.answered_total += other.answered_total;
        self.served.extend(other.served);
        self.opened += other.opened;
        self.reconnects += other.reconnects;
        self.window = self.window.max(other.window);
        self.cpu += other.cpu;
        self.busiest = self.busiest.max(other.busiest);
        self.ended_early = self.ended_early.or(other.ended_early);
        for (index, second) in other.seconds.into_iter().enumerate() {
            match self.seconds.get_mut(index) {
                Some(own) => {
                    own.ends = own.ends.max(second.ends);
                    own.latency
                        .add(second.latency)
                        .expect("a histogram that grows takes any other");
                }
                None => self.seconds.push(second),
            }
        }
        for (failure, (count, example)) in other.failures {
            self.fail(failure, count, || example);
        }
        self
    }

    /// The latencies of the whole window.
    pub(crate) fn latency(&self) -> Histogram<u64> {
        let mut all = histogram();
        for second in &self.seconds {
            all.add(&second.latency)
                .expect("a histogram that grows takes any other");
        }
        all
    }

    pub(crate) fn connections(&self, asked: u64) -> Connections {
        Connections {
            asked,
            opened: self.opened,
            failed: asked.saturating_sub(self.opened),
            served: self.served.iter().filter(|&&served| served > 0).count() as u64,
            reconnects: self.reconnects,
        }
    }

    pub(crate) fn intervals(&self) -> Vec<Interval> {
        let interval = |second: &Second| {
            let latency = Quantiles::of(&second.latency);
            Interval {
                t_s: second.ends.as_secs_f64(),
                ok: second.latency.len(),
                p50_us: latency.and_then(|latency| latency.p50),
                p99_us: latency.and_then(|latency| latency.p99),
            }
        };
        self.seconds.iter().map(interval).collect()
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

impl Requests {
    /// Whether the identities hold: planned = sent + unsent, and sent is the sum of how they ended.
    #[must_use]
    pub fn add_up(&self) -> bool {
        let ended = self.ok + self.wrong + self.error + self.timeout + self.reset + self.in_flight;
        self.planned == self.sent + self.unsent && self.sent == ended
    }

    fn plus(self, other: Self) -> Self {
        Self {
            planned: self.planned + other.planned,
            unsent: self.unsent + other.unsent,
            sent: self.sent + other.sent,
            ok: self.ok + other.ok,
            wrong: self.wrong + other.wrong,
            error: self.error + other.error,
            timeout: self.timeout + other.timeout,
            reset: self.reset + other.reset,
            in_flight: self.in_flight + other.in_flight,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tally(values: &[Vec<u32>]) -> Tally {
        let mut tally = Tally::default();
        for (second, values) in values.iter().enumerate() {
            let mut latency = histogram();
            for &value in values {
                latency.record(u64::from(value)).unwrap();
                tally.completed += 1;
            }
            tally.served.push(values.len() as u64);
            tally.close_second(Duration::from_secs(second as u64 + 1), latency);
        }
        tally
    }

    proptest! {
        #[test]
        fn the_order_of_merging_means_nothing(
            a in prop::collection::vec(prop::collection::vec(any::<u32>(), 0..50), 0..4),
            b in prop::collection::vec(prop::collection::vec(any::<u32>(), 0..50), 0..4),
        ) {
            let one = tally(&a).merge(tally(&b));
            let other = tally(&b).merge(tally(&a));
            prop_assert_eq!(one.intervals(), other.intervals());
            prop_assert_eq!(one.latency(), other.latency());
            prop_assert_eq!(one.completed, other.completed);
        }

        #[test]
        fn a_quantile_is_within_a_thousandth_of_an_exact_sort(mut values in prop::collection::vec(1..u32::MAX, 200..2000)) {
            let quantiles = Quantiles::of(&tally(std::slice::from_ref(&values)).latency()).unwrap();
            values.sort_unstable();
            let exact = |q: f64| f64::from(values[((values.len() as f64 * q).ceil() as usize).max(1) - 1]) / 1e3;
            for (got, q) in [(quantiles.p50, 0.5), (quantiles.p90, 0.9)] {
                let error = (got.unwrap() - exact(q)).abs() / exact(q);
                prop_assert!(error <= 1e-3, "{q}: {got:?} for {}", exact(q));
            }
            prop_assert!(quantiles.p50.unwrap() >= quantiles.min && quantiles.p90.unwrap() <= quantiles.max);
        }
    }

    #[test]
    fn a_percentile_that_the_samples_cannot_carry_is_not_told() {
        let quantiles = Quantiles::of(&tally(&[(1..=999).collect()]).latency()).unwrap();
        assert!(quantiles.p90.is_some() && quantiles.p99.is_none());
        let quantiles = Quantiles::of(&tally(&[(1..=1000).collect()]).latency()).unwrap();
        assert!(quantiles.p99.is_some() && quantiles.p999.is_none());
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
