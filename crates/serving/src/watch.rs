//! The signals of a process that lets them in only while it waits for connections.

use std::cell::Cell;
use std::io;
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::time::TimeSpec;

use crate::error::{Error, Result};
use crate::limits::{
    RETRY_PAUSE, full_was_reported, is_exhaustion, is_interruption, is_peers_fault, report_exhaustion_once,
    report_full_once,
};
use crate::listener::{Listener, has_waiting};
use crate::stop::Stop;

/// What ended a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// A signal. Ask [`Watch::stopping`], and reap children that have ended.
    Signal,
    /// One of the descriptors is readable.
    Ready,
    /// The time is over.
    Timeout,
}

/// The signals of a process that lets them in only while it waits.
///
/// Threads that it starts never receive one. Its children receive none until they call [`release`](Self::release).
#[derive(Debug)]
pub struct Watch {
    stop: Stop,
    open: SigSet,
    /// The listener is closed.
    closed: Cell<bool>,
}

impl Watch {
    /// Holds SIGTERM, SIGINT, SIGHUP and SIGCHLD back from now on.
    pub fn start(stop: Stop) -> Result<Self> {
        let held = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGCHLD]);
        let open = SigSet::thread_get_mask().map_err(Error::system("read the signal mask"))?;
        held.thread_block().map_err(Error::system("block signals"))?;
        Ok(Self {
            stop,
            open,
            closed: Cell::new(false),
        })
    }

    /// How those who serve connections learn that they should stop.
    #[must_use]
    pub fn stop(&self) -> Stop {
        self.stop
    }

    /// Whether the process has been asked to stop. This can only change in a [`wait`](Self::wait).
    #[must_use]
    pub fn stopping(&self) -> bool {
        self.stop.requested()
    }

    /// How long requests in progress may take once the process has been asked to stop.
    #[must_use]
    pub fn drain_timeout(&self) -> Duration {
        self.stop.drain_timeout()
    }

    /// Lets the signals through again, in a child that does not watch.
    pub fn release(&self) -> Result<()> {
        self.open
            .thread_set_mask()
            .map_err(Error::system("unblock signals"))
    }

    /// Waits for a signal, for one of these to become readable, or for the time to pass. A listener is readable when a
    /// connection waits.
    pub fn wait(&self, readable: &[BorrowedFd<'_>], timeout: Option<Duration>) -> Result<Woken> {
        let mut descriptors: Vec<_> = readable
            .iter()
            .map(|descriptor| PollFd::new(*descriptor, PollFlags::POLLIN))
            .collect();
        self.poll(&mut descriptors, timeout)
    }

    /// The same, and the descriptors show which of them are ready.
    pub(crate) fn poll(&self, descriptors: &mut [PollFd<'_>], timeout: Option<Duration>) -> Result<Woken> {
        match ppoll(descriptors, timeout.map(TimeSpec::from_duration), Some(self.open)) {
            Ok(0) => Ok(Woken::Timeout),
            Ok(_) => Ok(Woken::Ready),
            Err(Errno::EINTR) => {
                self.stop.reap_strangers();
                Ok(Woken::Signal)
            }
            Err(error) => Err(Error::system("wait for connections")(error)),
        }
    }

    /// Waits a little for room in a full table. The first time it reports that the table is full.
    pub fn ride_out(&self, what: &str, limit: &io::Error) -> Result<Woken> {
        report_exhaustion_once(what, limit);
        self.wait(&[], Some(RETRY_PAUSE))
    }

    /// Waits while this process holds as many connections as it may: for a signal, or for `ended` to become readable. The
    /// first time that a connection waits for room it reports so.
    pub fn wait_while_full(&self, listener: &Listener, ended: Option<BorrowedFd<'_>>) -> Result<()> {
        let mut readable: Vec<_> = ended.into_iter().collect();
        if !full_was_reported() {
            readable.push(listener.as_fd());
        }
        self.wait(&readable, None)?;
        if !full_was_reported() && has_waiting(listener) {
            report_full_once();
        }
        Ok(())
    }

    /// Waits for the next connection and accepts it. If the process should stop, it closes the listener and returns the
    /// connections that waited in the backlog, one per call, then none.
    ///
    /// `woken` is called after every signal. At the limit of descriptors it waits until it can accept again.
    pub fn accept(&self, listener: &Listener, mut woken: impl FnMut()) -> Result<Option<TcpStream>> {
        loop {
            if self.stopping() {
                return Ok(self.next_waiting(listener));
            }
            match self.wait(&[listener.as_fd()], None)? {
                Woken::Timeout => {}
                Woken::Signal => woken(),
                Woken::Ready => {
                    if let Some(stream) = self.accept_ready(listener, &mut woken)? {
                        return Ok(Some(stream));
                    }
                }
            }
        }
    }

    /// Accepts a connection that waits. Returns none if it can't; at the limit of descriptors only after a while.
    pub(crate) fn accept_ready(
        &self,
        listener: &Listener,
        woken: &mut impl FnMut(),
    ) -> Result<Option<TcpStream>> {
        let accepted = listener.backlog().accept_now();
        // If a descriptor is ready, ppoll lets no signal in. Under a flood of connections the listener is always ready.
        if self.wait(&[], Some(Duration::ZERO))? == Woken::Signal {
            woken();
        }
        match accepted {
            Ok(stream) => Ok(Some(stream)),
            Err(error) if is_interruption(&error) || is_peers_fault(&error) => Ok(None),
            Err(error) if is_exhaustion(&error) => {
                // The listener stays readable, so waiting for it again at once would spin.
                if self.ride_out("accept", &error)? == Woken::Signal {
                    woken();
                }
                Ok(None)
            }
            Err(error) => Err(Error::system("accept")(error)),
        }
    }

    /// The next connection that waited in the backlog. The first call closes the listener.
    fn next_waiting(&self, listener: &Listener) -> Option<TcpStream> {
        if !self.closed.replace(true) {
            listener.backlog().close_and_keep_waiting();
        }
        listener.backlog().next_waiting()
    }
}
