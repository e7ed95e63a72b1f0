//! What every server shares and no model is about: flags, the listener, one blocking connection, signals, supervision.
//!
//! A model's page (`main.rs` of its crate) holds its accept, its fork or its spawn; what those stand on is here:
//!
//! - [`model`]: what a model is, for `--describe`;
//! - [`options`]: the flags, and how a mistake in them is reported;
//! - [`listener`]: the listening sockets, and accepting in the face of full tables;
//! - [`connection`]: one blocking connection, from its first byte to its close;
//! - [`signals`]: how a process learns that it should stop, and how long it may still take;
//! - [`children`], [`crew`] and [`reports`]: child processes that come and go, workers that are replaced, and what they
//!   report;
//! - [`tally`]: how much of the work came to each worker.

#![deny(unsafe_code)]

pub mod children;
pub mod connection;
pub mod crew;
pub mod drain_limit;
pub mod frame_clock;
mod inherited;
pub mod limits;
pub mod listener;
pub mod model;
pub mod options;
pub mod reports;
mod restarts;
pub mod signals;
pub mod tally;
mod telling;
pub mod times;
pub mod watch;

pub use children::{Children, Fork};
pub use connection::{Service, Visit, serve};
pub use crew::{Crew, Worker};
pub use listener::{Listener, Listeners};
pub use model::Model;
pub use options::{Options, WorkerOptions, main};
pub use signals::Stop;
pub use watch::Watch;

/// What can go wrong with a server, as its user reads it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address can't be had.
    #[error("can't listen on {address}: {source}; {}", listener::advice(source))]
    Listen {
        /// What was asked for.
        address: std::net::SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The kernel refused something that a server can't do without.
    #[error("can't {what}: {source}{}", limits::advice(source))]
    System {
        /// What was attempted.
        what: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// Every worker kept dying.
    #[error(
        "no worker is left: {last}, after {retries} retries; look for the cause, or allow more with --start-retries"
    )]
    NoWorker {
        /// How the last one ended.
        last: String,
        /// How many successors it had been given.
        retries: u32,
    },
    /// Another process of this server has printed what went wrong.
    #[error("a worker has printed why")]
    Reported,
    /// It was asked to stop a second time.
    #[error("stopped at once by a second signal; requests in progress have no reply")]
    CutShort,
}

impl Error {
    /// Says what was attempted when the kernel refused.
    pub fn system<E: Into<std::io::Error>>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::System {
            what,
            source: source.into(),
        }
    }
}

/// What a server's work ends with.
pub type Result<T> = std::result::Result<T, Error>;
