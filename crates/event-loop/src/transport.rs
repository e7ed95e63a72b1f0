//! What a connection needs of its socket, and of its clock: tests step both by hand.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::time::Instant;

use mio::event::Event;
use mio::net::TcpStream;

/// A stream of bytes in both directions that never waits: where a call would, it returns
/// [`WouldBlock`](io::ErrorKind::WouldBlock).
pub trait Transport {
    /// Receives into `room`, which is not empty. No bytes at all mean that the peer has closed its sending side.
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize>;

    /// Sends as many of these bytes as it takes, at least one.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Whether the kernel has all that [`write`](Self::write) took, so that the sending side may be closed. A transport that
    /// sends in the background returns false until then, and causes an event when it changes.
    fn has_sent_all(&mut self) -> bool {
        true
    }

    /// Closes the sending side.
    fn shutdown_write(&mut self) -> io::Result<()>;

    /// How many bytes have arrived that were not read yet.
    fn unread_bytes(&self) -> io::Result<u64>;
}

impl Transport for TcpStream {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        Read::read(self, room)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(self, bytes)
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }

    fn unread_bytes(&self) -> io::Result<u64> {
        Ok(rustix::io::ioctl_fionread(self)?)
    }
}

/// What an event reports of a transport.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Readiness {
    /// Bytes have arrived, or the end.
    pub readable: bool,
    /// The peer sends nothing more. Bytes may stand before the end, and no further event reports it.
    pub read_closed: bool,
    /// No reply can arrive any more: the transport has failed, or both sides have closed it.
    pub write_closed: bool,
}

impl From<&Event> for Readiness {
    fn from(event: &Event) -> Self {
        Self {
            readable: event.is_readable(),
            read_closed: event.is_read_closed() || event.is_error(),
            write_closed: event.is_write_closed() || event.is_error(),
        }
    }
}

/// Where a connection reads the time. It does so only when something depends on it, because a request should not pay
/// for a look at the clock.
pub trait TimeSource {
    /// The time.
    fn now(&self) -> Instant;
}

/// The clock of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl TimeSource for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }
}
