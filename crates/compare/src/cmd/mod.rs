//! A file for each verb.

pub(crate) mod launch;
pub(crate) mod list;
pub(crate) mod report;
pub(crate) mod run;

/// It could not be asked that way: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);
