//! Opens connections: those of the load, background connections, and those of a call.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::IpBindAddressNoPort;
use socket2::{Domain, Protocol, Socket, Type};

use crate::target::Target;

/// Begins to connect a socket to `target`, from this address if one is given. It does not block, and becomes writable when it
/// is connected or has failed.
pub(crate) fn begin_to_connect(source: Option<SocketAddr>, target: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(target),
        Type::STREAM.nonblocking(),
        Some(Protocol::TCP),
    )?;
    if let Some(source) = source {
        bind(&socket, source)?;
    }
    match socket.connect(&target.into()) {
        Err(error) if error.raw_os_error() != Some(Errno::EINPROGRESS as i32) => return Err(error),
        _ => {}
    }
    refuse_itself(&socket, target)?;
    Ok(socket)
}

/// Refuses a socket that has connected to itself. If nothing listens on the port, and the kernel chooses that port for the
/// client, it takes the client's SYN for one of the server (simultaneous open, RFC 9293, section 3.5).
///
/// The kernel has chosen the port when connect(2) returns. So the port is free again for the server at once, and the reset
/// leaves no `TIME_WAIT` on it.
fn refuse_itself(socket: &Socket, target: SocketAddr) -> io::Result<()> {
    let own = socket.local_addr()?.as_socket();
    // Connecting to 0.0.0.0 or [::] connects to the own address.
    let same_ip = |own: SocketAddr| {
        target.ip().is_unspecified() || own.ip().to_canonical() == target.ip().to_canonical()
    };
    if own.is_some_and(|own| own.port() == target.port() && same_ip(own)) {
        socket.set_linger(Some(Duration::ZERO))?;
        return Err(Errno::ECONNREFUSED.into());
    }
    Ok(())
}

/// Opens a connection to the first address of the server that accepts one, and returns its index. A server that does not
/// accept yet is tried again for as long as `patience`.
///
/// # Errors
/// Those of [`connect`].
pub(crate) fn reach(
    target: &Target,
    timeout: Duration,
    patience: Duration,
    cancel: &AtomicBool,
) -> io::Result<(TcpStream, usize)> {
    const PAUSE: Duration = Duration::from_millis(20);
    let began = Instant::now();
    loop {
        match connect(target, 0, |_| None, timeout, cancel) {
            Err(error) if error.kind() != ErrorKind::Interrupted && began.elapsed() < patience => {
                thread::sleep(PAUSE);
            }
            reached => return reached,
        }
    }
}

/// Opens a connection to the first address of `target` that accepts one, beginning with the index `first`. It comes from the
/// address that `source` returns, if any. Also returns the index of the address that answered.
///
/// # Errors
/// `Interrupted` soon after `cancel` is set. Otherwise the error of the last address; if there are several, with all that were
/// tried.
pub(crate) fn connect(
    target: &Target,
    first: usize,
    source: impl Fn(SocketAddr) -> Option<SocketAddr>,
    timeout: Duration,
    cancel: &AtomicBool,
) -> io::Result<(TcpStream, usize)> {
    let addresses = target.addresses();
    let mut tried: Vec<(SocketAddr, io::Error)> = Vec::new();
    for number in (0..addresses.len()).map(|next| (first + next) % addresses.len()) {
        // An attempt that fails at once never waits, so `cancel` is checked here too.
        if cancel.load(Ordering::Relaxed) {
            return Err(ErrorKind::Interrupted.into());
        }
        let address = addresses[number];
        match connect_to(source(address), address, timeout, cancel) {
            Ok(stream) => return Ok((stream, number)),
            Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
            Err(error) => tried.push((address, error)),
        }
    }
    Err(failed(target, tried))
}

/// One error for all addresses, unless the server was given by its only address.
fn failed(target: &Target, mut tried: Vec<(SocketAddr, io::Error)>) -> io::Error {
    let asked = target.to_string();
    if let [(address, _)] = &tried[..]
        && asked == address.to_string()
        && let Some((_, error)) = tried.pop()
    {
        return error;
    }
    let kind = tried.last().map_or(ErrorKind::Other, |(_, error)| error.kind());
    let each = tried
        .iter()
        .map(|(address, error)| format!("{address}: {error}"))
        .collect::<Vec<_>>();
    io::Error::new(kind, each.join("; "))
}

