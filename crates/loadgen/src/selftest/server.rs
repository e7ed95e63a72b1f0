//! Servers whose behaviour is known: in one thread on a processor of its own, which never sleeps while it has connections,
//! so that no wake-up adds to its service times.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use loadgen::cpu::pin_thread;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use protocol::buffer::ReadBuffer;
use protocol::frame::{self, Head, PREFIX_BYTES};
use protocol::{FrameLimit, Reply, Request};

use super::account::Account;

/// How a server behaves.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Manner {
    /// It answers at once.
    Echo,
    /// Each request takes this long, one after the other.
    Fixed(Duration),
    /// Each `spin` request takes as many microseconds as it asks for, one after the other.
    AsAsked,
    /// It stops once for so long, so long after its first request.
    StallsOnce { after: Duration, lasts: Duration },
    /// It does something to each reply of a number that this divides.
    Spoils { every: u64, how: Spoil },
}

/// What is done to a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spoil {
    /// Its value is another.
    Corrupts,
    /// It leaves after the next one of its connection.
    Swaps,
    /// It never leaves.
    Drops,
}

/// A server that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct KnownServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<io::Result<Account>>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    spoiled: AtomicU64,
    held: AtomicU64,
}

impl KnownServer {
    /// Starts one on this processor, or on any.
    pub(crate) fn start(manner: Manner, cpu: Option<usize>) -> io::Result<Self> {
        allow_all_descriptors()?;
        let mut listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let address = listener.local_addr()?;
        let poll = Poll::new()?;
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        let shared = Arc::new(Shared::default());
        let worker = Worker {
            manner,
            shared: Arc::clone(&shared),
            number: 0,
            account: Account::from(Instant::now()),
            asked: Duration::ZERO,
            first_at: None,
            stalled: false,
        };
        let thread = thread::Builder::new()
            .name("known server".to_owned())
            .spawn(move || {
                if let Some(cpu) = cpu {
                    pin_thread(cpu)?;
                }
                serve(poll, &listener, worker)
            })?;
        Ok(Self {
            address,
            shared,
            thread: Some(thread),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends the server, and says what its clock said.
    pub(crate) fn account(mut self) -> io::Result<Account> {
        self.end().expect("it has not ended before")
    }

    fn end(&mut self) -> Option<io::Result<Account>> {
        self.shared.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take()?.join();
        Some(ended.unwrap_or_else(|_| Err(io::Error::other("the known server panicked"))))
    }

    /// How many replies it has spoiled.
    pub(crate) fn spoiled(&self) -> u64 {
        self.shared.spoiled.load(Ordering::Relaxed)
    }

    /// How many replies it holds back for a next one to overtake.
    pub(crate) fn held(&self) -> u64 {
        self.shared.held.load(Ordering::Relaxed)
    }
}

impl Drop for KnownServer {
    fn drop(&mut self) {
        // Whoever wanted to know how it ended has asked.
        let _ = self.end();
    }
}

/// Raises the soft limit of descriptors to the hard one. The client, which runs in the same process, raises it for its own
/// half of the connections alone.
fn allow_all_descriptors() -> io::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?)
}

const LISTENER: Token = Token(usize::MAX);

struct Connection {
    stream: TcpStream,
    input: ReadBuffer,
    unsent: VecDeque<u8>,
    held: Option<Vec<u8>>,
}

struct Worker {
    manner: Manner,
    shared: Arc<Shared>,
    /// How many requests have come, on all connections.
    number: u64,
    account: Account,
    /// How long the present request asks it to be busy.
    asked: Duration,
    first_at: Option<Instant>,
    stalled: bool,
}

fn serve(mut poll: Poll, listener: &TcpListener, mut worker: Worker) -> io::Result<Account> {
    let shared = Arc::clone(&worker.shared);
    let mut events = Events::with_capacity(1024);
    let mut connections: Vec<Option<Connection>> = Vec::new();
    while !shared.stop.load(Ordering::Relaxed) {
        let serving = connections.iter().any(Option::is_some);
        poll.poll(
            &mut events,
            Some(Duration::from_millis(if serving { 0 } else { 5 })),
        )?;
        for event in &events {
            if event.token() == LISTENER {
                accept(&poll, listener, &mut connections)?;
            } else if let Some(place) = connections.get_mut(event.token().0) {
                // A peer that has gone takes nothing with it.
                if place
                    .as_mut()
                    .is_some_and(|connection| connection.attend(&mut worker).is_err())
                {
                    *place = None;
                }
            }
        }
        worker.account.looks_again(Instant::now());
    }
    Ok(worker.account)
}

fn accept(poll: &Poll, listener: &TcpListener, connections: &mut Vec<Option<Connection>>) -> io::Result<()> {
    loop {
        let mut stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            // One that has gone again before it was taken.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::ConnectionAborted | ErrorKind::Interrupted
                ) =>
            {
                continue;
            }
            Err(error) => return Err(error),
        };
        let place = connections.iter().position(Option::is_none).unwrap_or_else(|| {
            connections.push(None);
            connections.len() - 1
        });
        stream.set_nodelay(true)?;
        poll.registry()
            .register(&mut stream, Token(place), Interest::READABLE | Interest::WRITABLE)?;
        connections[place] = Some(Connection {
            stream,
            input: ReadBuffer::default(),
            unsent: VecDeque::new(),
            held: None,
        });
    }
}

