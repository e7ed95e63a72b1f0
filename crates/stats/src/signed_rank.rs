//! Wilcoxon's signed-rank distribution (1945), exactly.
//!
//! If two models don't differ, the difference of each round has either sign with equal chance. The sum of the ranks of the
//! positive ones is then that of a coin toss for each rank from 1 to n. Nothing else is assumed of the trials.

/// How many of the ordered n(n+1)/2 averages of two differences can be cut off at either end, so that the rest misses the true
/// difference at each end with at most the chance `tail`. Zero if n is too small.
pub(crate) fn cut(pairs: usize, tail: f64) -> usize {
    // No more than half of the averages are ever cut, so the distribution is needed only up to there.
    let reach = pairs * (pairs + 1) / 4;
    let mut chances = vec![0.0; reach + 1];
    chances[0] = 1.0;
    for rank in 1..=pairs {
        for sum in (0..=reach).rev() {
            let with_this_rank = if sum >= rank { chances[sum - rank] } else { 0.0 };
            chances[sum] = f64::midpoint(chances[sum], with_this_rank);
        }
    }
    how_many_within(&chances, tail)
}

/// How many of these chances, from the first on, add up to no more than `tail`.
pub(crate) fn how_many_within(chances: &[f64], tail: f64) -> usize {
    chances
        .iter()
        .scan(0.0, |sum, chance| {
            *sum += chance;
            Some(*sum)
        })
        .take_while(|sum| *sum <= tail)
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_critical_values_are_those_of_the_tables() {
        // Two-sided 5 %: Wilcoxon's table, where a sum at most this rejects; one less than what is cut.
        let table = [
            (6, 0),
            (7, 2),
            (8, 3),
            (9, 5),
            (10, 8),
            (12, 13),
            (15, 25),
            (20, 52),
            (25, 89),
        ];
        for (pairs, critical) in table {
            assert_eq!(cut(pairs, 0.025), critical + 1, "{pairs} pairs");
        }
    }

    #[test]
    fn five_pairs_are_too_few() {
        for pairs in 0..=5 {
            assert_eq!(cut(pairs, 0.025), 0, "{pairs} pairs");
        }
    }

    #[test]
    fn many_pairs_come_near_the_normal_approximation() {
        let n = 200.0_f64;
        let (mean, deviation) = (
            n * (n + 1.0) / 4.0,
            (n * (n + 1.0) * (2.0 * n + 1.0) / 24.0).sqrt(),
        );
        let approximate = mean - 1.959_964 * deviation;
        assert!((cut(200, 0.025) as f64 - approximate).abs() < 5.0);
    }
}
