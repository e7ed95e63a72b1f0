//! Waiting until a request is due, more precisely than the milliseconds of `epoll_wait`.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use crate::plan::{Fault, Pacing};

/// The token of the timer's events, which no connection has.
pub(crate) const TIMER: Token = Token(usize::MAX);

/// How long before a request is due the thread stops sleeping and watches the clock.
///
/// A sleeping thread wakes late, because its CPU has to come back from idle: some 20 µs on real hardware, and hundreds of
/// microseconds on a virtual machine that has to be scheduled first. (A timerfd has no timer slack that could be turned off.)
/// The delay can only be measured by sleeping, so the spin time is learned by the rule of Robbins and Monro (Annals of
/// Mathematical Statistics 22 (3), 1951): a step up for each request that was overslept, and a small step down for each other
/// request. It settles where the steps cancel out. It counts requests and not sleeps: a thread that sleeps three milliseconds
/// too long at 10,000/s is late for thirty requests. It starts high, so that it learns from requests that were in time and
/// not from late ones.
#[derive(Debug, Clone, Copy, PartialEq)]
struct SpinTime {
    ns: f64,
}

impl SpinTime {
    /// This share of the requests finds the thread awake.
    const QUANTILE: f64 = 0.999;
    /// Large enough to adapt to a machine that becomes busy within a few dozen late wakes.
    const STEP_NS: f64 = 50_000.0;
    const LEAST_NS: f64 = 60_000.0;
    /// A longer delay means that the thread lost its CPU, which no spin time can prevent.
    const MOST_NS: f64 = 1_000_000.0;

    fn after(self, overslept: usize, in_time: usize) -> Self {
        let steps = Self::QUANTILE * overslept as f64 - (1.0 - Self::QUANTILE) * in_time as f64;
        Self {
            ns: (self.ns + steps * Self::STEP_NS).clamp(Self::LEAST_NS, Self::MOST_NS),
        }
    }
}

/// How to wait: by a poll that returns at once, or after this time at the latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    Spin,
    Sleep { most_ns: u64 },
}

/// Wakes the event loop when a request is due.
#[derive(Debug)]
pub(crate) struct Pacer {
    pacing: Pacing,
    timer: TimerFd,
    armed_for_ns: u64,
    spin_time: SpinTime,
    fault: Option<Fault>,
}

impl Pacer {
    /// A pacer that wakes the event loop of this registry.
    pub(crate) fn new(registry: &Registry, pacing: Pacing, fault: Option<Fault>) -> io::Result<Self> {
        let timer = TimerFd::new(
            ClockId::CLOCK_MONOTONIC,
            TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC,
        )?;
        registry.register(
            &mut SourceFd(&timer.as_fd().as_raw_fd()),
            TIMER,
            Interest::READABLE,
        )?;
        Ok(Self {
            pacing,
            timer,
            armed_for_ns: 0,
            spin_time: SpinTime {
                ns: SpinTime::MOST_NS,
            },
            fault,
        })
    }

    /// How to wait until `due_ns`, or for events until `most_ns`. Arms the timer if needed.
    pub(crate) fn until(&mut self, due_ns: u64, now_ns: u64, most_ns: u64) -> io::Result<Wait> {
        let most_ns = most_ns.saturating_sub(now_ns);
        if self.fault == Some(Fault::MillisecondTimer) {
            let whole_ms = due_ns.saturating_sub(now_ns).div_ceil(1_000_000) * 1_000_000;
            return Ok(Wait::Sleep {
                most_ns: most_ns.min(whole_ms),
            });
        }
        let Some(wake_ns) = self.sleeps_until(due_ns, now_ns) else {
            return Ok(Wait::Spin);
        };
        // The wait for the same request may be interrupted many times by replies.
        if self.armed_for_ns != wake_ns {
            // A time of zero disarms the timer.
            let after = Duration::from_nanos((wake_ns - now_ns).max(1));
            self.timer.set(
                Expiration::OneShot(TimeSpec::from_duration(after)),
                TimerSetTimeFlags::empty(),
            )?;
            self.armed_for_ns = wake_ns;
        }
        Ok(Wait::Sleep { most_ns })
    }

