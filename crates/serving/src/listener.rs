//! The listening sockets, and accepting from them.

use std::collections::VecDeque;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use crate::limits::{
    RETRY_PAUSE, is_closed, is_exhaustion, is_interruption, is_peers_fault, require_spare_descriptor,
    tell_once,
};
use crate::options::{Accept, Options};
use crate::signals::Stop;
use crate::telling::print_ready;
use crate::{Error, Result};

/// Keepalive probes that a peer may leave unanswered.
const PROBES: u32 = 3;

/// The most connections that a server that stops takes from its backlog: as many as the backlog holds by default. Under a
/// flood of connections it would never be empty.
const LAST_MOST: usize = 4096;

/// How long the first request of a connection may take that came with the request to stop.
const FIRST_REQUEST: Duration = Duration::from_millis(100);

/// A listening socket.
///
/// What it accepts inherits its `TCP_NODELAY`, its keepalive and its timeouts, as Linux has it, so that a connection costs
/// no system call for them.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    address: SocketAddr,
    /// What waited in the backlog when the listener was closed for a stop, and nobody has taken yet.
    last: Mutex<VecDeque<TcpStream>>,
}

impl Listener {
    /// Listens where the flags say.
    pub fn open(options: &Options, stop: Stop) -> Result<Self> {
        Self::bind(options, options.listen, stop, false)
    }

    /// Where it listens, with the port that it really has.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Prints the ready line. This process needs a descriptor for a connection.
    pub fn announce(&self) -> Result<()> {
        require_spare_descriptor()?;
        self.print_ready_line();
        Ok(())
    }

    fn print_ready_line(&self) {
        print_ready(&format!("listening on {}", self.address));
    }

    /// Blocks until there is a connection, or until the process should stop or the listener is [closed](Self::close).
    /// Then it gives what waited in the backlog as a drain closed it.
    ///
    /// At the limit of descriptors it waits until it can accept again.
    pub fn accept(&self, stop: Stop) -> Result<Option<TcpStream>> {
        while !stop.requested() {
            match self.accept_now() {
                Ok(stream) => {
                    if stop.requested() {
                        // The kernel prefers a connection to a signal. To a process that stops it would seem idle.
                        stop.wait_for(&stream, PollFlags::POLLIN, Instant::now() + FIRST_REQUEST);
                    }
                    return Ok(Some(stream));
                }
                Err(error) if is_interruption(&error) || is_peers_fault(&error) => {}
                Err(error) if is_closed(&error) => break,
                Err(error) if is_exhaustion(&error) => {
                    tell_once("accept", &error);
                    stop.pause(RETRY_PAUSE);
                }
                Err(error) => return Err(Error::system("accept")(error)),
            }
        }
        Ok(self.next_of_last())
    }

