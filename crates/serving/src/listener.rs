//! The listening sockets, and accepting from them.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::poll::PollFlags;
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use crate::backlog::Backlog;
pub use crate::backlog::has_waiting;
use crate::drain_limit::FIRST_REQUEST;
use crate::error::{Error, Result};
use crate::limits::{
    RETRY_PAUSE, is_closed, is_exhaustion, is_interruption, is_peers_fault, report_exhaustion_once,
    require_spare_descriptor,
};
use crate::log;
use crate::options::{Accept, Options};
use crate::stop::Stop;
use crate::waiting::{pause, wait_for};

/// Keepalive probes that a peer may leave unanswered.
const PROBES: u32 = 3;

/// The timeout of a listener that only makes accept interruptible. Each time that it passes, accept is called again.
const INTERRUPTIBLE: Duration = Duration::from_secs(60);

/// A listening socket.
///
/// On Linux a connection inherits the listener's `TCP_NODELAY`, keepalive and timeouts, so they cost it no system call.
#[derive(Debug)]
pub struct Listener {
    backlog: Backlog,
    address: SocketAddr,
    /// How long a call on a connection may block before its process looks for signals, if it has to.
    look_again: Option<Duration>,
    /// It has a timeout that its connections have not, so that a signal interrupts accept.
    is_interruptible: AtomicBool,
}

impl Listener {
    /// Listens on the address of the flags.
    pub fn open(options: &Options, stop: Stop) -> Result<Self> {
        Self::bind(options, options.listen, stop, false)
    }

    /// The address on which it listens, with its real port.
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
        log::print_ready(&format!("listening on {}", self.address));
    }

    /// For a process that serves alone: it closes this listener as its drain begins, so that nobody connects in vain while
    /// requests in progress are answered. From now on the process uses the returned [`Stop`].
    ///
    /// The listener lives as long as the process.
    #[must_use]
    pub fn closing_at(self, stop: Stop) -> (&'static Self, Stop) {
        let listener: &'static Self = Box::leak(Box::new(self));
        (listener, stop.closing(&listener.backlog))
    }

    /// Blocks until there is a connection, or until the process should stop or the listener is [closed](Self::close).
    /// Then it returns the connections that waited in the backlog as the drain began, one per call, and finally none.
    ///
    /// At the limit of descriptors it waits until it can accept again.
    pub fn accept(&self, stop: Stop) -> Result<Option<TcpStream>> {
        while !stop.requested() {
            stop.handle_signals();
            match self.backlog.accept_now() {
                Ok(stream) => {
                    if stop.requested() {
                        // The kernel prefers a connection to a signal. Its request may follow a moment later, and a
                        // process that drains would close the connection as idle.
                        wait_for(&stream, PollFlags::POLLIN, Instant::now() + FIRST_REQUEST, stop);
                    }
                    return Ok(Some(stream));
                }
                Err(error) if is_interruption(&error) || is_peers_fault(&error) => {}
                Err(error) if is_closed(&error) => return Ok(self.backlog.next_waiting()),
                Err(error) if is_exhaustion(&error) => {
                    report_exhaustion_once("accept", &error);
                    pause(RETRY_PAUSE, stop);
                }
                Err(error) => return Err(Error::system("accept")(error)),
            }
        }
        stop.begin_drain();
        Ok(self.backlog.next_waiting())
    }

    /// Lets a signal interrupt accept: without a timeout on the socket the kernel restarts the call.
    pub(crate) fn make_interruptible(&self) -> Result<()> {
        if self.look_again.is_some() || self.is_interruptible.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        self.backlog
            .socket()
            .set_read_timeout(Some(INTERRUPTIBLE))
            .map_err(Error::system("set a timeout of the listener"))
    }

    /// Takes back the timeout that a connection has inherited for nothing. A timeout costs the kernel a timer for each call
    /// that blocks.
    pub(crate) fn make_uninterruptible(&self, stream: &TcpStream) -> Result<()> {
        if self.look_again.is_some() {
            return Ok(());
        }
        stream
            .set_read_timeout(None)
            .map_err(Error::system("remove a timeout of a connection"))
    }

    /// Closes the listener in every process that shares it. From here on connecting is refused.
    pub fn close(&self) {
        self.backlog.close();
    }

    /// The socket with what waits in its backlog.
    pub(crate) fn backlog(&self) -> &Backlog {
        &self.backlog
    }

    /// A clone of the socket as a type of the standard library, for an event loop.
    pub fn to_std(&self) -> Result<std::net::TcpListener> {
        let clone = self.backlog.socket().try_clone();
        clone
            .map(Into::into)
            .map_err(Error::system("duplicate the listener"))
    }

    /// The socket as a type of the standard library, for an event loop of its own.
    #[must_use]
    pub fn into_std(self) -> std::net::TcpListener {
        self.backlog.into_socket().into()
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
                backlog: Backlog::new(socket),
                address,
                look_again,
                is_interruptible: AtomicBool::new(false),
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
        self.backlog.as_fd()
    }
}

