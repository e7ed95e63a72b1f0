//! One thread's connections and its event loop.
//!
//! A request is sent from where the reply before it was read, without waiting for the socket to be writable: it nearly
//! always is, and to ask the kernel each time costs two system calls a request. Only what did not leave waits for an
//! event.

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::event::Event;
use mio::{Events, Poll, Token};
use nix::time::{ClockId, clock_gettime};
use protocol::FrameLimit;
use protocol::frame::{self, Head, PREFIX_BYTES};

use crate::connection::{Connection, InFlight, Received, State};
use crate::plan::Plan;
use crate::tally::{Failure, Tally, histogram};
use crate::work::{Verdict, Work};

/// How many connections a thread opens at the same time: less than any backlog.
const OPENING_AT_ONCE: usize = 256;
const EVENTS_AT_ONCE: usize = 1024;
/// How long a place stays empty after its connection could not be opened.
const RETRY_PAUSE: Duration = Duration::from_millis(100);
/// When no connection can be opened for so long, the server is taken to be gone.
const GONE_AFTER: Duration = Duration::from_millis(500);

/// When the load starts, and when it is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    pub(crate) window_opens: Instant,
    pub(crate) window_closes: Instant,
}

impl Schedule {
    pub(crate) fn from(start: Instant, plan: &Plan) -> Self {
        let window_opens = start + plan.warmup;
        Self {
            window_opens,
            window_closes: window_opens + plan.duration,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    WarmingUp,
    Measuring,
    /// Nothing more is sent; what is on its way is awaited.
    Finishing,
}

/// One thread of the load.
pub(crate) struct Driver<'a> {
    plan: &'a Plan,
    work: Work,
    reply_limit: FrameLimit,
    poll: Poll,
    connections: Vec<Connection>,
    /// How many requests are on their way, warm-up included.
    outstanding: usize,
    /// The next request's number. Threads count in steps of their number, so that no two send the same.
    next_number: u64,
    outgoing: Vec<u8>,
    tally: Tally,
    phase: Phase,
    schedule: Schedule,
    /// When the phase or the second changes.
    next_edge: Instant,
    second: Histogram<u64>,
    cpu_at_opening: Duration,
    /// Since when no connection is open, nor being opened.
    down_since: Option<Instant>,
}

impl<'a> Driver<'a> {
    /// The driver of the plan's thread of this number.
    pub(crate) fn new(plan: &'a Plan, thread: usize) -> io::Result<Self> {
        let now = Instant::now();
        let share = (plan.connections + plan.threads - 1 - thread) / plan.threads;
        Ok(Self {
            plan,
            work: plan.work.clone(),
            reply_limit: plan.work.reply_limit(),
            poll: Poll::new()?,
            connections: (0..share).map(|_| Connection::new(now)).collect(),
            outstanding: 0,
            next_number: thread as u64,
            outgoing: Vec::new(),
            tally: Tally::default(),
            phase: Phase::WarmingUp,
            schedule: Schedule {
                window_opens: now,
                window_closes: now,
            },
            next_edge: now,
            second: histogram(),
            cpu_at_opening: Duration::ZERO,
            down_since: None,
        })
    }

