//! An epoll instance with its listener and its connections: one method for each step of the loop.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use mio::net::{TcpStream, UnixStream};
use mio::{Events, Interest, Poll, Token, Waker};
use protocol::{Job, Outcome};
use serving::{Error, Restart, Result, Served, Service, Stop, Visit};
use signal_hook::consts::SIGHUP;
use slab::Slab;

use crate::acceptor::Acceptor;
use crate::connection::{Connection, Lent, Turn};
use crate::signals::{self, STOP_SIGNALS};
use crate::timers::Timers;
use crate::transport::{Readiness, SystemClock};

// The token of a connection is its key in the slab, which is never this large.
const LISTENER: Token = Token(usize::MAX - 1);
const SIGNAL: Token = Token(usize::MAX - 2);
const WAKER: Token = Token(usize::MAX - 3);
const EVENTS_AT_ONCE: usize = 1024;

/// The state of an event loop, with one method for each of its steps. The loop itself is on the page of a model.
#[derive(Debug)]
pub struct EventLoop {
    poll: Poll,
    events: Events,
    /// None in a loop without a listener, and after the loop began to drain.
    acceptor: Option<Acceptor>,
    draining: bool,
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
}

impl EventLoop {
    /// Makes a loop for the process that calls this. A process that forks makes it after the fork: an epoll instance
    /// that is made before is shared by all processes, events included.
    ///
    /// It has no listener. Its connections come from [`listen`](Self::listen), or from [`adopt`](Self::adopt).
    pub fn new(service: Service, stop: Stop) -> Result<Self> {
        let make = move || -> io::Result<Self> {
            let mut event_loop = Self {
                poll: Poll::new()?,
                events: Events::with_capacity(EVENTS_AT_ONCE),
                acceptor: None,
                draining: false,
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
            event_loop.wake_on(&STOP_SIGNALS)?;
            Ok(event_loop)
        };
        make().map_err(Error::system("make an event loop"))
    }

    /// Accepts from this listener from now on, while the loop has fewer than `max_connections` connections. Loops in
    /// several threads or processes may share one.
    pub fn listen(&mut self, listener: std::net::TcpListener, max_connections: Option<usize>) -> Result<()> {
        let acceptor = Acceptor::new(listener, max_connections, self.poll.registry(), LISTENER);
        self.acceptor = Some(acceptor.map_err(Error::system("watch the listener"))?);
        Ok(())
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

    /// Whether it drains and its last connection has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.draining && self.connections.is_empty()
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
    /// wakes with it when an outcome is there. A loop can have one only.
    pub fn waker(&self) -> Result<Waker> {
        Waker::new(self.poll.registry(), WAKER).map_err(Error::system("make a waker"))
    }

    /// Waits until something happens: an event, a timer, a signal. If a connection can go on, it only collects events.
    pub fn poll(&mut self) -> Result<()> {
        self.stop.reap_strangers();
        // A signal that came before the loop was made ends no wait.
        let should_drain = !self.draining && self.stop.requested();
        let timeout = if self.ready.is_empty() && !should_drain {
            let retry = self.acceptor.as_ref().and_then(Acceptor::timeout);
            [self.timers.timeout(Instant::now), retry]
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
                SIGNAL | WAKER => {}
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
            let open = self.connections.get_mut(key)?;
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

    /// Accepts all connections that wait, if there is room for them.
    pub fn accept(&mut self) -> Result<()> {
        // After the request to stop, new connections belong to the worker's successor. Here they would be closed as
        // idle.
        if self.stop.has_supervisor() && self.stop.requested() {
            return Ok(());
        }
        while self.accept_one()? {}
        Ok(())
    }

    /// Accepts a connection. Returns whether there was one, and room for it.
    fn accept_one(&mut self) -> Result<bool> {
        let Some(acceptor) = &mut self.acceptor else {
            return Ok(false);
        };
        let Some(stream) = acceptor.accept(self.poll.registry(), self.connections.len())? else {
            return Ok(false);
        };
        if let Err(stream) = self.add(stream) {
            if let Some(acceptor) = &mut self.acceptor {
                acceptor.hold(stream, self.poll.registry(), self.connections.len());
            }
            return Ok(false);
        }
        Ok(true)
    }

    /// Accepts what an event has reported and nobody else takes. Under a flood there is always more, which wakes others.
    fn accept_once_more(&mut self) {
        for _ in 0..EVENTS_AT_ONCE {
            // Whatever fails here is the successor's to report.
            if !self.accept_one().unwrap_or(false) {
                return;
            }
        }
    }

    /// Adds a connection, or returns it if the kernel has no memory to watch one more.
    fn add(&mut self, mut stream: TcpStream) -> std::result::Result<(), TcpStream> {
        let place = self.connections.vacant_entry();
        let both = Interest::READABLE | Interest::WRITABLE;
        if self
            .poll
            .registry()
            .register(&mut stream, Token(place.key()), both)
            .is_err()
        {
            return Err(stream);
        }
        let key = place.key();
        let visit = Visit::begin(&self.service, || stream.peer_addr());
        let connection = Connection::new(stream, &self.service, &self.lent.clock);
        self.timers.follow(key, connection.deadline());
        self.added += 1;
        place.insert(Box::new(Open {
            number: self.added,
            connection,
            presence: None,
            _visit: visit,
        }));
        Ok(())
    }

    /// Adds a connection that another thread or process has accepted. If the kernel has no memory to watch it, it is
    /// closed.
    pub fn adopt(&mut self, stream: std::net::TcpStream) {
        if stream.set_nonblocking(true).is_err() {
            return;
        }
        let key = self.connections.vacant_key();
        if self.add(TcpStream::from_std(stream)).is_err() {
            return;
        }
        // What has arrived by now is all that a loop that drains reads.
        if self.draining {
            let open = &mut self.connections[key];
            open.connection.begin_drain();
            open.connection.notice_queued();
            let id = open.id(key);
            self.ready.push_back(id);
        }
    }

    /// Begins the drain: takes no more connections, and answers on each open one what has arrived by now.
    pub fn drain(&mut self) {
        if self.draining {
            return;
        }
        self.stop.begin_drain();
        if self.stop.has_supervisor() {
            // A connection that woke this loop wakes no other one, and a successor may wait already.
            self.accept_once_more();
        }
        // A connection for which the kernel has no memory is closed.
        if let Some(held) = self
            .acceptor
            .take()
            .and_then(|acceptor| acceptor.close(self.poll.registry()))
        {
            let _ = self.add(held);
        }
        while let Some(stream) = self.stop.next_waiting() {
            self.adopt(stream);
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