/// The listeners of a fixed set of workers.
#[derive(Debug)]
pub enum Listeners {
    /// One for all.
    Shared(Listener),
    /// One for each, by its slot. The parent keeps them all, so that what waits in one survives its worker.
    Each(Vec<Listener>),
}

impl Listeners {
    /// Listens on the address of the flags, for this many workers.
    pub(crate) fn open(options: &Options, accept: Accept, workers: usize, stop: Stop) -> Result<Self> {
        match accept {
            Accept::Shared => Listener::open(options, stop).map(Self::Shared),
            Accept::Reuseport => {
                // A socket that shares its port would also share it with a server of the same user that was started
                // earlier. A plain socket is refused in that case.
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

    /// Prints the ready line, with the real port.
    pub(crate) fn announce(&self) {
        match self {
            Self::Shared(listener) => listener.print_ready_line(),
            Self::Each(listeners) => listeners[0].print_ready_line(),
        }
    }

    /// The one of a supervisor that accepts.
    pub(crate) fn first(&self) -> Option<BorrowedFd<'_>> {
        self.all().first().map(AsFd::as_fd)
    }

    /// Accepting from them no longer blocks, in any process that has them.
    pub(crate) fn set_nonblocking(&self) -> Result<()> {
        let set = |listener: &Listener| listener.backlog.socket().set_nonblocking(true);
        self.all()
            .iter()
            .try_for_each(set)
            .map_err(Error::system("set up the listener"))
    }

    /// Accepts from the first without a second attempt.
    pub(crate) fn accept_now(&self) -> io::Result<TcpStream> {
        self.all()[0].backlog.accept_now()
    }

    /// The one of the worker in this slot. In this process the others are dropped.
    ///
    /// # Panics
    /// If there is no such slot.
    #[must_use]
    pub(crate) fn into_listener_of(self, slot: usize) -> Listener {
        match self {
            Self::Shared(listener) => listener,
            Self::Each(mut listeners) => listeners.swap_remove(slot),
        }
    }

    /// The one of the worker in this slot.
    ///
    /// # Panics
    /// If there is no such slot.
    pub(crate) fn listener_of(&self, slot: usize) -> &Listener {
        match self {
            Self::Shared(listener) => listener,
            Self::Each(listeners) => &listeners[slot],
        }
    }

    /// Closes a listener from which no worker accepts any more, so that the kernel gives it no connection.
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

    /// Closes them all in a process that has them for itself, and keeps what waits in their backlogs.
    pub(crate) fn close_and_keep_waiting(&self) {
        for listener in self.all() {
            listener.backlog().close_and_keep_waiting();
        }
    }

    fn all(&self) -> &[Listener] {
        match self {
            Self::Shared(listener) => std::slice::from_ref(listener),
            Self::Each(listeners) => listeners,
        }
    }
}

/// Probes after this long without a byte: three in the same time again, then the connection fails.
fn keepalive(time: Duration) -> TcpKeepalive {
    // The kernel counts whole seconds.
    let whole_s = u64::try_from(time.as_millis().div_ceil(1_000)).unwrap_or(u64::MAX);
    TcpKeepalive::new()
        .with_time(Duration::from_secs(whole_s))
        .with_interval(Duration::from_secs(whole_s.div_ceil(PROBES.into())))
        .with_retries(PROBES)
}

/// How long a call on a connection may block before its process looks for signals, if it has to.
fn look_again(idle_timeout: Option<Duration>, stop: Stop) -> Option<Duration> {
    [idle_timeout, stop.look_again()].into_iter().flatten().min()
}

fn cannot_listen(address: SocketAddr, source: io::Error) -> Error {
    Error::Listen { address, source }
}
