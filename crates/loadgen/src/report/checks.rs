//! What a run says of itself.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::CEILING_SHARE_MOST;
use crate::checks;
use crate::plan::{Load, Plan};
use crate::tally::Tally;

/// What a run says of itself. A check that was not made is null.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, PartialEq)]
pub struct Checks {
    /// Little's law; null if nothing was on its way in the window.
    pub little: Option<Little>,
    /// Whether the identities of [`Requests`](super::Requests) hold.
    pub accounting: bool,
    /// Whether arrivals were as they should be; null unless they should be Poisson.
    pub arrivals: Option<Arrivals>,
    /// Whether the load generator ran out before the server did, or may have.
    pub client_limited: Option<bool>,
    /// The share of requests that were sent later than a tenth of the median latency after they were due; null in a closed
    /// loop.
    pub late_share: Option<f64>,
    /// How the latency changed over the window; null where there are too few replies to say.
    pub drift: Option<Drift>,
}

/// The median latency at the beginning and at the end of the window: in whole slices, a third of their number rounded down.
/// A slice is a second, so of 10 s the first three are compared with the last three, and of 5 s the first with the last; a
/// window of less than 3 s is cut into thirds, and one of less than 100 ms not at all.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq)]
pub struct Drift {
    /// In its first third.
    pub first_p50_us: f64,
    /// In its last third.
    pub last_p50_us: f64,
}

/// Little's law: the mean number on their way is the rate times the mean time on the way (J. Little, Operations Research 9,
/// 1961). A request is on its way from when it is due.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq)]
pub struct Little {
    /// λW: the latencies, as far as they lie within the window, added up and divided by its length.
    pub lambda_w: f64,
    /// L: the number on their way, integrated over the window on its own.
    pub l: f64,
    /// |λW − L| / L.
    pub error: f64,
}

/// How the gaps between the requests that were sent, as they had fallen due, compare with those of a Poisson process. (How
/// far they left from when they were due is the lateness: a client can't send two requests closer than it takes to send one.)
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq)]
pub struct Arrivals {
    /// The Anderson–Darling statistic against an exponential distribution; 19 of 20 true Poisson streams stay below
    /// [`ANDERSON_DARLING_MOST`](Self::ANDERSON_DARLING_MOST).
    pub anderson_darling: f64,
    /// The correlation of each gap with the next; near 0 for a Poisson stream.
    pub lag1: f64,
    /// How many gaps were looked at.
    pub gaps: u64,
}

impl Little {
    pub(super) fn of(tally: &Tally) -> Option<Self> {
        let window_ns = tally.window.as_nanos() as f64;
        let l = tally.area_ns as f64 / window_ns;
        let lambda_w = tally.waits_ns as f64 / window_ns;
        (l > 0.0 && l.is_finite()).then(|| Self {
            lambda_w,
            l,
            error: (lambda_w - l).abs() / l,
        })
    }
}

impl Arrivals {
    /// What the statistic stays below for 19 of 20 true Poisson streams.
    pub const ANDERSON_DARLING_MOST: f64 = checks::ANDERSON_DARLING_MOST;

    /// What the correlation hardly ever exceeds, either way, where so many gaps have nothing to do with each other.
    #[must_use]
    pub fn lag1_most(&self) -> f64 {
        checks::correlation_most(self.gaps as usize)
    }

    pub(super) fn of(gaps: &[(f64, f64)]) -> Option<Self> {
        let firsts: Vec<f64> = gaps.iter().map(|&(gap, _)| gap).collect();
        Some(Self {
            anderson_darling: checks::anderson_darling(&firsts)?,
            lag1: checks::correlation(gaps)?,
            gaps: gaps.len() as u64,
        })
    }
}

/// The share of requests that were sent later than a tenth of this median latency after they were due.
pub(super) fn late_share(lateness: &Histogram<u64>, p50_us: f64) -> Option<f64> {
    let tenth_ns = (p50_us * 1e3 / 10.0) as u64;
    let late = lateness.len() - lateness.count_between(0, tenth_ns).min(lateness.len());
    (!lateness.is_empty()).then(|| late as f64 / lateness.len() as f64)
}

/// Whether this rate is so near to what the load generator can do at all that it may be its own limit.
pub(super) fn is_near_ceiling(plan: &Plan, throughput_per_s: f64) -> bool {
    // The ceiling is that of requests which each leave alone.
    let applies = plan.load != Load::Closed || plan.pipeline == 1;
    let near = |ceiling_per_s| throughput_per_s > CEILING_SHARE_MOST * ceiling_per_s;
    applies && plan.ceiling_per_s.is_some_and(near)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::work::{Params, Work};

    #[test]
    fn the_ceiling_of_single_requests_says_nothing_of_a_pipeline() {
        let work = Work::new("ping", Params::Unique).expect("a ping takes any value");
        let target: SocketAddr = "127.0.0.1:1".parse().expect("it is an address");
        let mut plan = Plan {
            ceiling_per_s: Some(100.0),
            ..Plan::closed_loop(target, 1, work.clone())
        };
        assert!(is_near_ceiling(&plan, 71.0) && !is_near_ceiling(&plan, 69.0));
        plan.pipeline = 16;
        assert!(!is_near_ceiling(&plan, 1000.0));
        plan.load = Plan::open_loop(target, 1, 1000.0, work).load;
        assert!(is_near_ceiling(&plan, 71.0));
        plan.ceiling_per_s = None;
        assert!(!is_near_ceiling(&plan, 1000.0));
    }
}
