//! The window, slice by slice: what the threads measured is merged as the run goes on, so that a long run takes no more
//! memory than a short one.

use std::time::Duration;

use hdrhistogram::Histogram;
use schema::load::{Drift, Interval, Quantiles};

use crate::histogram::{add, histogram, interval, quantiles};
use crate::slicing::Slicing;

/// The times of some requests, in nanoseconds.
#[derive(Debug, Clone)]
pub struct Times {
    /// From when a request was due to its reply; in a closed loop, from its sending.
    pub latency: Histogram<u64>,
    /// From its sending to its reply; empty in a closed loop, where it is the latency.
    pub service: Histogram<u64>,
    /// From when it was due to its sending; empty in a closed loop, where none is due.
    pub send_delay: Histogram<u64>,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            latency: histogram(),
            service: histogram(),
            send_delay: histogram(),
        }
    }
}

impl Times {
    pub(crate) fn add(&mut self, other: &Self) {
        add(&mut self.latency, &other.latency);
        add(&mut self.service, &other.service);
        add(&mut self.send_delay, &other.send_delay);
    }
}

/// What one thread, or all together, measured in a slice of the window.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slice {
    pub(crate) times: Times,
    /// Requests that failed.
    pub(crate) failed: u64,
    /// The number of requests that fell due in it, if there are stages.
    pub(crate) due: u64,
    /// When it ended, from the start of the window: early if the run was interrupted.
    pub(crate) ends: Duration,
    /// Whether it is the last one of its thread.
    pub(crate) is_last: bool,
}

/// Merges the slices of all threads.
#[derive(Debug)]
pub(crate) struct Aggregator {
    slicing: Slicing,
    threads: usize,
    /// The numbers of the last slices of threads that have ended.
    ended: Vec<usize>,
    /// Slices that not all threads have handed in, and how many have. The first has the number `intervals.len()`.
    open: Vec<(usize, Slice)>,
    pub(crate) intervals: Vec<Interval>,
    pub(crate) whole: Times,
    first_third: Histogram<u64>,
    last_third: Histogram<u64>,
    /// The results of the stages so far, and the latencies of the present one.
    pub(crate) stages: Vec<StageTotals>,
    stage_latency: Histogram<u64>,
}

/// The result of a stage.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct StageTotals {
    pub(crate) due: u64,
    pub(crate) ok: u64,
    pub(crate) failed: u64,
    pub(crate) ends: Duration,
    pub(crate) latency_us: Option<Quantiles>,
}

impl Aggregator {
    pub(crate) fn new(slicing: Slicing, threads: usize) -> Self {
        Self {
            slicing,
            threads,
            ended: Vec::new(),
            open: Vec::new(),
            intervals: Vec::new(),
            whole: Times::default(),
            first_third: histogram(),
            last_third: histogram(),
            stages: Vec::new(),
            stage_latency: histogram(),
        }
    }

    /// Adds a thread's slice of this number. Each thread hands in its slices in order. `done` is called for each slice that is
    /// complete with it.
    pub(crate) fn take(&mut self, number: usize, slice: Slice, mut done: impl FnMut(&Interval, &Times)) {
        let Some(place) = number.checked_sub(self.intervals.len()) else {
            return;
        };
        if slice.is_last {
            self.ended.push(number);
        }
        // A thread's next slice follows those that it has handed in, so at most one is missing.
        if place == self.open.len() {
            self.open.push((1, slice));
        } else {
            let (handed_in, open) = &mut self.open[place];
            *handed_in += 1;
            open.times.add(&slice.times);
            open.failed += slice.failed;
            open.due += slice.due;
            open.ends = open.ends.max(slice.ends);
        }
        while self.first_is_whole() {
            let (_, slice) = self.open.remove(0);
            self.close(&slice, &mut done);
        }
    }

    /// Whether the first open slice is complete: all threads that have one of this number have handed it in.
    fn first_is_whole(&self) -> bool {
        let number = self.intervals.len();
        let ended_before = self.ended.iter().filter(|&&last| last < number).count();
        let whole = self.threads - ended_before;
        self.open
            .first()
            .is_some_and(|(handed_in, _)| *handed_in == whole)
    }

    /// Closes incomplete slices, because the run was interrupted.
    pub(crate) fn close_rest(&mut self, mut done: impl FnMut(&Interval, &Times)) {
        for (_, slice) in std::mem::take(&mut self.open) {
            self.close(&slice, &mut done);
        }
    }

    fn close(&mut self, slice: &Slice, done: &mut impl FnMut(&Interval, &Times)) {
        let number = self.intervals.len();
        let latency = &slice.times.latency;
        self.whole.add(&slice.times);
        // If the number is no multiple of three, the slices in the middle are in neither third.
        let count = self.slicing.count().unwrap_or(0);
        let third = count / 3;
        if number < third {
            add(&mut self.first_third, latency);
        } else if number >= count - third && number < count {
            add(&mut self.last_third, latency);
        }
        self.add_to_stage(self.slicing.stage(number), slice);
        let interval = interval(slice.ends, latency, slice.failed);
        done(&interval, &slice.times);
        self.intervals.push(interval);
    }

    fn add_to_stage(&mut self, stage: usize, slice: &Slice) {
        if self.stages.len() <= stage {
            self.stage_latency.reset();
            self.stages.resize(stage + 1, StageTotals::default());
        }
        add(&mut self.stage_latency, &slice.times.latency);
        let totals = &mut self.stages[stage];
        totals.due += slice.due;
        totals.ok += slice.times.latency.len();
        totals.failed += slice.failed;
        totals.ends = slice.ends;
        totals.latency_us = quantiles(&self.stage_latency);
    }

