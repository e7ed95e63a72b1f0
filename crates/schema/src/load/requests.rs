//! The requests of a run, counted.

use serde::{Deserialize, Serialize};

/// Which loop the requests come from.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LoopKind {
    /// Each connection waits for its replies.
    Closed,
    /// Requests are due on a schedule that does not depend on the replies.
    Open,
}

/// The requests that were in the system at some time within the window. They were due before it closed (in a closed loop:
/// sent), and had not ended when it opened. Always: planned = sent + unsent, and sent = ok + wrong + error + timeout + reset +
/// `in_flight`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Requests {
    /// In the system as the window opened, or due within it, counted independently of the sending. In a closed loop: those
    /// that connections had room for.
    pub planned: u64,
    /// Due and not sent before the window closed.
    pub unsent: u64,
    /// Sent.
    pub sent: u64,
    /// Answered with what was asked for.
    pub ok: u64,
    /// Answered with something else.
    pub wrong: u64,
    /// Answered with an error.
    pub error: u64,
    /// Not answered in time.
    pub timeout: u64,
    /// Lost with their connection.
    pub reset: u64,
    /// Still unanswered when the run was interrupted.
    pub in_flight: u64,
}

/// A few requests of an open loop are always due so late that they are not sent before the window closes. More than this
/// share deserves advice.
pub const UNSENT_SHARE_MOST: f64 = 0.01;

impl Requests {
    /// Whether the identities hold: planned = sent + unsent, and sent is the sum of how they ended.
    #[must_use]
    pub fn add_up(&self) -> bool {
        self.planned == self.sent + self.unsent && self.sent == self.ok + self.failed() + self.in_flight
    }

    /// Those that failed: wrong, error, timeout or reset.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.wrong + self.error + self.timeout + self.reset
    }

    /// The sums of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            planned: self.planned + other.planned,
            unsent: self.unsent + other.unsent,
            sent: self.sent + other.sent,
            ok: self.ok + other.ok,
            wrong: self.wrong + other.wrong,
            error: self.error + other.error,
            timeout: self.timeout + other.timeout,
            reset: self.reset + other.reset,
            in_flight: self.in_flight + other.in_flight,
        }
    }
}

/// Requests in the system: due and not ended, whether they waited for a connection or for their reply.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Backlog {
    /// As the window opened.
    pub at_open: u64,
    /// As it closed.
    pub at_close: u64,
}

impl Backlog {
    /// Whether it grew in the window by more than the randomness of a Poisson stream explains: by more than a hundredth of
    /// the requests that fell due in the window, and by more than two standard deviations of that number. Requests that met a
    /// pause of the client may be in it for that reason, and do not count.
    #[must_use]
    pub fn outgrew(&self, requests: &Requests, met_pause: u64) -> bool {
        let due = requests.planned.saturating_sub(self.at_open) as f64;
        let growth = self
            .at_close
            .saturating_sub(self.at_open)
            .saturating_sub(met_pause) as f64;
        growth > 0.01 * due && growth > 2.0 * due.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_do_not_add_up_if_one_is_lost() {
        let requests = Requests {
            planned: 30,
            unsent: 2,
            sent: 28,
            ok: 20,
            wrong: 1,
            error: 2,
            timeout: 3,
            reset: 1,
            in_flight: 1,
        };
        assert!(requests.add_up());
        let lost: [fn(&mut Requests) -> &mut u64; 9] = [
            |requests| &mut requests.planned,
            |requests| &mut requests.unsent,
            |requests| &mut requests.sent,
            |requests| &mut requests.ok,
            |requests| &mut requests.wrong,
            |requests| &mut requests.error,
            |requests| &mut requests.timeout,
            |requests| &mut requests.reset,
            |requests| &mut requests.in_flight,
        ];
        for lost in lost {
            let mut requests = requests;
            *lost(&mut requests) -= 1;
            assert!(!requests.add_up(), "{requests:?}");
        }
    }
}
