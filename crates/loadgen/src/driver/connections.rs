//! Connections that are opened, lost, given up and opened again, and the requests that end with them.

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mio::{Events, Token};

use super::{Driver, EVENTS_AT_ONCE, Phase};
use crate::clock::nanoseconds;
use crate::connection::{Connection, State};
use crate::pacer::TIMER;
use crate::slices::record;
use crate::tally::Failure;

/// How many connections a thread opens at the same time: less than any backlog.
const OPENING_AT_ONCE: usize = 256;
/// How long a place stays empty after its connection could not be opened.
const RETRY_PAUSE_NS: u64 = 100_000_000;

impl Driver<'_> {
    /// Opens all connections, or as many as can be: gives up when none opens for as long as the timeout.
    pub(crate) fn open_all(&mut self, cancel: &AtomicBool) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS_AT_ONCE);
        let timeout_ns = nanoseconds(self.plan.timeout);
        let mut progress_ns = self.clock.now_ns();
        let (mut next, mut opening) = (0, 0);
        while (next < self.connections.len() || opening > 0)
            && self.clock.now_ns() - progress_ns < timeout_ns
            && !cancel.load(Ordering::Relaxed)
        {
            while next < self.connections.len() && opening < OPENING_AT_ONCE {
                self.connect(next, self.clock.now_ns());
                opening += usize::from(matches!(self.connections[next].state, State::Connecting { .. }));
                next += 1;
            }
            self.wait(&mut events, Duration::from_millis(20))?;
            for event in events.iter().filter(|event| event.token() != TIMER) {
                let connection = &mut self.connections[event.token().0];
                connection.told(event);
                if matches!(connection.state, State::Connecting { .. })
                    && self.finish_connect(event.token().0)
                {
                    opening -= 1;
                    progress_ns = self.clock.now_ns();
                }
            }
        }
        Ok(())
    }

    pub(super) fn connect(&mut self, index: usize, now_ns: u64) {
        let source = self.sources.of(index * self.plan.threads + self.thread);
        let connection = &mut self.connections[index];
        let connected = connection.connect(
            self.plan.target,
            source,
            self.poll.registry(),
            Token(index),
            now_ns,
        );
        if let Err(error) = connected {
            self.fail_connect(index, &error, now_ns);
        }
    }

    /// Whether a connection that was being opened has come to an end of that, good or bad.
    pub(super) fn finish_connect(&mut self, index: usize) -> bool {
        let now_ns = self.clock.now_ns();
        let connection = &mut self.connections[index];
        let began = connection.state;
        match connection.finish_connect(!self.plan.two_writes) {
            Ok(false) => false,
            Ok(true) => {
                if let State::Connecting { since_ns } = began {
                    record(&mut self.tally.connecting, now_ns - since_ns);
                }
                let again = std::mem::replace(&mut connection.opened_once, true);
                if again && self.phase == Phase::Measuring {
                    self.tally.reconnects += 1;
                }
                true
            }
            Err(error) => {
                self.fail_connect(index, &error, now_ns);
                true
            }
        }
    }

    pub(super) fn fail_connect(&mut self, index: usize, error: &io::Error, now_ns: u64) {
        let failure = match error.kind() {
            ErrorKind::ConnectionRefused => Failure::ConnectRefused,
            ErrorKind::TimedOut => Failure::ConnectTimeout,
            _ => Failure::ConnectFailed,
        };
        self.tally.fail(failure, 1, || error.to_string());
        self.connections[index].close(now_ns + RETRY_PAUSE_NS);
    }

    /// The connection has ended while it should not have.
    pub(super) fn lose(&mut self, index: usize, error: &io::Error) {
        let connection = &self.connections[index];
        let failure = match error.kind() {
            ErrorKind::UnexpectedEof if connection.input.bytes().is_empty() => Failure::Closed,
            ErrorKind::UnexpectedEof => Failure::ClosedInMidReply,
            _ => Failure::Reset,
        };
        let (lost, received) = (connection.in_flight.len(), connection.input.bytes().len());
        let example = || match failure {
            Failure::Reset => format!("{error}, with {lost} requests in flight"),
            Failure::Closed => format!("closed by the server with {lost} requests in flight"),
            _ => format!("closed by the server {received} bytes into a reply"),
        };
        self.tally.fail(failure, lost.max(1) as u64, example);
        self.abandon(index, failure);
    }

    /// The reply that is due can't be read: it is wrong, and what comes behind it is lost.
    pub(super) fn lose_first_as_wrong(&mut self, index: usize, announced_bytes: u32, now_ns: u64) {
        let lost = self.connections[index].in_flight.len();
        let example = || format!("a length of {announced_bytes} bytes where a reply should start");
        self.tally.fail(Failure::NotAFrame, lost.max(1) as u64, example);
        if let Some(request) = self.connections[index].in_flight.pop_front() {
            self.outstanding -= 1;
            self.leave(request, now_ns);
            self.tally.requests.wrong += u64::from(request.counts);
            self.slice.failed += u64::from(request.counts);
        }
        self.abandon(index, Failure::NotAFrame);
    }

    /// Counts what is in flight as lost in this way, closes the connection and opens another.
    pub(super) fn abandon(&mut self, index: usize, failure: Failure) {
        let now_ns = self.clock.now_ns();
        self.arrive(now_ns);
        while let Some(request) = self.connections[index].in_flight.pop_front() {
            self.outstanding -= 1;
            self.leave(request, now_ns);
            if request.counts {
                self.slice.failed += 1;
                match failure {
                    Failure::Timeout => self.tally.requests.timeout += 1,
                    _ => self.tally.requests.reset += 1,
                }
            }
        }
        self.connections[index].close(now_ns);
        if self.phase != Phase::Finishing {
            self.connect(index, now_ns);
        }
    }

    /// Gives up what has taken too long, and tries again what can be tried again.
    pub(super) fn sweep(&mut self, now_ns: u64) {
        let is_down = |connection: &Connection| matches!(connection.state, State::Down { .. });
        let all_down = self.connections.iter().all(is_down);
        self.down_since_ns = all_down.then(|| self.down_since_ns.unwrap_or(now_ns));
        let too_old_ns = now_ns.saturating_sub(nanoseconds(self.plan.timeout));
        for index in 0..self.connections.len() {
            let connection = &self.connections[index];
            match connection.state {
                State::Down { retry_at_ns } if retry_at_ns <= now_ns && self.phase != Phase::Finishing => {
                    self.connect(index, now_ns);
                }
                State::Connecting { since_ns } if since_ns <= too_old_ns => {
                    self.fail_connect(index, &ErrorKind::TimedOut.into(), now_ns);
                }
                State::Open => {
                    let oldest = connection.in_flight.front();
                    if oldest.is_some_and(|request| request.sent_ns <= too_old_ns) {
                        let lost = connection.in_flight.len();
                        let example = || format!("no reply within {:?}", self.plan.timeout);
                        self.tally.fail(Failure::Timeout, lost as u64, example);
                        self.abandon(index, Failure::Timeout);
                    }
                }
                State::Down { .. } | State::Connecting { .. } => {}
            }
        }
    }
}
