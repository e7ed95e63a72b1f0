//! Why a trial came to nothing: by what takes part in it, or by the workbench itself.

use std::fmt::Display;
use std::io;

use thiserror::Error;

/// Why a trial came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Fault {
    /// The server failed, or can't do what is asked of it. That is written down as what came of the trial, and the others
    /// go on.
    #[error("{0}")]
    Trial(String),
    /// The workbench could not write or read a file of its own, on a full disk for one. That says nothing of the server,
    /// and the next trial would come to the same: the run has to end.
    #[error("{0}")]
    Own(String),
}

impl Fault {
    /// Of the workbench's own files: what could not be done.
    pub(crate) fn own(what: impl Display) -> impl FnOnce(io::Error) -> Self {
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
