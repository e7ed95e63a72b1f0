//! The requests of a run and its connections, counted.

use serde::{Deserialize, Serialize};

use super::LoopKind;

/// The requests that were in the system at some time within the window: due before it closed (in a closed loop: sent), and
/// not ended before it opened. Always: planned = sent + unsent, and sent = ok + wrong + error + timeout + reset +
/// `in_flight`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Requests {
    /// In the system as the window opened, or due within it, counted apart from the sending; in a closed loop those that
    /// connections had room for.
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
    /// Still unanswered when the run was cut short.
    pub in_flight: u64,
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
    /// Whether it grew by more in the window than the chance of a Poisson stream explains: by more than a hundredth of what
    /// fell due in the window, and by more than two standard deviations of that number. Those that met a pause of the client
    /// may be in it because of that, and are not held against the server.
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

/// The connections of a run.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Connections {
    /// As many as the plan wants at once.
    pub asked: u64,
    /// Of these, how many could be opened.
    pub opened: u64,
    /// How many could never be opened.
    pub failed: u64,
    /// How many had a good reply within the window, or to a request of it: that of a slow operation may come when the window
    /// is over.
    pub served: u64,
    /// How often one was opened again in the place of one that had ended, within the window.
    pub reconnects: u64,
}

impl Connections {
    /// How many were asked something within the window, or could not be, and were not `served`. In an open loop the
    /// connections take turns, so with fewer requests `sent` than connections some are never asked.
    #[must_use]
    pub fn unserved(&self, loop_kind: LoopKind, sent: u64) -> u64 {
        let asked = match loop_kind {
            // A closed loop uses them all, unless it is to send fewer requests than it has connections.
            LoopKind::Closed => self.asked.min(sent.max(self.failed)),
            LoopKind::Open => self.opened.min(sent) + self.failed,
        };
        asked.saturating_sub(self.served)
    }
}
