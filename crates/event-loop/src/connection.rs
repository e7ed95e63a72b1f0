//! One connection in an event loop. In its turn it does what it can without waiting, and returns why it stops.

use std::io::{self, ErrorKind};
use std::mem;
use std::time::{Duration, Instant};

use protocol::{Job, Outcome, Session, SharedBuffers, Step};
use serving::Service;
use serving::connection::{LINGER_MOST, LINGER_MOST_BYTES};
use serving::drain_limit::{DrainLimit, FIRST_REQUEST};
use serving::frame_clock::{Allowed, FrameClock};

use crate::state::{Closing, Input, Pending};
use crate::transport::{Readiness, TimeSource, Transport};

/// How many steps a connection makes in one turn, about one for each request. At a few microseconds each, the others
/// wait for less than a millisecond, and the cost of the turn itself is negligible.
pub const TURN_REQUESTS: usize = 64;

/// How a turn ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Turn {
    /// The connection has to wait for the next event, or for its [deadline](Connection::deadline).
    Blocked,
    /// It could go on, but has used up its turn.
    Unfinished,
    /// A job has to run, on any thread, and its outcome goes to [`finish`](Connection::finish).
    Job(Job),
    /// It has ended.
    Over,
}

/// What a loop lends to the connection that has its turn.
#[derive(Debug, Default)]
pub struct Lent<C> {
    /// Where it reads the time.
    pub clock: C,
    /// Where it receives requests and writes replies.
    pub buffers: SharedBuffers,
}

/// One connection over a transport of any kind.
///
/// It owns the bytes of a frame that has not arrived whole, and replies that were not sent yet. An idle one owns none.
#[derive(Debug)]
pub struct Connection<T> {
    transport: T,
    session: Session,
    input: Input,
    drain_limit: DrainLimit,
    /// The drain has begun, and waits until then for the first request.
    first_request_by: Option<Instant>,
    closing: Closing,
    idle_timeout: Option<Duration>,
    moved_at: Instant,
    frame_clock: FrameClock,
    /// When the frame that has arrived in part has to be whole.
    frame_due: Option<Instant>,
    pending: Pending,
    /// It waits for its turn.
    queued: bool,
    /// Its timer has ended, so that its deadlines have to be looked at.
    due: bool,
}

impl<T: Transport> Connection<T> {
    /// A connection that has just been accepted.
    #[must_use]
    pub fn new(transport: T, service: &Service, clock: &impl TimeSource) -> Self {
        Self {
            transport,
            session: Session::new(service.session),
            input: Input::Unknown,
            drain_limit: DrainLimit::default(),
            first_request_by: None,
            closing: Closing::No,
            idle_timeout: service.idle_timeout,
            moved_at: clock.now(),
            frame_clock: FrameClock::new(service.frame_timeout),
            frame_due: None,
            pending: Pending::Nothing,
            queued: false,
            due: false,
        }
    }

