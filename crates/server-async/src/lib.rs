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
//! The events are edge-triggered: the kernel reports a change once, so a connection with an event goes on until it
//! would block. One that never would, for its peer always sends more, is put behind the others after
//! [`TURN_REQUESTS`](connection::TURN_REQUESTS) requests.
//!
//! A loop without room for a connection (`accepting.rs`) leaves new ones in the backlog, or to another loop.

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
use serving::{Error, Result, Service, Stop, tally};
use slab::Slab;

use crate::accepting::Acceptor;
use crate::connection::{Connection, Turn};
use crate::timers::Timers;

// Beyond any place that a connection can have in the slab, which is its token.
const LISTENER: Token = Token(usize::MAX - 1);
const SIGNAL: Token = Token(usize::MAX - 2);
const EVENTS_AT_ONCE: usize = 1024;

/// One event loop with its connections.
#[derive(Debug)]
pub struct EventLoop {
    poll: Poll,
    /// None once it drains.
    acceptor: Option<Acceptor>,
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
    pub fn new(
        listener: std::net::TcpListener,
        service: Service,
        max_connections: Option<usize>,
        stop: Stop,
    ) -> Result<Self> {
        let make = move || -> io::Result<Self> {
            let poll = Poll::new()?;
            let acceptor = Acceptor::new(listener, max_connections, poll.registry(), LISTENER)?;
            let mut signal = signals::readable_on_stop()?;
            poll.registry()
                .register(&mut signal, SIGNAL, Interest::READABLE)?;
            Ok(Self {
                poll,
                acceptor: Some(acceptor),
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
        loop {
            // A signal before the loop was made is seen here, and every later one also wakes the loop.
            if self.acceptor.is_some() && self.stop.requested() {
                self.drain();
            }
            if self.acceptor.is_none() && self.connections.is_empty() {
                return Ok(());
            }
            let timeout = if self.unfinished.is_empty() {
                let retry = self.acceptor.as_ref().and_then(Acceptor::timeout);
                [self.timers.timeout(), retry].into_iter().flatten().min()
            } else {
                Some(Duration::ZERO)
            };
            let open = self.connections.len();
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
                    // It has woken the loop, which looks at the flag next.
                    SIGNAL => {}
                    Token(key) => {
                        if let Some(connection) = self.connections.get_mut(key) {
                            connection.told(event);
                            self.turn(key);
                        }
                    }
                }
            }
            self.on_time();
            let ended = self.connections.len() < open;
            // What comes to a worker after the request to stop is its successor's. Here it would be closed as idle.
            let leaves_it = self.stop.has_supervisor() && self.stop.requested();
            if let Some(acceptor) = &mut self.acceptor
                && !leaves_it
                && (accepts || (ended && acceptor.is_paused()) || acceptor.is_due(self.connections.len()))
            {
                self.accept()?;
            }
        }
    }

    /// Takes all connections that there are, as far as there is room.
    fn accept(&mut self) -> Result<()> {
        while let Some(acceptor) = &mut self.acceptor {
            let Some(stream) = acceptor.accept(self.poll.registry(), self.connections.len())? else {
                break;
            };
            if let Err(stream) = self.add(stream) {
                if let Some(acceptor) = &mut self.acceptor {
                    acceptor.hold(stream, self.poll.registry());
                }
                break;
            }
        }
        Ok(())
    }

    /// Adds a connection, or gives it back where the kernel has no memory for one more.
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
        let connection = place.insert(Connection::new(stream, &self.service));
        self.timers.follow(key, connection.deadline());
        Ok(())
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

    /// Does what is due: a connection whose sleep is over, or that has been silent for too long.
    fn on_time(&mut self) {
        // Without timers, as while nobody sleeps, the time is not even asked for.
        while let Some(key) = self.timers.due(Instant::now) {
            self.go_on(key, Connection::on_time);
        }
    }

    /// Takes no more connections, and gives each that is open what had arrived on it as its last turn.
    fn drain(&mut self) {
        let Some(acceptor) = self.acceptor.take() else {
            return;
        };
        // Those for which there is no memory are closed.
        if let Some(held) = acceptor.close(self.poll.registry()) {
            let _ = self.add(held);
        }
        let stop = self.stop;
        while let Some(stream) = stop.next_of_last() {
            if stream.set_nonblocking(true).is_ok() {
                let _ = self.add(TcpStream::from_std(stream));
            }
        }
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
