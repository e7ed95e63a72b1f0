//! Why a plan can't be carried out.

use std::fmt;

use thiserror::Error;

use crate::limits::{IN_FLIGHT_MOST, KEPT_MOST_BYTES};

/// The field of a plan that has to be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the plan's field of this name")]
pub enum Field {
    Connections,
    Threads,
    Pipeline,
    Idle,
    Silent,
    RequestsPerConnection,
    Requests,
    Rate,
    Stages,
    Warmup,
    Duration,
    Slice,
    Timeout,
    Within,
    WaitForServer,
    RideOut,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connections => "the number of connections",
            Self::Threads => "the number of threads",
            Self::Pipeline => "the number of requests in flight on a connection",
            Self::Idle => "the number of idle connections",
            Self::Silent => "the number of silent connections",
            Self::RequestsPerConnection => "the number of requests per connection",
            Self::Requests => "the number of requests",
            Self::Rate => "the rate",
            Self::Stages => "the stages",
            Self::Warmup => "the warm-up",
            Self::Duration => "the duration",
            Self::Slice => "the slice",
            Self::Timeout => "the timeout",
            Self::Within => "the bound of latency",
            Self::WaitForServer => "the time to wait for the server",
            Self::RideOut => "the time to ride out refused connections",
        })
    }
}

/// Why a plan can't be carried out.
#[derive(Debug, Error, PartialEq)]
pub enum PlanError {
    /// A number that is too small.
    #[error("{what} is {is}; use at least {least}")]
    TooFew {
        /// The field.
        what: Field,
        /// The minimum.
        least: usize,
        /// The value.
        is: usize,
    },
    /// A number that is too large.
    #[error("{what} is {is}; use at most {most}")]
    TooMany {
        /// The field.
        what: Field,
        /// The maximum.
        most: usize,
        /// The value.
        is: usize,
    },
    /// More threads than connections.
    #[error("{threads} threads can't share {connections} connections; use at most one thread per connection")]
    IdleThreads {
        /// The number of threads.
        threads: usize,
        /// The number of connections.
        connections: usize,
    },
    /// More requests in flight than the client can keep.
    #[error(
        "{pipeline} requests in flight on each of {connections} connections exceed the limit of {IN_FLIGHT_MOST}; use fewer of either"
    )]
    TooDeep {
        /// The number of connections.
        connections: usize,
        /// The number of requests on each.
        pipeline: usize,
    },
    /// Frames that are too long for so many connections.
    #[error(
        "requests and replies of this length need up to {} MiB, above the limit of {} MiB; use fewer connections, fewer requests in flight or shorter strings",
        .bytes >> 20, KEPT_MOST_BYTES >> 20
    )]
    TooMuch {
        /// The memory that they need, in bytes.
        bytes: u128,
    },
    /// Connections that are not replaced, and whose shares are not all requests.
    #[error(
        "connections that are not replaced can't send all requests; use a number of requests, at least as many for all connections together, and no warm-up"
    )]
    Shares,
    /// A rate out of range.
    #[error("the rate is {rate_per_s}; use 0.001 to 10000000 requests/s")]
    Rate {
        /// The value.
        rate_per_s: f64,
    },
    /// Stages that can't be carried out.
    #[error("{0}")]
    Stages(String),
    /// A time that is zero.
    #[error("{what} is zero; use a time such as 10s or 500ms")]
    NoTime {
        /// The field.
        what: Field,
    },
    /// A time that is too long.
    #[error("{what} is too long; use at most 30days")]
    TooLong {
        /// The field.
        what: Field,
    },
}

impl PlanError {
    /// The field that has to be changed.
    #[must_use]
    pub fn field(&self) -> Field {
        match *self {
            Self::TooFew { what, .. }
            | Self::TooMany { what, .. }
            | Self::NoTime { what }
            | Self::TooLong { what } => what,
            Self::TooMuch { .. } => Field::Connections,
            Self::IdleThreads { .. } => Field::Threads,
            Self::TooDeep { .. } => Field::Pipeline,
            Self::Shares => Field::Requests,
            Self::Rate { .. } => Field::Rate,
            Self::Stages(_) => Field::Stages,
        }
    }
}
