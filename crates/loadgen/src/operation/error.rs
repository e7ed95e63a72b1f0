//! What can't be asked for.

use thiserror::Error;

use crate::distribution::DistributionError;

/// Why there can be no such work.
#[derive(Debug, Error, PartialEq)]
pub enum WorkError {
    /// No such operation.
    #[error("there is no operation {0:?}: choose ping, pi, spin, sleep, block or blob")]
    UnknownOperation(String),
    /// The params are not JSON.
    #[error("the params {text:?} are not JSON: {reason}; a string needs its quotes: '\"text\"'")]
    NotJson {
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The service would refuse it.
    #[error("{operation} takes a whole number from 0 to {most}, not {params}")]
    BadParams {
        /// The operation.
        operation: String,
        /// Its largest number.
        most: u64,
        /// What was given.
        params: String,
    },
    /// More than the client keeps copies of.
    #[error("a payload of {bytes} bytes is too long: give at most {most}")]
    PayloadTooLong {
        /// What was given.
        bytes: usize,
        /// The longest.
        most: usize,
    },
    /// Only `ping` has one.
    #[error("a payload goes with ping, not with {0}")]
    PayloadWithoutPing(String),
    /// Only `spin`, `sleep` and `block` take times.
    #[error("times go with spin, sleep and block, not with {0}")]
    TimesWithoutWaiting(String),
    /// Times that can't be.
    #[error("the times of {operation} can't be: {source}")]
    BadTimes {
        /// The operation.
        operation: String,
        /// Why not.
        source: DistributionError,
    },
}
