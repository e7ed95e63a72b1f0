//! Background connections carry no load: idle ones send nothing, and silent ones begin a request and never end it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::connecting::connect;
use crate::plan::Plan;
use crate::source_addresses::SourceAddresses;
use schema::load::BackgroundConnections;

/// What a silent connection sends: half the frame of a ping.
const HALF_A_FRAME: &[u8] = b"\x20\x00\x00\x00{\"in\":\"ping\"";

/// The background connections, all opened before the load begins.
#[derive(Debug)]
pub(crate) struct Background {
    idle: Vec<TcpStream>,
    silent: Vec<TcpStream>,
}

impl Background {
    /// Opens those of a plan. The server's address with the index `first` is tried first. Their source addresses follow those of
    /// the connections that carry the load.
    pub(crate) fn open(
        plan: &Plan,
        sources: &SourceAddresses,
        first: usize,
        cancel: &AtomicBool,
    ) -> io::Result<Self> {
        let timeout = plan.timeout.min(Duration::from_secs(10));
        let open = |place| {
            let source = |address| sources.address_for(plan.connections + place, address);
            connect(&plan.target, first, source, timeout, cancel).map(|(stream, _)| stream)
        };
        let idle = (0..plan.idle).map(open).collect::<io::Result<_>>()?;
        let silent = (plan.idle..plan.idle + plan.silent).map(|place| {
            let mut stream = open(place)?;
            stream.write_all(HALF_A_FRAME)?;
            Ok(stream)
        });
        Ok(Self {
            idle,
            silent: silent.collect::<io::Result<_>>()?,
        })
    }

    /// Counts those that are still open; none if the plan has none.
    pub(crate) fn count(&self) -> Option<BackgroundConnections> {
        let open = |streams: &[TcpStream]| streams.iter().filter(|stream| is_open(stream)).count() as u64;
        let (idle, silent) = (self.idle.len() as u64, self.silent.len() as u64);
        (idle + silent > 0).then(|| BackgroundConnections {
            idle,
            idle_open: open(&self.idle),
            silent,
            silent_open: open(&self.silent),
        })
    }
}

/// A connection is open if there is nothing to read: neither bytes nor an end.
fn is_open(mut stream: &TcpStream) -> bool {
    let peeked = stream.set_nonblocking(true).and_then(|()| stream.read(&mut [0]));
    matches!(peeked, Err(error) if error.kind() == ErrorKind::WouldBlock)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::work::{Params, Work};

    #[test]
    fn a_connection_closed_by_the_server_is_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let work = Work::new("ping", Params::Unique).unwrap();
        let plan = Plan {
            idle: 2,
            silent: 1,
            ..Plan::closed_loop(listener.local_addr().unwrap(), 1, work)
        };
        // One connection per source address, and the load has the first address.
        let cancel = AtomicBool::new(false);
        let background = Background::open(&plan, &SourceAddresses::Loopback { each: 1 }, 0, &cancel).unwrap();
        let accept = |from: &str| {
            let (stream, address) = listener.accept().unwrap();
            assert_eq!(address.ip().to_string(), from);
            stream
        };
        let first = accept("127.0.0.2");
        let _second = accept("127.0.0.3");
        let mut silent = accept("127.0.0.4");
        let mut heard = vec![0; HALF_A_FRAME.len()];
        silent.read_exact(&mut heard).unwrap();
        assert_eq!(heard, HALF_A_FRAME);
        drop(first);
        // The end of a connection on loopback is there when its close returns.
        let report = background.count().unwrap();
        assert_eq!(
            (report.idle, report.idle_open, report.silent, report.silent_open),
            (2, 1, 1, 1)
        );
    }
}
