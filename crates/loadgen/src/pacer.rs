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

/// For how long before a request is due the clock is looked at without sleeping.
///
/// A sleeper wakes late by what it takes a processor to come back from idle, some 20 µs on a machine of one's own and
/// hundreds of microseconds on a virtual one that has to be scheduled first. (A timerfd has no timer slack that could be
/// turned off.) How much that is can only be seen by sleeping, so the stretch is learnt, by the rule of Robbins and Monro
/// (Annals of Mathematical Statistics 22 (3), 1951): a step up for each request that was overslept, a small step down for
/// each that was not, so that it comes to rest where the steps cancel out. It is requests that are counted and not sleeps,
/// since who sleeps for three milliseconds too long at 10,000/s is late for thirty. It is learnt from above: a machine is
/// taken for one that wakes sleepers late until requests enough were in time, and not at the cost of some that were not.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Stretch {
    ns: f64,
}

impl Stretch {
    /// Of the requests, this share finds the thread awake.
    const QUANTILE: f64 = 0.999;
    /// Large enough to follow a machine that becomes busy within a few dozen of its long oversleeps.
    const STEP_NS: f64 = 50_000.0;
    const LEAST_NS: f64 = 60_000.0;
    /// Who oversleeps by more than this has been taken off the processor, which no stretch is long enough for.
    const MOST_NS: f64 = 1_000_000.0;

    fn after(self, overslept: usize, in_time: usize) -> Self {
        let steps = Self::QUANTILE * overslept as f64 - (1.0 - Self::QUANTILE) * in_time as f64;
        Self {
            ns: (self.ns + steps * Self::STEP_NS).clamp(Self::LEAST_NS, Self::MOST_NS),
        }
    }
}

/// How to wait: for a poll that returns at once, or at the latest after this long.
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
    stretch: Stretch,
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
            stretch: Stretch { ns: Stretch::MOST_NS },
            fault,
        })
    }

    /// How to wait until `due_ns`, or for what else happens before `most_ns`; arms the timer where that needs one.
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
        // The same request may be waited for again and again while replies come in.
        if self.armed_for_ns != wake_ns {
            // The kernel takes a time of zero as "never".
            let after = Duration::from_nanos((wake_ns - now_ns).max(1));
            self.timer.set(
                Expiration::OneShot(TimeSpec::from_duration(after)),
                TimerSetTimeFlags::empty(),
            )?;
            self.armed_for_ns = wake_ns;
        }
        Ok(Wait::Sleep { most_ns })
    }

    /// So many requests had fallen due when the timer ended a sleep, and so many more have been sent since the last.
    pub(crate) fn sent(&mut self, overslept: usize, in_time: usize) {
        self.stretch = self.stretch.after(overslept, in_time);
    }

    /// Whether it never sleeps, whatever is waited for.
    pub(crate) fn never_sleeps(&self) -> bool {
        self.pacing == Pacing::Spin && self.fault != Some(Fault::MillisecondTimer)
    }

    /// Until when to sleep, if at all.
    fn sleeps_until(&self, due_ns: u64, now_ns: u64) -> Option<u64> {
        let wake_ns = match self.pacing {
            Pacing::Spin => return None,
            Pacing::Sleep => due_ns,
            Pacing::Hybrid => due_ns.saturating_sub(self.stretch.ns as u64),
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
        // Oversleeps from 0 to 400 µs, each as often as the others: 399.6 µs is longer than all but one in 1,000.
        let oversleeps = (0..200_000_u64).map(|number| number * 7_919 % 400_000);
        let stretch = oversleeps.fold(Stretch { ns: 60_000.0 }, |stretch, oversleep_ns| {
            let overslept = usize::from(oversleep_ns as f64 > stretch.ns);
            stretch.after(overslept, 1 - overslept)
        });
        // It keeps moving by a step.
        assert!((345_000.0..=455_000.0).contains(&stretch.ns), "{stretch:?}");
    }

    #[test]
    fn the_stretch_stays_within_its_bounds() {
        let middle = Stretch { ns: 500_000.0 };
        assert!((middle.after(0, 100_000).ns - Stretch::LEAST_NS).abs() < 1.0);
        assert!((middle.after(100_000, 0).ns - Stretch::MOST_NS).abs() < 1.0);
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
