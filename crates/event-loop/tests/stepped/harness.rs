//! A socket and a clock that a test steps, and a loop of one connection.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::{Duration, Instant};

use event_loop::{Connection, Lent, Readiness, TimeSource, Timers, Transport, Turn};
use protocol::frame::{self, Head, PREFIX_BYTES};
use protocol::{FrameLimit, Job, Reply, Request, SessionOptions};
use serving::Service;

/// What a service without any time limit is.
pub(crate) const PLAIN: Service = Service {
    session: SessionOptions {
        limit: FrameLimit::MOST,
        writes: protocol::Writes::Whole,
    },
    idle_timeout: None,
    frame_timeout: None,
    verbose: false,
};

/// A socket, seen from both of its sides: the connection reads and writes it, the test plays peer and kernel.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wire(Rc<RefCell<State>>);

#[derive(Debug, Default)]
struct State {
    /// Arrived, and not read yet.
    arrived: VecDeque<u8>,
    /// The peer has closed its sending side, behind what has arrived.
    ended: bool,
    /// Every call fails.
    reset: bool,
    /// How much the connection can still send.
    window_bytes: usize,
    /// How much one write takes.
    write_most_bytes: usize,
    /// How many calls are interrupted by a signal first.
    interrupts: usize,
    sent: Vec<u8>,
    shut_down: bool,
    reads: usize,
    writes: usize,
}

impl State {
    fn check(&mut self) -> io::Result<()> {
        if self.reset {
            return Err(ErrorKind::ConnectionReset.into());
        }
        if self.interrupts > 0 {
            self.interrupts -= 1;
            return Err(ErrorKind::Interrupted.into());
        }
        Ok(())
    }
}

impl Transport for Wire {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        assert!(!room.is_empty(), "a read without room returns 0, like the end");
        let mut state = self.0.borrow_mut();
        state.reads += 1;
        state.check()?;
        if state.arrived.is_empty() && !state.ended {
            return Err(ErrorKind::WouldBlock.into());
        }
        let bytes = room.len().min(state.arrived.len());
        for (to, from) in room.iter_mut().zip(state.arrived.drain(..bytes)) {
            *to = from;
        }
        Ok(bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.borrow_mut();
        assert!(!state.shut_down, "nothing is written behind the end");
        state.writes += 1;
        state.check()?;
        let taken = bytes.len().min(state.window_bytes).min(state.write_most_bytes);
        if taken == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        state.window_bytes -= taken;
        state.sent.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        self.0.borrow_mut().shut_down = true;
        Ok(())
    }

    fn unread_bytes(&self) -> io::Result<u64> {
        Ok(self.0.borrow().arrived.len() as u64)
    }
}

/// A clock that stands still until it is stepped, and counts who looks at it.
#[derive(Debug, Clone)]
pub(crate) struct SteppedClock {
    now: Rc<Cell<Instant>>,
    looks: Rc<Cell<usize>>,
}

impl TimeSource for SteppedClock {
    fn now(&self) -> Instant {
        self.looks.set(self.looks.get() + 1);
        self.now.get()
    }
}

/// Jobs take no time.
struct NoTime;

impl protocol::job::Clock for NoTime {
    fn spin(&self, _: Duration) {}

    fn block(&self, _: Duration) {}
}

/// A loop of one connection.
pub(crate) struct Stepped {
    wire: Wire,
    clock: SteppedClock,
    connection: Connection<Wire>,
    lent: Lent<SteppedClock>,
    timers: Timers,
    is_over: bool,
    /// How many jobs the connection asked for. They take no time.
    jobs: usize,
}

impl Stepped {
    /// A connection with a window without end.
    pub(crate) fn new(service: &Service) -> Self {
        let wire = Wire::default();
        wire.0.borrow_mut().write_most_bytes = usize::MAX;
        wire.0.borrow_mut().window_bytes = usize::MAX;
        let clock = SteppedClock {
            now: Rc::new(Cell::new(Instant::now())),
            looks: Rc::default(),
        };
        let connection = Connection::new(wire.clone(), service, &clock);
        let mut timers = Timers::default();
        timers.follow(0, connection.deadline());
        clock.looks.set(0);
        Self {
            wire,
            lent: Lent {
                clock: clock.clone(),
                buffers: protocol::SharedBuffers::default(),
            },
            clock,
            connection,
            timers,
            is_over: false,
            jobs: 0,
        }
    }

    /// Bytes arrive, without an event.
    pub(crate) fn arrives(&mut self, bytes: &[u8]) {
        self.wire.0.borrow_mut().arrived.extend(bytes);
    }

    /// Bytes arrive, and the connection has its turns.
    pub(crate) fn receives(&mut self, bytes: &[u8]) {
        self.arrives(bytes);
        self.event(Readiness {
            readable: true,
            ..Readiness::default()
        });
    }

    /// The peer closes its sending side, and the connection has its turns.
    pub(crate) fn receives_end(&mut self) {
        self.wire.0.borrow_mut().ended = true;
        self.event(Readiness {
            readable: true,
            read_closed: true,
            write_closed: false,
        });
    }

    /// The peer resets the connection: from now on every call fails.
    pub(crate) fn reset(&mut self) {
        self.wire.0.borrow_mut().reset = true;
    }

    /// An event comes, and the connection has its turns.
    pub(crate) fn event(&mut self, readiness: Readiness) {
        if !self.is_over {
            self.connection.notice_event(readiness);
            self.turns();
        }
    }

    /// Gives the connection its turns, until it has to wait or is over.
    pub(crate) fn turns(&mut self) {
        while self.turn() == Turn::Unfinished {}
    }