    /// Accepts what the backlog holds, for [`next_of_last`](Self::next_of_last), and closes the listener. The requests of
    /// these connections may have arrived before the request to stop; the kernel would reset them.
    ///
    /// For a process that has the listener for itself: another one might leave this one without a connection to accept.
    pub(crate) fn close_after_a_last_look(&self) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        while last.len() < LAST_MOST && has_waiting(self) {
            match self.accept_now() {
                Ok(stream) => last.push_back(stream),
                Err(error) if is_interruption(&error) || is_peers_fault(&error) => {}
                // Without a descriptor they can't be served.
                Err(_) => break,
            }
        }
        self.close();
    }

    /// The next of those that waited in the backlog when the listener was closed.
    pub(crate) fn next_of_last(&self) -> Option<TcpStream> {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    }

    /// Closes the listener in every process that shares it. From here on connecting is refused.
    pub fn close(&self) {
        // It can only fail for a listener that is closed already.
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    /// Accepts a connection without a second attempt.
    pub(crate) fn accept_now(&self) -> io::Result<TcpStream> {
        self.socket.accept().map(|(stream, _)| stream.into())
    }

    /// A clone of the socket as the standard library has it, for an event loop.
    pub fn to_std(&self) -> io::Result<std::net::TcpListener> {
        self.socket.try_clone().map(Into::into)
    }

    /// The socket as the standard library has it, for an event loop that has it for itself.
    #[must_use]
    pub fn into_std(self) -> std::net::TcpListener {
        self.socket.into()
    }

    fn bind(options: &Options, address: SocketAddr, stop: Stop, shares_port: bool) -> Result<Self> {
        let listen = || -> io::Result<Self> {
            let socket = Self::bound(address, shares_port)?;
            socket.set_tcp_nodelay(!options.two_writes)?;
            if let Some(time) = options.keepalive.0 {
                socket.set_tcp_keepalive(&keepalive(time))?;
            }
            let look_again = look_again(options.idle_timeout.0, stop);
            socket.set_read_timeout(look_again)?;
            socket.set_write_timeout(look_again)?;
            socket.listen(options.backlog)?;
            let address = socket.local_addr()?.as_socket().unwrap_or(address);
            Ok(Self {
                socket,
                address,
                last: Mutex::default(),
            })
        };
        listen().map_err(|source| cannot_listen(address, source))
    }

    fn bound(address: SocketAddr, shares_port: bool) -> io::Result<Socket> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(shares_port)?;
        socket.bind(&address.into())?;
        Ok(socket)
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The listeners of a fixed set of workers.
#[derive(Debug)]
pub enum Listeners {
    /// One for all.
    Shared(Listener),
    /// One for each, by its slot. The parent keeps them all, so that what waits in one outlives its worker.
    Each(Vec<Listener>),
}

impl Listeners {
    /// Listens where the flags say, for so many workers.
    pub(crate) fn open(options: &Options, accept: Accept, workers: usize, stop: Stop) -> Result<Self> {
        match accept {
            Accept::Shared => Listener::open(options, stop).map(Self::Shared),
            Accept::Reuseport => {
                // A socket that shares its port would also share it with a server that was started earlier, whoever's it
                // is. A plain one is refused then.
                drop(
                    Listener::bound(options.listen, false)
                        .map_err(|source| cannot_listen(options.listen, source))?,
                );
                let first = Listener::bind(options, options.listen, stop, true)?;
                let address = first.address;
                let rest: Result<Vec<_>> = (1..workers)
                    .map(|_| Listener::bind(options, address, stop, true))
                    .collect();
                Ok(Self::Each(std::iter::once(first).chain(rest?).collect()))
            }
        }
    }

    /// Prints the ready line, with the port that they really have.
    pub(crate) fn announce(&self) {
        match self {
            Self::Shared(listener) => listener.print_ready_line(),
            Self::Each(listeners) => listeners[0].print_ready_line(),
        }
    }

    /// That of the worker in this slot; in this process the others are dropped.
    ///
    /// # Panics
    /// If there is no such slot.
    #[must_use]
    pub(crate) fn into_that_of(self, slot: usize) -> Listener {
        match self {
            Self::Shared(listener) => listener,
            Self::Each(mut listeners) => listeners.swap_remove(slot),
        }
    }

    /// Closes what nobody accepts from any more, so that the kernel gives it no connection.
    pub(crate) fn give_up(&self, slot: usize) {
        match self {
            Self::Shared(_) => {}
            Self::Each(listeners) => listeners[slot].close(),
        }
    }

    /// Whether a connection waits for a worker to accept it.
    pub(crate) fn has_waiting(&self) -> bool {
        self.all().iter().any(has_waiting)
    }

    /// [Closes](Listener::close) them all.
    pub(crate) fn close(&self) {
        self.all().iter().for_each(Listener::close);
    }

    fn all(&self) -> &[Listener] {
        match self {
            Self::Shared(listener) => std::slice::from_ref(listener),
            Self::Each(listeners) => listeners,
        }
    }
}

/// Whether a connection waits to be accepted from this listener. On a closed one nobody waits.
pub fn has_waiting(listener: &impl AsFd) -> bool {
    let mut descriptors = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
    let is_ready = poll(&mut descriptors, PollTimeout::ZERO).is_ok_and(|ready| ready > 0);
    let events = descriptors[0].revents().unwrap_or(PollFlags::empty());
    is_ready && events.contains(PollFlags::POLLIN) && !events.contains(PollFlags::POLLHUP)
}

/// Probes from this long after the last byte on: three in the same time again, then the connection fails.
fn keepalive(time: Duration) -> TcpKeepalive {
    // The kernel counts whole seconds.
    let whole_s = u64::try_from(time.as_millis().div_ceil(1_000)).unwrap_or(u64::MAX);
    TcpKeepalive::new()
        .with_time(Duration::from_secs(whole_s))
        .with_interval(Duration::from_secs(whole_s.div_ceil(PROBES.into())))
        .with_retries(PROBES)
}

/// How long a call on a connection may block before its process looks around, if it ever does.
fn look_again(idle_timeout: Option<Duration>, stop: Stop) -> Option<Duration> {
    [idle_timeout, stop.look_again()].into_iter().flatten().min()
}

fn cannot_listen(address: SocketAddr, source: io::Error) -> Error {
    Error::Listen { address, source }
}

/// What to do about an address that can't be had.
pub(crate) fn advice(error: &io::Error) -> &'static str {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EADDRINUSE) => "free the port, or choose another with --listen (port 0: any free one)",
        Some(Errno::EADDRNOTAVAIL) => {
            "choose an address of this machine with --listen (0.0.0.0: all of them)"
        }
        Some(Errno::EACCES | Errno::EPERM) => {
            "choose a port from 1024 on with --listen, or run it with CAP_NET_BIND_SERVICE"
        }
        Some(Errno::EMFILE) => "raise the limit of open files (ulimit -n)",
        Some(Errno::ENFILE) => "raise the system's limit of open files (fs.file-max)",
        Some(Errno::ENOBUFS | Errno::ENOMEM) => "free some memory",
        Some(Errno::EAFNOSUPPORT) => "choose an address of a family that this machine has, with --listen",
        _ => "choose another address with --listen",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_fits_the_error() {
        for (errno, word) in [
            (Errno::EADDRINUSE, "free the port"),
            (Errno::EADDRNOTAVAIL, "address of this machine"),
            (Errno::EACCES, "1024"),
            (Errno::EMFILE, "ulimit -n"),
            (Errno::ENFILE, "fs.file-max"),
            (Errno::EAFNOSUPPORT, "family"),
            (Errno::EINVAL, "--listen"),
        ] {
            let advice = advice(&errno.into());
            assert!(advice.contains(word), "{errno}: {advice}");
            let frees_port = advice.contains("free the port");
            assert_eq!(frees_port, errno == Errno::EADDRINUSE, "{errno}: {advice}");
        }
    }
}
