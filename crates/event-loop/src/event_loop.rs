//! An epoll instance with its listener and its connections: one method for each step of the loop.

mod admission;

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use mio::net::{TcpStream, UnixStream};
use mio::{Events, Interest, Poll, Token, Waker};
use protocol::{Job, Outcome};
use serving::alarm::Counted;
use serving::{Error, Restart, Result, Served, Service, Stop, Visit};
use signal_hook::consts::SIGHUP;
use slab::Slab;

use crate::acceptor::Acceptor;
use crate::connection::{Connection, Lent, Turn};
use crate::inbox::Inbox;
use crate::signals::{self, STOP_SIGNALS};
use crate::timers::Timers;
use crate::transport::{Readiness, SystemClock};

// The token of a connection is its key in the slab, which is never this large.
const LISTENER: Token = Token(usize::MAX - 1);
const SIGNAL: Token = Token(usize::MAX - 2);
const WAKER: Token = Token(usize::MAX - 3);
const WATCHED: Token = Token(usize::MAX - 4);
const EVENTS_AT_ONCE: usize = 1024;

/// The state of an event loop, with one method for each of its steps. The loop itself is on the page of a model.
#[derive(Debug)]
pub struct EventLoop {
    poll: Poll,
    events: Events,
    /// Where its connections come from, until the first poll.
    source: Option<Source>,
    /// None in a loop without a listener, and after the loop began to drain.
    acceptor: Option<Acceptor>,
    /// None in a loop that gets no connections from another thread, and once none can come any more.
    inbox: Option<Inbox>,
    /// There may be something in the inbox.
    has_mail: bool,
    waker: Option<Arc<Waker>>,
    draining: bool,
    /// When a loop that drains while its process goes on closes what is left.
    cut_off_at: Option<Instant>,
    /// What the model [watches](Self::watch) may be readable.
    watched_event: bool,
    /// When the model wants to look again, if at all.
    look_again_at: Option<Instant>,
    /// Readable after a signal. They have to stay open.
    signals: Vec<UnixStream>,
    /// Boxed, because a slab keeps up to as many free places as it has connections.
    connections: Slab<Box<Open>>,
    /// How many connections there have been.
    added: u64,
    /// Connections that can go on, in the order of their turns.
    ready: VecDeque<ConnectionId>,
    /// How many of those have a turn before the next poll. The others have had one since the last poll.
    turns_left: usize,
    timers: Timers,
    lent: Lent<SystemClock>,
    service: Service,
    stop: Stop,
    served: Served,
}

/// Where the connections of a loop come from.
#[derive(Debug)]
enum Source {
    /// It accepts them, while it has fewer than so many.
    Listener(std::net::TcpListener, Option<usize>),
    /// Another thread accepts them.
    Inbox(Inbox),
}

/// A connection of a loop. No later connection has the same one, so it may outlive its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionId {
    /// Its place among the open connections, which a later one may take.
    key: usize,
    /// Its number among all connections that there have been.
    number: u64,
}

/// Who waits for the outcome of a job that another thread runs: a connection, and whether it is still open.
#[derive(Debug)]
pub struct Waiter {
    /// The connection.
    pub id: ConnectionId,
    open: Weak<()>,
}

impl Waiter {
    /// Whether the connection has ended, so that nobody waits for the outcome.
    #[must_use]
    pub fn has_gone(&self) -> bool {
        self.open.strong_count() == 0
    }
}

#[derive(Debug)]
struct Open {
    number: u64,
    connection: Connection<TcpStream>,
    /// What [`Waiter`]s look at. Made for the first one.
    presence: Option<Arc<()>>,
    _visit: Visit,
    /// Last, so that the connection is closed when it no longer counts.
    _counted: Option<Counted>,
}

