//! From which address each connection comes. A server's address and one of the client's have no more connections between
//! them than the client has ports; on loopback, where all of 127.0.0.0/8 is ours, further ones take further addresses.

use std::fs;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::IpBindAddressNoPort;
use socket2::{Domain, Protocol, Socket, Type};

/// The ports that Linux gives out when its settings can't be read.
const USUAL_PORTS: usize = 28_232;
/// Ports that other programs may hold.
const SPARE_PORTS: usize = 232;

/// From which address each connection comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sources {
    /// The kernel chooses.
    Any,
    /// So many connections from 127.0.0.1, as many from 127.0.0.2, and so on.
    Loopback { each: usize },
}

/// More connections than ports, and no further addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooFewPorts {
    pub(crate) ports: usize,
}

impl Sources {
    pub(crate) fn of_plan(connections: usize, target: SocketAddr) -> Result<Self, TooFewPorts> {
        Self::with_ports(connections, target, local_ports())
    }

    fn with_ports(connections: usize, target: SocketAddr, ports: usize) -> Result<Self, TooFewPorts> {
        let ports = ports.saturating_sub(SPARE_PORTS).max(1);
        match target.ip() {
            _ if connections <= ports => Ok(Self::Any),
            IpAddr::V4(ip) if ip.is_loopback() => Ok(Self::Loopback { each: ports }),
            _ => Err(TooFewPorts { ports }),
        }
    }

    /// The address of the connection of this number, if it is not the kernel's choice.
    pub(crate) fn of(&self, connection: usize) -> Option<SocketAddr> {
        match *self {
            Self::Any => None,
            Self::Loopback { each } => {
                let number = u32::try_from(connection / each).unwrap_or(u32::MAX);
                let ip = Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits().saturating_add(number));
                Some(SocketAddr::from((ip, 0)))
            }
        }
    }
}

/// A socket that is being connected to `target`, from this address if it is not the kernel's choice. It does not block, and is
/// writable when it is connected or can't be.
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
        Err(error) if error.raw_os_error() != Some(Errno::EINPROGRESS as i32) => Err(error),
        _ => Ok(socket),
    }
}

/// Opens a connection, from this address if it is not the kernel's choice, and waits for it.
///
/// # Errors
/// `TimedOut` after the timeout, `Interrupted` soon after `cancel` is set, or what the kernel says.
pub(crate) fn connect(
    source: Option<SocketAddr>,
    target: SocketAddr,
    timeout: Duration,
    cancel: &AtomicBool,
) -> io::Result<TcpStream> {
    /// How often it is looked at whether the run is cancelled.
    const LOOK_EVERY: Duration = Duration::from_millis(20);
    let began = Instant::now();
    let socket = begin_to_connect(source, target)?;
    loop {
        if cancel.load(Ordering::Relaxed) {
            return Err(ErrorKind::Interrupted.into());
        }
        let left = timeout.saturating_sub(began.elapsed());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        // Whole milliseconds, so what is left at the end is rounded up.
        let wait = PollTimeout::from((left.min(LOOK_EVERY).as_micros() as u16).div_ceil(1_000));
        match poll(&mut [PollFd::new(socket.as_fd(), PollFlags::POLLOUT)], wait) {
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

/// Gives a socket its address. The port is chosen when it connects: a port that is taken before the kernel knows where to
/// would have to be free altogether, and those of connections that have just ended are not, for a minute
/// (`IP_BIND_ADDRESS_NO_PORT`, ip(7)).
fn bind(socket: &Socket, source: SocketAddr) -> io::Result<()> {
    setsockopt(socket, IpBindAddressNoPort, &true)?;
    socket.bind(&source.into())
}

/// How many ports a connection may come from.
fn local_ports() -> usize {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok();
    let ports = range.and_then(|range| {
        let mut ends = range.split_whitespace().map(str::parse::<usize>);
        let (first, last) = (ends.next()?.ok()?, ends.next()?.ok()?);
        (last + 1).checked_sub(first)
    });
    ports.unwrap_or(USUAL_PORTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(connections: usize, target: &str) -> Result<Sources, TooFewPorts> {
        Sources::with_ports(connections, target.parse().unwrap(), 10_232)
    }

    #[test]
    fn as_many_connections_as_there_are_ports_need_no_further_address() {
        assert_eq!(sources(10_000, "127.0.0.1:80").unwrap().of(9_999), None);
    }

    #[test]
    fn more_connections_on_loopback_take_further_addresses() {
        let sources = sources(25_000, "127.0.0.1:80").unwrap();
        let ip = |connection| sources.of(connection).unwrap().ip().to_string();
        assert_eq!(
            [ip(0), ip(9_999), ip(10_000), ip(24_999)],
            ["127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.3"]
        );
    }

    #[test]
    fn more_connections_than_ports_to_elsewhere_are_refused() {
        assert_eq!(sources(10_001, "10.0.0.1:80"), Err(TooFewPorts { ports: 10_000 }));
    }

    #[test]
    fn this_machine_has_ports() {
        assert!(local_ports() > 1_000);
    }

    #[test]
    fn a_port_is_not_taken_before_it_is_known_where_to() {
        let source = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), 0));
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        bind(&socket, source).unwrap();
        assert_eq!(socket.local_addr().unwrap().as_socket(), Some(source));
    }
}
