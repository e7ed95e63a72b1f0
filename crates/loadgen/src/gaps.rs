//! A sample of the gaps between the due times of the requests that one thread sent.

/// Enough for the checks, and few enough that the resolution of the clock does not show.
const PAIRS_MOST: u64 = 2_000;

/// Pairs of neighboring gaps in nanoseconds, spread evenly over the window, without overlaps.
#[derive(Debug, Clone)]
pub(crate) struct Gaps {
    every: u64,
    seen: u64,
    last_ns: Option<u64>,
    previous: f64,
    pairs: Vec<(f64, f64)>,
}

impl Gaps {
    /// A sample of about so many requests.
    pub(crate) fn for_requests(requests: f64) -> Self {
        Self {
            every: (requests as u64 / PAIRS_MOST).max(2),
            seen: 0,
            last_ns: None,
            previous: 0.0,
            pairs: Vec::new(),
        }
    }

    /// Records the due time of a request that was sent.
    pub(crate) fn record(&mut self, at_ns: u64) {
        let Some(last_ns) = self.last_ns.replace(at_ns) else {
            return;
        };
        let gap = at_ns.saturating_sub(last_ns) as f64;
        self.seen += 1;
        if self.seen.is_multiple_of(self.every) {
            self.pairs.push((self.previous, gap));
        }
        self.previous = gap;
    }

    pub(crate) fn into_pairs(self) -> Vec<(f64, f64)> {
        self.pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_gaps_come_in_pairs_that_do_not_overlap() {
        let mut gaps = Gaps::for_requests(0.0);
        for at_ns in [0, 1, 3, 6, 10, 15] {
            gaps.record(at_ns);
        }
        assert_eq!(gaps.into_pairs(), [(1.0, 2.0), (3.0, 4.0)]);
    }

    #[test]
    fn a_sample_covers_a_long_run() {
        let mut gaps = Gaps::for_requests(100_000.0);
        (0..100_000).for_each(|at_ns| gaps.record(at_ns * 7));
        let pairs = gaps.into_pairs();
        assert!((1_900..=2_000).contains(&pairs.len()), "{}", pairs.len());
        assert!(pairs.iter().all(|&pair| pair == (7.0, 7.0)));
    }
}
