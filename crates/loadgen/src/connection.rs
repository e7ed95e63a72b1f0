//! One of the client's connections: a slot, in which another connection is opened when one ends.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use protocol::FrameLimit;
use protocol::buffer::{ReadBuffer, WriteBuffer};
use protocol::frame::{self, Head, PREFIX_BYTES};
use rustix::net::{RecvFlags, SendFlags};
use socket2::SockRef;

use crate::connecting::begin_to_connect;
use crate::plan::Plan;

/// A slot for a connection, and the connection in it.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact about a connection, and they are independent"
)]
pub(crate) struct Connection {
    stream: Option<TcpStream>,
    pub(crate) state: State,
    pub(crate) input: ReadBuffer,
    unsent: WriteBuffer,
    /// The requests without a reply, in the order in which they were sent.
    pub(crate) in_flight: VecDeque<InFlight>,
    /// How many of these, from the first on, have timed out. A late reply to one of them is not the reply to the next.
    pub(crate) given_up: usize,
    /// The number of requests sent on the present connection. If a spent connection is not replaced, on all of this slot.
    pub(crate) sent: u64,
    /// When the present connection began to open.
    pub(crate) began_ns: u64,
    /// The port of the present connection, if it is noted.
    pub(crate) port: u16,
    /// Good replies within the window, on all connections of this slot.
    pub(crate) served: u64,
    /// Whether there was a good reply within the window, or to a request of it that came after its end.
    pub(crate) was_served: bool,
    pub(crate) opened_once: bool,
    /// The index of the server's address, and the number of addresses left to try.
    pub(crate) address: usize,
    pub(crate) untried: usize,
    /// Whether the queue of the open loop lists it as free.
    pub(crate) is_listed_free: bool,
    /// Whether a read was short, so that there is nothing to read before the next event.
    drained: bool,
    /// Whether the end may follow what is there. No further event reports it.
    ends: bool,
    /// Why nothing more can be sent. What the peer sent before can still be read.
    broken: Option<io::Error>,
}

/// The state of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Without a connection until this time.
    Down { retry_at_ns: u64 },
    /// Being opened since this time.
    Connecting { since_ns: u64 },
    /// Open.
    Open,
}

impl Default for State {
    fn default() -> Self {
        Self::Down { retry_at_ns: 0 }
    }
}

/// A request in flight. Times are in nanoseconds since the run began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InFlight {
    pub(crate) number: u64,
    /// When it was due; in a closed loop, when it was sent.
    pub(crate) due_ns: u64,
    pub(crate) sent_ns: u64,
    /// A later reply is a timeout. This is the sending time plus the timeout, plus each pause of this client.
    pub(crate) deadline_ns: u64,
}

/// The result of a read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// Bytes, and there may be more.
    Some,
    /// Nothing more for now.
    All,
    /// The peer has closed.
    End,
}

impl Connection {
    /// Begins to open a connection in this slot.
    pub(crate) fn connect(
        &mut self,
        target: SocketAddr,
        source: Option<SocketAddr>,
        registry: &Registry,
        token: Token,
        now_ns: u64,
    ) -> io::Result<()> {
        let mut stream = TcpStream::from_std(begin_to_connect(source, target)?.into());
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        self.stream = Some(stream);
        self.state = State::Connecting { since_ns: now_ns };
        self.began_ns = now_ns;
        Ok(())
    }

    /// Checks whether a connection that was being opened is open now.
    pub(crate) fn finish_connect(&mut self, nodelay: bool) -> io::Result<bool> {
        let Some(stream) = &self.stream else {
            return Ok(false);
        };
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
        match stream.peer_addr() {
            Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(false),
            other => other?,
        };
        stream.set_nodelay(nodelay)?;
        self.state = State::Open;
        Ok(true)
    }

    /// Closes the connection, if there is one. Another may be opened from `retry_at_ns` on. Requests in flight are lost; the
    /// caller has counted them.
    pub(crate) fn close(&mut self, retry_at_ns: u64) {
        self.stream = None;
        self.state = State::Down { retry_at_ns };
        self.input.consume(self.input.bytes().len());
        self.unsent.sent(self.unsent.bytes().len());
        self.in_flight.clear();
        self.given_up = 0;
        self.drained = false;
        self.ends = false;
        self.broken = None;
    }

    /// Makes the connection end with a reset when it is closed. The server then knows that nobody waits for its replies.
    pub(crate) fn reset_on_close(&self) {
        if let Some(stream) = &self.stream {
            // Without it, the server does work that nobody reads, which changes no result of the load.
            let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
        }
    }

    /// Notes an event.
    pub(crate) fn note_event(&mut self, event: &Event) {
        self.drained &= !event.is_readable();
        self.ends |= event.is_read_closed() || event.is_error();
    }

