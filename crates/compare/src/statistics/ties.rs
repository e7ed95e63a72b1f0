//! Which row of a table is best, and which can't be told from it.

use super::{Better, Comparison, Estimate, Verdict};

/// Where a row stands in its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The best median.
    Best,
    /// The trials don't tell it from the best.
    Tied,
    /// Surely not the best.
    Worse,
    /// Nothing was measured.
    Absent,
}

/// The chance that a row which is as good as any is called worse, in one table.
const CHANCE_OF_WRONG: f64 = 0.05;

/// An interval of 95 % misses at either end with this chance. A table of few rows is judged by no weaker one.
const TAIL_OF_TWO: f64 = 0.025;

/// Further than any two numbers' logarithms are from each other: the log ratio of something to nothing at all.
const BEYOND_ALL_RATIOS: f64 = 10_000.0;

/// Of rows with one figure for each round, which need not all be there: a row's rounds are compared with the best row's,
/// and with fewer than 6 rounds in common they are tied.
///
/// A table is many comparisons, and the best row is chosen by the same trials that it is then compared by: of nine equal
/// models, luck makes one look best, and at 95 % each of the others would be called worse too often. A row that is as
/// good as any can be called worse only if another beats it, so a chance of 5 % is shared out among the others
/// (Hsu 1984, comparisons with the best, by Bonferroni's bound).
pub(crate) fn best(rows: &[Vec<Option<f64>>], better: Better) -> Vec<Standing> {
    let medians: Vec<Option<f64>> = rows
        .iter()
        .map(|row| Estimate::of(row.iter().flatten().copied()).map(|estimate| estimate.median))
        .collect();
    let badness = |median: f64| match better {
        Better::Less => median,
        Better::More => -median,
    };
    let first = (0..rows.len())
        .filter_map(|row| Some((row, badness(medians[row]?))))
        .min_by(|one, other| one.1.total_cmp(&other.1));
    let Some((winner, _)) = first else {
        return vec![Standing::Absent; rows.len()];
    };
    let others = medians.iter().flatten().count() - 1;
    let tail = TAIL_OF_TWO.min(CHANCE_OF_WRONG / others.max(1) as f64);
    (0..rows.len())
        .map(|row| match medians[row] {
            None => Standing::Absent,
            Some(_) if row == winner => Standing::Best,
            Some(_) if is_worse(&rows[row], &rows[winner], better, tail) => Standing::Worse,
            Some(_) => Standing::Tied,
        })
        .collect()
}

/// Whether a row is surely worse than the best one, by the rounds that both have.
fn is_worse(row: &[Option<f64>], winner: &[Option<f64>], better: Better, tail: f64) -> bool {
    let log_ratios: Vec<f64> = winner
        .iter()
        .zip(row)
        .filter_map(|(first, second)| log_ratio((*first)?, (*second)?))
        .collect();
    let verdict = Comparison::of_log_ratios(&log_ratios, tail).map(|comparison| comparison.verdict());
    match better {
        Better::Less => verdict == Some(Verdict::More),
        Better::More => verdict == Some(Verdict::Less),
    }
}

/// The logarithm of the ratio of the second to the first. None of something, such as switches, is the least that there
/// can be of it: two rows that have none are equal, and one that has some has more.
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
