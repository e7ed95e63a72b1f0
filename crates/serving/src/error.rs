//! What can go wrong with a server, and what its user can do about it.

use std::fmt::Display;
use std::io;
use std::net::SocketAddr;

use nix::errno::Errno;

use crate::log;

/// What can go wrong with a server, as its user reads it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server can't listen on the address.
    #[error("can't listen on {address}: {source}; {}", listen_advice(source))]
    Listen {
        /// What was asked for.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The kernel refused something that a server can't do without.
    #[error("can't {what}: {source}{}", limit_advice(source))]
    System {
        /// What was attempted.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The kernel, or a sandbox, lacks what the model is made of.
    #[error("can't use {what}: {source}; {advice}")]
    Unavailable {
        /// What that is.
        what: &'static str,
        /// Why not.
        source: io::Error,
        /// What to do about it.
        advice: &'static str,
    },
    /// The value of a flag can't be used.
    #[error("invalid value '{value}' for '{flag}': {problem}; see --help")]
    Flag {
        /// The flag, as the help shows it.
        flag: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        problem: String,
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
    /// A worker thread panicked, and has printed where.
    #[error("a worker thread panicked; report this as a bug, with the lines before this one")]
    Panicked,
    /// It was asked to stop a second time.
    #[error("stopped at once by a second signal; requests in progress have no reply")]
    StoppedTwice,
}

impl Error {
    /// Prints this in a line of stderr, if nobody has. The server goes on.
    pub fn report(&self) {
        if !matches!(self, Self::Reported) {
            log::message(self);
        }
    }

    /// Makes an error of a flag, as the help shows it, whose value can't be used.
    pub fn flag(flag: &'static str, value: impl Display, problem: impl Into<String>) -> Self {
        Self::Flag {
            flag,
            value: value.to_string(),
            problem: problem.into(),
        }
    }

    /// Makes an error of the kernel's refusal. `what` was attempted.
    pub fn system<E: Into<io::Error>>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::System {
            what,
            source: source.into(),
        }
    }
}

/// The result of a server's work.
pub type Result<T> = std::result::Result<T, Error>;

/// What to do about an error, as a clause that follows its message; empty if there is nothing to advise.
fn limit_advice(error: &io::Error) -> &'static str {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EMFILE) => "; raise the limit of open files (ulimit -n)",
        Some(Errno::ENFILE) => "; raise the system's limit of open files (fs.file-max)",
        Some(Errno::EAGAIN) => "; raise the limit of processes (ulimit -u)",
        _ => "",
    }
}

/// What to do about an address on which the server can't listen.
fn listen_advice(error: &io::Error) -> &'static str {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EADDRINUSE) => "free the port, or choose another with --listen (port 0: any free one)",
        Some(Errno::EADDRNOTAVAIL) => {
            "choose an address of this machine with --listen (0.0.0.0: all of them)"
        }
        Some(Errno::EACCES | Errno::EPERM) => {
            "choose a port from 1024 on with --listen, or run it with CAP_NET_BIND_SERVICE"
        }
        Some(Errno::EMFILE) => "raise the limit of open files (ulimit -n)",
        Some(Errno::ENFILE) => "raise the system's limit of open files (fs.file-max)",
        Some(Errno::ENOBUFS | Errno::ENOMEM) => "free some memory",
        Some(Errno::EAFNOSUPPORT) => "choose an address of a family that this machine has, with --listen",
        _ => "choose another address with --listen",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_fits_the_error() {
        for (errno, word) in [
            (Errno::EADDRINUSE, "free the port"),
            (Errno::EADDRNOTAVAIL, "address of this machine"),
            (Errno::EACCES, "1024"),
            (Errno::EMFILE, "ulimit -n"),
            (Errno::ENFILE, "fs.file-max"),
            (Errno::EAFNOSUPPORT, "family"),
            (Errno::EINVAL, "--listen"),
        ] {
            let advice = listen_advice(&errno.into());
            assert!(advice.contains(word), "{errno}: {advice}");
            let frees_port = advice.contains("free the port");
            assert_eq!(frees_port, errno == Errno::EADDRINUSE, "{errno}: {advice}");
        }
    }
}