    /// How many requests have been answered on it.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.session.answered()
    }

    /// The transport, for what happens to it in the background.
    pub fn transport_mut(&mut self) -> &mut T {
        &mut self.transport
    }

    /// The transport, after the end.
    pub fn into_transport(self) -> T {
        self.transport
    }

    /// Takes note that bytes have left which the transport had taken to send in the background.
    pub fn notice_sent(&mut self, clock: &impl TimeSource) {
        self.moved(clock);
    }

    /// Takes note of an event.
    pub fn notice_event(&mut self, readiness: Readiness) {
        if readiness.readable {
            self.input.may_have_more();
        }
        if readiness.read_closed {
            self.input = Input::Ending;
        }
        // A peer that has only stopped sending still gets its replies: it closes the reading side alone. If this side
        // has stopped sending before, both sides are closed now, but bytes may be left to read.
        if matches!(self.closing, Closing::No) && readiness.write_closed {
            self.closing = Closing::Vanished;
        }
    }

    /// Takes note that the connection is queued for a turn. Returns false if it was queued before.
    pub fn notice_queued(&mut self) -> bool {
        !mem::replace(&mut self.queued, true)
    }

    /// When the connection needs a turn without an event, if at all.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let idles_out = self
            .idle_timeout
            .filter(|_| self.pending == Pending::Nothing)
            .map(|idle| self.moved_at + idle);
        let sleeps_until = match self.pending {
            Pending::Sleep(until) => Some(until),
            Pending::Nothing | Pending::Job => None,
        };
        let lingers = match self.closing {
            Closing::No | Closing::Vanished => None,
            Closing::Lingering { until, .. } => Some(until),
        };
        [
            sleeps_until,
            idles_out,
            self.frame_due,
            lingers,
            self.first_request_by,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Takes note that its timer has ended. Returns whether the connection needs a turn for that; a connection that is
    /// queued gets one anyway.
    pub fn notice_timer(&mut self) -> bool {
        self.due = true;
        !self.queued
    }

    /// Begins the drain: from now on the connection reads only what has arrived already. One that is new has a moment for
    /// its first request.
    pub fn begin_drain(&mut self) {
        let is_unused = self.session.answered() == 0
            && !self.session.has_part_of_a_frame()
            && self.pending == Pending::Nothing
            && matches!(self.closing, Closing::No);
        if is_unused {
            // No byte has moved yet, so this is when it was accepted.
            self.first_request_by = Some(self.moved_at + FIRST_REQUEST);
        } else {
            self.drain_limit.begin(|| self.transport.unread_bytes());
        }
    }

    /// Goes on as far as possible without waiting. If the timer has ended, deadlines that have passed take effect
    /// first.
    pub fn turn<C: TimeSource>(&mut self, lent: &mut Lent<C>) -> Turn {
        self.queued = false;
        let Lent { clock, buffers } = lent;
        self.session.borrow_buffers(buffers);
        let turn = if mem::take(&mut self.due) {
            self.turn_on_time(clock)
        } else {
            self.go_on(clock)
        };
        self.session.return_buffers(buffers);
        turn
    }

    /// Replies to the request whose [job](Turn::Job) has run. Whether or not the reply could be sent at once, the
    /// connection can go on.
    pub fn finish<C: TimeSource>(&mut self, outcome: Outcome, lent: &mut Lent<C>) -> Turn {
        let Lent { clock, buffers } = lent;
        self.session.borrow_buffers(buffers);
        self.session.done(outcome);
        self.pending = Pending::Nothing;
        self.moved(clock);
        let flushed = self.flush(clock);
        self.session.return_buffers(buffers);
        if flushed.is_ok() {
            Turn::Unfinished
        } else {
            Turn::Over
        }
    }

    fn turn_on_time(&mut self, clock: &impl TimeSource) -> Turn {
        let now = clock.now();
        if self.session.wake(now) {
            self.pending = Pending::Nothing;
            // It was silent because the peer asked for a sleep. The idle time counts from here.
            self.moved(clock);
        }
        let lingered = matches!(self.closing, Closing::Lingering { until, .. } if until <= now);
        let idled = self.pending == Pending::Nothing
            && self.idle_timeout.is_some_and(|idle| now - self.moved_at >= idle);
        let frame_is_late = self.frame_due.is_some_and(|due| due <= now);
        // While the loop was busy, a request may have arrived whose event comes with the next poll.
        if idled || frame_is_late {
            self.input.may_have_more();
        }
        let moved_at = self.moved_at;
        match self.go_on(clock) {
            turn @ Turn::Job(_) => turn,
            _ if (lingered || idled) && self.moved_at == moved_at => Turn::Over,
            turn => turn,
        }
    }

    fn go_on(&mut self, clock: &impl TimeSource) -> Turn {
        let turn = match self.closing {
            Closing::No => self.converse(clock),
            Closing::Lingering { .. } => self.linger(),
            Closing::Vanished => Ok(Turn::Over),
        };
        // An error means that the peer has gone, which ends this connection and concerns nobody else.
        turn.unwrap_or(Turn::Over)
    }

    fn converse(&mut self, clock: &impl TimeSource) -> io::Result<Turn> {
        for _ in 0..TURN_REQUESTS {
            match self.session.step() {
                Step::Replied => {}
                Step::Read => {
                    // A peer that does not read its replies is not read from, so that they don't pile up.
                    if !self.flush(clock)? || !self.read(clock)? {
                        return Ok(Turn::Blocked);
                    }
                }
                Step::Flush => {
                    if !self.flush(clock)? {
                        return Ok(Turn::Blocked);
                    }
                }
                Step::Job(job) => {
                    self.flush(clock)?;
                    self.pending = Pending::Job;
                    return Ok(Turn::Job(job));
                }
                Step::Sleep(duration) => {
                    let until = clock.now() + duration;
                    self.session.wait_until(until);
                    self.pending = Pending::Sleep(until);
                }
                Step::Working | Step::Waiting(_) => {
                    self.flush(clock)?;
                    return Ok(Turn::Blocked);
                }
                Step::Close { unread } => return self.close(unread, clock),
            }
        }
        Ok(Turn::Unfinished)
    }

    /// Writes as many replies as the transport takes. Returns whether that was all.
    fn flush(&mut self, clock: &impl TimeSource) -> io::Result<bool> {
        while !self.session.output().is_empty() {
            match self.transport.write(self.session.output()) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(bytes) => {
                    self.session.sent(bytes);
                    self.moved(clock);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Reads once. Returns whether there was anything, which includes the end.
    fn read(&mut self, clock: &impl TimeSource) -> io::Result<bool> {
        if let Some(by) = self.first_request_by {
            let unread_bytes = self.transport.unread_bytes()?;
            if unread_bytes == 0 && self.input != Input::Ending && clock.now() < by {
                return Ok(false);
            }
            self.first_request_by = None;
            self.drain_limit.begin(|| Ok(unread_bytes));
        }
        let unread = || self.transport.unread_bytes();
        let allowed = self.frame_clock.allowed(&self.session, || clock.now(), unread)?;
        self.frame_due = match allowed {
            Allowed::Until(due) => Some(due),
            Allowed::Bytes(0) => return Err(ErrorKind::TimedOut.into()),
            Allowed::Anything | Allowed::Bytes(_) => None,
        };
        if self.input == Input::Emptied && !self.drain_limit.has_begun() {
            return Ok(false);
        }
        let mut room = allowed.part_of(self.session.room());
        room = self.drain_limit.allowed(room);
        if room.is_empty() {
            self.session.end_of_input();
            return Ok(true);
        }
        let room_bytes = room.len();
        match self.transport.read(room) {
            Ok(0) => self.session.end_of_input(),
            Ok(bytes) => {
                // A short read has emptied the socket (epoll(7)), so there is no need to read until WouldBlock.
                if bytes < room_bytes && self.input == Input::Unknown {
                    self.input = Input::Emptied;
                }
                self.session.filled(bytes);
                self.frame_clock.filled(bytes);
                self.frame_due = None;
                self.drain_limit.filled(bytes);
                self.moved(clock);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.input = Input::Emptied;
                return Ok(false);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    fn close(&mut self, unread: bool, clock: &impl TimeSource) -> io::Result<Turn> {
        if !self.flush(clock)? || !self.transport.has_sent_all() {
            return Ok(Turn::Blocked);
        }
        let count = || self.transport.unread_bytes();
        if !unread && !self.drain_limit.leaves_unread(count)? {
            return Ok(Turn::Over);
        }
        self.transport.shutdown_write()?;
        self.closing = Closing::Lingering {
            until: clock.now() + LINGER_MOST,
            left_bytes: LINGER_MOST_BYTES,
        };
        self.linger()
    }

    fn linger(&mut self) -> io::Result<Turn> {
        let Closing::Lingering { left_bytes, .. } = &mut self.closing else {
            return Ok(Turn::Over);
        };
        let mut unread = [0; 16 * 1024];
        for _ in 0..TURN_REQUESTS {
            match self.transport.read(&mut unread) {
                Ok(bytes) if bytes == 0 || bytes >= *left_bytes => return Ok(Turn::Over),
                Ok(bytes) => *left_bytes -= bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Turn::Blocked),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Turn::Unfinished)
    }

    fn moved(&mut self, clock: &impl TimeSource) {
        if self.idle_timeout.is_some() {
            self.moved_at = clock.now();
        }
    }
}
