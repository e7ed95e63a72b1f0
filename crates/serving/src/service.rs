//! What a connection needs to know of the service, and how it is logged.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use protocol::SessionOptions;

use crate::log;

/// The service as a connection needs to know it.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// The options of its session.
    pub session: SessionOptions,
    /// Close when no byte has moved for this long.
    pub idle_timeout: Option<Duration>,
    /// Close when a frame is not whole this long after its first byte.
    pub frame_timeout: Option<Duration>,
    /// Log on stderr when a connection opens and closes.
    pub verbose: bool,
}

/// A connection as `--verbose` logs it: a line when it opens, and one when it closes.
#[derive(Debug)]
pub struct Visit {
    peer: Option<String>,
}

impl Visit {
    /// Logs that a connection opens, if that is asked for; only then is `peer` called. Dropping this logs its close.
    pub fn begin(service: &Service, peer: impl FnOnce() -> io::Result<SocketAddr>) -> Self {
        let name = |peer: io::Result<SocketAddr>| {
            peer.map_or_else(
                |_| "a peer that has gone already".to_owned(),
                |peer| peer.to_string(),
            )
        };
        let peer = service.verbose.then(|| name(peer()));
        if let Some(peer) = &peer {
            log::line(format_args!("{peer} comes"));
        }
        Self { peer }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if let Some(peer) = &self.peer {
            log::line(format_args!("{peer} bye"));
        }
    }
}
