//! The search for the highest rate at which a server keeps a bound, such as a p99 below 10 ms, in few trials.
//!
//! ```text
//!     kept  kept  kept   kept  failed  failed
//!     100   200   400 ── 490 · 504 ─── 800     the rate: doubled until the bound fails, and what is left
//!                        low   high            between is halved, by ratio, until low and high are near
//! ```
//!
//! It is pure: it chooses the rate to try, and takes the answer. Trials are noisy, and a single wrong answer would mislead a
//! plain bisection for good. So the two rates that decide the result are tried twice: the lowest that failed, and the highest
//! that was kept. Where the two answers differ, a third decides, and the search goes on from there.

/// A search ends after so many trials in any case. Twelve are enough if the result is within a factor of eight of the start
/// and no answer is wrong. One wrong answer costs up to six more.
const MOST_TRIALS: usize = 18;

/// How often the start is doubled or halved at most: a factor of 256.
const MOST_DOUBLINGS: i32 = 8;

/// A search for the highest rate that keeps a bound.
#[derive(Debug, Clone)]
pub struct Search {
    start_per_s: f64,
    precision: f64,
    /// Every rate that was tried, in ascending order.
    tried: Vec<Tried>,
    trials: usize,
}

/// The answers for one rate.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Tried {
    rate_per_s: f64,
    /// In how many trials the bound was kept.
    kept: u32,
    /// In how many it was not.
    failed: u32,
}

/// What a search has found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Found {
    /// The highest rate that was kept.
    Rate(f64),
    /// Even the lowest rate that was tried failed.
    NothingKept,
    /// Even the highest rate that was tried, this one, was kept.
    BeyondReach(f64),
}

impl Search {
    /// A search that starts at this rate. It ends when the highest rate that was kept and the lowest that failed are within
    /// `precision` of each other: 0.03 is 3 %.
    #[must_use]
    pub fn new(start_per_s: f64, precision: f64) -> Self {
        debug_assert!(start_per_s > 0.0 && start_per_s.is_finite() && precision > 0.0);
        Self {
            start_per_s,
            precision,
            tried: Vec::new(),
            trials: 0,
        }
    }

    /// The rate to try now; none if the search is over.
    #[must_use]
    pub fn next(&self) -> Option<f64> {
        if self.trials >= MOST_TRIALS {
            return None;
        }
        if let Some(undecided) = self.tried.iter().find(|tried| tried.kept == tried.failed) {
            return Some(undecided.rate_per_s);
        }
        let is_last = self.trials + 1 == MOST_TRIALS;
        match (self.low(), self.high()) {
            (None, None) => Some(self.start_per_s),
            // Nothing failed yet: try twice the rate, or confirm that the highest is kept.
            (Some(low), None) if self.is_reach(low, MOST_DOUBLINGS) => low.to_confirm(),
            (Some(low), None) => Some(2.0 * low.rate_per_s),
            (None, Some(high)) if self.is_reach(high, -MOST_DOUBLINGS) => high.to_confirm(),
            (None, Some(high)) => Some(high.rate_per_s / 2.0),
            // The result is the low end, so the last trial goes there rather than to one more halving.
            (Some(low), Some(_)) if is_last => low.to_confirm(),
            (Some(low), Some(high)) if high.rate_per_s <= low.rate_per_s * (1.0 + self.precision) => {
                low.to_confirm().or(high.to_confirm())
            }
            // The first failure decides where the rest of the search goes, so it is confirmed.
            (Some(_), Some(high)) if !self.has_confirmed_failure() => high.to_confirm(),
            (Some(low), Some(high)) => Some((low.rate_per_s * high.rate_per_s).sqrt()),
        }
    }

    /// Takes the answer for a rate, which must be exactly the one that `next` gave.
    pub fn tried(&mut self, rate_per_s: f64, kept: bool) {
        self.trials += 1;
        let place = self
            .tried
            .binary_search_by(|tried| tried.rate_per_s.total_cmp(&rate_per_s))
            .unwrap_or_else(|place| {
                let untried = Tried {
                    rate_per_s,
                    kept: 0,
                    failed: 0,
                };
                self.tried.insert(place, untried);
                place
            });
        let answers = &mut self.tried[place];
        if kept {
            answers.kept += 1;
        } else {
            answers.failed += 1;
        }
    }

    /// The highest rate that was kept, below all that failed.
    #[must_use]
    pub fn best(&self) -> Option<f64> {
        self.low().map(|low| low.rate_per_s)
    }

    /// The result, so far or at the end.
    #[must_use]
    pub fn found(&self) -> Found {
        match (self.low(), self.high()) {
            (None, _) => Found::NothingKept,
            (Some(low), None) => Found::BeyondReach(low.rate_per_s),
            (Some(low), Some(_)) => Found::Rate(low.rate_per_s),
        }
    }

    /// The lowest rate that failed. As far as the trials show, the highest possible rate is between `best` and this.
    #[must_use]
    pub fn lowest_failed(&self) -> Option<f64> {
        self.high().map(|high| high.rate_per_s)
    }

    /// How many trials there were so far.
    #[must_use]
    pub fn trials(&self) -> usize {
        self.trials
    }

    fn low(&self) -> Option<Tried> {
        self.tried.iter().copied().take_while(Tried::is_kept).last()
    }

    fn high(&self) -> Option<Tried> {
        self.tried.iter().copied().find(|tried| !tried.is_kept())
    }

