//! Operations and parameters that can't be used.

use thiserror::Error;

use crate::distribution::DistributionError;

/// Why an operation can't be used.
#[derive(Debug, Error, PartialEq)]
pub enum WorkError {
    /// No such operation.
    #[error("operation {0:?} is unknown; use ping, pi, spin, sleep, block, blob or work")]
    UnknownOperation(String),
    /// The parameters are not JSON.
    #[error("the parameters {text:?} are not JSON: {reason}; put a string into quotes: '\"text\"'")]
    NotJson {
        /// The value given.
        text: String,
        /// The cause.
        reason: String,
    },
    /// The service would refuse it.
    #[error("{operation} does not take {params}; use a whole number from 0 to {most}")]
    BadParams {
        /// The operation.
        operation: String,
        /// Its largest number.
        most: u64,
        /// The value given.
        params: String,
    },
    /// The service would refuse the parameters of `work`.
    #[error("{0}")]
    BadWork(String),
    /// Too long for the client, which keeps several copies.
    #[error("a payload of {bytes} bytes is too long; use at most {most}")]
    PayloadTooLong {
        /// The value given.
        bytes: usize,
        /// The longest.
        most: usize,
    },
    /// Only `ping` has one.
    #[error("{0} takes no payload; use ping")]
    PayloadWithoutPing(String),
    /// Only `spin`, `sleep` and `block` take times.
    #[error("{0} takes no times; use spin, sleep and block")]
    TimesWithoutWaiting(String),
    /// Times out of range.
    #[error("the times of {operation} are out of range: {source}")]
    BadTimes {
        /// The operation.
        operation: String,
        /// The cause.
        source: DistributionError,
    },
}
