//! Two models, or two runs, as one ratio, and whether the difference is significant.

use crate::median::{BEYOND_ALL_RATIOS, CONFIDENCE, median_of_sorted};
use crate::{rank_sum, signed_rank};

/// The ratio of the second to the first, with an interval that holds the true ratio in at least 95 of 100 such experiments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// The second, divided by the first.
    pub ratio: f64,
    /// The interval's lower end; 0 if the trials are too few for an interval.
    pub low: f64,
    /// The interval's upper end; infinite if the trials are too few for an interval.
    pub high: f64,
    /// How many rounds it is computed from; without pairs, how many trials the shorter run has.
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
    /// Compares by rounds: each pair has the values of the first and the second in one round, measured close in time. A pair
    /// with a value that is not a positive number is left out. None if no pair is left.
    ///
    /// The result is the median of all averages of two rounds' log ratios, with the interval that inverts Wilcoxon's test
    /// (Hodges and Lehmann 1963). What the trials of a round share cancels in their ratio. The chance of a false positive is
    /// exact at any number of rounds, however skewed the trials are: 4.9 % for ten. A bootstrap reaches that only with many:
    /// of ten rounds, percentiles of the resampled mean give a false positive in 11 of 100 comparisons. Fewer than 6 rounds
    /// have no interval of 95 %.
    #[must_use]
    pub fn paired(pairs: &[(f64, f64)]) -> Option<Self> {
        let log_ratios: Vec<f64> = pairs
            .iter()
            .filter_map(|&(first, second)| Some(log_of(second)? - log_of(first)?))
            .collect();
        Self::of_log_ratios(&log_ratios, (1.0 - CONFIDENCE) / 2.0)
    }

    /// From the log ratio of each round. The interval misses the true ratio at each end with at most the chance `tail`.
    pub(crate) fn of_log_ratios(log_ratios: &[f64], tail: f64) -> Option<Self> {
        let mut averages: Vec<f64> = (0..log_ratios.len())
            .flat_map(|one| (0..=one).map(move |other| (one, other)))
            .map(|(one, other)| f64::midpoint(log_ratios[one], log_ratios[other]))
            .collect();
        let pairs = log_ratios.len();
        Self::of_shifts(&mut averages, signed_rank::cut(pairs, tail), pairs)
    }

    /// Compares two runs that were not interleaved, such as one before and one after a change. None if one has no values.
    /// Zero is less than any other value, and infinity is more: their ratios are beyond all others.
    ///
    /// The result is the median of the log ratios of each trial of one run to each of the other, with the interval that
    /// inverts Mann and Whitney's test (Hodges and Lehmann 1963). The interval covers what differs between the trials of a
    /// run. It can't cover what else differs between the runs, such as other load, the clock rate, or the kernel.
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

    /// From all estimates, in logarithms, that pairs of trials give: their median, and the interval that is left when `cut`
    /// are cut off at either end. Equal estimates only make the interval wider.
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

/// The logarithm of a positive, finite number.
fn log_of(value: f64) -> Option<f64> {
    (value > 0.0 && value.is_finite()).then(|| value.ln())
}

/// The logarithm, bounded at both ends: zero, negative values (a difference may be one) and infinity have one too. None for
/// NaN.
fn log_with_ends(value: f64) -> Option<f64> {
    (!value.is_nan()).then(|| value.max(0.0).ln().clamp(-BEYOND_ALL_RATIOS, BEYOND_ALL_RATIOS))
}

#[cfg(test)]
mod tests;
