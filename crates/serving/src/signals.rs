//! How a process learns that it should stop, and how long it may still take.
//!
//! A handler may do next to nothing, so all that ours do is set a flag. What remains is to notice the flag:
//!
//! - A process that only waits for connections and signals blocks the signals and lets them in while it waits, with
//!   ppoll(2), which does both in one step, so that none is missed: [`Watch`](crate::Watch).
//! - A process that is blocked in accept, recv or send is interrupted (`EINTR`). A signal that comes between the look at
//!   the flag and the call is noticed when it comes again, which a supervisor sees to, or after [`Stop::look_again`].
//! - An event loop adds a descriptor of its own that becomes readable on a signal.
//!
//! The kernel restarts an interrupted call by itself (`SA_RESTART`) unless the socket has a timeout (signal(7)): so
//! every listener whose process blocks in it has one, and what it accepts inherits it.

use std::io;
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::{SigEvent, SigSet, SigevNotify, Signal};
use nix::sys::time::TimeSpec;
use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::time::ClockId;
use nix::unistd::alarm;
use protocol::Work;
use signal_hook::consts::{SIGALRM, SIGCHLD, SIGINT, SIGTERM};
use signal_hook::flag;

use crate::listener::Listener;
use crate::{Error, Result};

static STOP: AtomicBool = AtomicBool::new(false);
static DRAIN_BEGUN: AtomicBool = AtomicBool::new(false);
/// The drain has lasted for [`SAME_WITHIN`]: the next signal of its timer is the last.
static DRAIN_LASTS: AtomicBool = AtomicBool::new(false);
/// The next request to stop ends the process at once.
static NEXT_ENDS: AtomicBool = AtomicBool::new(false);
/// A request to stop has come since somebody last looked.
static ASKED: AtomicBool = AtomicBool::new(false);
/// Some child has ended. At the start some may have: children of the program that became this server at exec.
static CHILD_CHANGED: AtomicBool = AtomicBool::new(true);

/// A request to stop that follows the first this soon is the same one: timeout(1) sends its signal to a program, and then
/// to the group that the program is in.
pub(crate) const SAME_WITHIN: Duration = Duration::from_millis(100);

/// The exit code of a server that a second request to stop ended, with requests in progress.
const CUT_SHORT: i32 = 1;

/// Whether this process has been asked to stop. To look begins no drain.
pub(crate) fn is_asked() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// Whether a request to stop has come since the last look.
pub(crate) fn take_request() -> bool {
    ASKED.swap(false, Ordering::SeqCst)
}

/// Handles SIGCHLD, so that a child's end ends a wait.
pub(crate) fn notice_children() -> io::Result<()> {
    flag::register(SIGCHLD, &CHILD_CHANGED).map(|_| ())
}

/// Whether this process has been asked to stop.
#[derive(Debug, Clone, Copy)]
pub struct Stop {
    drain_timeout: Duration,
    look_again: Option<Duration>,
    /// This process starts no child, so that it reaps whatever child it has.
    childless: bool,
    /// What this process closes as its drain begins.
    closes: Option<&'static Listener>,
    /// A parent repeats the request to this process, so that the second one means no more than the first.
    repeated: bool,
}

