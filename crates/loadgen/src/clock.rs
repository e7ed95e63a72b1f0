//! The one clock of a run.

use std::time::{Duration, Instant};

/// Nanoseconds since the run began, from the kernel's monotonic clock. All threads of a run share one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    began: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            began: Instant::now(),
        }
    }

    pub(crate) fn now_ns(&self) -> u64 {
        nanoseconds(self.began.elapsed())
    }

    /// The moment that lies so many nanoseconds after the beginning.
    pub(crate) fn instant(&self, ns: u64) -> Instant {
        self.began + Duration::from_nanos(ns)
    }
}

/// A time in nanoseconds; 585 years, if it is longer.
pub(crate) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
