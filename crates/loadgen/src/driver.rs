//! One thread's connections and its event loop.
//!
//! A request is sent from where the reply before it was read, without waiting for the socket to be writable: it nearly
//! always is, and to ask the kernel each time costs two system calls a request. Only what did not leave waits for an
//! event. In an open loop a request is sent when it is due and a connection is free, whichever comes last.

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam::channel;
use mio::event::Event;
use mio::{Events, Poll, Token};
use nix::time::{ClockId, clock_gettime};
use protocol::FrameLimit;
use protocol::buffer::ReadBuffer;
use protocol::frame::{self, Head, PREFIX_BYTES};

use crate::arrivals::{Arrivals, Due};
use crate::clock::{Clock, nanoseconds};
use crate::connection::{Connection, InFlight, Received, State};
use crate::gaps::Gaps;
use crate::in_system::InSystem;
use crate::line::Line;
use crate::pacer::{Pacer, TIMER, Wait};
use crate::plan::{Fault, Load, Plan};
use crate::slices::{Cut, Slice, record};
use crate::sources::Sources;
use crate::tally::{Failure, Tally};
use crate::work::{Verdict, Work};

/// How many connections a thread opens at the same time: less than any backlog.
const OPENING_AT_ONCE: usize = 256;
const EVENTS_AT_ONCE: usize = 1024;
/// How long a place stays empty after its connection could not be opened.
const RETRY_PAUSE_NS: u64 = 100_000_000;
/// When no connection can be opened for so long, the server is taken to be gone.
const GONE_AFTER_NS: u64 = 500_000_000;

/// When the load begins, and when it is measured, in nanoseconds of the run's clock.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "units stand last in a name")]
pub(crate) struct Schedule {
    pub(crate) begins_ns: u64,
    pub(crate) opens_ns: u64,
    pub(crate) closes_ns: u64,
}

impl Schedule {
    pub(crate) fn from(begins_ns: u64, plan: &Plan) -> Self {
        let opens_ns = begins_ns + nanoseconds(plan.warmup);
        Self {
            begins_ns,
            opens_ns,
            closes_ns: opens_ns + nanoseconds(plan.duration),
        }
    }
}

/// A thread's slice of the window, and its number.
pub(crate) type Slices = channel::Sender<(usize, Slice)>;

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
    clock: Clock,
    work: Work,
    reply_limit: FrameLimit,
    poll: Poll,
    sources: &'a Sources,
    /// The number, among all connections of the run, of this thread's first; the next is `threads` later.
    thread: usize,
    connections: Vec<Connection>,
    /// How many requests are on their way, warm-up included.
    outstanding: usize,
    /// The next request's number. Threads count in steps of their number, so that no two send the same.
    next_number: u64,
    outgoing: Vec<u8>,
    /// Memory to read into, lent to whichever connection reads.
    spare: ReadBuffer,
    /// The open loop, if this is one.
    open: Option<(Line, Pacer)>,
    in_system: InSystem,
    tally: Tally,
    slice: Slice,
    slices: Slices,
    next_slice: usize,
    cut: Cut,
    phase: Phase,
    schedule: Schedule,
    /// When the phase or the slice changes.
    next_edge_ns: u64,
    cpu_at_opening: Duration,
    /// Time in which the clock was looked at and nothing else was to be done.
    spun_ns: u64,
    /// Since when no connection is open, nor being opened.
    down_since_ns: Option<u64>,
}