impl Stop {
    /// Takes SIGTERM and SIGINT as a request to stop. Nobody repeats the signal to this process, so it looks at the flag
    /// once a second.
    pub fn install(drain_timeout: Duration) -> Result<Self> {
        let install = || -> io::Result<()> {
            for signal in [SIGTERM, SIGINT] {
                flag::register_conditional_shutdown(signal, CUT_SHORT, &NEXT_ENDS)?;
                flag::register(signal, &STOP)?;
                flag::register(signal, &ASKED)?;
            }
            // The drain timer's signal ends the process wherever it is: in a handler that computes, in a write to a peer
            // that does not read.
            flag::register_conditional_shutdown(SIGALRM, 0, &DRAIN_LASTS)?;
            Ok(())
        };
        // A handler is there before its action is, and a signal in between would be lost. So they are held back meanwhile.
        let held = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT]);
        held.thread_block().map_err(Error::system("block signals"))?;
        install().map_err(Error::system("handle signals"))?;
        held.thread_unblock().map_err(Error::system("unblock signals"))?;
        Ok(Self {
            drain_timeout,
            look_again: Some(Duration::from_secs(1)),
            childless: true,
            closes: None,
            repeated: false,
        })
    }

    /// The same in a process whose parent repeats the signal until it is heeded.
    #[must_use]
    pub fn supervised(self) -> Self {
        Self {
            look_again: Some(Duration::from_secs(60)),
            repeated: true,
            ..self
        }
    }

    /// The same in a process that starts children and reaps them itself.
    #[must_use]
    pub(crate) fn with_children(self) -> Self {
        Self {
            childless: false,
            ..self
        }
    }

    /// Reaps children that somebody else left to this process: those of the program that it was before exec, or orphans
    /// where it is a container's first process.
    pub(crate) fn reap_strangers(self) {
        if self.childless
            && CHILD_CHANGED.load(Ordering::Relaxed)
            && CHILD_CHANGED.swap(false, Ordering::SeqCst)
        {
            while waitpid(None, Some(WaitPidFlag::WNOHANG)).is_ok_and(|status| status.pid().is_some()) {}
        }
    }

    /// The same for threads that another one wakes, by closing what they read from, and that never look by themselves. A
    /// socket without a timeout saves the kernel a timer for each call that blocks: 4 % of what a request costs.
    #[must_use]
    pub fn woken_by_close(self) -> Self {
        Self {
            look_again: None,
            ..self
        }
    }

    /// The same for a process that notices a request to stop while it serves a connection: it closes this listener at
    /// once, so that nobody connects in vain. Those that waited in the backlog are kept, and served after what is open.
    #[must_use]
    pub fn closing(self, listener: &'static Listener) -> Self {
        Self {
            closes: Some(listener),
            ..self
        }
    }

    /// The next connection that waited in the backlog as the drain began, for an event loop. A blocking server gets it from
    /// [`Listener::accept`].
    #[must_use]
    pub fn next_of_last(&self) -> Option<TcpStream> {
        self.closes.and_then(Listener::next_of_last)
    }

    /// How long requests in progress may take once the process has been asked to stop.
    #[must_use]
    pub(crate) fn drain_timeout(&self) -> Duration {
        self.drain_timeout
    }

    /// Whether this process is a worker, in whose place its supervisor starts another one.
    #[must_use]
    pub fn has_supervisor(&self) -> bool {
        self.repeated
    }

    /// The longest that a blocking call may go without a look at the flag, if it has to look at all.
    #[must_use]
    pub fn look_again(&self) -> Option<Duration> {
        self.look_again
    }

    /// Whether the process should finish what has arrived, and end.
    ///
    /// The first call that returns true begins the drain: it closes the listener of [`closing`](Self::closing), and starts
    /// the drain timeout. When that ends, so does the process, with exit code 0, whatever it is doing. A second request to
    /// stop ends it at once, with exit code 1.
    #[must_use]
    pub fn requested(&self) -> bool {
        self.reap_strangers();
        let requested = is_asked();
        if requested && !DRAIN_BEGUN.load(Ordering::Relaxed) && !DRAIN_BEGUN.swap(true, Ordering::SeqCst) {
            self.begin_drain();
        }
        requested
    }

    /// Does what a handler holds its thread for.
    pub fn perform(&self, work: Work) {
        match work {
            Work::Compute => {}
            Work::Spin(duration) => self.spin(duration),
            Work::Block(duration) => self.pause(duration),
        }
    }

    /// Waits for this long and holds the thread meanwhile.
    pub fn pause(&self, duration: Duration) {
        self.wait(&mut [], Instant::now() + duration);
    }

    /// Waits for one of these events on a socket, or for an error on it, or until that time. Holds the thread meanwhile.
    /// Returns whether there was an event.
    pub(crate) fn wait_for(&self, socket: &TcpStream, events: PollFlags, until: Instant) -> bool {
        self.wait(&mut [PollFd::new(socket.as_fd(), events)], until)
    }

    /// The same, but returns after a signal and after [`look_again`](Self::look_again) as well.
    pub(crate) fn has_event(&self, socket: &TcpStream, events: PollFlags, until: Instant) -> bool {
        self.wait_once(&mut [PollFd::new(socket.as_fd(), events)], until)
    }

    fn wait(&self, descriptors: &mut [PollFd<'_>], until: Instant) -> bool {
        loop {
            // The look starts the drain timeout for a process that is asked to stop in the middle of a long wait.
            let _ = self.requested();
            if self.wait_once(descriptors, until) {
                return true;
            }
            if Instant::now() >= until {
                return false;
            }
        }
    }

    fn wait_once(&self, descriptors: &mut [PollFd<'_>], until: Instant) -> bool {
        let left = until.saturating_duration_since(Instant::now());
        let most = self.look_again.map_or(left, |look_again| left.min(look_again));
        ppoll(descriptors, Some(TimeSpec::from_duration(most)), None).is_ok_and(|ready| ready > 0)
    }

    /// Keeps the CPU busy for this long.
    fn spin(&self, duration: Duration) {
        let start = Instant::now();
        while start.elapsed() < duration {
            let _ = self.requested();
            std::hint::spin_loop();
        }
    }

    /// Bounds the drain by its timeout, and from [`SAME_WITHIN`] on by the next request to stop.
    fn begin_drain(self) {
        if let Some(listener) = self.closes {
            listener.close_after_a_last_look();
        }
        if self.set_drain_timer().is_err() {
            // The limit of queued signals is reached (ulimit -i). alarm(2) needs none, and counts whole seconds.
            DRAIN_LASTS.store(true, Ordering::SeqCst);
            NEXT_ENDS.store(!self.repeated, Ordering::SeqCst);
            let whole_s = self.drain_timeout.as_millis().div_ceil(1000);
            alarm::set(u32::try_from(whole_s).unwrap_or(u32::MAX).max(1));
        }
    }

    /// The timer's first signal sets the flags, and its second ends the process.
    fn set_drain_timer(self) -> io::Result<()> {
        flag::register(SIGALRM, &DRAIN_LASTS)?;
        if !self.repeated {
            flag::register(SIGALRM, &NEXT_ENDS)?;
        }
        let signal = SigevNotify::SigevSignal {
            signal: Signal::SIGALRM,
            si_value: 0,
        };
        let mut timer = Timer::new(ClockId::CLOCK_MONOTONIC, SigEvent::new(signal))?;
        let first = SAME_WITHIN.min(self.drain_timeout / 2);
        let rest = self.drain_timeout.saturating_sub(first);
        timer.set(
            Expiration::IntervalDelayed(TimeSpec::from_duration(first), TimeSpec::from_duration(rest)),
            TimerSetTimeFlags::empty(),
        )?;
        // To drop it would disarm it.
        std::mem::forget(timer);
        Ok(())
    }
}
