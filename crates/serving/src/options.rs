//! The flags that servers take.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, ValueEnum};
use protocol::{FrameLimit, SessionOptions, Writes};

use crate::service::Service;
use crate::times::{self, TimeOrOff};

/// The flags that every server takes. For a model without flags of its own they are all there are.
#[derive(Debug, Clone, Parser)]
#[command(version)]
pub struct Options {
    /// Address to listen on. With port 0 the kernel chooses a free port, which the ready line shows
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080", value_parser = address)]
    pub listen: SocketAddr,

    /// Connections that the kernel queues before the server accepts them, 1 to 2147483647 (capped at net.core.somaxconn)
    #[arg(long, value_name = "CONNECTIONS", default_value_t = 4096, value_parser = clap::value_parser!(i32).range(1..))]
    pub backlog: i32,

    /// Most connections served at once, 1 to 4294967295. Further ones wait in the backlog. A worker that accepts
    /// for itself may hold an equal share [default: no limit]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: Option<u32>,

    /// Longest request body, 256 to 1073741824 bytes. A longer one is answered frame_too_large, and the connection closes
    #[expect(clippy::doc_markdown, reason = "help has no Markdown")]
    #[arg(long, value_name = "BYTES", default_value = "1048576", value_parser = frame_limit)]
    pub max_frame: FrameLimit,

    /// Close a connection on which no byte moves in either direction for this long, 1ms to 365days, or off. A peer that
    /// reads a reply slowly is not idle
    #[arg(long, value_name = "TIME", default_value = "off", allow_hyphen_values = true, value_parser = times::timeout)]
    pub idle_timeout: TimeOrOff,

    /// Close a connection whose request is incomplete this long after its first byte, 1ms to 365days, or off. Bytes that
    /// arrive slowly do not extend this time
    #[arg(long, value_name = "TIME", default_value = "off", allow_hyphen_values = true, value_parser = times::timeout)]
    pub frame_timeout: TimeOrOff,

    /// Probe a silent peer after this long, 1s to 9h, or off. After three probes without an answer, in about the same time
    /// again, the connection fails
    #[arg(long, value_name = "TIME", default_value = "5m", allow_hyphen_values = true, value_parser = times::keepalive)]
    pub keepalive: TimeOrOff,

    /// Time for requests in progress after SIGTERM or SIGINT, 0 to 365days. A second signal ends the server at once, with
    /// exit code 1
    #[arg(long, value_name = "TIME", default_value = "5s", allow_hyphen_values = true, value_parser = times::drain)]
    pub drain_timeout: Duration,

    /// Write a reply's prefix and body separately and without TCP_NODELAY, as the original does. A client that waits for
    /// each reply loses 40 ms
    #[expect(clippy::doc_markdown, reason = "help has no Markdown")]
    #[arg(long)]
    pub two_writes: bool,

    /// Print a line on stderr when a connection opens and when it closes
    #[arg(short, long)]
    pub verbose: bool,

    /// Print what this model is as one JSON object, and exit
    #[arg(long)]
    pub describe: bool,
}

impl Options {
    /// The most connections served at the same time, if that is limited.
    #[must_use]
    pub fn max_connections(&self) -> Option<usize> {
        self.max_connections
            .map(|most| usize::try_from(most).unwrap_or(usize::MAX))
    }

    /// The service as a connection needs to know it.
    #[must_use]
    pub fn service(&self) -> Service {
        let writes = if self.two_writes {
            Writes::PrefixThenBody
        } else {
            Writes::Whole
        };
        Service {
            session: SessionOptions {
                limit: self.max_frame,
                writes,
            },
            idle_timeout: self.idle_timeout.0,
            frame_timeout: self.frame_timeout.0,
            verbose: self.verbose,
        }
    }
}

/// The flags of a server that has a fixed set of workers.
#[derive(Debug, Clone, Args)]
pub struct WorkerOptions {
    /// How workers get connections
    #[arg(long, value_enum, default_value_t = Accept::Shared)]
    pub accept: Accept,

    /// How they are supervised.
    #[command(flatten)]
    pub supervision: SupervisionOptions,
}

/// The flags of a server that supervises worker processes, however these get connections.
#[derive(Debug, Clone, Args)]
pub struct SupervisionOptions {
    /// Restarts in a row of a worker that dies within 2 s of its start, 0 to 4294967295. Then its slot is given up. With no
    /// slot left, exit with 1
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value_t = 10)]
    pub start_retries: u32,

    /// Where they write down what they served.
    #[command(flatten)]
    pub tally: TallyOptions,
}

/// The flag of a server whose workers write down what they served.
#[derive(Debug, Clone, Default, Args)]
pub struct TallyOptions {
    /// File to which each worker appends a line of JSON as it drains: how many connections and requests it served
    #[arg(long, value_name = "FILE")]
    pub tally: Option<PathBuf>,
}

/// How worker processes get connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Accept {
    /// One listener for all workers. A worker that is free takes the next connection
    Shared,
    /// A listener for each worker, on the same port (SO_REUSEPORT). The kernel chooses one by a hash of the addresses,
    /// whether or not that worker is free
    #[expect(clippy::doc_markdown, reason = "help has no Markdown")]
    Reuseport,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let addresses: Vec<_> = text
        .to_socket_addrs()
        .map_err(|error| format!("{error}; use HOST:PORT"))?
        .collect();
    // localhost may resolve to ::1 first, which the original client does not try.
    let first = addresses
        .iter()
        .find(|address| address.is_ipv4())
        .or(addresses.first());
    first.copied().ok_or_else(|| "the name has no address".to_owned())
}

fn frame_limit(text: &str) -> Result<FrameLimit, String> {
    let bytes = text.parse().map_err(|_| "use a number of bytes".to_owned())?;
    FrameLimit::new(bytes).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_the_original() {
        let options = Options::try_parse_from(["server"]).unwrap();
        assert_eq!(options.listen.to_string(), "127.0.0.1:8080");
        assert!(options.service().idle_timeout.is_none());
        assert_eq!(
            Options::try_parse_from(["server", "--listen=localhost:0"])
                .unwrap()
                .listen
                .port(),
            0
        );
    }
}
