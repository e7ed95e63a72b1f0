//! The highest rate at which a server keeps a bound, such as a p99 below 10 ms, found in few trials.
//!
//! ```text
//!     kept  kept  kept   kept  failed  failed
//!     100   200   400 ── 490 · 504 ─── 800     the rate: doubled until the bound fails, and what is left
//!                        low   high            between is halved, by ratio, until low and high are near
//! ```
//!
//! Pure: it says which rate to try, and is told what came of it. Trials are noisy, and one wrong answer would lead a plain
//! bisection astray for good. So the two answers that the result rests on are asked for twice: the lowest rate that failed
//! and the highest that was kept. Where a rate's two answers differ, a third decides, and the search goes on from there.

/// A search is over after so many trials, whatever it knows by then. Twelve do if the end is within a factor of eight of
/// the start and no answer is wrong; one wrong answer costs up to six more.
const MOST_TRIALS: usize = 18;

/// Doubling from the start, or halving, goes as far as this, a factor of 256.
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

/// What came of one rate.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Tried {
    rate_per_s: f64,
    /// In how many trials the bound was kept, and in how many not.
    kept: u32,
    failed: u32,
}

/// What a search has found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Found {
    /// The highest rate that was kept.
    Rate(f64),
    /// Even the lowest rate that was tried failed.
    NothingKept,
    /// Even the highest rate that was tried was kept, this one: there is no saying where it ends.
    BeyondReach(f64),
}

impl Search {
    /// From this rate on, until the highest rate that was kept and the lowest that failed are within `precision` of each
    /// other: 0.03 is 3 %.
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

    /// The rate to try now; nothing if the search is over.
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
            // Nothing failed yet: on to twice the rate, or make sure that the highest is kept.
            (Some(low), None) if self.is_reach(low, MOST_DOUBLINGS) => low.to_confirm(),
            (Some(low), None) => Some(2.0 * low.rate_per_s),
            (None, Some(high)) if self.is_reach(high, -MOST_DOUBLINGS) => high.to_confirm(),
            (None, Some(high)) => Some(high.rate_per_s / 2.0),
            // What is found rests on the low end, so the last trial goes there rather than to one more halving.
            (Some(low), Some(_)) if is_last => low.to_confirm(),
            (Some(low), Some(high)) if high.rate_per_s <= low.rate_per_s * (1.0 + self.precision) => {
                low.to_confirm().or(high.to_confirm())
            }
            // The first failure decides where all the rest is looked for.
            (Some(_), Some(high)) if !self.has_confirmed_failure() => high.to_confirm(),
            (Some(low), Some(high)) => Some((low.rate_per_s * high.rate_per_s).sqrt()),
        }
    }

    /// Takes what came of a rate: the one that `next` said, to the last digit.
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

    /// The highest rate that was kept, of those below all that failed.
    #[must_use]
    pub fn best(&self) -> Option<f64> {
        self.low().map(|low| low.rate_per_s)
    }

    /// What is found, once the search is over, or so far.
    #[must_use]
    pub fn found(&self) -> Found {
        match (self.low(), self.high()) {
            (None, _) => Found::NothingKept,
            (Some(low), None) => Found::BeyondReach(low.rate_per_s),
            (Some(low), Some(_)) => Found::Rate(low.rate_per_s),
        }
    }

    /// The lowest rate that failed. The true end is between `best` and this, as far as trials tell.
    #[must_use]
    pub fn lowest_failed(&self) -> Option<f64> {
        self.high().map(|high| high.rate_per_s)
    }

    /// How many trials it took so far.
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

    /// Whether a rate is so many doublings from the start, or further.
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
    /// Where the answers are even, the cautious one counts until another trial decides.
    fn is_kept(&self) -> bool {
        self.kept > self.failed
    }

    fn is_confirmed(&self) -> bool {
        self.kept.max(self.failed) >= 2
    }

    /// This rate, if it was not answered twice alike.
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
    fn a_server_that_ends_at_a_rate_is_found_to_within_the_precision() {
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
    fn an_end_within_a_factor_of_eight_takes_at_most_twelve_trials() {
        for end in [130.0, 250.0, 500.0, 799.0] {
            assert!(search(100.0, |_, rate| rate <= end).trials() <= 12);
        }
    }

    #[test]
    fn a_server_that_keeps_nothing_is_said_to() {
        let search = search(1000.0, |_, _| false);
        assert_eq!(search.found(), Found::NothingKept);
        assert_eq!(search.best(), None);
        assert_eq!(search.lowest_failed(), Some(1000.0 / 256.0));
        assert_eq!(search.trials(), 10);
    }

    #[test]
    fn a_server_that_keeps_everything_is_said_to_be_beyond_reach() {
        let search = search(1000.0, |_, _| true);
        assert_eq!(search.found(), Found::BeyondReach(256_000.0));
        assert_eq!(search.best(), Some(256_000.0));
        assert_eq!(search.trials(), 10);
    }

    #[test]
    fn one_wrong_answer_leads_nobody_astray() {
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
    fn a_noisy_server_is_found_to_within_its_noise() {
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
