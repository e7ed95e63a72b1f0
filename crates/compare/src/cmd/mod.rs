//! A file for each verb.

pub(crate) mod aa;
pub(crate) mod check;
pub(crate) mod comparison;
pub(crate) mod contenders;
pub(crate) mod diff;
pub(crate) mod keep;
pub(crate) mod launch;
pub(crate) mod list;
pub(crate) mod models;
pub(crate) mod places;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod tables;
pub(crate) mod trace;

/// A mistake in the flags, or in a file that they name: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// A file that was given can't be read, or has the wrong form.
pub(crate) fn unreadable(error: impl Into<anyhow::Error>) -> Usage {
    Usage(format!("{:#}", error.into()))
}
