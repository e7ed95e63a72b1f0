//! A listener in an event loop. Loops in several processes may share it.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use mio::event::Source;
use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use rustix::event::epoll::{self, EventData, EventFlags};
use serving::limits::{
    RETRY_PAUSE, full_was_reported, is_closed, is_exhaustion, is_interruption, is_peers_fault,
    report_exhaustion_once, report_full_once,
};
use serving::{Error, Result};

/// How long after its first registration a loop looks for connections without being woken.
const LOOKS_FOR: Duration = Duration::from_secs(1);

/// The listener of a loop, and whether the kernel wakes the loop for it.
///
/// For a new connection the kernel wakes one of all loops that share the listener. If that loop can't take the
/// connection, the wake-up is lost: the others sleep on, and the connection waits. So a loop without room deregisters
/// the listener, tries to accept by itself, and registers the listener again when it has emptied the backlog.
///
/// A wake-up is also lost on a loop that a successor is about to replace, if a handler then holds that loop. So a new loop
/// looks several times by itself.
#[derive(Debug)]
pub struct Acceptor {
    listener: SharedListener,
    token: Token,
    /// The most connections that the loop may hold.
    max_connections: Option<usize>,
    state: State,
    looks: Option<Looks>,
    /// An event has reported a connection since the backlog was last found empty.
    has_event: bool,
    /// A connection waited when the loop was full at its last look.
    had_waiting: bool,
    /// An accepted connection that the kernel had no memory to watch.
    held: Option<TcpStream>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The kernel wakes the loop for a connection.
    Registered,
    /// It does not. The loop tries again when fewer connections are open than these, and at this time if there is one.
    Paused { open: usize, retry_at: Option<Instant> },
}

impl Acceptor {
    /// Registers a listener with the loop of this process.
    pub fn new(
        listener: std::net::TcpListener,
        max_connections: Option<usize>,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Self> {
        let mut listener = SharedListener::new(listener)?;
        registry.register(&mut listener, token, Interest::READABLE)?;
        Ok(Self {
            listener,
            token,
            max_connections,
            state: State::Registered,
            looks: Some(Looks::begin(Instant::now())),
            has_event: false,
            had_waiting: false,
            held: None,
        })
    }

    /// Takes note of an event: a connection waits.
    pub fn notice_event(&mut self) {
        self.has_event = true;
    }

    /// Accepts a connection if one waits and there is room for it; `open` counts those that the loop has. Unless an
    /// event reported a connection or it is time to try again, this makes no system call.
    pub fn accept(&mut self, registry: &Registry, open: usize) -> Result<Option<TcpStream>> {
        if !self.has_event && !self.look_again(open) {
            return Ok(None);
        }
        if let Some(held) = self.held.take() {
            return Ok(Some(held));
        }
        loop {
            if self.is_full(open) {
                self.pause(registry, open, (!full_was_reported()).then_some(RETRY_PAUSE));
                return Ok(None);
            }
            match self.listener.accept() {
                Ok(stream) => {
                    // There may be more, which no further event reports.
                    self.has_event = true;
                    return Ok(Some(stream));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.resume(registry, open);
                    return Ok(None);
                }
                Err(error) if is_interruption(&error) || is_peers_fault(&error) => {}
                // Another process that shares the listener has closed it, and will ask this one to stop.
                Err(error) if is_closed(&error) => {
                    self.pause(registry, 0, None);
                    return Ok(None);
                }
                Err(error) if is_exhaustion(&error) => {
                    report_exhaustion_once("accept", &error);
                    self.pause(registry, open, Some(RETRY_PAUSE));
                    return Ok(None);
                }
                Err(error) => return Err(Error::system("accept")(error)),
            }
        }
    }

    /// Takes back a connection that the loop could not watch, and offers it again later.
    pub fn hold(&mut self, stream: TcpStream, registry: &Registry, open: usize) {
        self.held = Some(stream);
        self.pause(registry, open, Some(RETRY_PAUSE));
    }

    /// How long until the loop has to try again, if there is a time for it.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        let at = match self.state {
            State::Registered => self.looks.map(|looks| looks.next),
            State::Paused { retry_at, .. } => retry_at,
        };
        at.map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// Whether it is time to try again. A full loop only looks whether a connection waits for room, and reports that
    /// once.
    fn look_again(&mut self, open: usize) -> bool {
        let State::Paused {
            open: open_then,
            retry_at,
        } = self.state
        else {
            return self.is_time_to_look();
        };
        if open < open_then {
            return true;
        }
        if retry_at.is_none_or(|at| at > Instant::now()) {
            return false;
        }
        if !self.is_full(open) {
            return true;
        }
        // A connection that waits at the first look may be taken by another worker. At the second look it is reported.
        let has_waiting = self.listener.has_waiting();
        if has_waiting && self.had_waiting {
            report_full_once();
        }
        self.had_waiting = has_waiting;
        self.state = State::Paused {
            open,
            retry_at: (!full_was_reported()).then(|| Instant::now() + RETRY_PAUSE),
        };
        false
    }

