//! A connection's bytes, which the kernel receives and sends in the background.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::rc::Rc;

use completions::{Receive, Received, Ring, Target};
use event_loop::{Readiness, Transport};
use rustix::event::PollFlags;
use rustix::net::Shutdown;

use crate::token::{Operation, Token};

/// The most that one operation sends. The rest of a longer reply follows with the next ones.
const SEND_MOST_BYTES: usize = 64 * 1024;
/// A send of at most this length is a small one.
const SMALL_BYTES: usize = 4 * 1024;
/// How many of each size are kept for later: enough for a round of small replies, and for the large ones of some connections.
/// Memory that is freed instead goes back to the kernel, and a fault for each page of the next reply costs more than the copy.
const SMALL_SPARE_MOST: usize = 1024;
const LARGE_SPARE_MOST: usize = 64;
/// What is received beyond this, before the connection has its turn, is left to the kernel.
const UNREAD_MOST_BYTES: usize = 64 * 1024;

/// The ring, and memory for sends, which all connections of the loop use.
pub(crate) struct Shared {
    pub(crate) ring: Ring,
    small_spare: Vec<Vec<u8>>,
    large_spare: Vec<Vec<u8>>,
}

impl Shared {
    pub(crate) fn new(ring: Ring) -> Rc<RefCell<Self>> {
        Rc::new(RefCell::new(Self {
            ring,
            small_spare: Vec::new(),
            large_spare: Vec::new(),
        }))
    }

    /// A copy of these bytes, in memory that was kept if there is any.
    fn copy(&mut self, bytes: &[u8]) -> Vec<u8> {
        let spare = if bytes.len() <= SMALL_BYTES {
            &mut self.small_spare
        } else {
            &mut self.large_spare
        };
        let mut memory = spare.pop().unwrap_or_default();
        memory.extend_from_slice(bytes);
        memory
    }

    fn keep_for_later(&mut self, mut memory: Vec<u8>) {
        let (spare, most) = if memory.capacity() <= SMALL_BYTES {
            (&mut self.small_spare, SMALL_SPARE_MOST)
        } else {
            (&mut self.large_spare, LARGE_SPARE_MOST)
        };
        if spare.len() < most {
            memory.clear();
            spare.push(memory);
        }
    }
}

/// A connected socket on which operations are in progress.
pub(crate) struct Stream {
    shared: Rc<RefCell<Shared>>,
    socket: TcpStream,
    key: usize,
    /// Received bytes in a buffer of the ring, of which so many have been read. They come before those that are kept.
    arrived: Option<(Received, usize)>,
    /// Received bytes in memory of the connection, of which so many have been read.
    kept: Vec<u8>,
    kept_read: usize,
    receiving: Receiving,
    end: Option<End>,
    /// A poll would report a hang-up. It is needed only while nothing is being received.
    watching: bool,
    /// Bytes are being sent, of which so many have left.
    sending: Option<usize>,
    /// The connection waits until they have left.
    waits_to_send: bool,
    /// Operations whose last completion has not come.
    operations: u32,
}

/// The operation that receives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Receiving {
    No,
    Yes,
    /// It is being cancelled.
    Ending,
}

/// Why nothing more is received.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Closed,
    Failed,
}

impl Stream {
    pub(crate) fn new(socket: OwnedFd, key: usize, shared: Rc<RefCell<Shared>>) -> Self {
        let mut stream = Self {
            shared,
            socket: socket.into(),
            key,
            arrived: None,
            kept: Vec::new(),
            kept_read: 0,
            receiving: Receiving::No,
            end: None,
            watching: false,
            sending: None,
            waits_to_send: false,
            operations: 0,
        };
        stream.receive();
        stream
    }

