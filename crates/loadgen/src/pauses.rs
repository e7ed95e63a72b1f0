//! Pauses of this client: how long it did not run, and which requests were in the system meanwhile.
//!
//! A stopped process (`SIGSTOP`, a debugger, a suspended machine) or one without a CPU can't read replies. A reply that it
//! finds after the pause came at an unknown time within it. So a pause never causes a timeout: the time of a request stands
//! still meanwhile.

use std::time::Duration;

use crate::clock::nanoseconds;
use crate::connection::InFlight;

/// A longer time without a reading of the clock is a pause, unless half the timeout is less.
const BOUND: Duration = Duration::from_millis(100);
/// Handling all events of one poll takes milliseconds, and on a busy machine a thread waits as long for a CPU.
const BOUND_LEAST: Duration = Duration::from_millis(10);

/// The shortest pause that counts: 100 ms, or half the timeout if that is less, but 10 ms at least.
pub(crate) fn bound(timeout: Duration) -> Duration {
    (timeout / 2).clamp(BOUND_LEAST, BOUND)
}

/// The pauses of one thread, or of all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pauses {
    /// The number of pauses that lasted into the window or the drain after it.
    pub(crate) count: u64,
    pub(crate) longest_ns: u64,
    /// The number of counted requests that were in the system during one.
    pub(crate) requests: u64,
}

impl Pauses {
    /// Merges those of two threads: a stopped process has the same pause on each thread.
    pub(crate) fn merge(self, other: Self) -> Self {
        Self {
            count: self.count.max(other.count),
            longest_ns: self.longest_ns.max(other.longest_ns),
            requests: self.requests + other.requests,
        }
    }
}

/// Detects pauses from the readings of the clock. Times are in nanoseconds since the run began.
#[derive(Debug)]
pub(crate) struct PauseDetector {
    bound_ns: u64,
    last_tick_ns: u64,
    /// The end of the last pause; 0 if there was none.
    paused_until_ns: u64,
    /// Whether replies that came in the last pause may not have been read yet.
    pub(crate) is_catching_up: bool,
}

impl PauseDetector {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self {
            bound_ns: nanoseconds(bound(timeout)),
            last_tick_ns: 0,
            paused_until_ns: 0,
            is_catching_up: false,
        }
    }

    /// Starts the detection at this time.
    pub(crate) fn begin(&mut self, at_ns: u64) {
        self.last_tick_ns = at_ns;
        self.paused_until_ns = 0;
        self.is_catching_up = false;
    }

    pub(crate) fn last_tick_ns(&self) -> u64 {
        self.last_tick_ns
    }

    /// Records a reading of the clock after a wait of at most `asleep_ns`. Returns the pause, if the client paused.
    pub(crate) fn tick(&mut self, now_ns: u64, asleep_ns: u64) -> Option<Pause> {
        let from_ns = std::mem::replace(&mut self.last_tick_ns, now_ns);
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

    /// The time by which a reply that is read now is judged. One that is read after a pause may have come at its beginning.
    pub(crate) fn came_ns(&self, now_ns: u64) -> u64 {
        if self.is_catching_up {
            now_ns.min(self.paused_until_ns)
        } else {
            now_ns
        }
    }
}

/// A time in which the client did not run.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "units stand last in a name")]
pub(crate) struct Pause {
    from_ns: u64,
    pub(crate) until_ns: u64,
    /// Its length, without the intended wait.
    pub(crate) lasted_ns: u64,
}

impl Pause {
    /// Postpones the start of a wait by the part of the pause after it.
    pub(crate) fn postpone(self, since_ns: u64) -> u64 {
        since_ns + self.until_ns.saturating_sub(self.from_ns.max(since_ns))
    }

    /// Extends the deadline of a request by the pause.
    pub(crate) fn prolong(self, request: &mut InFlight) {
        request.deadline_ns += self.postpone(request.sent_ns) - request.sent_ns;
    }
}