    fn has_confirmed_failure(&self) -> bool {
        self.tried
            .iter()
            .any(|tried| !tried.is_kept() && tried.is_confirmed())
    }

    /// Whether a rate is at least so many doublings from the start.
    fn is_reach(&self, tried: Tried, doublings: i32) -> bool {
        let furthest = self.start_per_s * 2.0_f64.powi(doublings);
        if doublings > 0 {
            tried.rate_per_s >= furthest
        } else {
            tried.rate_per_s <= furthest
        }
    }
}

impl Tried {
    /// With as many of each, it counts as failed until another trial decides.
    fn is_kept(&self) -> bool {
        self.kept > self.failed
    }

    fn is_confirmed(&self) -> bool {
        self.kept.max(self.failed) >= 2
    }

    /// This rate, if it does not have the same answer twice.
    fn to_confirm(self) -> Option<f64> {
        (!self.is_confirmed()).then_some(self.rate_per_s)
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Searches until it is over, where each trial's answer is made from its number and its rate.
    fn search(start_per_s: f64, mut keeps: impl FnMut(usize, f64) -> bool) -> Search {
        let mut search = Search::new(start_per_s, 0.03);
        while let Some(rate_per_s) = search.next() {
            let kept = keeps(search.trials(), rate_per_s);
            search.tried(rate_per_s, kept);
        }
        assert!(search.trials() <= MOST_TRIALS);
        search
    }

    fn found(search: &Search) -> f64 {
        match search.found() {
            Found::Rate(rate_per_s) => rate_per_s,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_highest_rate_is_found_within_the_precision() {
        for start in [1.0, 30.0, 977.0, 1000.0, 1024.0, 40_000.0, 200_000.0] {
            let mut end = start / 100.0;
            while end < start * 200.0 {
                let search = search(start, |_, rate| rate <= end);
                let (low, high) = (found(&search), search.lowest_failed().unwrap());
                assert!(low <= end && end < high, "{low} {end} {high}");
                assert!(
                    high <= low * 1.03,
                    "{start} to {end}: {low} to {high} in {}",
                    search.trials()
                );
                end *= 1.37;
            }
        }
    }

    #[test]
    fn twelve_trials_are_enough_within_a_factor_of_eight() {
        for end in [130.0, 250.0, 500.0, 799.0] {
            assert!(search(100.0, |_, rate| rate <= end).trials() <= 12);
        }
    }

    #[test]
    fn a_server_that_keeps_no_rate_is_reported() {
        let search = search(1000.0, |_, _| false);
        assert_eq!(search.found(), Found::NothingKept);
        assert_eq!(search.best(), None);
        assert_eq!(search.lowest_failed(), Some(1000.0 / 256.0));
        assert_eq!(search.trials(), 10);
    }

    #[test]
    fn a_server_that_keeps_all_rates_is_beyond_reach() {
        let search = search(1000.0, |_, _| true);
        assert_eq!(search.found(), Found::BeyondReach(256_000.0));
        assert_eq!(search.best(), Some(256_000.0));
        assert_eq!(search.trials(), 10);
    }

    #[test]
    fn one_wrong_answer_changes_the_result_little() {
        for wrong in 0..MOST_TRIALS {
            for end in [30.0, 45.0, 90.0, 110.0, 190.0, 333.0, 520.0, 777.0, 1500.0] {
                let search = search(100.0, |trial, rate| (rate <= end) != (trial == wrong));
                let low = found(&search);
                assert!(
                    low > end / 1.07 && low < end * 1.03,
                    "trial {wrong} wrong: {low} for {end} in {}",
                    search.trials()
                );
            }
        }
    }

    #[test]
    fn a_noisy_server_is_found_within_its_noise() {
        // The end differs by 3 % from trial to trial, and each twentieth trial fails at any rate.
        let mut random = ChaCha8Rng::seed_from_u64(14);
        let mut off: Vec<f64> = (0..1000)
            .map(|_| {
                let search = search(100.0, |_, rate| {
                    let noise: f64 = (0..12).map(|_| random.random::<f64>() - 0.5).sum();
                    random.random::<f64>() >= 0.05 && rate <= 430.0 * (1.0 + 0.03 * noise)
                });
                search.best().map_or(1.0, |best| (best / 430.0).ln().abs())
            })
            .collect();
        off.sort_by(f64::total_cmp);
        println!("off by {:.3} at the median, {:.3} at p95", off[500], off[950]);
        assert!(off[500] < 0.05, "{}", off[500]);
        assert!(off[950] < 0.15, "{}", off[950]);
    }

    #[test]
    fn a_refuted_rate_lowers_the_bracket() {
        let mut search = Search::new(100.0, 0.5);
        for (rate, kept) in [(100.0, true), (200.0, false), (200.0, false)] {
            assert_eq!(search.next(), Some(rate));
            search.tried(rate, kept);
        }
        let between = 100.0 * 2.0_f64.sqrt();
        assert!((search.next().unwrap() - between).abs() < 1e-9);
        let between = search.next().unwrap();
        search.tried(between, true);
        // Near enough: the highest that was kept is tried once more, fails, and fails again.
        for _ in 0..2 {
            assert_eq!(search.next(), Some(between));
            search.tried(between, false);
        }
        assert_eq!(search.best(), Some(100.0));
        assert_eq!(search.lowest_failed(), Some(between));
        assert_eq!(search.next(), Some(100.0));
        search.tried(100.0, true);
        assert_eq!(search.next(), None);
        assert_eq!(search.found(), Found::Rate(100.0));
    }
}
