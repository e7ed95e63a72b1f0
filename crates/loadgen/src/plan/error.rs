//! Why a plan can't be carried out.

use std::fmt;

use thiserror::Error;

use crate::limits::{IN_FLIGHT_MOST, KEPT_MOST_BYTES};

/// What of a plan can't be as it is.
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
            Self::RequestsPerConnection => "the number of requests a connection carries",
            Self::Requests => "the number of requests",
            Self::Rate => "the rate",
            Self::Stages => "the stages",
            Self::Warmup => "the warm-up",
            Self::Duration => "the duration",
            Self::Slice => "the slice",
            Self::Timeout => "the timeout",
            Self::WaitForServer => "the time to wait for the server",
            Self::RideOut => "the time to ride out",
        })
    }
}

/// Why a plan can't be carried out.
#[derive(Debug, Error, PartialEq)]
pub enum PlanError {
    /// A number that is too small.
    #[error("{what} is {is}: give at least {least}")]
    TooFew {
        /// Which.
        what: Field,
        /// The least that it may be.
        least: usize,
        /// What it is.
        is: usize,
    },
    /// A number that is too large.
    #[error("{what} is {is}: give at most {most}")]
    TooMany {
        /// Which.
        what: Field,
        /// The most that it may be.
        most: usize,
        /// What it is.
        is: usize,
    },
    /// Threads that would have nothing to do.
    #[error(
        "{threads} threads can't share {connections} connections: give at most as many threads as connections"
    )]
    IdleThreads {
        /// How many threads.
        threads: usize,
        /// How many connections.
        connections: usize,
    },
    /// More requests in flight than the client can keep.
    #[error(
        "{pipeline} requests in flight on each of {connections} connections are more than the {IN_FLIGHT_MOST} that the client keeps: give fewer of either"
    )]
    TooDeep {
        /// How many connections.
        connections: usize,
        /// How many requests on each.
        pipeline: usize,
    },
    /// Frames that are too long for so many connections.
    #[error(
        "requests and replies of this length need up to {} MiB, and the client keeps at most {} MiB: ask for fewer connections, fewer requests in flight or shorter strings",
        .bytes >> 20, KEPT_MOST_BYTES >> 20
    )]
    TooMuch {
        /// How many bytes it would keep.
        bytes: u128,
    },
    /// A rate that can't be.
    #[error("the rate is {rate_per_s}: give requests a second, from 0.001 to 10000000")]
    Rate {
        /// What it is.
        rate_per_s: f64,
    },
    /// Stages that can't be.
    #[error("{0}")]
    Stages(String),
    /// A time that is zero.
    #[error("{what} is zero: give a time such as 10s or 500ms")]
    NoTime {
        /// Which.
        what: Field,
    },
    /// A time that nobody waits for.
    #[error("{what} is too long: give at most 30days")]
    TooLong {
        /// Which.
        what: Field,
    },
}

impl PlanError {
    /// What has to be changed.
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
            Self::Rate { .. } => Field::Rate,
            Self::Stages(_) => Field::Stages,
        }
    }
}