impl EventLoop {
    /// Makes a loop for the process that calls this. A process that forks makes it after the fork: an epoll instance
    /// that is made before is shared by all processes, events included.
    ///
    /// It has no listener. Its connections come from [`listen`](Self::listen), [`receive`](Self::receive) or
    /// [`adopt`](Self::adopt). In a worker thread no signal ends its wait, but its [waker](Self::waker) does.
    pub fn new(service: Service, stop: Stop) -> Result<Self> {
        let make = move || -> io::Result<Self> {
            let mut event_loop = Self {
                poll: Poll::new()?,
                events: Events::with_capacity(EVENTS_AT_ONCE),
                source: None,
                acceptor: None,
                inbox: None,
                has_mail: false,
                waker: None,
                draining: false,
                cut_off_at: None,
                watched_event: false,
                look_again_at: None,
                signals: Vec::new(),
                connections: Slab::new(),
                added: 0,
                ready: VecDeque::new(),
                turns_left: 0,
                timers: Timers::default(),
                lent: Lent::default(),
                service,
                stop,
                served: Served::default(),
            };
            if stop.sees_signals() {
                event_loop.wake_on(&STOP_SIGNALS)?;
            }
            Ok(event_loop)
        };
        make().map_err(Error::system("make an event loop"))
    }

    /// Ends the wait of [`poll`](Self::poll) at a SIGHUP too, which `restart` notices.
    pub fn wake_on_restart(&mut self, _: &Restart) -> Result<()> {
        self.wake_on(&[SIGHUP]).map_err(Error::system("wait for SIGHUP"))
    }

    /// Ends the wait of `poll` at these signals.
    fn wake_on(&mut self, signals: &[i32]) -> io::Result<()> {
        let mut readable = signals::readable_on(signals)?;
        self.poll
            .registry()
            .register(&mut readable, SIGNAL, Interest::READABLE)?;
        self.signals.push(readable);
        Ok(())
    }