    /// Whether it is time for one of the looks of a new loop.
    fn is_time_to_look(&mut self) -> bool {
        let Some(looks) = self.looks else {
            return false;
        };
        let now = Instant::now();
        let is_time = looks.next <= now;
        if is_time {
            self.looks = looks.after(now);
        }
        is_time
    }

    /// Closes the listener of this process, and returns a connection that was held. The listener is deregistered first:
    /// the kernel keeps waking a loop for a listener that other processes hold open.
    pub fn close(mut self, registry: &Registry) -> Option<TcpStream> {
        self.pause(registry, 0, None);
        self.held
    }

    fn is_full(&self, open: usize) -> bool {
        self.max_connections.is_some_and(|most| open >= most)
    }

    fn pause(&mut self, registry: &Registry, open: usize, retry_in: Option<Duration>) {
        if self.state == State::Registered {
            // It is registered, so this can't fail.
            let _ = registry.deregister(&mut self.listener);
        }
        self.has_event = false;
        self.state = State::Paused {
            open,
            retry_at: retry_in.map(|pause| Instant::now() + pause),
        };
    }

    /// Registers the listener again. For a connection that has come since the last look there is an event.
    fn resume(&mut self, registry: &Registry, open: usize) {
        self.has_event = false;
        if self.state == State::Registered {
            return;
        }
        self.state = match registry.register(&mut self.listener, self.token, Interest::READABLE) {
            Ok(()) => State::Registered,
            Err(_) => State::Paused {
                open,
                retry_at: Some(Instant::now() + RETRY_PAUSE),
            },
        };
    }
}

/// The looks of a new loop.
#[derive(Debug, Clone, Copy)]
struct Looks {
    next: Instant,
    last: Instant,
}

impl Looks {
    fn begin(now: Instant) -> Self {
        Self {
            next: now + RETRY_PAUSE,
            last: now + LOOKS_FOR,
        }
    }

    /// Those that are left after one at this time.
    fn after(self, now: Instant) -> Option<Self> {
        let next = now + RETRY_PAUSE;
        (now < self.last).then_some(Self { next, ..self })
    }
}

/// A listener that may be in the epoll instances of several processes.
///
/// A new connection makes a shared listener readable for all of them. By default the kernel wakes every one, and all
/// but one find nothing (the thundering herd). With `EPOLLEXCLUSIVE` it wakes one. mio does not set that flag, so the
/// listener registers itself. Its events are edge-triggered, like all others of the loop.
#[derive(Debug)]
struct SharedListener(TcpListener);

impl SharedListener {
    fn new(listener: std::net::TcpListener) -> io::Result<Self> {
        // The flag belongs to the socket, not to the descriptor: accept no longer blocks in any process that shares it.
        listener.set_nonblocking(true)?;
        Ok(Self(TcpListener::from_std(listener)))
    }

    fn accept(&self) -> io::Result<TcpStream> {
        self.0.accept().map(|(stream, _)| stream)
    }

    fn has_waiting(&self) -> bool {
        serving::listener::has_waiting(&self.0)
    }
}

impl Source for SharedListener {
    fn register(&mut self, registry: &Registry, token: Token, _: Interest) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::ET | EventFlags::EXCLUSIVE;
        epoll::add(
            registry,
            &self.0,
            EventData::new_u64(usize::from(token) as u64),
            flags,
        )?;
        Ok(())
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        // An exclusive registration can't be modified (epoll_ctl(2)).
        self.deregister(registry)?;
        self.register(registry, token, interest)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        Ok(epoll::delete(registry, &self.0)?)
    }
}