    /// Learns from the number of requests that were due when the timer ended a sleep, and of those sent in time since then.
    pub(crate) fn sent(&mut self, overslept: usize, in_time: usize) {
        self.spin_time = self.spin_time.after(overslept, in_time);
    }

    /// Whether it never sleeps.
    pub(crate) fn never_sleeps(&self) -> bool {
        self.pacing == Pacing::Spin && self.fault != Some(Fault::MillisecondTimer)
    }

    /// Until when to sleep, if at all.
    fn sleeps_until(&self, due_ns: u64, now_ns: u64) -> Option<u64> {
        let wake_ns = match self.pacing {
            Pacing::Spin => return None,
            Pacing::Sleep => due_ns,
            Pacing::Hybrid => due_ns.saturating_sub(self.spin_time.ns as u64),
        };
        (wake_ns > now_ns).then_some(wake_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pacer(pacing: Pacing, fault: Option<Fault>) -> Pacer {
        let poll = mio::Poll::new().unwrap();
        Pacer::new(poll.registry(), pacing, fault).unwrap()
    }

    const LATER_NS: u64 = 1_000_000_000;

    #[test]
    fn hybrid_sleeps_until_shortly_before_and_then_spins() {
        let mut pacer = pacer(Pacing::Hybrid, None);
        assert_eq!(
            pacer.until(1_500_000, 0, LATER_NS).unwrap(),
            Wait::Sleep { most_ns: LATER_NS }
        );
        assert_eq!(pacer.armed_for_ns, 500_000);
        assert_eq!(pacer.until(1_500_000, 500_000, LATER_NS).unwrap(), Wait::Spin);
        assert_eq!(pacer.until(1_500_000, 1_600_000, LATER_NS).unwrap(), Wait::Spin);
    }

    #[test]
    fn the_spin_time_settles_at_one_late_wake_per_thousand() {
        // Wake delays are uniform from 0 to 400 µs: all but one in 1,000 are shorter than 399.6 µs.
        let oversleeps = (0..200_000_u64).map(|number| number * 7_919 % 400_000);
        let spin_time = oversleeps.fold(SpinTime { ns: 60_000.0 }, |spin_time, oversleep_ns| {
            let overslept = usize::from(oversleep_ns as f64 > spin_time.ns);
            spin_time.after(overslept, 1 - overslept)
        });
        // It keeps moving up and down by a step.
        assert!((345_000.0..=455_000.0).contains(&spin_time.ns), "{spin_time:?}");
    }

    #[test]
    fn the_spin_time_stays_within_its_bounds() {
        let middle = SpinTime { ns: 500_000.0 };
        assert!((middle.after(0, 100_000).ns - SpinTime::LEAST_NS).abs() < 1.0);
        assert!((middle.after(100_000, 0).ns - SpinTime::MOST_NS).abs() < 1.0);
    }

    #[test]
    fn hybrid_learns_from_late_wakes() {
        let mut pacer = pacer(Pacing::Hybrid, None);
        pacer.sent(0, 10_000);
        pacer.until(2_000_000, 0, LATER_NS).unwrap();
        assert!(pacer.armed_for_ns.abs_diff(2_000_000 - 500_000) <= 1);
        pacer.sent(3, 1);
        pacer.until(4_000_000, 2_100_000, LATER_NS).unwrap();
        assert!(pacer.armed_for_ns.abs_diff(4_000_000 - 500_000 - 3 * 49_950 + 50) <= 1);
    }

    #[test]
    fn sleep_never_spins_and_spin_always_does() {
        let mut sleeps = pacer(Pacing::Sleep, None);
        assert!(matches!(
            sleeps.until(500_000, 499_999, LATER_NS).unwrap(),
            Wait::Sleep { .. }
        ));
        assert_eq!(
            pacer(Pacing::Spin, None).until(LATER_NS, 0, LATER_NS).unwrap(),
            Wait::Spin
        );
    }

    #[test]
    fn a_planted_fault_rounds_up_to_milliseconds() {
        let mut coarse = pacer(Pacing::Hybrid, Some(Fault::MillisecondTimer));
        assert_eq!(
            coarse.until(1_200_000, 0, LATER_NS).unwrap(),
            Wait::Sleep { most_ns: 2_000_000 }
        );
    }
}