impl<'a> Driver<'a> {
    /// The driver of the plan's thread of this number.
    pub(crate) fn new(
        plan: &'a Plan,
        thread: usize,
        clock: Clock,
        sources: &'a Sources,
        slices: Slices,
    ) -> io::Result<Self> {
        let share = (plan.connections + plan.threads - 1 - thread) / plan.threads;
        let poll = Poll::new()?;
        let parts = plan.work.parts().len();
        Ok(Self {
            plan,
            clock,
            work: plan.work.clone(),
            reply_limit: plan.work.reply_limit(),
            open: open_loop(plan, thread, &poll)?,
            poll,
            sources,
            thread,
            connections: (0..share).map(|_| Connection::default()).collect(),
            outstanding: 0,
            next_number: thread as u64,
            outgoing: Vec::new(),
            spare: ReadBuffer::default(),
            in_system: InSystem::within(0, 0),
            tally: Tally::with_parts(if parts > 1 { parts } else { 0 }),
            slice: Slice::default(),
            slices,
            next_slice: 0,
            cut: Cut::of(plan.duration),
            phase: Phase::WarmingUp,
            schedule: Schedule::from(0, plan),
            next_edge_ns: 0,
            cpu_at_opening: Duration::ZERO,
            spun_ns: 0,
            down_since_ns: None,
        })
    }

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

    /// Runs the load to its end, and gives what was counted.
    pub(crate) fn run(mut self, schedule: Schedule, cancel: &AtomicBool) -> io::Result<Tally> {
        self.begin(schedule);
        // Timeouts are looked for this often: a request is given up at most a twentieth later than it should be.
        let sweep_every_ns = (nanoseconds(self.plan.timeout) / 20).clamp(1_000_000, 100_000_000);
        let mut next_sweep_ns = schedule.begins_ns + sweep_every_ns;
        let mut events = Events::with_capacity(EVENTS_AT_ONCE);
        while self.phase != Phase::Finishing || self.outstanding > 0 {
            let waits_from_ns = self.clock.now_ns();
            let wait = self.next_wait(waits_from_ns, next_sweep_ns.min(self.next_edge_ns))?;
            self.wait(&mut events, wait)?;
            for event in events.iter().filter(|event| event.token() != TIMER) {
                self.on_event(event);
            }
            let now_ns = self.clock.now_ns();
            self.cross_edges(now_ns);
            let sent = self.send_due(now_ns);
            if wait.is_zero() && events.is_empty() && sent == 0 && self.phase == Phase::Measuring {
                self.spun_ns += now_ns - waits_from_ns;
            }
            if now_ns >= next_sweep_ns {
                next_sweep_ns = now_ns + sweep_every_ns;
                self.sweep(now_ns);
                self.tally.ended_early = self.ends_early(now_ns, cancel);
                if self.tally.ended_early.is_some() {
                    break;
                }
            }
        }
        Ok(self.finish())
    }

    fn begin(&mut self, schedule: Schedule) {
        self.schedule = schedule;
        self.next_edge_ns = schedule.opens_ns;
        self.in_system = InSystem::within(schedule.opens_ns, schedule.closes_ns);
        if let Some((line, _)) = &mut self.open {
            line.begin(schedule.begins_ns);
        }
        self.cross_edges(self.clock.now_ns());
        for index in 0..self.connections.len() {
            // Whatever has come before the first request is the reply to none.
            if self.connections[index].state == State::Open {
                self.receive(index);
            }
            self.put_to_use(index, self.clock.now_ns());
        }
    }

    fn ends_early(&self, now_ns: u64, cancel: &AtomicBool) -> Option<String> {
        if cancel.load(Ordering::Relaxed) {
            return Some("interrupted".to_owned());
        }
        let gone = self
            .down_since_ns
            .is_some_and(|since_ns| now_ns - since_ns > GONE_AFTER_NS);
        gone.then(|| format!("the server at {} is gone", self.plan.target))
    }