    /// Whether more may be sent: all earlier bytes were sent, and no request has timed out.
    pub(crate) fn can_send(&self) -> bool {
        self.state == State::Open
            && self.unsent.bytes().is_empty()
            && self.broken.is_none()
            && self.given_up == 0
    }

    /// The requests in flight that have not timed out.
    pub(crate) fn waiting(&self) -> impl ExactSizeIterator<Item = &InFlight> {
        self.in_flight.range(self.given_up..)
    }

    /// Whether the oldest request that was not given up has timed out at this time.
    pub(crate) fn is_overdue(&self, now_ns: u64) -> bool {
        let oldest = self.in_flight.get(self.given_up);
        oldest.is_some_and(|request| request.deadline_ns < now_ns)
    }

    /// Notes that there may be bytes without an event.
    pub(crate) fn expect_more(&mut self) {
        self.drained = false;
    }

    /// Whether another request may be sent on it now.
    pub(crate) fn is_free(&self, plan: &Plan) -> bool {
        self.can_send() && self.in_flight.len() < plan.pipeline && !self.is_spent(plan)
    }

    /// Whether it has sent its share of the requests.
    pub(crate) fn is_spent(&self, plan: &Plan) -> bool {
        plan.requests_per_connection
            .is_some_and(|share| self.sent >= share)
    }

    /// The port of this side, if there is a connection.
    pub(crate) fn local_port(&self) -> Option<u16> {
        Some(self.stream.as_ref()?.local_addr().ok()?.port())
    }

    /// Sends these bytes, and keeps the rest for [`send_rest`](Self::send_rest). [`receive`](Self::receive) reports a failure,
    /// after the replies that came before it.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let sent = self.write(bytes);
        self.unsent.tail().extend_from_slice(&bytes[sent..]);
    }

    /// Sends the length and the body of each frame in separate writes.
    pub(crate) fn send_apart(&mut self, mut frames: &[u8]) {
        while let Head::Whole(body) = frame::head(frames, FrameLimit::MOST) {
            let (frame, rest) = frames.split_at(PREFIX_BYTES + body.len());
            for piece in [&frame[..PREFIX_BYTES], &frame[PREFIX_BYTES..]] {
                if self.unsent.bytes().is_empty() {
                    self.send(piece);
                } else {
                    self.unsent.tail().extend_from_slice(piece);
                }
            }
            frames = rest;
        }
    }

    /// Sends the bytes that were kept.
    pub(crate) fn send_rest(&mut self) {
        let mut unsent = std::mem::take(&mut self.unsent);
        let sent = self.write(unsent.bytes());
        unsent.sent(sent);
        self.unsent = unsent;
    }

    /// Reads once. The buffer grows with the bytes received, at most to the size of the largest frame.
    pub(crate) fn receive(&mut self, limit: FrameLimit) -> io::Result<Received> {
        let Some(stream) = &mut self.stream else {
            return Ok(Received::All);
        };
        if self.drained && !self.ends {
            return Ok(Received::All);
        }
        let room = self.input.room(PREFIX_BYTES + limit.bytes());
        let asked = room.len();
        match recv(stream, room) {
            Ok(0) => match self.broken.take() {
                // The kernel reports an error once, and a write got it. EPIPE only means that the peer had closed.
                Some(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
                _ => Ok(Received::End),
            },
            Ok(bytes) => {
                // A short read has emptied the socket (epoll(7)).
                self.drained = bytes < asked;
                self.input.filled(bytes);
                Ok(Received::Some)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.drained = true;
                self.ends = false;
                Ok(Received::All)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(Received::Some),
            Err(error) => Err(error),
        }
    }

    /// Writes what can be written now, and returns how much that is.
    fn write(&mut self, bytes: &[u8]) -> usize {
        let Some(stream) = &mut self.stream else {
            return bytes.len();
        };
        let mut sent = 0;
        while sent < bytes.len() {
            match send(stream, &bytes[sent..]) {
                Ok(now) => sent += now,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.broken.get_or_insert(error);
                    self.ends = true;
                    break;
                }
            }
        }
        sent
    }
}

// Raw system calls, without the C library. In a process with several threads it makes each call a cancellation point, which
// costs about a tenth of a microsecond per request.

fn recv(stream: &TcpStream, room: &mut [u8]) -> io::Result<usize> {
    let (_, bytes) = rustix::net::recv(stream, room, RecvFlags::empty())?;
    Ok(bytes)
}

fn send(stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    // A peer that has gone is an error of this connection, and must not be a signal to this process.
    Ok(rustix::net::send(stream, bytes, SendFlags::NOSIGNAL)?)
}
