//! One thread serves all connections, each a little at a time, whenever something has happened to it.
//!
//! ```text
//!               ┌───────────── poll: what has happened? ◀────────────┐
//!               ▼                                                    │
//!    listener: accept    A: read, answer, write    timer: wake B     │
//!               └────────────────────┴───────────────────┴───────────┘
//! ```
//!
//! What blocks: only `poll`, when nothing has happened. A connection that can't go on (no request yet, a peer that does
//! not read, a `sleep`) returns to the loop, which remembers it as a few hundred bytes. But a handler that computes or
//! blocks (`pi`, `spin`, `block`) holds the thread, and with it every connection.
//!
//! What it costs: no thread, no switch while there is work, and one `poll` for all that happened meanwhile, so that the
//! cost of a request falls as the load grows. The price is in the program: state stands where a blocking server has a call
//! that has not returned yet.
//!
//! The events are edge-triggered: the kernel tells a change once, so a connection that is told of one goes on until it
//! would block. One that never would, for its peer always sends more, is put behind the others after
//! [`TURN_REQUESTS`](connection::TURN_REQUESTS) requests.

#![forbid(unsafe_code)]

pub mod accepting;
pub mod connection;
mod signals;
pub mod timers;

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use mio::net::{TcpStream, UnixStream};
use mio::{Events, Interest, Poll, Token};
use serving::limits::{RETRY_PAUSE, is_closed, is_exhaustion, is_interruption, is_peers_fault, tell_once};
use serving::{Error, Listener, Result, Service, Stop, tally};
use slab::Slab;

use crate::accepting::SharedListener;
use crate::connection::{Connection, Turn};
use crate::timers::{Timer, Timers};

// Beyond any place that a connection can have in the slab, which is its token.
const LISTENER: Token = Token(usize::MAX - 1);
const SIGNAL: Token = Token(usize::MAX - 2);
const EVENTS_AT_ONCE: usize = 1024;

/// One event loop with its connections.
#[derive(Debug)]
pub struct EventLoop {
    poll: Poll,
    /// None once it drains.
    listener: Option<SharedListener>,
    /// Keeps the descriptor that a signal makes readable.
    _signal: UnixStream,
    connections: Slab<Connection>,
    timers: Timers,
    /// Connections that have used up their turn and could go on.
    unfinished: VecDeque<usize>,
    service: Service,
    stop: Stop,
}

impl EventLoop {
    /// A loop of its own, for the process that calls this: a process that forks makes it afterwards.
    pub fn new(listener: &Listener, service: Service, stop: Stop) -> Result<Self> {
        let make = || -> io::Result<Self> {
            let poll = Poll::new()?;
            let mut listener = SharedListener::new(listener)?;
            poll.registry()
                .register(&mut listener, LISTENER, Interest::READABLE)?;
            let mut signal = signals::readable_on_stop()?;
            poll.registry()
                .register(&mut signal, SIGNAL, Interest::READABLE)?;
            Ok(Self {
                poll,
                listener: Some(listener),
                _signal: signal,
                connections: Slab::new(),
                timers: Timers::default(),
                unfinished: VecDeque::new(),
                service,
                stop,
            })
        };
        make().map_err(Error::system("make an event loop"))
    }

    /// Serves until the process should stop and all that has arrived is answered.
    pub fn run(mut self) -> Result<()> {
        let mut events = Events::with_capacity(EVENTS_AT_ONCE);
        while self.listener.is_some() || !self.connections.is_empty() {
            let timeout = if self.unfinished.is_empty() {
                self.timers.timeout()
            } else {
                Some(Duration::ZERO)
            };
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() != ErrorKind::Interrupted => {
                    return Err(Error::system("wait for events")(error));
                }
                // A signal came first, and `events` still holds those of the last time.
                Err(_) => events.clear(),
                Ok(()) => {}
            }
            // Those that could go on come first, so that a stream of news can't starve them; one that still could when its
            // turn is over waits behind the news.
            for _ in 0..self.unfinished.len() {
                if let Some(key) = self.unfinished.pop_front() {
                    self.turn(key);
                }
            }
            let mut accepts = false;
            for event in &events {
                match event.token() {
                    // Below: until all events are handled, the place of a connection that has ended stays empty.
                    LISTENER => accepts = true,
                    // It has woken the loop, which looks at the flag below.
                    SIGNAL => {}
                    Token(key) => {
                        if let Some(connection) = self.connections.get_mut(key) {
                            connection.told(event);
                            self.turn(key);
                        }
                    }
                }
            }
            if accepts {
                self.accept()?;
            }
            self.on_time()?;
            if self.listener.is_some() && self.stop.requested() {
                self.drain();
            }
        }
        Ok(())
    }

    /// Takes all connections that there are.
    fn accept(&mut self) -> Result<()> {
        while let Some(listener) = &self.listener {
            match listener.accept() {
                Ok(stream) => self.add(stream),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if is_interruption(&error) || is_peers_fault(&error) => {}
                // Another process that shares the listener has closed it, and will tell this one to stop.
                Err(error) if is_closed(&error) => break,
                Err(error) if is_exhaustion(&error) => {
                    // The edge has been told, and is not told again for those that wait already.
                    tell_once("accept", &error);
                    self.timers.set(Instant::now() + RETRY_PAUSE, Timer::Accept);
                    break;
                }
                Err(error) => return Err(Error::system("accept")(error)),
            }
        }
        Ok(())
    }

    fn add(&mut self, mut stream: TcpStream) {
        let place = self.connections.vacant_entry();
        let both = Interest::READABLE | Interest::WRITABLE;
        // Where the kernel has no memory for one more, that one is closed.
        if self
            .poll
            .registry()
            .register(&mut stream, Token(place.key()), both)
            .is_ok()
        {
            let key = place.key();
            let connection = place.insert(Connection::new(stream, &self.service));
            self.timers.follow(key, connection.deadline());
        }
    }

    /// Gives a connection its turn.
    fn turn(&mut self, key: usize) {
        self.go_on(key, Connection::turn);
    }

    fn go_on(&mut self, key: usize, act: impl FnOnce(&mut Connection, Stop) -> Turn) {
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        match act(connection, self.stop) {
            Turn::Blocked => self.timers.follow(key, connection.deadline()),
            Turn::Unfinished => {
                self.timers.follow(key, connection.deadline());
                if connection.queues() {
                    self.unfinished.push_back(key);
                }
            }
            Turn::Over => {
                self.timers.remove(key);
                tally::connection_ended(self.connections.remove(key).answered());
            }
        }
    }

    /// Does what is due: a connection whose sleep is over, or that has been silent for too long, or an accept.
    fn on_time(&mut self) -> Result<()> {
        // Without timers, as while nobody sleeps, the time is not even asked for.
        while let Some(timer) = self.timers.due(Instant::now) {
            match timer {
                Timer::Accept => self.accept()?,
                Timer::Connection(key) => self.go_on(key, Connection::on_time),
            }
        }
        Ok(())
    }

    /// Takes no more connections, and gives each that is open what had arrived on it as its last turn.
    fn drain(&mut self) {
        self.listener = None;
        // All find out what has arrived before the first has its turn, which may take a while.
        for (_, connection) in &mut self.connections {
            connection.last_call();
        }
        let open: Vec<_> = self.connections.iter().map(|(key, _)| key).collect();
        for key in open {
            self.turn(key);
        }
    }
}
