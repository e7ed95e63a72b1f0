//! Mann and Whitney's distribution (1947), exactly while that is cheap.
//!
//! If two runs don't differ, each order of all their trials is as likely, and so is known how many of the pairs of a trial
//! of the one and a trial of the other have the other ahead.

use super::signed_rank::how_many_within;

/// Up to so many pairs the distribution is computed in full: a hundred trials against a hundred, in about a tenth of a second.
const EXACT_PAIRS: usize = 10_000;

/// The normal distribution's upper quantile for 2.5 %, which is enough where it is used: see [`cut_of_many`].
const NORMAL_QUANTILE: f64 = 1.959_964;

/// How many of the ordered m·n differences can be cut off at either end, so that what lies between misses the true
/// difference at each end with a chance of at most 2.5 %. None can be cut if the runs are too short.
pub(super) fn cut(first: usize, second: usize) -> usize {
    if first * second <= EXACT_PAIRS {
        // Room is needed for each length of the second run.
        cut_exactly(first.max(second), first.min(second))
    } else {
        cut_of_many(first, second)
    }
}

/// By Mann and Whitney's recursion: the last of all i + j trials is one of the i with chance i/(i+j), and is then ahead
/// of all j; without it, the rest is the same question again.
fn cut_exactly(first: usize, second: usize) -> usize {
    let reach = first * second / 2;
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
    how_many_within(&chances[second], 0.025)
}

/// By the normal approximation, which at this size is off by less than a thousandth of the pairs.
fn cut_of_many(first: usize, second: usize) -> usize {
    let (m, n) = (first as f64, second as f64);
    let below_the_mean = NORMAL_QUANTILE * (m * n * (m + n + 1.0) / 12.0).sqrt();
    (m * n / 2.0 - below_the_mean).max(0.0) as usize
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
}
