//! A listener, and the operation that accepts from it.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use completions::Ring;
use serving::limits::{
    RETRY_PAUSE, full_was_reported, is_closed, is_exhaustion, is_peers_fault, report_exhaustion_once,
    report_full_once,
};
use serving::listener::has_waiting;
use serving::{Error, Listener, Result};

use crate::token::Token;

/// The listener of a loop. One operation accepts all connections that come (multishot). If their number is limited, an
/// operation accepts one, so that none is accepted for which there is no room.
pub(crate) struct Acceptor {
    listener: &'static Listener,
    max_connections: Option<usize>,
    state: State,
    /// A connection waited when the loop was full at its last look.
    had_waiting: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// An operation is in progress.
    Accepting,
    /// None is. There will be one when fewer connections are open than these, and at this time if there is one.
    Paused { open: usize, retry_at: Option<Instant> },
}

impl Acceptor {
    pub(crate) fn new(listener: &'static Listener, max_connections: Option<usize>) -> Self {
        Self {
            listener,
            max_connections,
            state: State::Paused {
                open: usize::MAX,
                retry_at: None,
            },
            had_waiting: false,
        }
    }

    /// Takes note that a connection was accepted.
    pub(crate) fn notice_accepted(&mut self, more: bool) {
        if !more {
            self.pause(usize::MAX, None);
        }
    }

    /// Takes note that none was accepted, while `open` were open.
    pub(crate) fn notice_error(&mut self, error: io::Error, open: usize, more: bool) -> Result<()> {
        if more {
            return Ok(());
        }
        if is_exhaustion(&error) {
            // The kernel needs a descriptor even to find that nobody waits.
            if has_waiting(&self.listener) {
                report_exhaustion_once("accept", &error);
            }
            self.pause(open, Some(RETRY_PAUSE));
        } else if is_closed(&error) {
            self.pause(0, None);
        } else if is_peers_fault(&error) || is_cancelled(&error) {
            self.pause(usize::MAX, None);
        } else {
            return Err(Error::system("accept")(error));
        }
        Ok(())
    }

    /// Accepts on, if there is room and none of this is in progress.
    pub(crate) fn accept(&mut self, ring: &mut Ring, open: usize) {
        let State::Paused {
            open: open_then,
            retry_at,
        } = self.state
        else {
            return;
        };
        let is_due = retry_at.is_some_and(|at| at <= Instant::now());
        if open >= open_then && !is_due {
            return;
        }
        if self.max_connections.is_some_and(|most| open >= most) {
            self.report_if_full(is_due);
            let retry_in = (!full_was_reported()).then_some(RETRY_PAUSE);
            self.pause(open, retry_in);
            return;
        }
        self.state = State::Accepting;
        let is_limited = self.max_connections.is_some();
        ring.accept(self.descriptor(), !is_limited, Token::Listener.number());
    }

    /// At the second look in a row that finds a connection waiting for room, that is reported.
    fn report_if_full(&mut self, is_due: bool) {
        let has_waiting = is_due && has_waiting(&self.listener);
        if has_waiting && self.had_waiting {
            report_full_once();
        }
        self.had_waiting = has_waiting;
    }

    /// How long until it has to try again, if there is a time for it.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        match self.state {
            State::Paused {
                retry_at: Some(at), ..
            } => Some(at.saturating_duration_since(Instant::now())),
            _ => None,
        }
    }

    fn pause(&mut self, open: usize, retry_in: Option<Duration>) {
        self.state = State::Paused {
            open,
            retry_at: retry_in.map(|pause| Instant::now() + pause),
        };
    }

    fn descriptor(&self) -> BorrowedFd<'static> {
        std::os::fd::AsFd::as_fd(self.listener)
    }
}

fn is_cancelled(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::CANCELED.raw_os_error())
}