    /// How long to wait for events at the most.
    fn next_wait(&mut self, now_ns: u64, most_ns: u64) -> io::Result<Duration> {
        let sleep = |most_ns| Duration::from_nanos(most_ns);
        let finishing = self.phase == Phase::Finishing;
        match &mut self.open {
            Some((line, pacer)) if !finishing && !line.is_idle() => {
                match pacer.until(line.next_due_ns(), now_ns, most_ns)? {
                    Wait::Spin => Ok(Duration::ZERO),
                    Wait::Sleep { most_ns } => Ok(sleep(most_ns)),
                }
            }
            // Nothing can be sent before something comes.
            _ => Ok(sleep(most_ns.saturating_sub(now_ns))),
        }
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
                    self.put_to_use(index, self.clock.now_ns());
                }
            }
            State::Open => {
                if event.is_writable() && !connection.can_send() {
                    connection.send_rest();
                    self.put_to_use(index, self.clock.now_ns());
                }
                self.receive(index);
            }
        }
    }

    /// Reads all there is, checks it, and sends what may be sent because of it.
    fn receive(&mut self, index: usize) {
        self.lend_spare(index);
        self.receive_all(index);
        self.lend_spare(index);
    }

    /// Lends a connection that holds nothing the memory that the last one has read into, or takes it back from it. Few
    /// replies come in pieces, so one buffer does for nearly all: thousands of their own would push each other out of the
    /// processor's cache.
    fn lend_spare(&mut self, index: usize) {
        let input = &mut self.connections[index].input;
        if input.bytes().is_empty() {
            std::mem::swap(input, &mut self.spare);
        }
    }

    fn receive_all(&mut self, index: usize) {
        loop {
            match self.connections[index].receive(self.reply_limit) {
                Ok(Received::Some) => {}
                Ok(Received::All) => return,
                Ok(Received::End) => return self.lose(index, &ErrorKind::UnexpectedEof.into()),
                Err(error) => return self.lose(index, &error),
            }
            let now_ns = self.clock.now_ns();
            if now_ns >= self.next_edge_ns {
                self.cross_edges(now_ns);
            }
            if !self.take_replies(index, now_ns) {
                return;
            }
            self.put_to_use(index, now_ns);
        }
    }

    /// Checks the replies that have come whole. Says whether the connection still stands.
    fn take_replies(&mut self, index: usize, now_ns: u64) -> bool {
        if let Some((line, _)) = &mut self.open {
            line.arrive(&mut self.in_system, now_ns);
        }
        loop {
            let connection = &mut self.connections[index];
            match frame::head(connection.input.bytes(), self.reply_limit) {
                Head::Incomplete => return true,
                Head::TooLarge { announced_bytes } => {
                    self.lose_first_as_wrong(index, announced_bytes, now_ns);
                    return false;
                }
                Head::Whole(body) => {
                    let Some(request) = connection.in_flight.pop_front() else {
                        let example = || crate::operation::shortened(&String::from_utf8_lossy(body));
                        self.tally.fail(Failure::Unasked, 1, example);
                        self.abandon(index, Failure::Unasked);
                        return false;
                    };
                    self.outstanding -= 1;
                    let unchecked = self.plan.fault == Some(Fault::UncheckedReplies)
                        && request.number.is_multiple_of(1000);
                    let verdict = if unchecked {
                        Verdict::Good
                    } else {
                        self.work.judge(request.number, body)
                    };
                    connection.input.consume(PREFIX_BYTES + body.len());
                    self.count(index, request, &verdict, now_ns);
                }
            }
        }
    }

    fn count(&mut self, index: usize, request: InFlight, verdict: &Verdict, now_ns: u64) {
        let counts = u64::from(request.counts);
        self.leave(request, now_ns);
        match verdict {
            Verdict::Good => {
                self.tally.answered_total += 1;
                if self.phase == Phase::Measuring {
                    self.tally.completed += 1;
                    self.connections[index].served += 1;
                }
                if request.counts {
                    self.tally.requests.ok += 1;
                    self.record(request, now_ns);
                }
            }
            Verdict::Error(text) => {
                self.tally.requests.error += counts;
                self.slice.failed += counts;
                self.tally.fail(Failure::ErrorReply, 1, || text.clone());
            }
            Verdict::Wrong(text) => {
                self.tally.requests.wrong += counts;
                self.slice.failed += counts;
                self.tally.fail(Failure::WrongValue, 1, || text.clone());
            }
        }
    }

    fn record(&mut self, request: InFlight, now_ns: u64) {
        let latency_ns = self.latency_ns(request, now_ns);
        record(&mut self.slice.times.latency, latency_ns);
        if self.open.is_some() {
            record(
                &mut self.slice.times.service,
                now_ns.saturating_sub(request.sent_ns),
            );
        }
        if !self.tally.parts.is_empty() {
            let part = self.work.part(request.number);
            record(&mut self.tally.parts[part], latency_ns);
        }
    }

    /// From when a request was due to now; in a closed loop it was due when it was sent.
    fn latency_ns(&self, request: InFlight, now_ns: u64) -> u64 {
        let from_ns = match self.plan.fault {
            Some(Fault::LatencyFromSend) => request.sent_ns,
            _ => request.due_ns,
        };
        now_ns.saturating_sub(from_ns)
    }

    /// A request has ended, one way or another.
    fn leave(&mut self, request: InFlight, now_ns: u64) {
        self.in_system.leave(now_ns, 1);
        let from_ns = now_ns - self.latency_ns(request, now_ns);
        self.tally.waits_ns += u128::from(self.in_system.clip(from_ns, now_ns));
    }

    /// A connection may be free: sends what may be sent on it, or opens another in its place when it has carried its share.
    fn put_to_use(&mut self, index: usize, now_ns: u64) {
        let connection = &mut self.connections[index];
        if self.phase == Phase::Finishing || !connection.can_send() {
            return;
        }
        if connection.sent >= self.plan.requests_per_connection.unwrap_or(u64::MAX) {
            if connection.in_flight.is_empty() {
                connection.close(now_ns);
                self.connect(index, now_ns);
            }
        } else if self.open.is_some() {
            self.offer(index);
            self.send_due(now_ns);
        } else {
            self.refill(index, now_ns);
        }
    }

    /// Sends as many requests as a connection may have in flight.
    fn refill(&mut self, index: usize, now_ns: u64) {
        self.outgoing.clear();
        let counts = self.phase == Phase::Measuring;
        let share = self.plan.requests_per_connection.unwrap_or(u64::MAX);
        let connection = &mut self.connections[index];
        let mut entering = 0;
        while connection.in_flight.len() < self.plan.pipeline && connection.sent < share {
            self.work.append_request(self.next_number, &mut self.outgoing);
            connection.in_flight.push_back(InFlight {
                number: self.next_number,
                due_ns: now_ns,
                sent_ns: now_ns,
                counts,
            });
            connection.sent += 1;
            self.next_number += self.plan.threads as u64;
            entering += 1;
        }
        if entering > 0 {
            self.in_system.enter(now_ns, entering);
            self.outstanding += entering;
            self.tally.requests.sent += if counts { entering as u64 } else { 0 };
            self.send(index);
        }
    }

    /// Puts a connection among the free ones, if it is free and not there yet.
    fn offer(&mut self, index: usize) {
        let Some((line, _)) = &mut self.open else { return };
        let connection = &mut self.connections[index];
        if !connection.offered && connection.is_free(self.plan) {
            connection.offered = true;
            line.offer(index);
        }
    }

    /// Sends what is due, as far as connections are free. Says how much that was.
    fn send_due(&mut self, now_ns: u64) -> usize {
        let mut sent = 0;
        while self.phase != Phase::Finishing {
            let Some((line, _)) = &mut self.open else { break };
            if line.next_due_ns() > now_ns {
                break;
            }
            let Some(index) = line.take() else { break };
            self.connections[index].offered = false;
            // It may have been lost, or have been given something else to do, since it was put there.
            if !self.connections[index].is_free(self.plan) {
                continue;
            }
            let due_ns = line.advance();
            self.send_one(index, due_ns);
            self.offer(index);
            sent += 1;
        }
        sent
    }

    /// Sends a request that is due, on a connection that is free.
    fn send_one(&mut self, index: usize, due_ns: u64) {
        let sent_ns = self.clock.now_ns();
        let counts = due_ns >= self.schedule.opens_ns && due_ns < self.schedule.closes_ns;
        self.outgoing.clear();
        self.work.append_request(self.next_number, &mut self.outgoing);
        let connection = &mut self.connections[index];
        connection.in_flight.push_back(InFlight {
            number: self.next_number,
            due_ns,
            sent_ns,
            counts,
        });
        connection.sent += 1;
        self.next_number += self.plan.threads as u64;
        self.outstanding += 1;
        if counts {
            self.tally.requests.sent += 1;
            record(&mut self.slice.times.lateness, sent_ns.saturating_sub(due_ns));
            if let Some((line, _)) = &mut self.open {
                line.gaps.fell_due(due_ns);
            }
        }
        self.send(index);
    }

    /// Sends what was put together.
    fn send(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        if self.plan.two_writes {
            connection.send_apart(&self.outgoing);
        } else {
            connection.send(&self.outgoing);
        }
    }

    fn connect(&mut self, index: usize, now_ns: u64) {
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
    fn finish_connect(&mut self, index: usize) -> bool {
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

    fn fail_connect(&mut self, index: usize, error: &io::Error, now_ns: u64) {
        let failure = match error.kind() {
            ErrorKind::ConnectionRefused => Failure::ConnectRefused,
            ErrorKind::TimedOut => Failure::ConnectTimeout,
            _ => Failure::ConnectFailed,
        };
        self.tally.fail(failure, 1, || error.to_string());
        self.connections[index].close(now_ns + RETRY_PAUSE_NS);
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
    fn lose_first_as_wrong(&mut self, index: usize, announced_bytes: u32, now_ns: u64) {
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
    fn abandon(&mut self, index: usize, failure: Failure) {
        let now_ns = self.clock.now_ns();
        if let Some((line, _)) = &mut self.open {
            line.arrive(&mut self.in_system, now_ns);
        }
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
    fn sweep(&mut self, now_ns: u64) {
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

    /// Changes the phase, and begins another slice, when it is time for that.
    fn cross_edges(&mut self, now_ns: u64) {
        let Schedule {
            opens_ns, closes_ns, ..
        } = self.schedule;
        while now_ns >= self.next_edge_ns && self.phase != Phase::Finishing {
            if self.phase == Phase::WarmingUp {
                self.phase = Phase::Measuring;
                self.cpu_at_opening = thread_cpu();
            } else if self.next_edge_ns >= closes_ns {
                // What was due just before is not late only because nobody looked at the clock in between.
                self.send_due(closes_ns - 1);
                self.close_window(closes_ns);
                continue;
            } else {
                self.hand_in_slice();
            }
            let ends = self.cut.ends(self.next_slice, self.plan.duration);
            self.next_edge_ns = opens_ns + nanoseconds(ends);
        }
    }

    fn hand_in_slice(&mut self) {
        let slice = std::mem::take(&mut self.slice);
        // Nobody takes it any more only when the run is over.
        let _ = self.slices.send((self.next_slice, slice));
        self.next_slice += 1;
    }

    fn close_window(&mut self, at_ns: u64) {
        self.phase = Phase::Finishing;
        // There is no further edge; this one only has to lie behind every wait.
        self.next_edge_ns = u64::MAX;
        let window_ns = at_ns - self.schedule.opens_ns;
        self.tally.window = Duration::from_nanos(window_ns);
        self.tally.cpu = thread_cpu().saturating_sub(self.cpu_at_opening);
        if window_ns > 0 {
            let worked_ns = nanoseconds(self.tally.cpu).saturating_sub(self.spun_ns);
            self.tally.busiest = worked_ns as f64 / window_ns as f64;
        }
        self.count_unsent(at_ns);
    }

    /// What was due before the window closed and stands in line still.
    fn count_unsent(&mut self, at_ns: u64) {
        let Some((line, _)) = &mut self.open else { return };
        line.arrive(&mut self.in_system, at_ns);
        while line.next_due_ns() < at_ns {
            let due_ns = line.advance();
            self.tally.waits_ns += u128::from(self.in_system.clip(due_ns, at_ns));
            self.tally.requests.unsent += u64::from(due_ns >= self.schedule.opens_ns);
        }
    }

    fn finish(mut self) -> Tally {
        let now_ns = self.clock.now_ns();
        if self.phase == Phase::Measuring {
            self.close_window(now_ns);
        }
        if !self.tally.window.is_zero() {
            self.hand_in_slice();
        }
        // What is still on its way when a run is cut short has been so until now.
        for connection in &self.connections {
            for request in &connection.in_flight {
                self.tally.requests.in_flight += u64::from(request.counts);
                self.tally.waits_ns += u128::from(self.in_system.clip(request.due_ns, now_ns));
            }
        }
        self.tally.requests.planned = self.tally.requests.sent + self.tally.requests.unsent;
        self.tally.area_ns = self.in_system.area_ns(now_ns.max(self.schedule.closes_ns));
        let opened = self
            .connections
            .iter()
            .filter(|connection| connection.opened_once);
        self.tally.opened = opened.count() as u64;
        self.tally.served = self
            .connections
            .iter()
            .map(|connection| connection.served)
            .collect();
        if let Some((line, _)) = self.open {
            self.tally.gaps = line.gaps.into_pairs();
        }
        self.tally
    }
}

fn open_loop(plan: &Plan, thread: usize, poll: &Poll) -> io::Result<Option<(Line, Pacer)>> {
    let Load::Open {
        rate_per_s,
        arrivals,
        pacing,
    } = plan.load
    else {
        return Ok(None);
    };
    let due = Due::new(arrivals, rate_per_s, thread, plan.threads, plan.seed);
    let requests = match arrivals {
        Arrivals::Poisson => rate_per_s * plan.duration.as_secs_f64() / plan.threads as f64,
        // Nothing is asked of gaps that are all the same.
        Arrivals::Uniform => f64::INFINITY,
    };
    let pacer = Pacer::new(poll.registry(), pacing, plan.fault)?;
    Ok(Some((Line::new(due, Gaps::of(requests)), pacer)))
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
    use crate::arrivals::Arrivals;
    use crate::plan::Pacing;
    use crate::work::Params;

    /// How often a driver allocates for so many requests on one connection.
    fn allocations(load: Load, requests: u64) -> u64 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let work =
            Work::new("ping", Params::Json("\"ireader 0\"".to_owned())).expect("a ping takes any value");
        let plan = Plan {
            load,
            warmup: Duration::ZERO,
            duration: Duration::from_secs(3600),
            timeout: Duration::from_secs(60),
            ..Plan::closed_loop(listener.local_addr().expect("it has an address"), 1, work.clone())
        };
        let cancel = AtomicBool::new(false);
        let sources = Sources::of_plan(1, plan.target).expect("there is a port for one");
        thread::scope(|scope| {
            scope.spawn(|| {
                let (mut stream, _) = listener.accept().expect("the driver connects");
                let (mut request, mut reply) = (Vec::new(), Vec::new());
                work.clone().append_request(0, &mut request);
                Reply::append(&mut reply, "pong", |out| out.extend_from_slice(b"\"ireader 0\""));
                for _ in 0..requests {
                    stream.read_exact(&mut request).expect("a request comes");
                    stream.write_all(&reply).expect("the driver reads");
                }
                cancel.store(true, Ordering::Relaxed);
                // Open until the client has gone, so that it has nothing to lose.
                let _ = stream.read_to_end(&mut request);
            });
            let clock = Clock::start();
            let (slices, _gathered) = channel::unbounded();
            let mut driver =
                Driver::new(&plan, 0, clock, &sources, slices).expect("an event loop can be made");
            driver.open_all(&cancel).expect("the connection can be opened");
            let mut tally = None;
            let allocated = allocation_counter::measure(|| {
                tally = driver.run(Schedule::from(clock.now_ns(), &plan), &cancel).ok();
            });
            assert_eq!(tally.expect("the load runs").answered_total, requests);
            allocated.count_total
        })
    }

    #[test]
    fn a_warm_connection_allocates_nothing_for_a_request() {
        // What a run of any length allocates: its buffers, its histograms as they grow, a slice for each second.
        const ONCE_MOST: u64 = 500;
        let open = Load::Open {
            rate_per_s: 20_000.0,
            arrivals: Arrivals::Uniform,
            pacing: Pacing::Hybrid,
        };
        for load in [Load::Closed, open] {
            let count = allocations(load, 5_000);
            assert!(count <= ONCE_MOST, "{load:?}: {count}");
        }
    }
}
