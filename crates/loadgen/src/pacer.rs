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

/// A sleep that is to end now ends up to some 60 µs later (the kernel's timer slack is 50 µs): for this long before a
/// request is due, the clock is looked at without sleeping.
const SPIN_NS: u64 = 60_000;

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

    /// Until when to sleep, if at all.
    fn sleeps_until(&self, due_ns: u64, now_ns: u64) -> Option<u64> {
        let wake_ns = match self.pacing {
            Pacing::Spin => return None,
            Pacing::Sleep => due_ns,
            Pacing::Hybrid => due_ns.saturating_sub(SPIN_NS),
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
            pacer.until(500_000, 0, LATER_NS).unwrap(),
            Wait::Sleep { most_ns: LATER_NS }
        );
        assert_eq!(pacer.armed_for_ns, 440_000);
        assert_eq!(pacer.until(500_000, 440_000, LATER_NS).unwrap(), Wait::Spin);
        assert_eq!(pacer.until(500_000, 600_000, LATER_NS).unwrap(), Wait::Spin);
    }

    #[test]
    fn sleep_never_spins_before_it_is_due_and_spin_always_does() {
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
