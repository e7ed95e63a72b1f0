//! How a server shows that it is ready: by the address that it prints, or by a connection that it accepts.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, TcpStream, ToSocketAddrs};
use std::time::Duration;

use nix::libc;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{setsockopt, sockopt};

/// What a server prints on stdout before its address.
pub(crate) const READY: &str = "listening on ";

/// Whether a line has an address where it should.
pub(crate) fn names_address(line: &str) -> bool {
    host_and_port(line).is_some()
}

/// The addresses that a line names; a host name may have more than one. An address for all interfaces becomes that of the
/// loopback.
pub(crate) fn addresses(line: &str) -> Result<Vec<SocketAddr>, String> {
    let (host, port) = host_and_port(line).ok_or_else(|| "printed no address".to_owned())?;
    let fault = |error: String| format!("printed the address {host:?}, which can't be resolved: {error}");
    let addresses: Vec<_> = if let Some(address) = numeric(host, port).map_err(fault)? {
        vec![address]
    } else {
        let found = (host, port).to_socket_addrs();
        found.map_err(|error| fault(error.to_string()))?.collect()
    };
    if addresses.is_empty() {
        return Err(fault("the name has no address".to_owned()));
    }
    Ok(addresses.into_iter().map(reachable).collect())
}

/// Whether a server listens there. The kernel may give a free port to this very connection, which is then connected to
/// itself. In that case no server listens.
pub(crate) fn accepts(address: SocketAddr, within: Duration) -> bool {
    let within = within.max(Duration::from_millis(1));
    let Ok(connection) = TcpStream::connect_timeout(&address, within) else {
        return false;
    };
    let to_itself = is_to_itself(&connection);
    if to_itself {
        // Otherwise the port would stay in TIME_WAIT, and the server could not bind it.
        let reset = libc::linger {
            l_onoff: 1,
            l_linger: 0,
        };
        let _ = setsockopt(&connection, sockopt::Linger, &reset);
    }
    !to_itself
}

/// Whether a connection's two ends are one.
fn is_to_itself(connection: &TcpStream) -> bool {
    let ends = || -> io::Result<_> { Ok((connection.local_addr()?, connection.peer_addr()?)) };
    ends().is_ok_and(|(own, peer)| own == peer)
}

/// `HOST:PORT` behind the words, without what follows it. An IPv6 address may have brackets or not.
fn host_and_port(line: &str) -> Option<(&str, u16)> {
    // The words are ASCII, so lower case has the same positions.
    let at = line.to_ascii_lowercase().find(READY)? + READY.len();
    let word = line[at..].split_whitespace().next()?;
    let word = word.trim_end_matches(['.', ',', ';', '!', ')']);
    let (host, port) = word.rsplit_once(':')?;
    let port = port.parse().ok().filter(|&port| port != 0)?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = bare.unwrap_or(host);
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._:%*".contains(c);
    host.chars().all(plain).then_some((host, port))
}

/// The address of a numeric host, or of one that means all interfaces; none if it is a name.
fn numeric(host: &str, port: u16) -> Result<Option<SocketAddr>, String> {
    if matches!(host, "" | "*") {
        return Ok(Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port))));
    }
    // `::` as in `:::80`, where the last colon was taken for the one before the port.
    let host = if host == ":" { "::" } else { host };
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(Some(SocketAddr::new(ip, port)));
    }
    let Some((ip, zone)) = host.split_once('%') else {
        return Ok(None);
    };
    let ip: Ipv6Addr = ip.parse().map_err(|_| "it is no IPv6 address".to_owned())?;
    let zone = zone
        .parse()
        .or_else(|_| if_nametoindex(zone))
        .map_err(|_| format!("there is no interface {zone}"))?;
    Ok(Some(SocketAddrV6::new(ip, port, 0, zone).into()))
}

fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => SocketAddr::from((Ipv4Addr::LOCALHOST, address.port())),
        IpAddr::V6(ip) if ip.is_unspecified() => SocketAddr::from((Ipv6Addr::LOCALHOST, address.port())),
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn addresses_are_understood_in_every_usual_form() {
        for (printed, address) in [
            ("listening on 127.0.0.1:45445", "127.0.0.1:45445"),
            ("  Listening on 10.0.0.7:80 (4 workers)", "10.0.0.7:80"),
            ("[info] listening on 127.0.0.1:80.", "127.0.0.1:80"),
            ("listening on [::1]:45445\r", "[::1]:45445"),
            ("listening on ::1:45445", "[::1]:45445"),
            ("listening on [fe80::1%1]:80", "[fe80::1%1]:80"),
            ("listening on [fe80::1%lo]:80", "[fe80::1%1]:80"),
            ("listening on 0.0.0.0:80", "127.0.0.1:80"),
            ("listening on [::]:80", "[::1]:80"),
            ("listening on :::80", "[::1]:80"),
            ("listening on *:80", "127.0.0.1:80"),
            ("listening on :80", "127.0.0.1:80"),
        ] {
            assert!(names_address(printed), "{printed}");
            let found = addresses(printed).unwrap();
            assert_eq!(found, [address.parse().unwrap()], "{printed}");
        }
        let local = addresses("listening on localhost:45445").unwrap();
        assert!(
            local
                .iter()
                .all(|one| one.ip().is_loopback() && one.port() == 45445)
        );
    }

    #[test]
    fn other_lines_have_no_address() {
        for line in [
            "",
            "hello",
            "listening on",
            "listening on port 80",
            "listening on 127.0.0.1",
            "listening on 127.0.0.1:0",
            "listening on 127.0.0.1:99999",
            "listening on <b>:80",
        ] {
            assert!(!names_address(line), "{line}");
        }
        assert!(addresses("listening on fe80::1%nowhere:80").is_err());
    }

    #[test]
    fn a_connection_to_itself_is_no_server() {
        // The kernel connects a socket to itself if it is bound to the address that it connects to.
        let own = nix::sys::socket::socket(
            nix::sys::socket::AddressFamily::Inet,
            nix::sys::socket::SockType::Stream,
            nix::sys::socket::SockFlag::empty(),
            None,
        )
        .unwrap();
        let any = nix::sys::socket::SockaddrIn::new(127, 0, 0, 1, 0);
        nix::sys::socket::bind(std::os::fd::AsRawFd::as_raw_fd(&own), &any).unwrap();
        let bound: nix::sys::socket::SockaddrIn =
            nix::sys::socket::getsockname(std::os::fd::AsRawFd::as_raw_fd(&own)).unwrap();
        nix::sys::socket::connect(std::os::fd::AsRawFd::as_raw_fd(&own), &bound).unwrap();
        assert!(is_to_itself(&TcpStream::from(own)));
    }

    #[test]
    fn a_listener_accepts_and_a_free_port_does_not() {
        let within = Duration::from_secs(20);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert!(accepts(address, within));
        drop(listener);
        assert!(!accepts(address, within));
    }
}
