//! The one clock of a run.

#[cfg(test)]
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Nanoseconds since the run began, from the kernel's monotonic clock. All threads of a run share one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    began: Instant,
    /// The same, as the kernel's clock reads it.
    began_ns: u64,
    /// Its time, if a test steps it by hand.
    #[cfg(test)]
    stepped_ns: Option<&'static AtomicU64>,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            began: Instant::now(),
            began_ns: monotonic_ns(),
            #[cfg(test)]
            stepped_ns: None,
        }
    }

    /// When a stepped clock began, as the kernel's clock reads it.
    #[cfg(test)]
    pub(crate) const STEPPED_FROM_NS: u64 = 5_000_000_000;

    /// A clock that is at zero until it is set.
    #[cfg(test)]
    pub(crate) fn stepped() -> (Self, &'static AtomicU64) {
        let ns: &AtomicU64 = Box::leak(Box::default());
        let clock = Self {
            stepped_ns: Some(ns),
            began_ns: Self::STEPPED_FROM_NS,
            ..Self::start()
        };
        (clock, ns)
    }

    pub(crate) fn now_ns(&self) -> u64 {
        #[cfg(test)]
        if let Some(ns) = self.stepped_ns {
            return ns.load(Ordering::Relaxed);
        }
        monotonic_ns() - self.began_ns
    }

    /// The same time as the kernel's clock reads it.
    pub(crate) fn of_the_kernel_ns(&self, ns: u64) -> u64 {
        self.began_ns + ns
    }

    /// The time so many nanoseconds after the beginning.
    pub(crate) fn instant(&self, ns: u64) -> Instant {
        self.began + Duration::from_nanos(ns)
    }
}

/// The kernel's monotonic clock.
fn monotonic_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// A time in nanoseconds, at most 585 years.
pub(crate) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
