//! A file for each verb.

pub(crate) mod aa;
pub(crate) mod check;
pub(crate) mod diff;
pub(crate) mod keep;
pub(crate) mod launch;
pub(crate) mod list;
pub(crate) mod places;
pub(crate) mod report;
pub(crate) mod run;

/// It could not be asked that way: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// A file that was given can't be read, or is not what it should be. The error says which, and what to do.
pub(crate) fn unreadable(error: impl Into<anyhow::Error>) -> Usage {
    Usage(format!("{:#}", error.into()))
}