    /// Whether it drains and its last connection has ended, or the time for that is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let has_ended = || self.connections.is_empty() && self.inbox.is_none();
        let is_late = || self.cut_off_at.is_some_and(|at| at <= Instant::now());
        self.draining && (has_ended() || is_late())
    }

    /// How many connections it has.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.connections.len()
    }

    /// How much it has served, on connections that have ended.
    #[must_use]
    pub fn served(&self) -> Served {
        self.served
    }

    /// What ends the wait of [`poll`](Self::poll) from another thread. A loop whose jobs run on other threads has one, and
    /// wakes with it when an outcome is there.
    pub fn waker(&mut self) -> Result<Arc<Waker>> {
        if let Some(waker) = &self.waker {
            return Ok(Arc::clone(waker));
        }
        let waker = Waker::new(self.poll.registry(), WAKER).map_err(Error::system("make a waker"))?;
        Ok(Arc::clone(self.waker.insert(Arc::new(waker))))
    }

    /// Waits until something happens: an event, a timer, a signal. If a connection can go on, it only collects events.
    pub fn poll(&mut self) -> Result<()> {
        if let Some(source) = self.source.take() {
            self.register(source)?;
        }
        self.stop.reap_strangers();
        // A signal that came before the loop was made ends no wait.
        let should_drain = !self.draining && self.stop.requested();
        let timeout = if self.ready.is_empty() && !should_drain && !self.has_mail {
            let retry = self.acceptor.as_ref().and_then(Acceptor::timeout);
            let later = [self.cut_off_at, self.look_again_at].into_iter().flatten().min();
            let later = later.map(|at| at.saturating_duration_since(Instant::now()));
            [self.timers.timeout(Instant::now), retry, later]
                .into_iter()
                .flatten()
                .min()
        } else {
            Some(Duration::ZERO)
        };
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() != ErrorKind::Interrupted => {
                return Err(Error::system("wait for events")(error));
            }
            // A signal interrupted the wait, and `events` still holds those of the last one.
            Err(_) => self.events.clear(),
            Ok(()) => {}
        }
        for event in &self.events {
            match event.token() {
                LISTENER => {
                    if let Some(acceptor) = &mut self.acceptor {
                        acceptor.notice_event();
                    }
                }
                // They only had to end the wait: the model looks at its `Stop` and for outcomes next.
                SIGNAL => {}
                WAKER => self.has_mail = self.inbox.is_some(),
                WATCHED => self.watched_event = true,
                Token(key) => {
                    if let Some(open) = self.connections.get_mut(key) {
                        open.connection.notice_event(Readiness::from(event));
                        if open.connection.notice_queued() {
                            self.ready.push_back(open.id(key));
                        }
                    }
                }
            }
        }
        self.turns_left = self.ready.len();
        Ok(())
    }

    /// The next connection that can go on: first those that used up their last turn, so that a stream of events can't
    /// starve them, then those that had an event, then those whose time has come. None once each had its turn.
    pub fn next_ready(&mut self) -> Option<ConnectionId> {
        if self.turns_left > 0 {
            self.turns_left -= 1;
            return self.ready.pop_front();
        }
        // While no timer is set, as in most loads, this does not read the clock.
        while let Some(key) = self.timers.due(Instant::now) {
            let Some(open) = self.connections.get_mut(key) else {
                continue;
            };
            if open.connection.notice_timer() {
                return Some(open.id(key));
            }
        }
        None
    }

    /// Gives a connection its turn: it goes on until it would have to wait, or until it is the others' turn.
    ///
    /// A job that would hold the thread is returned. This thread or another has to run it, and its outcome goes to
    /// [`finish`](Self::finish). A [waker](Self::waker) ends the loop's wait for an outcome of another thread.
    #[must_use]
    pub fn turn(&mut self, id: ConnectionId) -> Option<Job> {
        let open = Self::find(&mut self.connections, id)?;
        let turn = open.connection.turn(&mut self.lent);
        self.after(id, turn)
    }

    /// For a job that another thread runs: the connection that waits for its outcome.
    #[must_use]
    pub fn waiter(&mut self, id: ConnectionId) -> Waiter {
        let open = Self::find(&mut self.connections, id).map_or_else(Weak::new, |open| {
            Arc::downgrade(open.presence.get_or_insert_default())
        });
        Waiter { id, open }
    }

    /// Replies to the request whose job has run, with this outcome. A job without an outcome has panicked, and its
    /// connection closes. If the connection has ended meanwhile, nobody waits for it.
    pub fn finish(&mut self, id: ConnectionId, outcome: impl Into<Option<Outcome>>) {
        if let Some(open) = Self::find(&mut self.connections, id) {
            let turn = match outcome.into() {
                Some(outcome) => open.connection.finish(outcome, &mut self.lent),
                None => Turn::Over,
            };
            self.after(id, turn);
        }
    }

    /// The connection, if it is still open.
    fn find(connections: &mut Slab<Box<Open>>, id: ConnectionId) -> Option<&mut Open> {
        let open = connections.get_mut(id.key)?;
        (open.number == id.number).then_some(open)
    }

    fn after(&mut self, id: ConnectionId, turn: Turn) -> Option<Job> {
        let ConnectionId { key, .. } = id;
        let connection = &mut self.connections.get_mut(key)?.connection;
        match turn {
            Turn::Job(job) => return Some(job),
            Turn::Blocked => self.timers.follow(key, connection.deadline()),
            Turn::Unfinished => {
                self.timers.follow(key, connection.deadline());
                if connection.notice_queued() {
                    self.ready.push_back(id);
                }
            }
            Turn::Over => {
                self.timers.remove(key);
                self.served.add(connection.answered());
                self.connections.remove(key);
            }
        }
        None
    }

    /// Begins the drain: takes no more connections, and answers on each open one what has arrived by now.
    pub fn drain(&mut self) {
        if self.draining {
            return;
        }
        self.source = None;
        self.stop.begin_drain();
        if self.stop.has_successor() {
            // A connection that woke this loop wakes no other one, and a successor may wait already.
            self.accept_once_more();
        }
        // A connection for which the kernel has no memory is closed.
        if let Some(held) = self
            .acceptor
            .take()
            .and_then(|acceptor| acceptor.close(self.poll.registry()))
        {
            let _ = self.add(held, None);
        }
        while let Some(stream) = self.stop.next_waiting() {
            self.adopt(stream);
        }
        if self.stop.has_successor() {
            // The successor has the same inbox. In a worker process a timer ends the drain.
            self.inbox = None;
            self.has_mail = false;
            if !self.stop.sees_signals() {
                self.cut_off_at = Some(Instant::now() + self.stop.drain_timeout());
            }
        }
        self.draining = true;
        // Every connection counts what has arrived before the first one has its turn, which may take long.
        for (key, open) in &mut self.connections {
            open.connection.begin_drain();
            if open.connection.notice_queued() {
                self.ready.push_back(open.id(key));
            }
        }
        self.turns_left = self.ready.len();
    }
}

impl Open {
    fn id(&self, key: usize) -> ConnectionId {
        ConnectionId {
            key,
            number: self.number,
        }
    }
}