    pub(crate) fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.peer_addr()
    }

    /// Takes note of received bytes.
    pub(crate) fn notice_received(&mut self, received: Received, more: bool) -> Readiness {
        self.notice_end_of_receive(more);
        if self.end == Some(End::Failed) {
            // Nobody reads it. The peer may go on sending until the cancel takes effect.
            drop(received);
        } else if self.arrived.is_none() && self.kept.is_empty() {
            self.arrived = Some((received, 0));
        } else {
            self.kept.extend_from_slice(received.bytes());
        }
        if self.kept.len() - self.kept_read > UNREAD_MOST_BYTES {
            self.stop_receiving();
        }
        Readiness {
            readable: true,
            ..Readiness::default()
        }
    }

    /// Takes note that the peer has closed its sending side.
    pub(crate) fn notice_closed(&mut self, more: bool) -> Readiness {
        self.notice_end_of_receive(more);
        self.end.get_or_insert(End::Closed);
        Readiness {
            readable: true,
            read_closed: true,
            write_closed: false,
        }
    }

    /// Takes note that receiving has failed. If that was no fault of the peer, it goes on, and there is no event.
    pub(crate) fn notice_not_received(&mut self, error: &io::Error, more: bool) -> Option<Readiness> {
        self.notice_end_of_receive(more);
        let passes = [rustix::io::Errno::NOBUFS, rustix::io::Errno::CANCELED];
        if passes
            .iter()
            .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
        {
            self.settle();
            return None;
        }
        Some(self.fail())
    }

    fn notice_end_of_receive(&mut self, more: bool) {
        if !more {
            self.receiving = Receiving::No;
            self.operations -= 1;
        }
    }

    /// Takes note of what a poll reports. There is an event only if no reply can arrive any more.
    pub(crate) fn notice_poll(&mut self, events: Option<u32>, more: bool) -> Option<Readiness> {
        if !more {
            self.watching = false;
            self.operations -= 1;
        }
        let gone = u32::from((PollFlags::ERR | PollFlags::HUP).bits());
        events
            .is_some_and(|events| events & gone != 0)
            .then(|| self.fail())
    }

    /// Takes note that a send is done, or has failed, and gives its bytes back. Those that have not left are sent again.
    /// There is an event if the connection can go on.
    pub(crate) fn notice_sent(&mut self, sent: Option<u32>, bytes: Vec<u8>) -> Option<Readiness> {
        self.operations -= 1;
        let before = self.sending.take().unwrap_or_default();
        match sent {
            Some(sent) if sent > 0 => {
                let left = before + sent as usize;
                if left < bytes.len() && self.end != Some(End::Failed) {
                    self.send(bytes, left);
                    return None;
                }
                self.shared.borrow_mut().keep_for_later(bytes);
                std::mem::take(&mut self.waits_to_send).then(Readiness::default)
            }
            _ => Some(self.fail()),
        }
    }

    fn fail(&mut self) -> Readiness {
        self.end = Some(End::Failed);
        Readiness {
            readable: true,
            read_closed: true,
            write_closed: true,
        }
    }

    /// Whether bytes have come for this connection that the next wait brings.
    pub(crate) fn is_about_to_receive(&self) -> bool {
        self.receiving == Receiving::Yes
            && (rustix::io::ioctl_fionread(&self.socket).is_ok_and(|unread| unread > 0)
                || self
                    .shared
                    .borrow_mut()
                    .ring
                    .has_completion(self.token(Operation::Receive)))
    }

    /// After a turn: receives on if all was read. Otherwise the peer is not read from until the connection has caught up,
    /// so that its memory is bounded, and the buffer goes back to the ring.
    pub(crate) fn settle(&mut self) {
        if self.unread() > 0 {
            self.keep();
            self.stop_receiving();
        } else if self.end.is_none() {
            self.receive();
        }
        // Nothing else would report a peer that resets.
        if self.receiving == Receiving::No && !self.watching && self.end != Some(End::Failed) {
            self.watching = true;
            self.operations += 1;
            let token = self.token(Operation::Watch);
            let ring = &mut self.shared.borrow_mut().ring;
            ring.poll(self.socket.as_fd(), PollFlags::empty(), true, token);
        }
    }

    /// At the end of the connection: cancels what is in progress.
    pub(crate) fn abandon(&mut self) {
        self.end = Some(End::Failed);
        self.kept = Vec::new();
        self.kept_read = 0;
        self.arrived = None;
        if self.operations > 0 {
            self.shared.borrow_mut().ring.cancel_all(self.socket.as_fd());
        }
    }

    /// Whether nothing is in progress, so that it can be closed and its key used again.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.operations == 0
    }

    pub(crate) fn close(self) {
        self.shared.borrow_mut().ring.close(self.socket.into());
    }

    /// Received bytes that the connection has not read.
    fn unread(&self) -> usize {
        let arrived = self.arrived.as_ref();
        arrived.map_or(0, |(received, read)| received.length() - read) + self.kept.len() - self.kept_read
    }

    /// Moves what is in a buffer of the ring into memory of the connection.
    fn keep(&mut self) {
        let Some((received, read)) = self.arrived.take() else {
            return;
        };
        let mut kept = received.bytes()[read..].to_vec();
        kept.extend_from_slice(&self.kept[self.kept_read..]);
        (self.kept, self.kept_read) = (kept, 0);
    }

    fn receive(&mut self) {
        if self.receiving != Receiving::No {
            return;
        }
        self.receiving = Receiving::Yes;
        self.operations += 1;
        let (target, token) = (self.target(), self.token(Operation::Receive));
        let ring = &mut self.shared.borrow_mut().ring;
        ring.receive(target, Receive::Multishot, token);
    }

    fn stop_receiving(&mut self) {
        if self.receiving == Receiving::Yes {
            self.receiving = Receiving::Ending;
            let token = self.token(Operation::Receive);
            self.shared.borrow_mut().ring.cancel(token);
        }
    }

    fn send(&mut self, bytes: Vec<u8>, offset: usize) {
        self.sending = Some(offset);
        self.operations += 1;
        let (target, token) = (self.target(), self.token(Operation::Send));
        self.shared.borrow_mut().ring.send(target, bytes, offset, token);
    }

    fn target(&self) -> Target {
        Target::Descriptor(self.socket.as_raw_fd())
    }

    fn token(&self, operation: Operation) -> u64 {
        Token::Connection(self.key, operation).number()
    }
}

