//! What is asked of a run.

use std::net::SocketAddr;
use std::time::Duration;

use thiserror::Error;

use crate::work::Work;

/// Nobody waits longer, and sums of such times are far from what an `Instant` can hold.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// What is asked of a run. [`Plan::check`] says whether it can be.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server.
    pub target: SocketAddr,
    /// How many connections are open at once.
    pub connections: usize,
    /// How many threads drive them.
    pub threads: usize,
    /// How many requests are in flight on a connection.
    pub pipeline: usize,
    /// How many requests a connection carries before it is closed and another is opened in its place.
    pub requests_per_connection: Option<u64>,
    /// What the requests ask for.
    pub work: Work,
    /// How long the load runs before it is measured.
    pub warmup: Duration,
    /// How long it is measured.
    pub duration: Duration,
    /// How long a request, or a connection that is being opened, may take.
    pub timeout: Duration,
    /// Write a request's prefix and body apart and without `TCP_NODELAY`, as the original's client does.
    pub two_writes: bool,
    /// The processors that the threads may run on; empty: any.
    pub cpus: Vec<usize>,
}

impl Plan {
    /// A closed loop on this server: as many connections with one request in flight on each, everything else at the
    /// defaults of the command line.
    #[must_use]
    pub fn closed_loop(target: SocketAddr, connections: usize, work: Work) -> Self {
        Self {
            target,
            connections,
            threads: 1,
            pipeline: 1,
            requests_per_connection: None,
            work,
            warmup: Duration::from_secs(1),
            duration: Duration::from_secs(10),
            timeout: Duration::from_secs(1),
            two_writes: false,
            cpus: Vec::new(),
        }
    }

    /// Whether this can be done at all.
    pub fn check(&self) -> Result<(), PlanError> {
        let needs = |what, least: usize, is: usize| {
            if is < least {
                Err(PlanError::TooFew { what, least, is })
            } else {
                Ok(())
            }
        };
        needs("--connections", 1, self.connections)?;
        needs("--threads", 1, self.threads)?;
        needs("--pipeline", 1, self.pipeline)?;
        if self.requests_per_connection == Some(0) {
            return Err(PlanError::TooFew {
                what: "--requests-per-connection",
                least: 1,
                is: 0,
            });
        }
        if self.threads > self.connections {
            return Err(PlanError::IdleThreads {
                threads: self.threads,
                connections: self.connections,
            });
        }
        for (what, time) in [
            ("--warmup", self.warmup),
            ("--duration", self.duration),
            ("--timeout", self.timeout),
        ] {
            if time > LONGEST {
                return Err(PlanError::TooLong { what });
            }
        }
        if self.duration.is_zero() {
            return Err(PlanError::NoTime { what: "--duration" });
        }
        if self.timeout.is_zero() {
            return Err(PlanError::NoTime { what: "--timeout" });
        }
        Ok(())
    }
}

/// Why a plan can't be carried out.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PlanError {
    /// A number that is too small.
    #[error("{what} is {is}: give at least {least}")]
    TooFew {
        /// The flag.
        what: &'static str,
        /// The least that it takes.
        least: usize,
        /// What it was given.
        is: usize,
    },
    /// Threads that would have nothing to do.
    #[error(
        "{threads} threads can't share {connections} connections: give --threads at most as many as --connections"
    )]
    IdleThreads {
        /// How many threads.
        threads: usize,
        /// How many connections.
        connections: usize,
    },
    /// A time that the clock can't be trusted to carry.
    #[error("{what} is too long: give at most 30days")]
    TooLong {
        /// The flag.
        what: &'static str,
    },
    /// A time that is zero.
    #[error("{what} is zero: give a time such as 10s or 500ms")]
    NoTime {
        /// The flag.
        what: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::Params;

    #[test]
    fn a_plan_that_cannot_be_is_refused_with_the_flag_to_change() {
        let plan = || {
            Plan::closed_loop(
                "127.0.0.1:1".parse().unwrap(),
                4,
                Work::new("ping", Params::Unique).unwrap(),
            )
        };
        assert_eq!(plan().check(), Ok(()));
        for (plan, flag) in [
            (
                Plan {
                    connections: 0,
                    ..plan()
                },
                "--connections",
            ),
            (Plan { threads: 5, ..plan() }, "--threads"),
            (
                Plan {
                    pipeline: 0,
                    ..plan()
                },
                "--pipeline",
            ),
            (
                Plan {
                    requests_per_connection: Some(0),
                    ..plan()
                },
                "--requests-per-connection",
            ),
            (
                Plan {
                    duration: Duration::ZERO,
                    ..plan()
                },
                "--duration",
            ),
            (
                Plan {
                    timeout: Duration::ZERO,
                    ..plan()
                },
                "--timeout",
            ),
        ] {
            let message = plan.check().unwrap_err().to_string();
            assert!(message.contains(flag), "{message}");
        }
    }
}
