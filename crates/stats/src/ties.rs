//! The ranks of a table's rows: which is best, which are tied with it, and which have too few trials.

use crate::comparison::{Better, Comparison, Verdict};
use crate::estimate::Estimate;
use crate::median::BEYOND_ALL_RATIOS;

/// Where a row stands in its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rank {
    /// The best median.
    Best,
    /// No other row is ranked.
    Only,
    /// No significant difference from the best.
    Tied,
    /// Significantly worse than the best.
    Worse,
}

/// Why a row is not ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unranked {
    /// It has fewer trials than the test needs, so that no difference could be significant.
    TooFew {
        /// Its trials, or those of them in rounds that the best row has too.
        trials: usize,
        /// What the test needs.
        needed: usize,
    },
    /// Nothing was measured.
    Absent,
}

/// The chance that a row which is as good as any is called worse, in one table.
const CHANCE_OF_WRONG: f64 = 0.05;

/// The chance that an interval of 95 % misses at one end. Tables of few rows use no weaker one.
const TAIL_OF_TWO: f64 = 0.025;

/// Ranks rows with one value per round; values may be missing. A row with fewer trials than `needed` is not ranked, even if it
/// is alone. The same holds for a row with fewer rounds in common with the best row.
///
/// A table is many comparisons, and the trials that choose the best row are also those that it is compared by. Of nine equal
/// models, luck makes one look best, and at 95 % each, the others would be called worse too often. A row that is as good as
/// any is called worse only if another beats it. So a chance of 5 % is shared out among the others (Hsu 1984, comparisons
/// with the best, by Bonferroni's bound). Rows that are called worse leave their share to the rest (Holm 1979).
#[must_use]
pub fn rank(rows: &[Vec<Option<f64>>], better: Better, needed: usize) -> Vec<Result<Rank, Unranked>> {
    let medians = medians(rows);
    let mut standings = vec![Err(Unranked::Absent); rows.len()];
    let present: Vec<usize> = (0..rows.len()).filter(|&row| medians[row].is_some()).collect();
    let (enough, short): (Vec<usize>, Vec<usize>) =
        present.into_iter().partition(|&row| trials(&rows[row]) >= needed);
    for row in short {
        let trials = trials(&rows[row]);
        standings[row] = Err(Unranked::TooFew { trials, needed });
    }
    let Some(winner) = index_of_best(&medians, &enough, better) else {
        return standings;
    };
    let mut tied = Vec::new();
    for row in enough.into_iter().filter(|&row| row != winner) {
        let trials = log_ratios(&rows[row], &rows[winner]).len();
        if trials < needed {
            standings[row] = Err(Unranked::TooFew { trials, needed });
        } else {
            tied.push(row);
        }
    }
    let is_alone = tied.is_empty();
    standings[winner] = Ok(if is_alone { Rank::Only } else { Rank::Best });
    loop {
        let tail = TAIL_OF_TWO.min(CHANCE_OF_WRONG / tied.len().max(1) as f64);
        let (worse, rest): (Vec<usize>, Vec<usize>) = tied
            .iter()
            .partition(|&&row| is_worse(&rows[row], &rows[winner], better, tail));
        for &row in &worse {
            standings[row] = Ok(Rank::Worse);
        }
        tied = rest;
        if worse.is_empty() {
            break;
        }
    }
    for row in tied {
        standings[row] = Ok(Rank::Tied);
    }
    standings
}