/// To the connection it looks like a socket that never blocks. Reading copies what has been received, and writing copies
/// what is to be sent, so that the connection's buffers are its own.
impl Transport for Stream {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        if let Some((received, read)) = self.arrived.take() {
            filled = copy(&received.bytes()[read..], room);
            if read + filled < received.length() {
                self.arrived = Some((received, read + filled));
            }
        }
        if self.kept_read < self.kept.len() && filled < room.len() {
            let copied = copy(&self.kept[self.kept_read..], &mut room[filled..]);
            self.kept_read += copied;
            filled += copied;
            if self.kept_read == self.kept.len() {
                (self.kept, self.kept_read) = (Vec::new(), 0);
            }
        }
        match self.end {
            _ if filled > 0 => Ok(filled),
            Some(End::Closed) => Ok(0),
            Some(End::Failed) => Err(ErrorKind::ConnectionReset.into()),
            None => Err(ErrorKind::WouldBlock.into()),
        }
    }

    /// One write is in progress at a time, so two writes stay two.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.end == Some(End::Failed) {
            return Err(ErrorKind::BrokenPipe.into());
        }
        if !self.has_sent_all() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let taken = &bytes[..bytes.len().min(SEND_MOST_BYTES)];
        let memory = self.shared.borrow_mut().copy(taken);
        self.send(memory, 0);
        Ok(taken.len())
    }

    fn has_sent_all(&mut self) -> bool {
        self.waits_to_send = self.sending.is_some();
        !self.waits_to_send
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        Ok(rustix::net::shutdown(&self.socket, Shutdown::Write)?)
    }

    fn unread_bytes(&self) -> io::Result<u64> {
        Ok(self.unread() as u64 + rustix::io::ioctl_fionread(&self.socket)?)
    }
}

fn copy(bytes: &[u8], room: &mut [u8]) -> usize {
    let length = bytes.len().min(room.len());
    room[..length].copy_from_slice(&bytes[..length]);
    length
}

#[cfg(test)]
mod tests;
