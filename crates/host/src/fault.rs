//! Why a trial failed: because of its server, or because of the workbench itself.

use std::fmt::Display;
use std::io;

use thiserror::Error;

/// Why a trial failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// The server failed, or can't do what the trial needs. That is recorded, and the run continues.
    #[error("{0}")]
    Trial(String),
    /// The server can't run on this machine, as it reports itself: it ended with exit code 1 before it was ready. The run
    /// continues.
    #[error("{0}")]
    Unavailable(String),
    /// The workbench could not write or read a file of its own, for example on a full disk. That is no fault of the server, and
    /// the next trial would fail too, so the run ends.
    #[error("{0}")]
    Own(String),
}

impl Fault {
    /// A fault of the workbench's own files; `what` could not be done.
    pub fn own(what: impl Display) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Own(format!("{what}: {error}"))
    }
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Self::Trial(reason)
    }
}

impl From<&str> for Fault {
    fn from(reason: &str) -> Self {
        Self::Trial(reason.to_owned())
    }
}