impl Connection {
    /// Reads all there is, and answers it.
    fn attend(&mut self, worker: &mut Worker) -> io::Result<()> {
        loop {
            self.flush()?;
            match self.stream.read(self.input.room(FrameLimit::MOST_BYTES as usize)) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(bytes) => self.input.filled(bytes),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            while let Head::Whole(body) = frame::head(self.input.bytes(), FrameLimit::MOST) {
                let mut replies = Vec::new();
                let length = body.len();
                worker.answer(body, &mut self.held, &mut replies);
                self.input.consume(PREFIX_BYTES + length);
                self.unsent.extend(replies);
                self.flush()?;
                worker.account.served(Instant::now(), worker.asked);
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match self.stream.write(self.unsent.as_slices().0) {
                Ok(bytes) => drop(self.unsent.drain(..bytes)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Worker {
    /// Does what a request takes, and appends what is to be sent because of it.
    fn answer(&mut self, body: &[u8], held: &mut Option<Vec<u8>>, out: &mut Vec<u8>) {
        let began = Instant::now();
        let Ok(request) = Request::parse(body) else { return };
        self.number += 1;
        let mut reply = Vec::new();
        let kind = if request.operation == "spin" {
            "spun"
        } else {
            "pong"
        };
        Reply::append(&mut reply, kind, |out| {
            out.extend_from_slice(request.params.get().as_bytes())
        });
        match self.manner {
            Manner::Echo => {}
            Manner::Fixed(time) => self.spin(began, time),
            Manner::AsAsked => {
                let asked_us = request.params.get().parse().unwrap_or(0);
                self.spin(began, Duration::from_micros(asked_us));
            }
            Manner::StallsOnce { after, lasts } => {
                let first_at = *self.first_at.get_or_insert(began);
                if !self.stalled && began - first_at >= after {
                    self.stalled = true;
                    thread::sleep(lasts);
                }
            }
            Manner::Spoils { every, how } => return self.spoil(every, how, reply, held, out),
        }
        out.append(&mut reply);
    }

    fn spin(&mut self, began: Instant, time: Duration) {
        self.asked = time;
        while began.elapsed() < time {
            std::hint::spin_loop();
        }
    }

    fn spoil(
        &mut self,
        every: u64,
        how: Spoil,
        mut reply: Vec<u8>,
        held: &mut Option<Vec<u8>>,
        out: &mut Vec<u8>,
    ) {
        let spoils = self.number.is_multiple_of(every);
        let shared = &self.shared;
        match how {
            Spoil::Corrupts if spoils => {
                // The last digit of the number in a ping's string; behind it stand a quote and a brace.
                let digit = reply.len() - 3;
                reply[digit] = b'0' + (reply[digit].wrapping_sub(b'0') + 1) % 10;
                shared.spoiled.fetch_add(1, Ordering::Relaxed);
            }
            Spoil::Drops if spoils => {
                shared.spoiled.fetch_add(1, Ordering::Relaxed);
                return;
            }
            Spoil::Swaps => match held.take() {
                Some(earlier) => {
                    reply.extend(earlier);
                    shared.spoiled.fetch_add(2, Ordering::Relaxed);
                    shared.held.fetch_sub(1, Ordering::Relaxed);
                }
                None if spoils => {
                    *held = Some(reply);
                    shared.held.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                None => {}
            },
            Spoil::Corrupts | Spoil::Drops => {}
        }
        out.append(&mut reply);
    }
}