    /// Gives the connection one turn. Its job, if it has one, is run.
    pub(crate) fn turn(&mut self) -> Turn {
        if self.is_over {
            return Turn::Over;
        }
        let mut turn = self.connection.turn(&mut self.lent);
        if let Turn::Job(job) = turn {
            self.jobs += 1;
            turn = self.connection.finish(job.run(&NoTime), &mut self.lent);
        }
        self.is_over = turn == Turn::Over;
        self.timers.follow(0, self.connection.deadline());
        turn
    }

    /// Gives the connection one turn, in which it hands out a job.
    pub(crate) fn job(&mut self) -> Job {
        let Turn::Job(job) = self.connection.turn(&mut self.lent) else {
            panic!("a connection with a job hands it out");
        };
        self.timers.follow(0, self.connection.deadline());
        job
    }

    /// A job that was handed out has run. The connection has its turns.
    pub(crate) fn job_ends(&mut self, job: Job) {
        let turn = self.connection.finish(job.run(&NoTime), &mut self.lent);
        self.is_over = turn == Turn::Over;
        self.turns();
    }

    /// Time passes. If a timer is due by then, the connection has its turns.
    pub(crate) fn passes(&mut self, time: Duration) {
        self.clock.now.set(self.clock.now.get() + time);
        let now = self.clock.now.get();
        while !self.is_over && self.timers.due(|| now).is_some() {
            self.timer();
        }
    }

    /// A timer ends, whether or not anything is due.
    pub(crate) fn timer(&mut self) {
        if !self.is_over {
            assert!(self.connection.notice_timer());
            self.turns();
        }
    }

    /// The process drains from now on, and the connection has its turns.
    pub(crate) fn drains(&mut self) {
        self.connection.begin_drain();
        self.turns();
    }

    /// From now on a write takes at most this many bytes, and all writes together this many.
    pub(crate) fn limit_writes(&mut self, most_bytes: usize, window_bytes: usize) {
        let mut state = self.wire.0.borrow_mut();
        (state.write_most_bytes, state.window_bytes) = (most_bytes, window_bytes);
    }

    /// From now on a write takes at most this many bytes.
    pub(crate) fn limit_writes_to(&mut self, most_bytes: usize) {
        self.wire.0.borrow_mut().write_most_bytes = most_bytes;
    }

    /// The peer reads: so many more bytes can be sent. It is an event.
    pub(crate) fn window_opens(&mut self, bytes: usize) {
        {
            let window_bytes = &mut self.wire.0.borrow_mut().window_bytes;
            *window_bytes = window_bytes.saturating_add(bytes);
        }
        self.event(Readiness::default());
    }

    /// The next calls are interrupted.
    pub(crate) fn interrupt(&mut self, calls: usize) {
        self.wire.0.borrow_mut().interrupts = calls;
    }

    /// The replies that were sent since the last look.
    pub(crate) fn replies(&mut self) -> Vec<String> {
        let bytes = std::mem::take(&mut self.wire.0.borrow_mut().sent);
        let (mut left, mut replies) = (&bytes[..], Vec::new());
        while let Head::Whole(body) = frame::head(left, FrameLimit::MOST) {
            let reply = Reply::parse(body).expect("a session writes replies");
            replies.push(format!("{} {}", reply.kind, reply.result.get()));
            left = &left[PREFIX_BYTES + body.len()..];
        }
        assert!(left.is_empty(), "the last reply is not whole");
        replies
    }

    /// Drops the replies that were sent since the last look, without an allocation.
    pub(crate) fn forget_replies(&mut self) {
        self.wire.0.borrow_mut().sent.clear();
    }

    /// How many bytes were sent since the last look at the replies.
    pub(crate) fn sent_bytes(&self) -> usize {
        self.wire.0.borrow().sent.len()
    }

    /// How many bytes have arrived and were not read.
    pub(crate) fn unread_bytes(&self) -> usize {
        self.wire.0.borrow().arrived.len()
    }

    /// How many jobs the connection asked for.
    pub(crate) fn jobs(&self) -> usize {
        self.jobs
    }

    pub(crate) fn is_shut_down(&self) -> bool {
        self.wire.0.borrow().shut_down
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// How many reads and writes there were since the last look.
    pub(crate) fn calls(&mut self) -> (usize, usize) {
        let mut state = self.wire.0.borrow_mut();
        (
            std::mem::take(&mut state.reads),
            std::mem::take(&mut state.writes),
        )
    }

    /// Ends the connection, and returns how much memory it owned outside of itself.
    pub(crate) fn owned_bytes(self) -> usize {
        let connection = self.connection;
        let counted = allocation_counter::measure(|| drop(connection));
        usize::try_from(-counted.bytes_current).expect("a drop allocates nothing")
    }

    /// Swaps what the loops of two connections lend to them.
    pub(crate) fn swap_lent(&mut self, other: &mut Self) {
        std::mem::swap(&mut self.lent, &mut other.lent);
    }

    /// How often the clock was read since the last look.
    pub(crate) fn looks_at_the_clock(&mut self) -> usize {
        self.clock.looks.take()
    }
}

/// The frame of a request.
pub(crate) fn request(operation: &str, params: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    Request::append(&mut bytes, operation, params);
    bytes
}

/// Pings with these numbers, one frame after another.
pub(crate) fn pings(numbers: impl IntoIterator<Item = usize>) -> Vec<u8> {
    let frames = numbers
        .into_iter()
        .map(|number| request("ping", &number.to_string()));
    frames.flatten().collect()
}

/// The replies to those pings.
pub(crate) fn pongs(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers
        .into_iter()
        .map(|number| format!("pong {number}"))
        .collect()
}

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// What the kernel reports of a connection that its peer has reset.
pub(crate) fn reset_event() -> Readiness {
    Readiness {
        readable: true,
        read_closed: true,
        write_closed: true,
    }
}