/// Opens a connection, from this source address if one is given, and waits for it.
///
/// # Errors
/// `TimedOut` after the timeout, `Interrupted` soon after `cancel` is set, or the error of the kernel.
fn connect_to(
    source: Option<SocketAddr>,
    target: SocketAddr,
    timeout: Duration,
    cancel: &AtomicBool,
) -> io::Result<TcpStream> {
    /// How often `cancel` is checked.
    const LOOK_EVERY: Duration = Duration::from_millis(20);
    let began = Instant::now();
    let socket = begin_to_connect(source, target)?;
    loop {
        if cancel.load(Ordering::Relaxed) {
            return Err(ErrorKind::Interrupted.into());
        }
        let left = timeout.saturating_sub(began.elapsed());
        // Whole milliseconds, so what is left at the end is rounded up.
        let wait = PollTimeout::from((left.min(LOOK_EVERY).as_micros() as u16).div_ceil(1_000));
        match poll(&mut [PollFd::new(socket.as_fd(), PollFlags::POLLOUT)], wait) {
            // The socket is checked once more after the timeout: a client that was stopped finds what came meanwhile.
            Ok(0) | Err(Errno::EINTR) if left.is_zero() => return Err(ErrorKind::TimedOut.into()),
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => break,
            Err(error) => return Err(error.into()),
        }
    }
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    socket.set_nonblocking(false)?;
    Ok(socket.into())
}

/// Binds a socket to its source address. The port is chosen when it connects (`IP_BIND_ADDRESS_NO_PORT`, ip(7)). A port chosen
/// earlier would have to be unused altogether, and ports of ended connections stay in use for a minute.
fn bind(socket: &Socket, source: SocketAddr) -> io::Result<()> {
    setsockopt(socket, IpBindAddressNoPort, &true)?;
    socket.bind(&source.into())
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    #[test]
    fn a_port_is_taken_only_with_a_target() {
        let source = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), 0));
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        bind(&socket, source).unwrap();
        assert_eq!(socket.local_addr().unwrap().as_socket(), Some(source));
    }

    /// Connects a socket to its own address: nothing listens there, and the port is free.
    fn connect_from_its_own_port(ip: &str, target_ip: &str) -> (SocketAddr, io::Result<Socket>) {
        loop {
            let held = TcpListener::bind((ip, 0)).unwrap();
            let own = held.local_addr().unwrap();
            drop(held);
            let target = SocketAddr::new(target_ip.parse().unwrap(), own.port());
            let connected = begin_to_connect(Some(own), target);
            // Another program took the port.
            if !matches!(&connected, Err(error) if error.kind() == ErrorKind::AddrInUse) {
                return (own, connected);
            }
        }
    }

    #[test]
    fn a_connection_to_itself_is_refused_and_frees_its_port() {
        for (ip, target_ip) in [
            ("127.0.0.1", "127.0.0.1"),
            ("127.0.0.1", "0.0.0.0"),
            ("::1", "::1"),
            ("::1", "::"),
            ("::ffff:127.0.0.1", "::ffff:127.0.0.1"),
        ] {
            if TcpListener::bind((ip, 0)).is_err() {
                test_support::skip(format!("this machine does not have the address {ip}"));
                continue;
            }
            let (own, connected) = connect_from_its_own_port(ip, target_ip);
            let error = connected.expect_err("it is connected to itself");
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{ip}: {error}");
            // Without SO_REUSEADDR, which would hide a TIME_WAIT.
            let server = Socket::new(Domain::for_address(own), Type::STREAM, None).unwrap();
            server.bind(&own.into()).expect("the port is free");
        }
    }

    #[test]
    fn the_same_port_of_another_address_is_no_self_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = listener.local_addr().unwrap();
        let source = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), target.port()));
        begin_to_connect(Some(source), target).expect("it is another connection");
    }
}
