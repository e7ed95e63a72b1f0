//! The signals of a process: flags that handlers set, and the timer that ends a drain.
//!
//! A handler may do next to nothing, so ours only set flags. How a process notices a flag depends on where it waits:
//!
//! - One that only waits for connections and signals blocks the signals, and lets them in while it waits. ppoll(2) does
//!   both in one step, so that none is missed: [`Watch`](crate::Watch).
//! - One that blocks in accept, recv or send is interrupted (`EINTR`). A signal between the look at the flag and the call
//!   is noticed at the next look, or when a supervisor repeats it: [`Stop`](crate::Stop).
//! - An event loop adds a descriptor of its own, which becomes readable on a signal.
//!
//! The kernel restarts an interrupted call by itself (`SA_RESTART`) unless the socket has a timeout (signal(7)). So every
//! listener whose process blocks in it has a timeout, and what it accepts inherits it.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::signal::{SigEvent, SigSet, SigevNotify, Signal};
use nix::sys::time::TimeSpec;
use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
use nix::time::ClockId;
use nix::unistd::alarm;
use signal_hook::consts::{SIGALRM, SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use crate::error::{Error, Result};

static STOP: AtomicBool = AtomicBool::new(false);
static DRAIN_BEGUN: AtomicBool = AtomicBool::new(false);
/// The drain has lasted for [`SAME_WITHIN`]: the next signal of its timer is the last.
static DRAIN_LASTS: AtomicBool = AtomicBool::new(false);
/// The next request to stop ends the process at once.
static NEXT_ENDS: AtomicBool = AtomicBool::new(false);
/// A request to stop has come since the last look.
static ASKED: AtomicBool = AtomicBool::new(false);
/// SIGHUP has come since the last look: all workers should be replaced.
static RESTART: AtomicBool = AtomicBool::new(false);
/// A child has ended. At the start some may have: children of the program that became this server at exec.
static CHILD_ENDED: AtomicBool = AtomicBool::new(true);

/// A request to stop that follows the first this soon is the same one: timeout(1) sends its signal to a program, and then
/// to the group that the program is in.
pub(crate) const SAME_WITHIN: Duration = Duration::from_millis(100);

/// The exit code of a server that a second request to stop ended, with requests in progress.
const STOPPED_TWICE: i32 = 1;

/// Whether this process has been asked to stop.
pub(crate) fn is_asked() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// Whether a request to stop has come since the last call.
pub(crate) fn take_request() -> bool {
    ASKED.swap(false, Ordering::SeqCst)
}

/// Whether SIGHUP has come since the last call.
pub(crate) fn take_restart() -> bool {
    RESTART.load(Ordering::Relaxed) && RESTART.swap(false, Ordering::SeqCst)
}

/// Takes SIGHUP as a request to replace all workers.
pub(crate) fn notice_restarts() -> io::Result<()> {
    flag::register(SIGHUP, &RESTART).map(|_| ())
}

/// Whether a child has ended since the last call.
pub(crate) fn take_child_ended() -> bool {
    CHILD_ENDED.load(Ordering::Relaxed) && CHILD_ENDED.swap(false, Ordering::SeqCst)
}

/// Whether this is the first call. The process drains from that call on.
pub(crate) fn take_drain() -> bool {
    !DRAIN_BEGUN.load(Ordering::Relaxed) && !DRAIN_BEGUN.swap(true, Ordering::SeqCst)
}

/// Handles SIGCHLD, so that a child's end ends a wait.
pub(crate) fn notice_children() -> io::Result<()> {
    flag::register(SIGCHLD, &CHILD_ENDED).map(|_| ())
}

/// Takes SIGTERM and SIGINT as a request to stop, and lets the timer of [`limit_drain`] end the process.
pub(crate) fn notice_requests() -> Result<()> {
    let install = || -> io::Result<()> {
        for signal in [SIGTERM, SIGINT] {
            flag::register_conditional_shutdown(signal, STOPPED_TWICE, &NEXT_ENDS)?;
            flag::register(signal, &STOP)?;
            flag::register(signal, &ASKED)?;
        }
        // The timer's signal ends the process wherever it is: in a handler that computes, in a write to a peer that does
        // not read.
        flag::register_conditional_shutdown(SIGALRM, 0, &DRAIN_LASTS)?;
        Ok(())
    };
    let _held_back = HeldBack::requests().map_err(Error::system("block signals"))?;
    install().map_err(Error::system("handle signals"))
}

/// Holds signals back from this thread. They are let in when this is dropped.
pub(crate) struct HeldBack {
    mask_before: SigSet,
}

impl HeldBack {
    /// SIGTERM and SIGINT, while handlers are set up: a handler is in place before its action is, and a signal in between
    /// would be lost.
    fn requests() -> nix::Result<Self> {
        Self::of_this_thread(&[Signal::SIGTERM, Signal::SIGINT])
    }

    /// All signals that a server handles by a flag. A thread that is started meanwhile never receives one.
    pub(crate) fn from_new_threads() -> nix::Result<Self> {
        Self::of_this_thread(&[Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGCHLD])
    }

    fn of_this_thread(signals: &[Signal]) -> nix::Result<Self> {
        let mask_before = SigSet::thread_get_mask()?;
        let held_back: SigSet = signals.iter().copied().collect();
        held_back.thread_block()?;
        Ok(Self { mask_before })
    }
}

impl Drop for HeldBack {
    fn drop(&mut self) {
        // It only fails for a mask that the kernel did not write.
        let _ = self.mask_before.thread_set_mask();
    }
}

/// Ends the process with exit code 0 after this time. If `second_ends`, a request to stop that comes later than
/// [`SAME_WITHIN`] ends it at once, with [`STOPPED_TWICE`].
pub(crate) fn limit_drain(timeout: Duration, second_ends: bool) {
    if set_drain_timer(timeout, second_ends).is_err() {
        // The limit of queued signals is reached (ulimit -i). alarm(2) needs none, and counts whole seconds.
        DRAIN_LASTS.store(true, Ordering::SeqCst);
        NEXT_ENDS.store(second_ends, Ordering::SeqCst);
        let whole_s = timeout.as_millis().div_ceil(1000);
        alarm::set(u32::try_from(whole_s).unwrap_or(u32::MAX).max(1));
    }
}

/// The timer's first signal sets the flags, and its second ends the process.
fn set_drain_timer(timeout: Duration, second_ends: bool) -> io::Result<()> {
    flag::register(SIGALRM, &DRAIN_LASTS)?;
    if second_ends {
        flag::register(SIGALRM, &NEXT_ENDS)?;
    }
    let signal = SigevNotify::SigevSignal {
        signal: Signal::SIGALRM,
        si_value: 0,
    };
    let mut timer = Timer::new(ClockId::CLOCK_MONOTONIC, SigEvent::new(signal))?;
    let first = SAME_WITHIN.min(timeout / 2);
    let rest = timeout.saturating_sub(first);
    timer.set(
        Expiration::IntervalDelayed(TimeSpec::from_duration(first), TimeSpec::from_duration(rest)),
        TimerSetTimeFlags::empty(),
    )?;
    // To drop it would disarm it.
    std::mem::forget(timer);
    Ok(())
}
