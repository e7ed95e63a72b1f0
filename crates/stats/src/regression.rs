//! Which of many metrics got worse between two runs, with few false positives.

use crate::comparison::Better;
use crate::rank_sum;

/// The chance that any of the metrics that are judged together is called worse, if none is.
const CHANCE_OF_WRONG: f64 = 0.05;

/// How likely such trials are if a metric is not worse by more than is allowed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Test {
    /// The chance of trials that look this bad, or worse.
    chance: f64,
    /// The lowest chance with so many trials: that of all trials of one run ahead of all of the other.
    least: f64,
}

/// The result for a metric among others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// It is worse by more than is allowed.
    Worse,
    /// It may be worse, but these trials do not show it.
    NotShown,
    /// There are too few trials: however bad, they could not have shown it.
    TooFew,
}

impl Test {
    /// Mann and Whitney's one-sided test of the values after a change against those before. `allowed` of 0.05 lets a time grow
    /// to 1.05 times, and a rate shrink to 1/1.05, so that a rate and the time of one request are judged alike.
    ///
    /// It needs only the order of the values, no logarithm. So zero is the lowest, and something that never happens can be
    /// infinite. Equal values count as not worse, which only makes the test stricter.
    #[must_use]
    pub fn new(before: &[f64], after: &[f64], allowed: f64, better: Better) -> Self {
        let is_worse = |before: f64, after: f64| match better {
            Better::Less => after > before * (1.0 + allowed),
            Better::More => after * (1.0 + allowed) < before,
        };
        let not_worse = before
            .iter()
            .flat_map(|&before| after.iter().filter(move |&&after| !is_worse(before, after)));
        Self {
            chance: rank_sum::chance(before.len(), after.len(), not_worse.count()),
            least: rank_sum::least_chance(before.len(), after.len()),
        }
    }
}

/// The result of each test, with a chance of at most 5 % that any metric is called worse that is not.
///
/// That chance is shared out among the metrics. Those that are called worse leave their share to the others (Holm 1979). A
/// metric with too few trials to come below its share can't be called worse by mistake, and gets none (Tarone 1990). Which
/// metrics these are depends on the number of trials alone, not on their values.
pub fn judge(tests: &[Test]) -> Vec<Finding> {
    let can_reach = |share: usize| {
        let level = CHANCE_OF_WRONG / share as f64;
        (0..tests.len()).filter(move |&test| tests[test].least <= level)
    };
    let share = (1..=tests.len()).find(|&share| can_reach(share).count() <= share);
    let mut judged: Vec<usize> = share.map_or_else(Vec::new, |share| can_reach(share).collect());
    judged.sort_by(|&one, &other| tests[one].chance.total_cmp(&tests[other].chance));
    let mut findings = vec![Finding::TooFew; tests.len()];
    let mut all_before_are_worse = true;
    for (before, &test) in judged.iter().enumerate() {
        let left = judged.len() - before;
        all_before_are_worse &= tests[test].chance <= CHANCE_OF_WRONG / left as f64;
        findings[test] = if all_before_are_worse {
            Finding::Worse
        } else {
            Finding::NotShown
        };
    }
    findings
}

/// How many trials each run needs, so that each of so many metrics could be called worse.
#[must_use]
pub fn trials_needed(metrics: usize) -> usize {
    let level = CHANCE_OF_WRONG / metrics.max(1) as f64;
    let mut trials = 1;
    while rank_sum::least_chance(trials, trials) > level {
        trials += 1;
    }
    trials
}

#[cfg(test)]
mod tests {
    use super::Finding::{NotShown, TooFew, Worse};
    use super::*;

    /// A test with this chance, and trials enough for anything.
    fn of_chance(chance: f64) -> Test {
        Test { chance, least: 0.0 }
    }

    /// A test of so many trials in each run, as bad as can be.
    fn of_trials(trials: usize) -> Test {
        Test::new(&vec![1.0; trials], &vec![9.0; trials], 0.05, Better::Less)
    }

    #[test]
    fn the_chance_is_that_of_mann_and_whitney() {
        // Of the C(8, 4) = 70 orders one has all four behind all four, and one more has all but one pair.
        let before = [1.0, 2.0, 3.0, 4.0];
        let all = Test::new(&before, &[5.0, 6.0, 7.0, 8.0], 0.0, Better::Less);
        assert!((all.chance - 1.0 / 70.0).abs() < 1e-12 && (all.least - 1.0 / 70.0).abs() < 1e-12);
        let all_but_one = Test::new(&before, &[3.5, 6.0, 7.0, 8.0], 0.0, Better::Less);
        assert!((all_but_one.chance - 2.0 / 70.0).abs() < 1e-12);
    }

    #[test]
    fn allowed_changes_and_improvements_are_not_worse() {
        let (before, after) = ([100.0; 8], [104.0; 8]);
        let chance = |before: &[f64], after: &[f64], better| Test::new(before, after, 0.05, better).chance;
        assert!(chance(&before, &after, Better::Less) > 0.5);
        assert!(chance(&after, &before, Better::More) > 0.5);
        assert!(chance(&before, &[106.0; 8], Better::Less) < 0.001);
        assert!(chance(&[106.0; 8], &before, Better::More) < 0.001);
        assert!(chance(&before, &[9.0; 8], Better::Less) > 0.5);
    }

    #[test]
    fn zero_is_least_and_never_is_most() {
        let chance =
            |before: f64, after: f64, better| Test::new(&[before; 8], &[after; 8], 0.05, better).chance;
        assert!(chance(0.0, 3.0, Better::Less) < 0.001, "losses where none were");
        assert!(chance(900.0, 0.0, Better::More) < 0.001, "a rate of nothing");
        assert!(chance(120.0, f64::INFINITY, Better::Less) < 0.001);
        for same in [0.0, f64::INFINITY] {
            assert!(chance(same, same, Better::Less) > 0.5, "{same}");
        }
    }

    #[test]
    fn worse_metrics_leave_their_share_to_the_others() {
        // Shares of 5 % are 1.67 % of three, 2.5 % of two, and all of it for the last.
        let findings = |chances: [f64; 3]| judge(&chances.map(of_chance));
        assert_eq!(findings([0.04, 0.01, 0.02]), [Worse; 3]);
        assert_eq!(findings([0.02; 3]), [NotShown; 3]);
        assert_eq!(findings([0.04, 0.01, 0.03]), [NotShown, Worse, NotShown]);
        assert_eq!(judge(&[]), []);
    }

    #[test]
    fn metrics_with_too_few_trials_take_no_share() {
        assert_eq!(judge(&[of_trials(2)]), [TooFew]);
        let mut tests = vec![of_trials(2); 100];
        // It would need one of 101 shares, 0.0005, and has 1/70.
        tests.push(of_trials(4));
        let mut findings = vec![TooFew; 100];
        findings.push(Worse);
        assert_eq!(judge(&tests), findings);
    }

    #[test]
    fn needed_trials_are_enough_and_one_fewer_is_not() {
        for metrics in [1, 2, 10, 87, 300] {
            let needed = trials_needed(metrics);
            assert_eq!(judge(&vec![of_trials(needed); metrics]), vec![Worse; metrics]);
            assert_eq!(
                judge(&vec![of_trials(needed - 1); metrics]),
                vec![TooFew; metrics]
            );
        }
        assert_eq!((trials_needed(1), trials_needed(87)), (3, 7));
    }
}
