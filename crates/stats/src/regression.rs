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
    /// What it is judged with, or not at all.
    group: usize,
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
            group: 0,
        }
    }

    /// The same test as part of a group, such as the values of an experiment. If not all tests can be judged, whole groups
    /// are.
    #[must_use]
    pub fn in_group(self, group: usize) -> Self {
        Self { group, ..self }
    }
}

/// The result of each test, with a chance of at most 5 % that any metric is called worse that is not.
///
/// That chance is shared out among the metrics. A metric whose trials could not come below an equal share gets what it needs,
/// and the others share the rest, as long as each keeps at least half of an equal share (Bonferroni with weights). Metrics
/// that are called worse leave their share to the others (Holm 1979). A metric that gets none can't be called worse, neither
/// by mistake (Tarone 1990). If some must get none, those are whole groups, the largest first. The shares depend on the
/// numbers of trials and on the groups alone, not on values.
#[must_use]
pub fn judge(tests: &[Test]) -> Vec<Finding> {
    let shares = shares(tests);
    let mut findings: Vec<Finding> = shares
        .iter()
        .map(|&share| {
            if share > 0.0 {
                Finding::NotShown
            } else {
                Finding::TooFew
            }
        })
        .collect();
    let mut open: Vec<usize> = (0..tests.len()).filter(|&test| shares[test] > 0.0).collect();
    let needed = |test: usize| tests[test].chance / shares[test];
    open.sort_by(|&one, &other| needed(one).total_cmp(&needed(other)));
    for (before, &test) in open.iter().enumerate() {
        let left: f64 = open[before..].iter().map(|&test| shares[test]).sum();
        // Rounding must not forbid what the best of all chances just reaches.
        if tests[test].chance > CHANCE_OF_WRONG * shares[test] / left * (1.0 + 1e-9) {
            break;
        }
        findings[test] = Finding::Worse;
    }
    findings
}

/// The share of the chance that each test gets; zero if it has too few trials. Together they are at most 5 %.
fn shares(tests: &[Test]) -> Vec<f64> {
    let mut all: Vec<usize> = (0..tests.len()).collect();
    let like = |one: &Test, other: &Test| {
        let key = |test: &Test| (test.least.to_bits(), test.group);
        key(one) == key(other)
    };
    let sizes: Vec<usize> = tests
        .iter()
        .map(|test| tests.iter().filter(|other| like(test, other)).count())
        .collect();
    // Those with most trials first, and then the smallest groups, so that as many groups as possible are judged.
    all.sort_by(|&one, &other| {
        let by_trials = tests[one].least.total_cmp(&tests[other].least);
        let key = |test: usize| (sizes[test], tests[test].group);
        by_trials.then(key(one).cmp(&key(other)))
    });
    let mut shares = vec![0.0; tests.len()];
    // As many tests as possible, and all of a group with as many trials.
    let ends = (1..=all.len()).rev();
    let whole = |&end: &usize| end == all.len() || !like(&tests[all[end - 1]], &tests[all[end]]);
    for end in ends.filter(whole) {
        let judged = &all[..end];
        let leasts: Vec<f64> = judged.iter().map(|&test| tests[test].least).collect();
        if let Some(rest) = rest_for_each(&leasts) {
            for &test in judged {
                shares[test] = tests[test].least.max(rest);
            }
            break;
        }
    }
    shares
}

