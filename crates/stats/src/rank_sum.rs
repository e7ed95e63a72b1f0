//! Mann and Whitney's distribution (1947), exactly while that is cheap.
//!
//! If two runs don't differ, every order of all their trials is equally likely. So it is known how many pairs of one trial
//! of each run have the second run ahead.

use crate::signed_rank::how_many_within;

/// Up to so many pairs the distribution is computed in full: a hundred trials against a hundred take a tenth of a second.
const EXACT_PAIRS: usize = 10_000;

/// The normal distribution's upper quantile for 2.5 %, which is enough where it is used: see [`cut_of_many`].
const NORMAL_QUANTILE: f64 = 1.959_964;

/// How many of the ordered m·n differences can be cut off at either end, so that the rest misses the true difference at each
/// end with a chance of at most 2.5 %. Zero if the runs are too short.
pub(crate) fn cut(first: usize, second: usize) -> usize {
    if first * second <= EXACT_PAIRS {
        // Room is needed for each length of the second run.
        cut_exactly(first.max(second), first.min(second))
    } else {
        cut_of_many(first, second)
    }
}

fn cut_exactly(first: usize, second: usize) -> usize {
    how_many_within(&chances(first, second, first * second / 2), 0.025)
}

/// The chance that at most so many of the m·n pairs contradict the expected order, if the runs don't differ. From half of the
/// pairs on it is taken as 1, since nothing follows from it.
pub(crate) fn chance(first: usize, second: usize, pairs: usize) -> f64 {
    if 2 * pairs >= first * second {
        1.0
    } else if first * second <= EXACT_PAIRS {
        chances(first.max(second), first.min(second), pairs).iter().sum()
    } else {
        let (mean, deviation) = mean_and_deviation(first, second);
        normal_tail((mean - pairs as f64 - 0.5).max(0.0) / deviation)
    }
}

/// The chance that all trials of one run are ahead of all of the other: one divided by the number of ways to choose them.
pub(crate) fn least_chance(first: usize, second: usize) -> f64 {
    let ways = (1..=second).map(|place| (first + place) as f64 / place as f64);
    1.0 / ways.product::<f64>()
}

/// The chance of each count of pairs up to `reach`, by Mann and Whitney's recursion. The last of all i + j trials is one of
/// the i with chance i/(i+j), and is then ahead of all j. Without it, the rest is the same problem again.
fn chances(first: usize, second: usize, reach: usize) -> Vec<f64> {
    let mut nobody_ahead = vec![0.0; reach + 1];
    nobody_ahead[0] = 1.0;
    // For each j the chances of each count of pairs; i grows with each pass.
    let mut chances = vec![nobody_ahead; second + 1];
    for i in 1..=first {
        for j in 1..=second {
            let (before, from_j) = chances.split_at_mut(j);
            let (fewer, row) = (&before[j - 1], &mut from_j[0]);
            let last_is_of_i = i as f64 / (i + j) as f64;
            for count in (0..=reach).rev() {
                let ahead_of_all = if count >= j { row[count - j] } else { 0.0 };
                row[count] = last_is_of_i * ahead_of_all + (1.0 - last_is_of_i) * fewer[count];
            }
        }
    }
    chances.swap_remove(second)
}

/// The same by the normal approximation, which at this size is off by less than a thousandth of the pairs.
fn cut_of_many(first: usize, second: usize) -> usize {
    let (mean, deviation) = mean_and_deviation(first, second);
    (mean - NORMAL_QUANTILE * deviation).max(0.0) as usize
}

/// The mean and the standard deviation of the count of pairs.
fn mean_and_deviation(first: usize, second: usize) -> (f64, f64) {
    let (m, n) = (first as f64, second as f64);
    (m * n / 2.0, (m * n * (m + n + 1.0) / 12.0).sqrt())
}

/// The chance that a normal value lies at least so many deviations above its mean, to a ten-millionth (Abramowitz and
/// Stegun 1964, 26.2.17).
fn normal_tail(deviations: f64) -> f64 {
    const TERMS: [f64; 5] = [
        0.319_381_530,
        -0.356_563_782,
        1.781_477_937,
        -1.821_255_978,
        1.330_274_429,
    ];
    let t = 1.0 / (1.0 + 0.231_641_9 * deviations);
    let sum = TERMS.iter().rev().fold(0.0, |sum, term| (sum + term) * t);
    (-deviations * deviations / 2.0).exp() / std::f64::consts::TAU.sqrt() * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_critical_values_are_those_of_the_tables() {
        // Two-sided 5 %: Mann and Whitney's table, where a count at most this rejects; one less than what is cut.
        let table = [
            ((4, 4), 0),
            ((3, 5), 0),
            ((5, 5), 2),
            ((6, 6), 5),
            ((8, 10), 17),
            ((10, 10), 23),
            ((20, 20), 127),
        ];
        for ((first, second), critical) in table {
            assert_eq!(cut(first, second), critical + 1, "{first} and {second}");
            assert_eq!(cut(second, first), critical + 1, "{second} and {first}");
        }
    }

    #[test]
    fn three_trials_against_three_are_too_few() {
        for (first, second) in [(0, 0), (0, 9), (9, 0), (1, 30), (2, 7), (3, 4), (3, 3)] {
            assert_eq!(cut(first, second), 0, "{first} and {second}");
        }
    }

    #[test]
    fn the_approximation_takes_over_where_it_is_as_good() {
        for (first, second) in [(60, 60), (20, 200)] {
            let difference = cut_exactly(first, second).abs_diff(cut_of_many(first, second));
            assert!(difference <= first * second / 1000, "{difference}");
        }
    }

    #[test]
    fn chances_are_those_of_the_table() {
        // 8 and 8, 13 pairs: 0.025 by the table; 14 pairs are more.
        assert!(chance(8, 8, 13) <= 0.025 && chance(8, 8, 14) > 0.025);
        for (first, second) in [(1, 1), (3, 4), (8, 8), (20, 7)] {
            let least = least_chance(first, second);
            assert!(
                (chance(first, second, 0) - least).abs() < 1e-12,
                "{first} {second}"
            );
        }
        assert!((least_chance(0, 9) - 1.0).abs() < 1e-12);
        assert!((chance(0, 9, 0) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_chance_of_many_trials_is_near_the_exact_one() {
        assert!((normal_tail(1.959_964) - 0.025).abs() < 1e-6);
        // 101 and 100, just too many: from 3.8 to 1.8 deviations below the mean, where the result is too high, not too low.
        for pairs in [3_500, 4_000, 4_300] {
            let exact: f64 = chances(101, 100, pairs).iter().sum();
            let near = chance(101, 100, pairs);
            assert!(
                near > 0.99 * exact && near < 1.2 * exact,
                "{pairs}: {near} {exact}"
            );
        }
    }
}
