//! One blocking connection, from its first byte to its close.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use nix::poll::PollFlags;
use protocol::{Session, Step};
use rustix::io::ioctl_fionread;

use crate::drain_limit::{DrainLimit, FIRST_REQUEST};
use crate::frame_clock::{Allowed, FrameClock};
use crate::job::perform;
use crate::limits::is_interruption;
use crate::service::{Service, Visit};
use crate::stop::Stop;
use crate::waiting::{wait_for, wait_once_for};

/// How long a connection that closes with something unread may wait for its peer to stop sending. Closing at once would
/// reset the connection, and a reset can overtake the last reply.
pub const LINGER_MOST: Duration = Duration::from_secs(1);

/// How many bytes such a connection may read and drop in that time. By default Linux lets a sender buffer 4 MiB
/// (`tcp_wmem`) and a receiver 6 MiB (`tcp_rmem`). So this covers all that an honest peer can have sent before it received
/// the last reply. A peer that sends more ignores the reply.
pub const LINGER_MOST_BYTES: usize = 16 << 20;

/// Serves one connection to its end, and holds the thread as long. Returns how many requests were answered.
///
/// A peer's fault ends its own connection and is nobody else's business, so it is no error. When the process should stop,
/// what has arrived whole is answered, and then the connection is over.
#[allow(clippy::must_use_candidate, reason = "only workers keep a tally")]
pub fn serve(stream: &TcpStream, service: &Service, stop: Stop) -> u64 {
    let _visit = Visit::begin(service, || stream.peer_addr());
    let mut connection = Connection {
        stream,
        session: Session::new(service.session),
        idle_timeout: service.idle_timeout,
        frame_clock: FrameClock::new(service.frame_timeout),
        moved_at: Instant::now(),
        drain_limit: DrainLimit::default(),
        // Connections that are accepted during a drain have waited in the backlog for long enough. One that a worker thread
        // took just as it was replaced has not.
        first_request_by: (!stop.requested() || stop.is_replaced()).then(|| Instant::now() + FIRST_REQUEST),
        stop,
    };
    // An error here is a peer that vanished or fell silent: the connection ends either way.
    let _ = connection.converse();
    connection.session.answered()
}

struct Connection<'a> {
    stream: &'a TcpStream,
    session: Session,
    idle_timeout: Option<Duration>,
    frame_clock: FrameClock,
    moved_at: Instant,
    drain_limit: DrainLimit,
    /// Until when a drain waits for its first request.
    first_request_by: Option<Instant>,
    stop: Stop,
}

impl Connection<'_> {
    fn converse(&mut self) -> io::Result<()> {
        loop {
            match self.session.step() {
                Step::Replied => {}
                Step::Read => {
                    self.flush()?;
                    self.read()?;
                }
                Step::Flush => self.flush()?,
                Step::Job(job) => {
                    self.flush()?;
                    self.session.done(perform(job, self.stop));
                }
                Step::Working => unreachable!("a job is run where it is handed out"),
                Step::Sleep(duration) => {
                    self.flush()?;
                    self.session.wait_until(Instant::now() + duration);
                }
                Step::Waiting(until) => {
                    // An error or a hang-up is an event that needs no asking. Neither comes of a peer that has only
                    // stopped sending.
                    if wait_for(self.stream, PollFlags::empty(), until, self.stop) {
                        return Err(ErrorKind::ConnectionReset.into());
                    }
                    self.session.wake(Instant::now());
                }
                Step::Close { unread } => {
                    self.flush()?;
                    let count = || Ok(ioctl_fionread(self.stream)?);
                    if unread || self.drain_limit.leaves_unread(count)? {
                        self.linger()?;
                    }
                    return Ok(());
                }
            }
        }
    }

    fn read(&mut self) -> io::Result<()> {
        loop {
            self.stop.handle_signals();
            let unread = || Ok(ioctl_fionread(self.stream)?);
            let allowed = self.frame_clock.allowed(&self.session, Instant::now, unread)?;
            match allowed {
                Allowed::Bytes(0) => return Err(ErrorKind::TimedOut.into()),
                Allowed::Until(due) if !self.stop.requested() => {
                    let until = self.idles_out().map_or(due, |at| at.min(due));
                    if !wait_once_for(self.stream, PollFlags::POLLIN, until, self.stop) {
                        // The frame is late, or the peer idle, or the process should stop.
                        self.check_idle()?;
                        continue;
                    }
                }
                _ => {}
            }
            let mut room = allowed.part_of(self.session.room());
            if self.stop.requested() {
                self.stop.begin_drain();
                if let Some(by) = self.first_request_by.take() {
                    wait_for(self.stream, PollFlags::POLLIN, by, self.stop);
                }
                self.drain_limit.begin(unread);
            }
            room = self.drain_limit.allowed(room);
            if room.is_empty() {
                self.session.end_of_input();
                return Ok(());
            }
            match self.stream.read(room) {
                Ok(0) => self.session.end_of_input(),
                Ok(bytes) => {
                    self.first_request_by = None;
                    self.session.filled(bytes);
                    self.frame_clock.filled(bytes);
                    self.drain_limit.filled(bytes);
                    self.moved();
                }
                Err(error) if is_interruption(&error) => {
                    self.check_idle()?;
                    continue;
                }
                Err(error) => return Err(error),
            }
            return Ok(());
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.session.output().is_empty() {
            match self.stream.write(self.session.output()) {
                Ok(bytes) => {
                    self.session.sent(bytes);
                    self.moved();
                }
                Err(error) if is_interruption(&error) => {
                    // A peer that does not read can't hold up the drain.
                    self.stop.handle_signals();
                    self.check_idle()?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Closes the sending side, then reads and drops what the peer still sends, so that the close is not a reset.
    fn linger(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)?;
        let until = Instant::now() + LINGER_MOST;
        let mut left_bytes = LINGER_MOST_BYTES;
        // Not on the stack: an array there would be a part of each thread's memory from its start.
        let mut unread = vec![0; 16 * 1024];
        while left_bytes > 0 && wait_for(self.stream, PollFlags::POLLIN, until, self.stop) {
            match self.stream.read(&mut unread) {
                Ok(0) => break,
                Ok(bytes) => left_bytes = left_bytes.saturating_sub(bytes),
                Err(error) if is_interruption(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn moved(&mut self) {
        if self.idle_timeout.is_some() {
            self.moved_at = Instant::now();
        }
    }

    fn idles_out(&self) -> Option<Instant> {
        self.idle_timeout.map(|idle| self.moved_at + idle)
    }

    fn check_idle(&self) -> io::Result<()> {
        match self.idles_out() {
            Some(at) if at <= Instant::now() => Err(ErrorKind::TimedOut.into()),
            _ => Ok(()),
        }
    }
}
