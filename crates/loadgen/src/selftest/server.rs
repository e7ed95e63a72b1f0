//! Reference servers: their behavior is known. Each is one thread on a CPU of its own. It never sleeps while it has
//! connections, so that no wake-up adds to its service times.

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

use super::service_log::ServiceLog;

/// How a server behaves.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Behavior {
    /// Answers at once.
    Echo,
    /// Takes this long for each request, one after the other.
    Fixed(Duration),
    /// Takes as many microseconds as each `spin` request asks for, one after the other.
    AsAsked,
    /// Stalls once, some time after its first request.
    StallsOnce { after: Duration, lasts: Duration },
    /// Changes every n-th reply.
    Faulty { every: u64, how: Fault },
}

/// How a reply is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Its value differs.
    Corrupt,
    /// It is sent after the next one of its connection.
    Swap,
    /// It is never sent.
    Drop,
}

/// A server that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct ReferenceServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<io::Result<ServiceLog>>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    changed: AtomicU64,
    held: AtomicU64,
}

impl ReferenceServer {
    /// Starts one on this CPU, or on any.
    pub(crate) fn start(behavior: Behavior, cpu: Option<usize>) -> io::Result<Self> {
        allow_all_descriptors()?;
        let mut listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let address = listener.local_addr()?;
        let poll = Poll::new()?;
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        let shared = Arc::new(Shared::default());
        let worker = Worker {
            behavior,
            shared: Arc::clone(&shared),
            number: 0,
            log: ServiceLog::start(Instant::now()),
            asked: Duration::ZERO,
            first_at: None,
            stalled: false,
        };
        let thread = thread::Builder::new()
            .name("reference server".to_owned())
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

    /// Ends the server, and returns its times.
    pub(crate) fn log(mut self) -> io::Result<ServiceLog> {
        self.end().expect("it has not ended before")
    }

    fn end(&mut self) -> Option<io::Result<ServiceLog>> {
        self.shared.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take()?.join();
        Some(ended.unwrap_or_else(|_| Err(io::Error::other("the reference server panicked"))))
    }

    /// How many replies it has changed.
    pub(crate) fn changed(&self) -> u64 {
        self.shared.changed.load(Ordering::Relaxed)
    }

    /// The number of replies that it holds back until the next one was sent.
    pub(crate) fn held(&self) -> u64 {
        self.shared.held.load(Ordering::Relaxed)
    }
}

impl Drop for ReferenceServer {
    fn drop(&mut self) {
        // A caller who needs the result has called `log`.
        let _ = self.end();
    }
}

/// Raises the soft limit of descriptors to the hard one. The client, in the same process, raises it for its own half of the
/// connections only.
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
    behavior: Behavior,
    shared: Arc<Shared>,
    /// The number of requests so far, on all connections.
    number: u64,
    log: ServiceLog,
    /// How long the present request asks the server to be busy.
    asked: Duration,
    first_at: Option<Instant>,
    stalled: bool,
}

fn serve(mut poll: Poll, listener: &TcpListener, mut worker: Worker) -> io::Result<ServiceLog> {
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
                // A peer that has gone costs its own connection only.
                if place
                    .as_mut()
                    .is_some_and(|connection| connection.handle(&mut worker).is_err())
                {
                    *place = None;
                }
            }
        }
        worker.log.poll(Instant::now());
    }
    Ok(worker.log)
}

fn accept(poll: &Poll, listener: &TcpListener, connections: &mut Vec<Option<Connection>>) -> io::Result<()> {
    loop {
        let mut stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            // A connection that ended before it was accepted.
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
    /// Reads what is there, and answers it.
    fn handle(&mut self, worker: &mut Worker) -> io::Result<()> {
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
                worker.log.served(Instant::now(), worker.asked);
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
    /// Does the work of a request, and appends the replies that are to be sent.
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
        match self.behavior {
            Behavior::Echo => {}
            Behavior::Fixed(time) => self.spin(began, time),
            Behavior::AsAsked => {
                let asked_us = request.params.get().parse().unwrap_or(0);
                self.spin(began, Duration::from_micros(asked_us));
            }
            Behavior::StallsOnce { after, lasts } => {
                let first_at = *self.first_at.get_or_insert(began);
                if !self.stalled && began - first_at >= after {
                    self.stalled = true;
                    thread::sleep(lasts);
                }
            }
            Behavior::Faulty { every, how } => return self.change(every, how, reply, held, out),
        }
        out.append(&mut reply);
    }

    fn spin(&mut self, began: Instant, time: Duration) {
        self.asked = time;
        while began.elapsed() < time {
            std::hint::spin_loop();
        }
    }

    fn change(
        &mut self,
        every: u64,
        how: Fault,
        mut reply: Vec<u8>,
        held: &mut Option<Vec<u8>>,
        out: &mut Vec<u8>,
    ) {
        let is_due = self.number.is_multiple_of(every);
        let shared = &self.shared;
        match how {
            Fault::Corrupt if is_due => {
                // The last digit of the number in the string of a ping. A quote and a brace follow it.
                let digit = reply.len() - 3;
                reply[digit] = b'0' + (reply[digit].wrapping_sub(b'0') + 1) % 10;
                shared.changed.fetch_add(1, Ordering::Relaxed);
            }
            Fault::Drop if is_due => {
                shared.changed.fetch_add(1, Ordering::Relaxed);
                return;
            }
            Fault::Swap => match held.take() {
                Some(earlier) => {
                    reply.extend(earlier);
                    shared.changed.fetch_add(2, Ordering::Relaxed);
                    shared.held.fetch_sub(1, Ordering::Relaxed);
                }
                None if is_due => {
                    *held = Some(reply);
                    shared.held.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                None => {}
            },
            Fault::Corrupt | Fault::Drop => {}
        }
        out.append(&mut reply);
    }
}