    /// Opens all connections, or as many as can be: gives up when none opens for as long as the timeout.
    pub(crate) fn open_all(&mut self, cancel: &AtomicBool) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS_AT_ONCE);
        let mut progress_at = Instant::now();
        let (mut next, mut opening) = (0, 0);
        while (next < self.connections.len() || opening > 0)
            && progress_at.elapsed() < self.plan.timeout
            && !cancel.load(Ordering::Relaxed)
        {
            while next < self.connections.len() && opening < OPENING_AT_ONCE {
                self.connect(next, Instant::now());
                opening += usize::from(matches!(self.connections[next].state, State::Connecting { .. }));
                next += 1;
            }
            self.wait(&mut events, Duration::from_millis(20))?;
            for event in &events {
                let connection = &mut self.connections[event.token().0];
                connection.told(event);
                if matches!(connection.state, State::Connecting { .. })
                    && self.finish_connect(event.token().0)
                {
                    opening -= 1;
                    progress_at = Instant::now();
                }
            }
        }
        Ok(())
    }

    /// Runs the load to its end, and gives what was counted.
    pub(crate) fn run(mut self, schedule: Schedule, cancel: &AtomicBool) -> io::Result<Tally> {
        self.schedule = schedule;
        self.next_edge = schedule.window_opens;
        self.cross_edges(Instant::now());
        for index in 0..self.connections.len() {
            // Whatever has come before the first request is the reply to none.
            if self.connections[index].state == State::Open {
                self.receive(index);
            }
            self.refill(index, Instant::now());
        }
        // Timeouts are looked for this often: a request is given up at most a twentieth later than it should be.
        let sweep_every =
            (self.plan.timeout / 20).clamp(Duration::from_millis(1), Duration::from_millis(100));
        let mut next_sweep = Instant::now() + sweep_every;
        let mut events = Events::with_capacity(EVENTS_AT_ONCE);
        while self.phase != Phase::Finishing || self.outstanding > 0 {
            let wake_at = next_sweep.min(self.next_edge);
            self.wait(&mut events, wake_at.saturating_duration_since(Instant::now()))?;
            for event in &events {
                self.on_event(event);
            }
            let now = Instant::now();
            self.cross_edges(now);
            if now >= next_sweep {
                next_sweep = now + sweep_every;
                self.sweep(now);
                if cancel.load(Ordering::Relaxed) {
                    self.tally.ended_early = Some("interrupted".to_owned());
                } else if self.down_since.is_some_and(|since| now - since > GONE_AFTER) {
                    self.tally.ended_early = Some(format!("the server at {} is gone", self.plan.target));
                }
                if self.tally.ended_early.is_some() {
                    break;
                }
            }
        }
        Ok(self.finish())
    }

    fn wait(&mut self, events: &mut Events, timeout: Duration) -> io::Result<()> {
        match self.poll.poll(events, Some(timeout)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                events.clear();
                Ok(())
            }
            other => other,
        }
    }

    fn on_event(&mut self, event: &Event) {
        let index = event.token().0;
        let connection = &mut self.connections[index];
        connection.told(event);
        match connection.state {
            State::Down { .. } => {}
            State::Connecting { .. } => {
                if self.finish_connect(index) {
                    if event.is_readable() {
                        self.receive(index);
                    }
                    self.refill(index, Instant::now());
                }
            }
            State::Open => {
                if event.is_writable() && !connection.can_send() {
                    connection.send_rest();
                    self.refill(index, Instant::now());
                }
                self.receive(index);
            }
        }
    }

    /// Reads all there is, checks it, and sends what may be sent because of it.
    fn receive(&mut self, index: usize) {
        loop {
            match self.connections[index].receive(self.reply_limit) {
                Ok(Received::Some) => {}
                Ok(Received::All) => return,
                Ok(Received::End) => return self.lose(index, &ErrorKind::UnexpectedEof.into()),
                Err(error) => return self.lose(index, &error),
            }
            let now = Instant::now();
            if now >= self.next_edge {
                self.cross_edges(now);
            }
            if !self.take_replies(index, now) {
                return;
            }
            self.refill(index, now);
        }
    }

    /// Checks the replies that have come whole. Says whether the connection still stands.
    fn take_replies(&mut self, index: usize, now: Instant) -> bool {
        loop {
            let connection = &mut self.connections[index];
            match frame::head(connection.input.bytes(), self.reply_limit) {
                Head::Incomplete => return true,
                Head::TooLarge { announced_bytes } => {
                    self.lose_first_as_wrong(index, announced_bytes);
                    return false;
                }
                Head::Whole(body) => {
                    let Some(request) = connection.in_flight.pop_front() else {
                        let example = || crate::work::shortened(&String::from_utf8_lossy(body));
                        self.tally.fail(Failure::Unasked, 1, example);
                        self.abandon(index, Failure::Unasked);
                        return false;
                    };
                    self.outstanding -= 1;
                    let verdict = self.work.judge(request.number, body);
                    connection.input.consume(PREFIX_BYTES + body.len());
                    self.count(index, request, &verdict, now);
                }
            }
        }
    }

    fn count(&mut self, index: usize, request: InFlight, verdict: &Verdict, now: Instant) {
        let counts = u64::from(request.counts);
        match verdict {
            Verdict::Good => {
                self.tally.answered_total += 1;
                if self.phase == Phase::Measuring {
                    self.tally.completed += 1;
                    self.connections[index].served += 1;
                }
                if request.counts {
                    self.tally.requests.ok += 1;
                    let latency_ns = (now - request.sent_at).as_nanos() as u64;
                    self.second
                        .record(latency_ns)
                        .expect("a histogram that grows takes any value");
                }
            }
            Verdict::Error(text) => {
                self.tally.requests.error += counts;
                self.tally.fail(Failure::ErrorReply, 1, || text.clone());
            }
            Verdict::Wrong(text) => {
                self.tally.requests.wrong += counts;
                self.tally.fail(Failure::WrongValue, 1, || text.clone());
            }
        }
    }

    /// Sends as many requests as the connection may have in flight, or opens another when it has carried its share.
    fn refill(&mut self, index: usize, now: Instant) {
        let connection = &mut self.connections[index];
        if self.phase == Phase::Finishing || !connection.can_send() {
            return;
        }
        let share = self.plan.requests_per_connection.unwrap_or(u64::MAX);
        if connection.sent >= share {
            if connection.in_flight.is_empty() {
                connection.close(now);
                self.connect(index, now);
            }
            return;
        }
        self.outgoing.clear();
        let counts = self.phase == Phase::Measuring;
        while connection.in_flight.len() < self.plan.pipeline && connection.sent < share {
            self.work.append_request(self.next_number, &mut self.outgoing);
            connection.in_flight.push_back(InFlight {
                number: self.next_number,
                sent_at: now,
                counts,
            });
            connection.sent += 1;
            self.next_number += self.plan.threads as u64;
            self.outstanding += 1;
            self.tally.requests.sent += u64::from(counts);
        }
        if self.outgoing.is_empty() {
            return;
        }
        if self.plan.two_writes {
            connection.send_apart(&self.outgoing);
        } else {
            connection.send(&self.outgoing);
        }
    }

    fn connect(&mut self, index: usize, now: Instant) {
        let connected =
            self.connections[index].connect(self.plan.target, self.poll.registry(), Token(index), now);
        if let Err(error) = connected {
            self.fail_connect(index, &error, now);
        }
    }

    /// Whether a connection that was being opened has come to an end of that, good or bad.
    fn finish_connect(&mut self, index: usize) -> bool {
        let connection = &mut self.connections[index];
        match connection.finish_connect(!self.plan.two_writes) {
            Ok(false) => false,
            Ok(true) => {
                let again = std::mem::replace(&mut connection.opened_once, true);
                if again && self.phase == Phase::Measuring {
                    self.tally.reconnects += 1;
                }
                true
            }
            Err(error) => {
                self.fail_connect(index, &error, Instant::now());
                true
            }
        }
    }

    fn fail_connect(&mut self, index: usize, error: &io::Error, now: Instant) {
        let failure = match error.kind() {
            ErrorKind::ConnectionRefused => Failure::ConnectRefused,
            ErrorKind::TimedOut => Failure::ConnectTimeout,
            _ => Failure::ConnectFailed,
        };
        self.tally.fail(failure, 1, || error.to_string());
        self.connections[index].close(now + RETRY_PAUSE);
    }

    /// The connection has ended while it should not have.
    fn lose(&mut self, index: usize, error: &io::Error) {
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
    fn lose_first_as_wrong(&mut self, index: usize, announced_bytes: u32) {
        let lost = self.connections[index].in_flight.len();
        let example = || format!("a length of {announced_bytes} bytes where a reply should start");
        self.tally.fail(Failure::NotAFrame, lost.max(1) as u64, example);
        if let Some(request) = self.connections[index].in_flight.pop_front() {
            self.outstanding -= 1;
            self.tally.requests.wrong += u64::from(request.counts);
        }
        self.abandon(index, Failure::NotAFrame);
    }

    /// Counts what is in flight as lost in this way, closes the connection and opens another.
    fn abandon(&mut self, index: usize, failure: Failure) {
        let now = Instant::now();
        let connection = &mut self.connections[index];
        let lost = connection
            .in_flight
            .iter()
            .filter(|request| request.counts)
            .count() as u64;
        self.outstanding -= connection.in_flight.len();
        match failure {
            Failure::Timeout => self.tally.requests.timeout += lost,
            _ => self.tally.requests.reset += lost,
        }
        connection.close(now);
        if self.phase != Phase::Finishing {
            self.connect(index, now);
        }
    }

    /// Gives up what has taken too long, and tries again what can be tried again.
    fn sweep(&mut self, now: Instant) {
        let all_down = self
            .connections
            .iter()
            .all(|connection| matches!(connection.state, State::Down { .. }));
        self.down_since = all_down.then(|| self.down_since.unwrap_or(now));
        for index in 0..self.connections.len() {
            let connection = &self.connections[index];
            match connection.state {
                State::Down { retry_at } if retry_at <= now && self.phase != Phase::Finishing => {
                    self.connect(index, now);
                }
                State::Connecting { since } if now - since >= self.plan.timeout => {
                    self.fail_connect(index, &ErrorKind::TimedOut.into(), now);
                }
                State::Open => {
                    let oldest = connection.in_flight.front();
                    if oldest.is_some_and(|request| now - request.sent_at >= self.plan.timeout) {
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

    /// Changes the phase, and starts another second, when it is time for that.
    fn cross_edges(&mut self, now: Instant) {
        let Schedule {
            window_opens,
            window_closes,
        } = self.schedule;
        while now >= self.next_edge && self.phase != Phase::Finishing {
            if self.phase == Phase::WarmingUp {
                self.phase = Phase::Measuring;
                self.cpu_at_opening = thread_cpu();
            } else if self.next_edge >= window_closes {
                self.close_window(window_closes);
                continue;
            } else {
                let latency = std::mem::replace(&mut self.second, histogram());
                self.tally.close_second(self.next_edge - window_opens, latency);
            }
            self.next_edge = (self.next_edge + Duration::from_secs(1)).min(window_closes);
        }
    }

    fn close_window(&mut self, at: Instant) {
        self.phase = Phase::Finishing;
        // There is no further edge; this one only has to lie behind every wait.
        self.next_edge = at + Duration::from_secs(365 * 24 * 3600);
        self.tally.window = at - self.schedule.window_opens;
        self.tally.cpu = thread_cpu().saturating_sub(self.cpu_at_opening);
        if !self.tally.window.is_zero() {
            self.tally.busiest = self.tally.cpu.as_secs_f64() / self.tally.window.as_secs_f64();
        }
    }

    fn finish(mut self) -> Tally {
        if self.phase == Phase::Measuring {
            self.close_window(Instant::now());
        }
        if !self.tally.window.is_zero() {
            let latency = std::mem::replace(&mut self.second, histogram());
            self.tally.close_second(self.tally.window, latency);
        }
        let in_flight = self
            .connections
            .iter()
            .flat_map(|connection| &connection.in_flight);
        self.tally.requests.in_flight = in_flight.filter(|request| request.counts).count() as u64;
        self.tally.requests.planned = self.tally.requests.sent;
        self.tally.opened = self
            .connections
            .iter()
            .filter(|connection| connection.opened_once)
            .count() as u64;
        self.tally.served = self
            .connections
            .iter()
            .map(|connection| connection.served)
            .collect();
        self.tally
    }
}

/// The processor time of this thread.
fn thread_cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use protocol::Reply;

    use super::*;
    use crate::work::Params;

    #[test]
    fn a_warm_connection_allocates_nothing_for_a_request() {
        const REQUESTS: u64 = 5_000;
        // What a run of any length allocates: its buffers, and a histogram for each second.
        const ONCE_MOST: u64 = 200;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let work = Work::new("ping", Params::Json("\"ireader 0\"".to_owned())).unwrap();
        let plan = Plan {
            duration: Duration::from_secs(3600),
            timeout: Duration::from_secs(60),
            ..Plan::closed_loop(listener.local_addr().unwrap(), 1, work.clone())
        };
        let cancel = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let (mut stream, _) = listener.accept().unwrap();
                let (mut request, mut reply) = (Vec::new(), Vec::new());
                work.clone().append_request(0, &mut request);
                Reply::append(&mut reply, "pong", |out| out.extend_from_slice(b"\"ireader 0\""));
                for _ in 0..REQUESTS {
                    stream.read_exact(&mut request).unwrap();
                    stream.write_all(&reply).unwrap();
                }
                cancel.store(true, Ordering::Relaxed);
                // Open until the client has gone, so that it has nothing to lose.
                let _ = stream.read_to_end(&mut request);
            });
            let mut driver = Driver::new(&plan, 0).unwrap();
            driver.open_all(&cancel).unwrap();
            let mut tally = None;
            let allocated = allocation_counter::measure(|| {
                tally = driver.run(Schedule::from(Instant::now(), &plan), &cancel).ok();
            });
            assert_eq!(tally.unwrap().answered_total, REQUESTS);
            assert!(allocated.count_total <= ONCE_MOST, "{allocated:?}");
        });
    }
}
