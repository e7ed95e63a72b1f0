//! What is wrong with an experiment's file.

use thiserror::Error;

/// What is wrong with an experiment's file: what, where, and what to do about it.
#[derive(Debug, Error)]
pub(crate) enum ExperimentError {
    /// It is not TOML, or not of this form; where and why.
    #[error("{0}")]
    Form(String),
    /// A name that means nothing.
    #[error("{what} {name:?} is unknown; use one of {known}")]
    Unknown {
        what: &'static str,
        name: String,
        known: String,
    },
    /// A setting that can't be measured.
    #[error("setting {setting:?}: {reason}")]
    Setting { setting: String, reason: String },
    /// A fault of the experiment as a whole.
    #[error("{0}")]
    Experiment(String),
}
