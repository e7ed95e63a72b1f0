//! The listening sockets, and accepting from them.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::limits::{RETRY_PAUSE, is_closed, is_exhaustion, is_interruption, is_peers_fault, tell_once};
use crate::options::{Accept, Options};
use crate::signals::Stop;
use crate::telling::print_ready;
use crate::{Error, Result};

/// A listening socket.
///
/// What it accepts inherits its `TCP_NODELAY` and its timeouts, as Linux has it, so that a connection costs no system call
/// for them.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    address: SocketAddr,
}

impl Listener {
    /// Listens where the flags say.
    pub fn open(options: &Options, stop: Stop) -> Result<Self> {
        Self::bind(options, options.listen, stop, false)
    }

    /// Prints the ready line, with the port that it really has.
    pub fn announce(&self) {
        print_ready(&format!("listening on {}", self.address));
    }

    /// Blocks until there is a connection, or until the process should stop or the listener is [closed](Self::close).
    ///
    /// At the limit of descriptors it waits until it can accept again.
    pub fn accept(&self, stop: Stop) -> Result<Option<TcpStream>> {
        while !stop.requested() {
            match self.accept_now() {
                Ok(stream) => return Ok(Some(stream)),
                Err(error) if is_interruption(&error) || is_peers_fault(&error) => {}
                Err(error) if is_closed(&error) => break,
                Err(error) if is_exhaustion(&error) => {
                    tell_once("accept", &error);
                    stop.pause(RETRY_PAUSE);
                }
                Err(error) => return Err(Error::system("accept")(error)),
            }
        }
        Ok(None)
    }

    /// Closes the listener in every process that shares it. From here on connecting is refused.
    pub fn close(self) {
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

    fn bind(options: &Options, address: SocketAddr, stop: Stop, shares_port: bool) -> Result<Self> {
        let listen = || -> io::Result<Self> {
            let socket = Self::bound(address, shares_port)?;
            socket.set_tcp_nodelay(!options.two_writes)?;
            let look_again = look_again(options.idle_timeout.0, stop);
            socket.set_read_timeout(look_again)?;
            socket.set_write_timeout(look_again)?;
            socket.listen(options.backlog)?;
            let address = socket.local_addr()?.as_socket().unwrap_or(address);
            Ok(Self { socket, address })
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
    /// One for each, by its seat. The parent keeps them all, so that what waits in one outlives its worker.
    Each(Vec<Listener>),
}

impl Listeners {
    /// Listens where the flags say, for so many workers.
    pub fn open(options: &Options, accept: Accept, workers: usize, stop: Stop) -> Result<Self> {
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
    pub fn announce(&self) {
        match self {
            Self::Shared(listener) => listener.announce(),
            Self::Each(listeners) => listeners[0].announce(),
        }
    }

    /// That of the worker in this seat; in this process the others are dropped.
    ///
    /// # Panics
    /// If there is no such seat.
    #[must_use]
    pub fn into_that_of(self, seat: usize) -> Listener {
        match self {
            Self::Shared(listener) => listener,
            Self::Each(mut listeners) => listeners.swap_remove(seat),
        }
    }

    /// [Closes](Listener::close) them all.
    pub fn close(self) {
        match self {
            Self::Shared(listener) => listener.close(),
            Self::Each(listeners) => listeners.into_iter().for_each(Listener::close),
        }
    }
}

/// How long a call on a connection may block before its process looks around, if it ever does.
fn look_again(idle_timeout: Option<Duration>, stop: Stop) -> Option<Duration> {
    [idle_timeout, stop.look_again()].into_iter().flatten().min()
}

fn cannot_listen(address: SocketAddr, source: io::Error) -> Error {
    Error::Listen { address, source }
}