/// How many times worse than the best each row is, with its 95 % interval: by the rounds that both have, and oriented so that
/// 1 is as good as the best and more is worse. None for a row with fewer trials than `needed`, and where a value of zero leaves
/// no ratio. The interval is of one comparison. [`rank`] is stricter, since it makes several.
#[must_use]
pub fn times_worse(rows: &[Vec<Option<f64>>], better: Better, needed: usize) -> Vec<Option<Comparison>> {
    let medians = medians(rows);
    let enough: Vec<usize> = (0..rows.len())
        .filter(|&row| medians[row].is_some() && trials(&rows[row]) >= needed)
        .collect();
    let Some(winner) = index_of_best(&medians, &enough, better) else {
        return vec![None; rows.len()];
    };
    let compare = |row: usize| {
        let log_ratios = match better {
            Better::Less => log_ratios(&rows[row], &rows[winner]),
            Better::More => log_ratios(&rows[winner], &rows[row]),
        };
        let has_ratio = log_ratios.iter().all(|ratio| ratio.abs() < BEYOND_ALL_RATIOS);
        (has_ratio && log_ratios.len() >= needed)
            .then(|| Comparison::of_log_ratios(&log_ratios, TAIL_OF_TWO))
            .flatten()
    };
    (0..rows.len())
        .map(|row| enough.contains(&row).then(|| compare(row)).flatten())
        .collect()
}

/// The median of each row; none if it has no value.
fn medians(rows: &[Vec<Option<f64>>]) -> Vec<Option<f64>> {
    rows.iter()
        .map(|row| Estimate::from_values(row.iter().flatten().copied()).map(|estimate| estimate.median))
        .collect()
}

/// How many trials each of so many rows needs, so that any of them can be significantly worse than the best. A chance of 5 %
/// is shared out among all but the best, and no row has more than 2.5 %. If one row is ahead in all of n rounds, the chance
/// is 2⁻ⁿ.
#[must_use]
pub fn trials_needed(rows: usize) -> usize {
    let tail = TAIL_OF_TWO.min(CHANCE_OF_WRONG / rows.saturating_sub(1).max(1) as f64);
    tail.recip().log2().ceil() as usize
}

/// In how many rounds the row has a value.
fn trials(row: &[Option<f64>]) -> usize {
    row.iter().flatten().filter(|value| value.is_finite()).count()
}

/// The first of these rows with the best median.
fn index_of_best(medians: &[Option<f64>], rows: &[usize], better: Better) -> Option<usize> {
    let badness = |median: f64| match better {
        Better::Less => median,
        Better::More => -median,
    };
    rows.iter()
        .filter_map(|&row| Some((row, badness(medians[row]?))))
        .min_by(|one, other| one.1.total_cmp(&other.1))
        .map(|(row, _)| row)
}

/// Whether a row is significantly worse than the best one, in the rounds that both have.
fn is_worse(row: &[Option<f64>], winner: &[Option<f64>], better: Better, tail: f64) -> bool {
    let log_ratios = log_ratios(row, winner);
    let verdict = Comparison::of_log_ratios(&log_ratios, tail).map(|comparison| comparison.verdict());
    match better {
        Better::Less => verdict == Some(Verdict::More),
        Better::More => verdict == Some(Verdict::Less),
    }
}

/// The log ratio to the best row, in each round that both have.
fn log_ratios(row: &[Option<f64>], winner: &[Option<f64>]) -> Vec<f64> {
    let rounds = winner.iter().zip(row);
    rounds
        .filter_map(|(first, second)| log_ratio((*first)?, (*second)?))
        .collect()
}