/// The share of each test that needs no more than this, if the others get the least that they need, which ascends. None if
/// there is not enough, or if it would be less than half of an equal share.
fn rest_for_each(leasts: &[f64]) -> Option<f64> {
    let equal = CHANCE_OF_WRONG / leasts.len() as f64;
    let cheap_below = |rest: f64| leasts.partition_point(|&least| least <= rest);
    let (mut rest, mut cheap) = (equal, leasts.len());
    while cheap_below(rest) < cheap {
        cheap = cheap_below(rest);
        if cheap == 0 {
            return None;
        }
        rest = (CHANCE_OF_WRONG - leasts[cheap..].iter().sum::<f64>()) / cheap as f64;
    }
    (rest >= equal / 2.0).then_some(rest)
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

/// How many metrics can be judged together, if each run has so many trials of each.
#[must_use]
pub fn metrics_judged_by(trials: (usize, usize)) -> usize {
    // Rounding must not take away the last one.
    (CHANCE_OF_WRONG / rank_sum::least_chance(trials.0, trials.1) * (1.0 + 1e-9)) as usize
}

#[cfg(test)]
mod tests {
    use super::Finding::{NotShown, TooFew, Worse};
    use super::*;
    use crate::simulation::Draws;

    /// A test with this chance, and trials enough for anything.
    fn of_chance(chance: f64) -> Test {
        Test {
            chance,
            least: 0.0,
            group: 0,
        }
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
    fn metrics_with_fewer_trials_get_what_they_need() {
        // An equal share of 191 is 0.00026, and seven trials in each run need 0.00029.
        let mut tests = vec![of_trials(7); 138];
        tests.extend(vec![of_trials(8); 53]);
        assert_eq!(judge(&tests), vec![Worse; 191]);
        let shares = shares(&tests);
        assert!(shares.iter().sum::<f64>() <= CHANCE_OF_WRONG * (1.0 + 1e-9));
        assert!(shares[190] >= 0.5 * CHANCE_OF_WRONG / 191.0, "{}", shares[190]);
        // One that is worse is found, though none leaves a share to it.
        for one in [0, 190] {
            let mut tests: Vec<_> = tests.iter().map(|test| Test { chance: 1.0, ..*test }).collect();
            tests[one].chance = tests[one].least;
            let mut findings = vec![NotShown; 191];
            findings[one] = Worse;
            assert_eq!(judge(&tests), findings, "{one}");
        }
    }

    #[test]
    fn metrics_with_fewer_trials_take_at_most_half() {
        let mut tests = vec![of_trials(7); 170];
        tests.extend(vec![of_trials(8); 53]);
        let findings = judge(&tests);
        assert!(findings[..170].iter().all(|finding| *finding == TooFew));
        assert!(findings[170..].iter().all(|finding| *finding == Worse));
    }

    #[test]
    fn fewer_metrics_may_have_more_pairs_out_of_order() {
        // As docs/COMPARING.md has it, for eight trials and eight.
        for (eights, sevens, pairs) in [(45, 124, 1), (24, 0, 5), (6, 0, 9)] {
            let with_chance = |trials: usize, chance: f64| Test {
                chance,
                ..of_trials(trials)
            };
            let mut tests = vec![with_chance(8, 1.0); eights];
            tests.extend(vec![with_chance(7, 1.0); sevens]);
            for (out_of_order, finding) in [(pairs, Worse), (pairs + 1, NotShown)] {
                tests[0].chance = rank_sum::chance(8, 8, out_of_order);
                assert_eq!(judge(&tests)[0], finding, "{eights} {sevens} {out_of_order}");
            }
        }
    }

    #[test]
    fn the_largest_group_is_left_out_first() {
        let groups = [(7, 100), (8, 53), (7, 40), (7, 144)];
        let tests: Vec<_> = groups
            .iter()
            .enumerate()
            .flat_map(|(group, &(trials, size))| vec![of_trials(trials).in_group(group); size])
            .collect();
        let findings = judge(&tests);
        assert!(findings[..193].iter().all(|finding| *finding == Worse));
        assert!(findings[193..].iter().all(|finding| *finding == TooFew));
    }

    #[test]
    fn mixed_trials_have_few_false_positives() {
        const CHECKS: usize = 600;
        let mut draws = Draws::seeded(1990);
        // The first three groups are judged.
        let groups = [(7, 100), (8, 53), (7, 40), (7, 144), (4, 9)];
        let wrong = (0..CHECKS)
            .filter(|_| {
                let mut tests = Vec::new();
                for (group, &(trials, size)) in groups.iter().enumerate() {
                    for _ in 0..size {
                        let mut run = || -> Vec<f64> { (0..trials).map(|_| draws.skewed_trial()).collect() };
                        tests.push(Test::new(&run(), &run(), 0.0, Better::Less).in_group(group));
                    }
                }
                judge(&tests).contains(&Worse)
            })
            .count();
        let share = wrong as f64 / CHECKS as f64;
        println!("346 unchanged metrics with 4 to 8 trials: {share:.4} of {CHECKS} checks find one");
        // By three standard errors.
        assert!(
            share <= 0.05 + 3.0 * (0.05 * 0.95 / CHECKS as f64).sqrt(),
            "{share}"
        );
        assert!(share > 0.02, "the shares are used: {share}");
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
        assert_eq!((metrics_judged_by((3, 3)), metrics_judged_by((7, 7))), (1, 171));
    }
}
