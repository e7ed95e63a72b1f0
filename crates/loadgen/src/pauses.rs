//! Pauses of this client: how long it did not look, and which requests were in the system meanwhile.
//!
//! A stopped process (`SIGSTOP`, a debugger, a suspended machine) or one without a CPU can't read what has come. What it finds
//! afterwards came at some time within the pause, and nobody knows when. So a pause never makes a timeout of a request: its
//! time does not run while the client does not look.

use std::time::Duration;

use crate::clock::nanoseconds;
use crate::connection::InFlight;

/// A client that does not look for longer than this has paused, unless half the timeout is less.
const BOUND: Duration = Duration::from_millis(100);
/// To deal with all events of one look takes milliseconds, and on a busy machine a thread waits as long for a CPU.
const BOUND_LEAST: Duration = Duration::from_millis(10);

/// How long a client may not look before it counts as a pause: 100 ms, or half the timeout if that is less, but 10 ms at least.
pub(crate) fn bound(timeout: Duration) -> Duration {
    (timeout / 2).clamp(BOUND_LEAST, BOUND)
}

/// The pauses of one thread, or of all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pauses {
    /// How many there were that lasted into the window, or into the drain behind it.
    pub(crate) count: u64,
    pub(crate) longest_ns: u64,
    /// How many requests that count were in the system during one.
    pub(crate) requests: u64,
}

impl Pauses {
    /// Those of two threads: a stopped process has the same pause on each of them.
    pub(crate) fn merge(self, other: Self) -> Self {
        Self {
            count: self.count.max(other.count),
            longest_ns: self.longest_ns.max(other.longest_ns),
            requests: self.requests + other.requests,
        }
    }
}

/// When a thread looked last, and what a pause leaves to be done. Times are in nanoseconds since the run began.
#[derive(Debug)]
pub(crate) struct PauseDetector {
    bound_ns: u64,
    looked_ns: u64,
    /// The end of the last pause; 0 if there was none.
    paused_until_ns: u64,
    /// Not everything has been read that came in the last pause.
    pub(crate) is_catching_up: bool,
}

impl PauseDetector {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self {
            bound_ns: nanoseconds(bound(timeout)),
            looked_ns: 0,
            paused_until_ns: 0,
            is_catching_up: false,
        }
    }

    /// Nothing before this time is a pause.
    pub(crate) fn begin(&mut self, at_ns: u64) {
        self.looked_ns = at_ns;
        self.paused_until_ns = 0;
        self.is_catching_up = false;
    }

    pub(crate) fn looked_ns(&self) -> u64 {
        self.looked_ns
    }

    /// The client looks now, and was to be asleep for so long since it did last. Returns whether it paused for longer.
    pub(crate) fn look(&mut self, now_ns: u64, asleep_ns: u64) -> Option<Pause> {
        let from_ns = std::mem::replace(&mut self.looked_ns, now_ns);
        let lasted_ns = now_ns.saturating_sub(from_ns).saturating_sub(asleep_ns);
        if lasted_ns <= self.bound_ns {
            return None;
        }
        self.paused_until_ns = now_ns;
        self.is_catching_up = true;
        Some(Pause {
            from_ns,
            until_ns: now_ns,
            lasted_ns,
        })
    }

    /// Whether a request that is in the system now was in it during a pause.
    pub(crate) fn met_pause(&self, due_ns: u64) -> bool {
        due_ns < self.paused_until_ns
    }

    pub(crate) fn paused_until_ns(&self) -> u64 {
        self.paused_until_ns
    }

    /// The time that decides whether a reply came in time that is read now: what is read for the first time after a pause may
    /// have come at any time of it.
    pub(crate) fn came_ns(&self, now_ns: u64) -> u64 {
        if self.is_catching_up {
            now_ns.min(self.paused_until_ns)
        } else {
            now_ns
        }
    }
}

/// A time in which the client did not look.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "units stand last in a name")]
pub(crate) struct Pause {
    from_ns: u64,
    pub(crate) until_ns: u64,
    /// Without what it was to be asleep.
    pub(crate) lasted_ns: u64,
}

impl Pause {
    /// A time from which something is waited for, later by what of the pause lies behind it.
    pub(crate) fn postpone(self, since_ns: u64) -> u64 {
        since_ns + self.until_ns.saturating_sub(self.from_ns.max(since_ns))
    }

    /// Gives a request the time again that the client did not look.
    pub(crate) fn prolong(self, request: &mut InFlight) {
        request.deadline_ns += self.postpone(request.sent_ns) - request.sent_ns;
    }
}