/// The log ratio of the second to the first. Zero, for example of switches, is the lowest value: two rows with zero are equal,
/// and a row with more than zero has more.
fn log_ratio(first: f64, second: f64) -> Option<f64> {
    let countable = |value: f64| value.is_finite() && value >= 0.0;
    if !countable(first) || !countable(second) {
        return None;
    }
    Some(match (first > 0.0, second > 0.0) {
        (true, true) => second.ln() - first.ln(),
        (false, false) => 0.0,
        (false, true) => BEYOND_ALL_RATIOS,
        (true, false) => -BEYOND_ALL_RATIOS,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::Draws;

    type Standing = Result<Rank, Unranked>;

    const BEST: Standing = Ok(Rank::Best);
    const ONLY: Standing = Ok(Rank::Only);
    const TIED: Standing = Ok(Rank::Tied);
    const WORSE: Standing = Ok(Rank::Worse);
    const ABSENT: Standing = Err(Unranked::Absent);

    fn too_few(trials: usize, needed: usize) -> Standing {
        Err(Unranked::TooFew { trials, needed })
    }

    /// Ranks rows by as many trials as their number needs.
    fn rank(rows: &[Vec<Option<f64>>], better: Better) -> Vec<Standing> {
        super::rank(rows, better, trials_needed(rows.len()))
    }

    /// A row of ten rounds, each `base` with a little that differs from round to round.
    fn row(base: f64) -> Vec<Option<f64>> {
        (0..10)
            .map(|round| Some(base * (1.0 + 0.001 * f64::from(round % 3))))
            .collect()
    }

    #[test]
    fn the_best_is_lowest_or_highest_as_asked() {
        let rows = [row(3.0), row(1.0), row(2.0)];
        assert_eq!(rank(&rows, Better::Less), [WORSE, BEST, WORSE]);
        assert_eq!(rank(&rows, Better::More), [BEST, WORSE, WORSE]);
    }

    #[test]
    fn rows_that_alternate_in_front_are_tied() {
        let alternating: Vec<Option<f64>> = (0..10)
            .map(|round| Some(if round % 2 == 0 { 0.9 } else { 1.2 }))
            .collect();
        assert_eq!(rank(&[row(1.0), alternating], Better::Less), [BEST, TIED]);
        assert_eq!(rank(&[row(1.0), row(1.0)], Better::Less), [BEST, TIED]);
    }

    #[test]
    fn a_row_without_values_is_absent() {
        assert_eq!(rank(&[], Better::Less), []);
        assert_eq!(rank(&[vec![], vec![None; 10]], Better::Less), [ABSENT, ABSENT]);
        assert_eq!(rank(&[vec![None; 10], row(1.0)], Better::Less), [ABSENT, ONLY]);
    }

    #[test]
    fn a_row_with_too_few_trials_is_not_ranked() {
        let few = |trials| too_few(trials, 6);
        let mut short = row(9.0);
        short[..5].fill(None);
        assert_eq!(rank(&[row(1.0), short.clone()], Better::Less), [ONLY, few(5)]);
        // Nor is it the best, however good it looks.
        assert_eq!(rank(&[row(10.0), short.clone()], Better::Less), [ONLY, few(5)]);
        assert_eq!(
            rank(&[short.clone(), short.clone()], Better::Less),
            [few(5), few(5)]
        );
        assert_eq!(
            rank(&[vec![None; 10], short.clone()], Better::Less),
            [ABSENT, few(5)],
            "alone"
        );
        short[0] = Some(9.0);
        assert_eq!(rank(&[row(1.0), short], Better::Less), [BEST, WORSE]);
    }

    #[test]
    fn six_rows_need_seven_trials_each() {
        assert_eq!([1, 2, 3, 4, 5, 6, 9].map(trials_needed), [6, 6, 6, 6, 7, 7, 8]);
        let mut rows = vec![row(1.0); 6];
        rows[5][..4].fill(None);
        let standings = rank(&rows, Better::Less);
        assert_eq!(standings[5], too_few(6, 7));
        assert!(!standings[..5].contains(&standings[5]), "{standings:?}");
    }

    #[test]
    fn only_common_rounds_count_as_trials() {
        let (mut early, mut late) = (row(1.0), row(9.0));
        early[8..].fill(None);
        late[..3].fill(None);
        assert_eq!(rank(&[early, late], Better::Less), [ONLY, too_few(5, 6)]);
        // Of ten rounds and six, only the first six are common.
        assert_eq!(
            rank(&[row(1.0), row(9.0)[..6].to_vec()], Better::Less),
            [BEST, WORSE]
        );
    }

    #[test]
    fn a_ratio_to_the_best_is_one_or_more() {
        let mut short = row(9.0);
        short[..5].fill(None);
        let rows = [row(3.0), row(1.0), short, row(0.0)];
        for (rows, better, expected) in [
            (&rows[..3], Better::Less, [Some(3.0), Some(1.0), None].as_slice()),
            (&rows[..3], Better::More, &[Some(1.0), Some(3.0), None]),
            // Nothing is a multiple of zero.
            (&rows, Better::Less, &[None, None, None, Some(1.0)]),
        ] {
            let found = times_worse(rows, better, 6);
            let middles: Vec<_> = found
                .iter()
                .map(|ratio| ratio.map(|ratio| (ratio.ratio * 1e6).round() / 1e6))
                .collect();
            assert_eq!(middles, expected, "{better:?}");
            let holds = |ratio: &Comparison| ratio.low <= ratio.ratio && ratio.ratio <= ratio.high;
            assert!(found.iter().flatten().all(holds), "{found:?}");
        }
    }

    #[test]
    fn zero_is_less_than_any_other_value() {
        assert_eq!(
            rank(&[row(0.0), row(5.0), row(0.0)], Better::Less),
            [BEST, WORSE, TIED]
        );
        assert_eq!(
            rank(&[row(0.0), row(5.0), row(0.0)], Better::More),
            [WORSE, BEST, WORSE]
        );
    }

    #[test]
    fn equal_rows_are_called_worse_in_few_tables() {
        const TABLES: usize = 1500;
        const ROWS: usize = 9;
        let mut draws = Draws::seeded(1984);
        // Rows called worse, and tables in which any is: as here, and if each were judged at 95 %.
        let (mut rows_worse, mut tables_with_one) = ([0; 2], [0; 2]);
        for _ in 0..TABLES {
            let rounds: Vec<f64> = (0..10).map(|_| draws.round()).collect();
            let rows: Vec<Vec<Option<f64>>> = (0..ROWS)
                .map(|_| {
                    rounds
                        .iter()
                        .map(|round| Some(round * draws.skewed_trial()))
                        .collect()
                })
                .collect();
            let standings = rank(&rows, Better::Less);
            let winner = standings.iter().position(|standing| *standing == BEST).unwrap();
            let here = standings.iter().filter(|standing| **standing == WORSE).count();
            let at_95 = rows
                .iter()
                .filter(|row| is_worse(row, &rows[winner], Better::Less, TAIL_OF_TWO))
                .count();
            for (way, worse) in [here, at_95].into_iter().enumerate() {
                rows_worse[way] += worse;
                tables_with_one[way] += usize::from(worse > 0);
            }
        }
        let [wrong, wrong_at_95] = rows_worse.map(|count| count as f64 / (TABLES * ROWS) as f64);
        let [tables, tables_at_95] = tables_with_one.map(|count| count as f64 / TABLES as f64);
        println!("nine equal rows: {wrong:.4} of rows called worse, one in {tables:.4} of tables;");
        println!("at 95 % each, {wrong_at_95:.4} of rows, one in {tables_at_95:.4} of tables");
        assert!(wrong <= 0.05 && wrong < wrong_at_95, "{wrong} {wrong_at_95}");
    }

    #[test]
    fn five_percent_more_is_worse_in_a_table_of_nine() {
        const TABLES: usize = 1000;
        let mut draws = Draws::seeded(1955);
        let found = (0..TABLES)
            .filter(|_| {
                let rounds: Vec<f64> = (0..10).map(|_| draws.round()).collect();
                // The best, and eight that cost 5 % more.
                let rows: Vec<Vec<Option<f64>>> = (0..9)
                    .map(|row| if row == 0 { 1.0 } else { 1.05 })
                    .map(|cost| {
                        rounds
                            .iter()
                            .map(|round| Some(draws.steady_trial(cost * round)))
                            .collect()
                    })
                    .collect();
                rank(&rows, Better::Less)[8] == WORSE
            })
            .count();
        let found = found as f64 / TABLES as f64;
        println!("5 % more in a table of nine: {found:.4} called worse");
        assert!(found >= 0.9, "{found}");
    }
}
