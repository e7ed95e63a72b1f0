//! The source address of each connection. Between two addresses there can be no more connections than the client has ports.
//! On loopback all of 127.0.0.0/8 is local, so further connections use further addresses.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::target::Target;

/// The number of ports if the settings can't be read: the default of Linux.
const USUAL_PORTS: usize = 28_232;
/// Ports that other programs may hold.
const SPARE_PORTS: usize = 232;

/// The source address of each connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SourceAddresses {
    /// The kernel chooses.
    Any,
    /// `each` connections from 127.0.0.1, as many from 127.0.0.2, and so on.
    Loopback { each: usize },
}

/// More connections than ports, and no further addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooFewPorts {
    pub(crate) ports: usize,
}

impl SourceAddresses {
    pub(crate) fn for_connections(connections: usize, target: &Target) -> Result<Self, TooFewPorts> {
        Self::with_ports(connections, target.addresses(), local_ports())
    }

    fn with_ports(connections: usize, targets: &[SocketAddr], ports: usize) -> Result<Self, TooFewPorts> {
        let ports = ports.saturating_sub(SPARE_PORTS).max(1);
        if connections <= ports {
            Ok(Self::Any)
        } else if targets.iter().any(is_loopback) {
            Ok(Self::Loopback { each: ports })
        } else {
            Err(TooFewPorts { ports })
        }
    }

    /// The source address of a connection to `target`; none if the kernel chooses.
    pub(crate) fn address_for(&self, connection: usize, target: SocketAddr) -> Option<SocketAddr> {
        match *self {
            Self::Loopback { each } if is_loopback(&target) => {
                let number = u32::try_from(connection / each).unwrap_or(u32::MAX);
                let ip = Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits().saturating_add(number));
                Some(SocketAddr::from((ip, 0)))
            }
            Self::Any | Self::Loopback { .. } => None,
        }
    }
}

/// Whether it is an address of 127.0.0.0/8, all of which are local.
fn is_loopback(target: &SocketAddr) -> bool {
    matches!(target.ip(), IpAddr::V4(ip) if ip.is_loopback())
}

/// The number of ports that the kernel gives to clients.
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

    fn sources(connections: usize, target: &str) -> Result<SourceAddresses, TooFewPorts> {
        SourceAddresses::with_ports(connections, &[target.parse().unwrap()], 10_232)
    }

    const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 80);

    #[test]
    fn connections_within_the_ports_need_no_further_address() {
        assert_eq!(
            sources(10_000, "127.0.0.1:80")
                .unwrap()
                .address_for(9_999, LOOPBACK),
            None
        );
    }

    #[test]
    fn more_connections_on_loopback_take_further_addresses() {
        let sources = sources(25_000, "127.0.0.1:80").unwrap();
        let ip = |connection| {
            sources
                .address_for(connection, LOOPBACK)
                .unwrap()
                .ip()
                .to_string()
        };
        assert_eq!(
            [ip(0), ip(9_999), ip(10_000), ip(24_999)],
            ["127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.3"]
        );
    }

    #[test]
    fn only_a_loopback_address_of_a_name_has_further_sources() {
        let ipv6 = "[::1]:80".parse().unwrap();
        let sources = SourceAddresses::with_ports(25_000, &[LOOPBACK, ipv6], 10_232).unwrap();
        assert!(sources.address_for(0, LOOPBACK).is_some());
        assert_eq!(sources.address_for(0, ipv6), None);
    }

    #[test]
    fn more_connections_than_ports_to_elsewhere_are_refused() {
        assert_eq!(sources(10_001, "10.0.0.1:80"), Err(TooFewPorts { ports: 10_000 }));
    }

    #[test]
    fn this_machine_has_ports() {
        assert!(local_ports() > 1_000);
    }
}
