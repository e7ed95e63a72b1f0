//! Which of many figures got worse between two runs, where luck alone must not name one.

use super::{Better, rank_sum};

/// The chance that any figure at all is called worse, of all that are judged at once, if none is.
const CHANCE_OF_WRONG: f64 = 0.05;

/// How likely trials like these are if a figure is not worse by more than is allowed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Test {
    /// The chance of trials that look so bad, or worse.
    chance: f64,
    /// The least that this can be with so many trials: that of all of the one run ahead of all of the other.
    least: f64,
}

/// What is found of a figure among others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// It is worse by more than is allowed.
    Worse,
    /// It may be worse, but these trials don't show it.
    NotShown,
    /// However bad the trials had been, so few could not have shown it.
    TooFew,
}

impl Test {
    /// Mann and Whitney's test of one side, of the values after against those before. 0.05 allows a time to grow to 1.05
    /// times, and a rate to shrink to 1/1.05, so that a rate and the time of one request are judged alike.
    ///
    /// It needs an order of the values and no logarithm, so that nothing at all is the least of them, and what never comes
    /// is infinite and the most. Equal ones count as not worse, which makes the test only stricter.
    #[must_use]
    pub fn of(before: &[f64], after: &[f64], allowed: f64, better: Better) -> Self {
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

/// What is found of each of these, so that with a chance of 5 % at the most any of them is called worse that is not.
///
/// That chance is shared out among the figures, and those that are called worse leave their share to the others (Holm
/// 1979). A figure whose trials are too few to come below its share can't be called worse by mistake, and is given none
/// (Tarone 1990): which ones these are depends on how many trials there are, and not on what they show.
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

/// How many trials each run needs, so that each of so many figures could be called worse.
#[must_use]
pub fn trials_needed(figures: usize) -> usize {
    let level = CHANCE_OF_WRONG / figures.max(1) as f64;
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

    /// As likely as that, with trials enough for anything.
    fn of_chance(chance: f64) -> Test {
        Test { chance, least: 0.0 }
    }

    /// Of so many trials in each run, as bad as can be.
    fn of_trials(trials: usize) -> Test {
        Test::of(&vec![1.0; trials], &vec![9.0; trials], 0.05, Better::Less)
    }

    #[test]
    fn the_chance_is_that_of_mann_and_whitney() {
        // Of the C(8, 4) = 70 orders one has all four behind all four, and one more has all but one pair.
        let before = [1.0, 2.0, 3.0, 4.0];
        let all = Test::of(&before, &[5.0, 6.0, 7.0, 8.0], 0.0, Better::Less);
        assert!((all.chance - 1.0 / 70.0).abs() < 1e-12 && (all.least - 1.0 / 70.0).abs() < 1e-12);
        let all_but_one = Test::of(&before, &[3.5, 6.0, 7.0, 8.0], 0.0, Better::Less);
        assert!((all_but_one.chance - 2.0 / 70.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_allowed_is_no_reason_and_neither_is_the_good_direction() {
        let (before, after) = ([100.0; 8], [104.0; 8]);
        let chance = |before: &[f64], after: &[f64], better| Test::of(before, after, 0.05, better).chance;
        assert!(chance(&before, &after, Better::Less) > 0.5);
        assert!(chance(&after, &before, Better::More) > 0.5);
        assert!(chance(&before, &[106.0; 8], Better::Less) < 0.001);
        assert!(chance(&[106.0; 8], &before, Better::More) < 0.001);
        assert!(chance(&before, &[9.0; 8], Better::Less) > 0.5);
    }

    #[test]
    fn nothing_is_the_least_and_what_never_comes_the_most() {
        let chance =
            |before: f64, after: f64, better| Test::of(&[before; 8], &[after; 8], 0.05, better).chance;
        assert!(chance(0.0, 3.0, Better::Less) < 0.001, "losses where none were");
        assert!(chance(900.0, 0.0, Better::More) < 0.001, "a rate of nothing");
        assert!(chance(120.0, f64::INFINITY, Better::Less) < 0.001);
        for same in [0.0, f64::INFINITY] {
            assert!(chance(same, same, Better::Less) > 0.5, "{same}");
        }
    }

    #[test]
    fn the_chance_is_shared_and_what_is_worse_leaves_its_share_to_the_others() {
        // Shares of 5 % are 1.67 % of three, 2.5 % of two, and all of it for the last.
        let findings = |chances: [f64; 3]| judge(&chances.map(of_chance));
        assert_eq!(findings([0.04, 0.01, 0.02]), [Worse; 3]);
        assert_eq!(findings([0.02; 3]), [NotShown; 3]);
        assert_eq!(findings([0.04, 0.01, 0.03]), [NotShown, Worse, NotShown]);
        assert_eq!(judge(&[]), []);
    }

    #[test]
    fn a_figure_of_too_few_trials_is_told_and_takes_no_share() {
        assert_eq!(judge(&[of_trials(2)]), [TooFew]);
        let mut tests = vec![of_trials(2); 100];
        // It would need one of 101 shares, 0.0005, and has 1/70.
        tests.push(of_trials(4));
        let mut findings = vec![TooFew; 100];
        findings.push(Worse);
        assert_eq!(judge(&tests), findings);
    }

    #[test]
    fn so_many_trials_are_needed_as_are_enough() {
        for figures in [1, 2, 10, 87, 300] {
            let needed = trials_needed(figures);
            assert_eq!(judge(&vec![of_trials(needed); figures]), vec![Worse; figures]);
            assert_eq!(
                judge(&vec![of_trials(needed - 1); figures]),
                vec![TooFew; figures]
            );
        }
        assert_eq!((trials_needed(1), trials_needed(87)), (3, 7));
    }
}
