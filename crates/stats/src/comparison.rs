//! Two models, or two runs, as one ratio, and whether the difference is significant.

use super::{BEYOND_ALL_RATIOS, CONFIDENCE, median_of_sorted, rank_sum, signed_rank};

/// How many times as much the second has as the first, with the interval that holds the true ratio in at least 95 of 100
/// such experiments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// The second to the first.
    pub ratio: f64,
    /// The interval's lower end; 0 if the trials are too few for an interval.
    pub low: f64,
    /// The interval's upper end; infinite if the trials are too few for an interval.
    pub high: f64,
    /// How many rounds this rests on; if the trials have no partners, how many trials the shorter run has.
    pub pairs: usize,
}

/// What the trials show of the second, against the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The second has less.
    Less,
    /// The second has more.
    More,
    /// The interval holds 1: no significant difference. The two may still differ by less than these trials can show.
    Tied,
}

/// Which direction of a metric is the good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// Less is better: a time, a cost, a loss.
    Less,
    /// More is better: a rate.
    More,
}

impl Comparison {
    /// Of the two figures of each round, the first model's and the second's, as measured one near the other in time. A
    /// pair in which one is not a positive number is left out; nothing if no pair is left.
    ///
    /// The median of all averages of two rounds' log ratios, with the interval that inverts Wilcoxon's test (Hodges and
    /// Lehmann 1963). What a round's trials share cancels in their ratio, and if the models don't differ, the test's
    /// chance of a wrong verdict is exact at any number of rounds, however skewed the trials are: 4.9 % for ten. A
    /// bootstrap's is so only for many: of ten rounds, percentiles of the resampled mean find a difference where none is
    /// in 11 of 100 comparisons. Fewer than 6 rounds can't be 95 % sure of anything.
    #[must_use]
    pub fn paired(pairs: &[(f64, f64)]) -> Option<Self> {
        let log_ratios: Vec<f64> = pairs
            .iter()
            .filter_map(|&(first, second)| Some(log_of(second)? - log_of(first)?))
            .collect();
        Self::of_log_ratios(&log_ratios, (1.0 - CONFIDENCE) / 2.0)
    }

    /// Of each round's log ratio; the interval misses the true ratio at each end with at most the chance `tail`.
    pub(crate) fn of_log_ratios(log_ratios: &[f64], tail: f64) -> Option<Self> {
        let mut averages: Vec<f64> = (0..log_ratios.len())
            .flat_map(|one| (0..=one).map(move |other| (one, other)))
            .map(|(one, other)| f64::midpoint(log_ratios[one], log_ratios[other]))
            .collect();
        let pairs = log_ratios.len();
        Self::of_shifts(&mut averages, signed_rank::cut(pairs, tail), pairs)
    }

    /// Of two runs that were not interleaved, such as one before and one after a change; nothing if one of them has no
    /// values. None of something is the least that there can be of it, and what is infinite the most: something is beyond
    /// all ratios to none.
    ///
    /// The median of the log ratios of each trial of the one to each of the other, with the interval that inverts Mann
    /// and Whitney's test (Hodges and Lehmann 1963). It covers what differs between the trials of a run. It can't cover
    /// what differs between the runs besides the change, such as the machine's other load, its clock, or its kernel.
    #[must_use]
    pub fn unpaired(before: &[f64], after: &[f64]) -> Option<Self> {
        let logs =
            |values: &[f64]| -> Vec<f64> { values.iter().copied().filter_map(log_with_ends).collect() };
        let (before, after) = (logs(before), logs(after));
        let mut differences: Vec<f64> = before
            .iter()
            .flat_map(|first| after.iter().map(move |second| second - first))
            .collect();
        let cut = rank_sum::cut(before.len(), after.len());
        Self::of_shifts(&mut differences, cut, before.len().min(after.len()))
    }

    /// Of all the estimates, in logarithms, that single trials give: their median, and what is left of them when `cut`
    /// fall off at either end, of which the last is the interval's end. Equal ones make the interval only wider.
    fn of_shifts(shifts: &mut [f64], cut: usize, pairs: usize) -> Option<Self> {
        shifts.sort_by(f64::total_cmp);
        let ratio = median_of_sorted(shifts)?.exp();
        let (low, high) = match cut.checked_sub(1) {
            Some(last) => (shifts[last].exp(), shifts[shifts.len() - 1 - last].exp()),
            None => (0.0, f64::INFINITY),
        };
        Some(Self {
            ratio,
            low,
            high,
            pairs,
        })
    }

    /// Whether the second has significantly more or less than the first.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self.high < 1.0 {
            Verdict::Less
        } else if self.low > 1.0 {
            Verdict::More
        } else {
            Verdict::Tied
        }
    }

    /// Whether the difference is significant.
    #[must_use]
    pub fn is_significant(&self) -> bool {
        self.verdict() != Verdict::Tied
    }
}

/// The logarithm of what has one.
fn log_of(value: f64) -> Option<f64> {
    (value > 0.0 && value.is_finite()).then(|| value.ln())
}

/// The logarithm, with ends where it has none: of nothing, of less than nothing, which a difference may be, and of what is
/// infinite. Not of what is no number.
fn log_with_ends(value: f64) -> Option<f64> {
    (!value.is_nan()).then(|| value.max(0.0).ln().clamp(-BEYOND_ALL_RATIOS, BEYOND_ALL_RATIOS))
}

#[cfg(test)]
mod tests;
