//! The checks that a run makes on itself, and the bounds that they are judged by.

use serde::{Deserialize, Serialize};

/// The checks that a run makes on itself. One that was not made is null.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, PartialEq)]
pub struct Checks {
    /// Little's law; null if no request was in the system in the window.
    pub little: Option<Little>,
    /// Whether the requests add up.
    pub accounting: bool,
    /// Whether the arrivals were a Poisson stream; null unless they should be.
    pub arrivals: Option<Arrivals>,
    /// Whether the load generator was the bottleneck, or may have been.
    pub client_limited: Option<bool>,
    /// The share of requests with a send delay of more than a tenth of the median latency; null in a closed loop.
    pub late_share: Option<f64>,
    /// How the latency changed over the window; null where there are too few replies.
    pub drift: Option<Drift>,
}

/// The median latency at the beginning and at the end of the window: in whole slices, a third of their number rounded down.
/// A slice is a second: of 10 s the first three are compared with the last three, of 5 s the first with the last. A window of
/// less than 3 s has three equal slices, and one of less than 100 ms a single one.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq)]
pub struct Drift {
    /// In the first third.
    pub first_p50_us: f64,
    /// In the last third.
    pub last_p50_us: f64,
}

/// Little's law: the mean number of requests in the system is their rate times their mean time in the system (J. Little,
/// Operations Research 9, 1961). A request is in the system from when it is due.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq)]
pub struct Little {
    /// λW: the latencies, as far as they lie within the window, added up and divided by its length.
    pub lambda_w: f64,
    /// L: the mean number of requests in the system, counted on its own.
    pub l: f64,
    /// |λW − L| / L.
    pub error: f64,
}

/// How the gaps between arrivals compare with those of a Poisson process. An arrival is the time when a request that was sent
/// fell due. (How long after that it left is its send delay: a client can't send two requests closer than sending takes.)
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq)]
pub struct Arrivals {
    /// The Anderson–Darling statistic against an exponential distribution; 19 of 20 true Poisson streams stay below
    /// [`ANDERSON_DARLING_MOST`](Self::ANDERSON_DARLING_MOST).
    pub anderson_darling: f64,
    /// The correlation of each gap with the next; near 0 for a Poisson stream.
    pub lag1: f64,
    /// The number of gaps in the sample.
    pub gaps: u64,
}

impl Arrivals {
    /// 19 of 20 true Poisson streams have a statistic below this (D'Agostino and Stephens, Goodness-of-Fit Techniques, 1986,
    /// chapter 4).
    pub const ANDERSON_DARLING_MOST: f64 = 1.321;

    /// The correlation of so many independent gaps hardly ever exceeds this, either way: three standard deviations.
    #[must_use]
    pub fn lag1_most(&self) -> f64 {
        3.0 / (self.gaps as f64).sqrt()
    }
}

/// 99 of 100 true Poisson streams have an Anderson–Darling statistic below this.
pub const ANDERSON_DARLING_DOUBTFUL: f64 = 1.959;
/// The two sides of Little's law may differ by this share.
pub const LITTLE_ERROR_MOST: f64 = 0.01;
/// At most this share of the requests may have a send delay of more than a tenth of the median latency.
pub const LATE_SHARE_MOST: f64 = 0.01;
/// The median latency of the last third of the window may differ from that of the first by this share (see [`Drift`]).
pub const DRIFT_MOST: f64 = 0.1;
/// In a closed loop each connection has all its requests in flight for at least this share of the time.
pub const KEPT_BUSY_LEAST: f64 = 0.99;
