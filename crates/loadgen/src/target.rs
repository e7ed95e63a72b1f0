//! A server as it is given, and its addresses.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6, ToSocketAddrs};

use nix::net::if_::if_nametoindex;
use thiserror::Error;

/// A server as it was given, and all of its addresses: a connection tries each in turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    asked: String,
    addresses: Vec<SocketAddr>,
}

/// Why a text names no server.
#[derive(Debug, Error)]
pub enum TargetError {
    /// It is not `HOST:PORT`.
    #[error("{0:?} is not HOST:PORT; use for example localhost:4000, 127.0.0.1:4000 or [::1]:4000")]
    Form(String),
    /// The interface behind a `%` is unknown.
    #[error("network interface {0:?} is unknown; ip link lists those of this machine")]
    Interface(String),
    /// A name without an address.
    #[error("{host:?} has no address: {source}; check the name, or use an address")]
    Unknown {
        /// The name.
        host: String,
        /// What the resolver reports.
        source: io::Error,
    },
}

impl Target {
    /// Reads `HOST:PORT`, where the host is a name, an IPv4 address, or an IPv6 address in brackets. A link-local one needs
    /// the interface that it is on: `[fe80::1%eth0]:80`.
    pub fn resolve(text: &str) -> Result<Self, TargetError> {
        Self::resolve_by(text, |host, port| Ok((host, port).to_socket_addrs()?.collect()))
    }

    fn resolve_by(
        text: &str,
        look_up: impl FnOnce(&str, u16) -> io::Result<Vec<SocketAddr>>,
    ) -> Result<Self, TargetError> {
        let refused = || TargetError::Form(text.to_owned());
        let (host, port) = text.rsplit_once(':').ok_or_else(refused)?;
        let port = port.parse().map_err(|_| refused())?;
        let host = match host.strip_prefix('[') {
            Some(inside) => inside.strip_suffix(']').ok_or_else(refused)?,
            None => host,
        };
        if host.is_empty() || host.contains(['[', ']']) {
            return Err(refused());
        }
        let literal = match host.split_once('%') {
            Some((ip, interface)) => Some(SocketAddr::V6(SocketAddrV6::new(
                ip.parse::<Ipv6Addr>().map_err(|_| refused())?,
                port,
                0,
                scope(interface)?,
            ))),
            None => host.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, port)),
        };
        let addresses = match literal {
            Some(address) => vec![address],
            None => look_up(host, port).map_err(|source| TargetError::Unknown {
                host: host.to_owned(),
                source,
            })?,
        };
        if addresses.is_empty() {
            return Err(TargetError::Unknown {
                host: host.to_owned(),
                source: io::Error::other("the resolver found none"),
            });
        }
        Ok(Self::with_addresses(text, addresses))
    }

    /// A server of this name with these addresses. Those of IPv4 are tried first: the servers listen on IPv4 by default.
    ///
    /// # Panics
    /// If there is no address.
    #[must_use]
    pub fn with_addresses(asked: &str, addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        let mut all = Vec::new();
        for address in addresses {
            if !all.contains(&address) {
                all.push(address);
            }
        }
        assert!(!all.is_empty(), "a server has an address");
        all.sort_by_key(SocketAddr::is_ipv6);
        Self {
            asked: asked.to_owned(),
            addresses: all,
        }
    }

    /// Its addresses, in the order in which they are tried. There is at least one.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }
}

/// The number of an interface, from its name or its number.
fn scope(interface: &str) -> Result<u32, TargetError> {
    if let Ok(number) = interface.parse() {
        return Ok(number);
    }
    if_nametoindex(interface).map_err(|_| TargetError::Interface(interface.to_owned()))
}

impl From<SocketAddr> for Target {
    fn from(address: SocketAddr) -> Self {
        Self {
            asked: address.to_string(),
            addresses: vec![address],
        }
    }
}

/// As it was given.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(text: &str) -> Vec<String> {
        let look_up = |host: &str, port| match host {
            "both" => Ok(["::1", "127.0.0.1", "::1"]
                .map(|ip| SocketAddr::new(ip.parse().unwrap(), port))
                .to_vec()),
            "none" => Ok(Vec::new()),
            _ => Err(io::Error::other("Name or service not known")),
        };
        match Target::resolve_by(text, look_up) {
            Ok(target) => {
                assert_eq!(target.to_string(), text, "it is shown as it was given");
                target.addresses().iter().map(ToString::to_string).collect()
            }
            Err(error) => vec![format!("error: {error}")],
        }
    }

    #[test]
    fn a_name_has_each_address_once() {
        assert_eq!(addresses("both:80"), ["127.0.0.1:80", "[::1]:80"]);
    }

    #[test]
    fn an_address_needs_no_resolver() {
        assert_eq!(addresses("10.0.0.1:80"), ["10.0.0.1:80"]);
        assert_eq!(addresses("[::1]:80"), ["[::1]:80"]);
        assert_eq!(addresses("::1:80"), ["[::1]:80"]);
    }

    #[test]
    fn an_address_may_name_its_interface() {
        assert_eq!(addresses("[fe80::1%7]:80"), ["[fe80::1%7]:80"]);
        let loopback = if_nametoindex("lo").expect("each machine has one");
        assert_eq!(addresses("[fe80::1%lo]:80"), [format!("[fe80::1%{loopback}]:80")]);
        let refused = addresses("[fe80::1%nowhere0]:80");
        assert!(
            refused[0].contains("network interface \"nowhere0\" is unknown"),
            "{refused:?}"
        );
    }

    #[test]
    fn a_wrong_address_is_refused_with_the_reason() {
        for text in [
            "",
            "80",
            "host",
            "host:",
            "host:http",
            "host:65536",
            "host:-1",
            ":80",
            "[::1:80",
            "::1]:80",
            "[]:80",
            "[::1]",
            "name%lo:80",
        ] {
            let refused = addresses(text);
            assert!(
                refused[0].starts_with("error: ") && refused[0].contains(&format!("{text:?}")[1..]),
                "{text}: {refused:?}"
            );
        }
        assert!(addresses("nowhere:80")[0].contains("\"nowhere\" has no address: Name or service not known"));
        assert!(addresses("none:80")[0].contains("\"none\" has no address"));
    }
}
