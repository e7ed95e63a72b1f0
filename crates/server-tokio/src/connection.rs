//! One connection in a task: its conversation, with an `.await` wherever it has to wait.
//!
//! Each wait names everything that may end it: bytes, the request to drain, the end of a timeout, a reset. `select!` waits
//! for all of them at once. Each is looked at in the order in which it is written, so that bytes which have arrived count
//! before a timeout does.

use std::future::pending;
use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use protocol::{Job, Outcome, Session, Step};
use rustix::io::ioctl_fionread;
use serving::connection::{LINGER_MOST, LINGER_MOST_BYTES};
use serving::drain_limit::{DrainLimit, FIRST_REQUEST};
use serving::frame_clock::{Allowed, FrameClock};
use serving::{Service, Stop, Visit};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::select;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::coop::consume_budget;
use tokio::time::{sleep_until, timeout};

/// One connection, from its first byte to its close. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    session: Session,
    idle_timeout: Option<Duration>,
    moved_at: Instant,
    frame_clock: FrameClock,
    drain_limit: DrainLimit,
    /// Until when a drain waits for the first request.
    first_request_by: Instant,
    /// Changes once, when the runtime of this task drains.
    draining: watch::Receiver<()>,
    stop: Stop,
    _visit: Visit,
    /// Its place among the connections that `--max-connections` allows.
    _place: Option<OwnedSemaphorePermit>,
}

impl Connection {
    /// A connection that has just been accepted.
    pub(crate) fn new(
        stream: TcpStream,
        service: &Service,
        stop: Stop,
        draining: watch::Receiver<()>,
        place: Option<OwnedSemaphorePermit>,
    ) -> Self {
        let visit = Visit::begin(service, || stream.peer_addr());
        let now = Instant::now();
        Self {
            stream,
            session: Session::new(service.session),
            idle_timeout: service.idle_timeout,
            moved_at: now,
            frame_clock: FrameClock::new(service.frame_timeout),
            drain_limit: DrainLimit::default(),
            first_request_by: now + FIRST_REQUEST,
            draining,
            stop,
            _visit: visit,
            _place: place,
        }
    }

    /// What whoever runs a job for a long time looks at.
    pub(crate) fn stop(&self) -> Stop {
        self.stop
    }

    /// Answers requests until one takes a job. Returns none when the connection is over.
    pub(crate) async fn next_job(&mut self) -> Option<Job> {
        // An error is a peer that vanished or fell silent: it ends this connection, and concerns nobody else.
        self.converse().await.unwrap_or(None)
    }

    /// Replies to the request whose job has run.
    pub(crate) fn finish(&mut self, outcome: Outcome) {
        self.session.done(outcome);
        self.moved();
    }

    /// Waits for the peer to reset the connection. A peer that has only stopped sending still gets its replies.
    pub(crate) async fn reset(&self) {
        if self.stream.ready(Interest::ERROR).await.is_err() {
            pending::<()>().await;
        }
    }

    async fn converse(&mut self) -> io::Result<Option<Job>> {
        loop {
            match self.session.step() {
                // A burst of requests arrives in one read, and needs no wait until its last reply. So each counts against
                // what tokio lets a task do before it has to yield to the others.
                Step::Replied => consume_budget().await,
                Step::Read => {
                    self.flush().await?;
                    self.read().await?;
                }
                Step::Flush => self.flush().await?,
                Step::Job(job) => {
                    self.flush().await?;
                    return Ok(Some(job));
                }
                Step::Working => unreachable!("the task waits for its job"),
                Step::Sleep(duration) => {
                    self.flush().await?;
                    self.session.wait_until(Instant::now() + duration);
                }
                Step::Waiting(until) => {
                    select! {
                        () = sleep_until(until.into()) => {}
                        () = self.reset() => return Err(ErrorKind::ConnectionReset.into()),
                    }
                    self.session.wake(Instant::now());
                    self.moved();
                }
                Step::Close { unread } => {
                    self.flush().await?;
                    if unread || self.drain_limit.leaves_unread(|| unread_bytes(&self.stream))? {
                        self.linger().await?;
                    }
                    return Ok(None);
                }
            }
        }
    }

    async fn read(&mut self) -> io::Result<()> {
        loop {
            if !self.drain_limit.has_begun() && self.draining.has_changed().unwrap_or(true) {
                self.begin_drain().await;
            }
            let unread = || unread_bytes(&self.stream);
            let allowed = self.frame_clock.allowed(&self.session, Instant::now, unread)?;
            let frame_due = match allowed {
                Allowed::Bytes(0) => return Err(ErrorKind::TimedOut.into()),
                Allowed::Until(due) => Some(due),
                Allowed::Anything | Allowed::Bytes(_) => None,
            };
            let idles_out = self.idles_out();
            let mut room = allowed.part_of(self.session.room());
            room = self.drain_limit.allowed(room);
            if room.is_empty() {
                self.session.end_of_input();
                return Ok(());
            }
            select! {
                biased;
                received = self.stream.read(room) => {
                    match received? {
                        0 => self.session.end_of_input(),
                        bytes => {
                            self.session.filled(bytes);
                            self.frame_clock.filled(bytes);
                            self.drain_limit.filled(bytes);
                            self.moved();
                        }
                    }
                    return Ok(());
                }
                _ = self.draining.changed(), if !self.drain_limit.has_begun() => self.begin_drain().await,
                // Bytes may have arrived in time and not been read: the next round looks for them.
                () = until(frame_due) => {}
                () = until(idles_out) => return Err(ErrorKind::TimedOut.into()),
            }
        }
    }

    /// From now on only what has arrived is read. A connection that is new has a moment for its first request.
    async fn begin_drain(&mut self) {
        let is_new = self.session.answered() == 0 && !self.session.has_part_of_a_frame();
        if is_new {
            select! {
                _ = self.stream.readable() => {}
                () = sleep_until(self.first_request_by.into()) => {}
            }
        }
        self.drain_limit.begin(|| unread_bytes(&self.stream));
    }

    async fn flush(&mut self) -> io::Result<()> {
        while !self.session.output().is_empty() {
            let idles_out = self.idles_out();
            select! {
                biased;
                sent = self.stream.write(self.session.output()) => {
                    self.session.sent(sent?);
                    self.moved();
                }
                () = until(idles_out) => return Err(ErrorKind::TimedOut.into()),
            }
        }
        Ok(())
    }

    /// Closes the sending side, then reads and drops what the peer still sends, so that the close is not a reset.
    async fn linger(&mut self) -> io::Result<()> {
        self.stream.shutdown().await?;
        let drop_all = async {
            let mut unread = vec![0; 16 * 1024];
            let mut left_bytes = LINGER_MOST_BYTES;
            while left_bytes > 0 {
                match self.stream.read(&mut unread).await? {
                    0 => break,
                    bytes => left_bytes = left_bytes.saturating_sub(bytes),
                }
            }
            Ok(())
        };
        timeout(LINGER_MOST, drop_all).await.unwrap_or(Ok(()))
    }

    fn moved(&mut self) {
        if self.idle_timeout.is_some() {
            self.moved_at = Instant::now();
        }
    }

    fn idles_out(&self) -> Option<Instant> {
        self.idle_timeout.map(|idle| self.moved_at + idle)
    }
}

/// Waits until this time; for ever without one.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time.into()).await,
        None => pending().await,
    }
}

/// How many bytes have arrived that were not read yet.
fn unread_bytes(stream: &TcpStream) -> io::Result<u64> {
    Ok(ioctl_fionread(stream)?)
}