    /// How the latency changed from the first third of the window to the last; none if one of them has too few replies for a
    /// median.
    pub(crate) fn drift(&self) -> Option<Drift> {
        const LEAST: u64 = 100;
        let median_us = |histogram: &Histogram<u64>| {
            (histogram.len() >= LEAST).then(|| histogram.value_at_quantile(0.5) as f64 / 1e3)
        };
        Some(Drift {
            first_p50_us: median_us(&self.first_third)?,
            last_p50_us: median_us(&self.last_third)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::histogram::record;

    fn slice(values: &[u32]) -> Slice {
        let mut slice = Slice::default();
        for &value in values {
            record(&mut slice.times.latency, value.into());
        }
        slice.failed = values.len() as u64;
        slice
    }

    const WINDOW: Duration = Duration::from_secs(4);

    /// The slices of two threads in this order: true takes the next one of the first thread.
    fn gathered(threads: &[Vec<Vec<u32>>; 2], order: &[bool]) -> Aggregator {
        let mut aggregator = Aggregator::new(Slicing::new(WINDOW, None), 2);
        let mut next = [0, 0];
        for &first in order.iter().chain([true, false].repeat(4).iter()) {
            let thread = usize::from(!first);
            if let Some(values) = threads[thread].get(next[thread]) {
                aggregator.take(next[thread], slice(values), |_, _| {});
                next[thread] += 1;
            }
        }
        aggregator
    }

    fn four_slices() -> impl Strategy<Value = Vec<Vec<u32>>> {
        prop::collection::vec(prop::collection::vec(any::<u32>(), 0..40), 4)
    }

    proptest! {
        #[test]
        fn the_order_of_merging_does_not_matter(
            one in four_slices(),
            other in four_slices(),
            order in prop::collection::vec(any::<bool>(), 0..8),
        ) {
            let threads = [one, other];
            let (got, in_turn) = (gathered(&threads, &order), gathered(&threads, &[]));
            prop_assert_eq!(&got.intervals, &in_turn.intervals);
            prop_assert_eq!(got.intervals.len(), 4);
            prop_assert_eq!(&got.whole.latency, &in_turn.whole.latency);
            prop_assert_eq!(got.drift(), in_turn.drift());
            let all: usize = threads.iter().flatten().map(Vec::len).sum();
            prop_assert_eq!(got.whole.latency.len(), all as u64);
            prop_assert_eq!(got.intervals.iter().map(|interval| interval.failed).sum::<u64>(), all as u64);
        }
    }

    #[test]
    fn drift_is_seen_between_the_first_third_and_the_last() {
        let mut aggregator = Aggregator::new(Slicing::new(Duration::from_secs(1), None), 1);
        for (number, ns) in [(0, 1_000), (1, 5_000), (2, 3_000)] {
            aggregator.take(number, slice(&vec![ns; 100]), |_, _| {});
        }
        let drift = aggregator.drift().unwrap();
        assert!(
            (drift.first_p50_us - 1.0).abs() < 0.01 && (drift.last_p50_us - 3.0).abs() < 0.01,
            "{drift:?}"
        );
    }

    #[test]
    fn an_interrupted_run_keeps_its_last_slice() {
        let mut aggregator = Aggregator::new(Slicing::new(WINDOW, None), 2);
        aggregator.take(0, slice(&[7]), |_, _| {});
        assert!(aggregator.intervals.is_empty());
        aggregator.close_rest(|_, _| {});
        assert_eq!(aggregator.intervals[0].ok, 1);
    }

    #[test]
    fn an_interval_ends_where_the_last_of_its_slices_did() {
        let mut aggregator = Aggregator::new(Slicing::new(WINDOW, None), 2);
        let ending = |ms| Slice {
            ends: Duration::from_millis(ms),
            ..slice(&[7])
        };
        // The run is interrupted while one thread has crossed the second edge, and the other has not.
        for (number, ms) in [(0, 1_000), (1, 1_999), (0, 1_000), (1, 2_000), (2, 2_001)] {
            aggregator.take(number, ending(ms), |_, _| {});
        }
        aggregator.close_rest(|_, _| {});
        let ends: Vec<_> = aggregator.intervals.iter().map(|interval| interval.t_s).collect();
        assert_eq!(ends, [1.0, 2.0, 2.001]);
    }

    #[test]
    fn a_slice_is_complete_without_threads_that_ended_before() {
        let mut aggregator = Aggregator::new(Slicing::new(WINDOW, None), 3);
        let of = |values: &[u32], is_last| Slice {
            is_last,
            ..slice(values)
        };
        aggregator.take(0, of(&[1], true), |_, _| {});
        aggregator.take(0, of(&[1, 2], false), |_, _| {});
        aggregator.take(1, of(&[3], false), |_, _| {});
        aggregator.take(0, of(&[4], false), |_, _| {});
        assert_eq!(aggregator.intervals.len(), 1);
        aggregator.take(1, of(&[5], true), |_, _| {});
        aggregator.take(2, of(&[6], true), |_, _| {});
        let counts: Vec<_> = aggregator.intervals.iter().map(|interval| interval.ok).collect();
        assert_eq!(counts, [4, 2, 1]);
    }
}
