//! How a process learns that it should stop, and how its drain begins.

use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nix::sys::wait::{WaitPidFlag, waitpid};

use crate::backlog::Backlog;
use crate::error::Result;
use crate::signals::{is_asked, limit_drain, notice_requests, take_child_ended, take_drain};

/// The oldest generation of worker threads that serves. Those before it drain.
static SERVING: AtomicU64 = AtomicU64::new(0);

/// From now on worker threads of earlier generations drain, and leave what they have not begun to this one.
pub(crate) fn retire_before(generation: u64) {
    SERVING.store(generation, Ordering::SeqCst);
}

/// Whether this process should stop, and what its drain begins with.
///
/// To ask is one thing, and to act another. [`requested`](Self::requested) only looks. Whoever then stops reading or
/// accepting calls [`begin_drain`](Self::begin_drain). Whoever holds the thread for long, in a handler or a blocking call,
/// calls [`handle_signals`](Self::handle_signals) meanwhile, so that the drain begins in time.
#[derive(Debug, Clone, Copy)]
pub struct Stop {
    drain_timeout: Duration,
    look_again: Option<Duration>,
    /// This process starts no child, so it reaps whatever child it has.
    childless: bool,
    /// What this process closes as its drain begins.
    closes: Option<&'static Backlog>,
    /// A parent repeats the request to this process, so the second one means no more than the first.
    repeated: bool,
    /// Another thread of this process acts on signals.
    handled_elsewhere: bool,
    /// The generation of a worker thread. It stops when the main thread retires its generation, and not at a signal.
    generation: Option<u64>,
}

impl Stop {
    /// Takes SIGTERM and SIGINT as a request to stop. Nobody repeats the signal to this process, so it looks at the flag
    /// once a second.
    pub fn install(drain_timeout: Duration) -> Result<Self> {
        notice_requests()?;
        Ok(Self {
            drain_timeout,
            look_again: Some(Duration::from_secs(1)),
            childless: true,
            closes: None,
            repeated: false,
            handled_elsewhere: false,
            generation: None,
        })
    }

    /// The same in a process whose parent repeats the signal until it is heeded.
    #[must_use]
    pub(crate) fn supervised(self) -> Self {
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

    /// The same for threads that another one wakes, by closing what they read from, and that never look by themselves. A
    /// socket without a timeout saves the kernel a timer for each call that blocks: 4 % of the cost of a request.
    #[must_use]
    pub(crate) fn woken_by_close(self) -> Self {
        Self {
            look_again: None,
            ..self
        }
    }

    /// The same for a thread that runs jobs, in a process whose main thread acts on signals. Such a thread never begins the
    /// drain: the main thread would go on before all that waits in the backlog is accepted.
    #[must_use]
    pub fn handled_elsewhere(self) -> Self {
        Self {
            look_again: None,
            handled_elsewhere: true,
            ..self
        }
    }

    /// The same for a process that closes this socket as its drain begins.
    #[must_use]
    pub(crate) fn closing(self, backlog: &'static Backlog) -> Self {
        Self {
            closes: Some(backlog),
            ..self
        }
    }

    /// How long requests in progress may take once the process or worker has been asked to stop.
    #[must_use]
    pub fn drain_timeout(&self) -> Duration {
        self.drain_timeout
    }

    /// The same for a worker thread of this generation, which the main thread wakes.
    #[must_use]
    pub(crate) fn in_generation(self, generation: u64) -> Self {
        Self {
            look_again: None,
            generation: Some(generation),
            ..self
        }
    }

    /// Whether this is a worker that stops, in whose place another one serves. What it has not begun is left to that one.
    #[must_use]
    pub fn has_successor(&self) -> bool {
        match self.generation {
            None => self.repeated && is_asked(),
            Some(_) => self.is_replaced(),
        }
    }

    /// Whether this is a worker thread that stops while its process goes on.
    pub(crate) fn is_replaced(&self) -> bool {
        self.generation.is_some() && self.requested() && !is_asked()
    }

    /// Whether signals concern whoever has this. Of a server's threads the main thread alone sees them.
    #[must_use]
    pub fn sees_signals(&self) -> bool {
        self.generation.is_none()
    }

    /// The longest that a blocking call may go without a look at the flag, if it has to look at all.
    #[must_use]
    pub(crate) fn look_again(&self) -> Option<Duration> {
        self.look_again
    }

    /// Whether the process, or this worker thread, should finish what has arrived, and end.
    #[must_use]
    pub fn requested(&self) -> bool {
        match self.generation {
            None => is_asked(),
            Some(generation) => generation < SERVING.load(Ordering::Acquire),
        }
    }

    /// Begins the drain of this process; further calls do nothing.
    ///
    /// It closes the listener, if the process has one to close, and starts the drain timeout. When that ends, so does the
    /// process, with exit code 0, whatever it is doing. A second request to stop ends it at once, with exit code 1.
    ///
    /// In a worker thread it does nothing: the main thread begins the drain of the process.
    pub fn begin_drain(&self) {
        if self.generation.is_none() && take_drain() {
            if let Some(backlog) = self.closes {
                backlog.close_and_keep_waiting();
            }
            limit_drain(self.drain_timeout, !self.repeated);
        }
    }

    /// Acts on the signals that have come: begins the drain if the process has been asked to stop, and reaps children that
    /// have ended.
    pub fn handle_signals(&self) {
        if self.handled_elsewhere {
            return;
        }
        self.reap_strangers();
        if self.requested() {
            self.begin_drain();
        }
    }

    /// Reaps children that were left to this process: those of the program that it was before exec, or orphans where it is
    /// a container's first process.
    pub fn reap_strangers(&self) {
        if self.childless && take_child_ended() {
            while waitpid(None, Some(WaitPidFlag::WNOHANG)).is_ok_and(|status| status.pid().is_some()) {}
        }
    }

    /// The next connection that waited in the backlog as the drain began, for an event loop. A blocking server gets it from
    /// [`Listener::accept`](crate::Listener::accept).
    #[must_use]
    pub fn next_waiting(&self) -> Option<TcpStream> {
        self.closes.and_then(Backlog::next_waiting)
    }
}
