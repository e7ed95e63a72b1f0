//! Good replies that came within a bound.

use serde::{Deserialize, Serialize};

use super::requests::Requests;

/// The good replies that came within a bound of latency, counted one by one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Within {
    /// The bound, in microseconds from when a request was due; in a closed loop, from when it was sent.
    pub bound_us: f64,
    /// How many of the good replies came within it.
    pub ok: u64,
}

impl Within {
    /// The share of the planned requests that it is. Those that were not sent or failed count against it. None if no request
    /// was planned.
    #[must_use]
    pub fn share(&self, requests: &Requests) -> Option<f64> {
        (requests.planned > 0).then(|| self.ok as f64 / requests.planned as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_were_not_sent_count_against_the_share() {
        let within = Within {
            bound_us: 500.0,
            ok: 6,
        };
        let requests = Requests {
            planned: 10,
            unsent: 2,
            sent: 8,
            ok: 7,
            timeout: 1,
            ..Requests::default()
        };
        assert_eq!(within.share(&requests), Some(0.6));
        assert_eq!(within.share(&Requests::default()), None);
    }
}
