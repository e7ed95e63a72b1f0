//! The plan of a run.

mod error;

use std::fmt;
use std::time::Duration;

pub use self::error::{Field, PlanError};
use crate::arrivals::Arrivals;
pub use crate::limits::TIME_MOST;
use crate::limits::{
    CONNECTIONS_MOST, IN_FLIGHT_MOST, KEPT_MOST_BYTES, RATE_LEAST_PER_S, RATE_MOST_PER_S, THREADS_MOST,
};
use crate::stages::{self, Stage};
use crate::target::Target;
use crate::work::Work;

/// The plan of a run. [`Plan::check`] reports whether it can be carried out.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server.
    pub target: Target,
    /// The number of connections that are open at the same time.
    pub connections: usize,
    /// The number of threads that drive them.
    pub threads: usize,
    /// When requests are sent.
    pub load: Load,
    /// The number of requests in flight on a connection: in a closed loop always, in an open loop at most.
    pub pipeline: usize,
    /// The number of requests per connection; then it is closed.
    pub requests_per_connection: Option<u64>,
    /// Whether another connection replaces one that has sent its `requests_per_connection`. Without that, each connection
    /// sends its share, in whatever order the server serves them. It needs `requests` and no warm-up.
    pub replace_spent: bool,
    /// The operations of the requests.
    pub work: Work,
    /// The number of idle background connections.
    pub idle: usize,
    /// The number of background connections that send half a frame and then nothing.
    pub silent: usize,
    /// The length of the load before the window.
    pub warmup: Duration,
    /// The length of the window. Not used with `requests` or `stages`.
    pub duration: Duration,
    /// The number of measured requests, in place of a length: the window ends with the last of them.
    pub requests: Option<u64>,
    /// The stages of a changing rate in an open loop; empty for a constant rate. The warm-up has the first rate.
    pub stages: Vec<Stage>,
    /// The length of the slices of the window, each with metrics of its own. Without it: a second, or a third of a short
    /// window.
    pub slice: Option<Duration>,
    /// The time limit of a request from its sending, and of an attempt to connect.
    pub timeout: Duration,
    /// The bound of latency within which good replies are counted, if they are.
    pub within: Option<Duration>,
    /// How long to wait for a server that does not accept connections yet.
    pub wait_for_server: Duration,
    /// How long to keep trying while there is no connection and the server refuses them. Then the server is gone, and the run
    /// ends. With `requests`, a run also ends if attempts fail in any way for this long and for three timeouts.
    pub ride_out: Duration,
    /// Write the length and the body of a request separately and without `TCP_NODELAY`, as the original client does.
    pub two_writes: bool,
    /// The CPUs of the threads, in turn; empty for any.
    pub cpus: Vec<usize>,
    /// The seed of Poisson arrivals.
    pub seed: u64,
    /// The highest rate of this machine in requests/s, if it is known (see [`ceiling`](crate::ceiling)).
    pub ceiling_per_s: Option<f64>,
    /// Note the times of each connection and of each measured request. No connection is opened then but those of the load,
    /// so a server that is not there yet is not waited for.
    pub marks: bool,
    /// A planted fault of the load generator, for tests of its checks.
    #[doc(hidden)]
    pub fault: Option<Fault>,
}

/// When requests are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Load {
    /// Each connection sends its next request when the last one is answered.
    Closed,
    /// Requests are due on a schedule that does not depend on the replies. If no connection is free, a request waits in a
    /// queue, and its latency counts from when it was due.
    Open {
        /// Requests/s on all connections together.
        rate_per_s: f64,
        /// The distribution of the gaps between them.
        arrivals: Arrivals,
        /// How a thread waits until the next is due.
        pacing: Pacing,
    },
}

/// How a thread waits until the next request is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pacing {
    /// Sleeps, then watches the clock for the rest: precise, for part of a CPU. Below a thousand requests/s most of the CPU time
    /// per request is this watching.
    Hybrid,
    /// Watches the clock: most precise, for a whole CPU.
    Spin,
    /// Sleeps: 20 to 80 µs late, for the least CPU.
    Sleep,
}

/// A planted fault of the load generator.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Latency counts from when a request was sent, and not from when it was due.
    LatencyFromSend,
    /// The timer has a resolution of a millisecond.
    MillisecondTimer,
    /// One reply in a thousand is not checked.
    UncheckedReplies,
}

impl fmt::Display for Pacing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hybrid => "hybrid",
            Self::Spin => "spin",
            Self::Sleep => "sleep",
        })
    }
}

/// The default timeout.
pub const TIMEOUT_USUAL: Duration = Duration::from_secs(1);
/// The default time to keep trying while the server refuses connections.
pub const RIDE_OUT_USUAL: Duration = Duration::from_millis(500);
/// The default seed.
pub const SEED_USUAL: u64 = 1;

impl Plan {
    /// A closed loop: so many connections with one request in flight on each, and the defaults of the command line.
    #[must_use]
    pub fn closed_loop(target: impl Into<Target>, connections: usize, work: Work) -> Self {
        Self {
            target: target.into(),
            connections,
            threads: 1,
            load: Load::Closed,
            pipeline: 1,
            requests_per_connection: None,
            replace_spent: true,
            work,
            idle: 0,
            silent: 0,
            warmup: Duration::from_secs(1),
            duration: Duration::from_secs(10),
            requests: None,
            stages: Vec::new(),
            slice: None,
            timeout: TIMEOUT_USUAL,
            within: None,
            wait_for_server: Duration::ZERO,
            ride_out: RIDE_OUT_USUAL,
            two_writes: false,
            cpus: Vec::new(),
            seed: SEED_USUAL,
            ceiling_per_s: None,
            marks: false,
            fault: None,
        }
    }

    /// An open loop: Poisson arrivals at this rate, and the defaults of the command line.
    #[must_use]
    pub fn open_loop(target: impl Into<Target>, connections: usize, rate_per_s: f64, work: Work) -> Self {
        Self {
            load: Load::Open {
                rate_per_s,
                arrivals: Arrivals::Poisson,
                pacing: Pacing::Hybrid,
            },
            ..Self::closed_loop(target, connections, work)
        }
    }

    /// An open loop with a changing rate: Poisson arrivals, and the defaults of the command line.
    #[must_use]
    pub fn staged(target: Target, connections: usize, stages: Vec<Stage>, work: Work) -> Self {
        let total_s = stages::total(&stages).unwrap_or(TIME_MOST).as_secs_f64();
        let requests: f64 = stages.iter().map(Stage::requests).sum();
        let mean_per_s = (requests / total_s.max(1e-9)).clamp(RATE_LEAST_PER_S, RATE_MOST_PER_S);
        Self {
            stages,
            ..Self::open_loop(target, connections, mean_per_s, work)
        }
    }

    /// The longest time that the window may be open.
    #[must_use]
    pub fn window(&self) -> Duration {
        if self.requests.is_some() {
            TIME_MOST
        } else if self.stages.is_empty() {
            self.duration
        } else {
            stages::total(&self.stages).unwrap_or(TIME_MOST)
        }
    }

    /// Checks whether the plan can be carried out.
    pub fn check(&self) -> Result<(), PlanError> {
        within(Field::Connections, self.connections, 1, CONNECTIONS_MOST)?;
        within(Field::Threads, self.threads, 1, THREADS_MOST)?;
        within(Field::Pipeline, self.pipeline, 1, IN_FLIGHT_MOST)?;
        within(Field::Idle, self.idle, 0, CONNECTIONS_MOST)?;
        within(Field::Silent, self.silent, 0, CONNECTIONS_MOST)?;
        if self.requests_per_connection == Some(0) {
            return Err(PlanError::TooFew {
                what: Field::RequestsPerConnection,
                least: 1,
                is: 0,
            });
        }
        if self.requests == Some(0) {
            return Err(PlanError::TooFew {
                what: Field::Requests,
                least: 1,
                is: 0,
            });
        }
        if !self.replace_spent {
            self.check_shares()?;
        }
        if !self.stages.is_empty() {
            let fault = match (self.load, self.requests) {
                (Load::Closed, _) => Err("stages need an open loop; use Load::Open".to_owned()),
                (_, Some(_)) => Err("stages have a length; use no number of requests".to_owned()),
                _ => stages::check(&self.stages),
            };
            fault.map_err(PlanError::Stages)?;
        }
        if self.threads > self.connections {
            return Err(PlanError::IdleThreads {
                threads: self.threads,
                connections: self.connections,
            });
        }
        if self.connections.saturating_mul(self.pipeline) > IN_FLIGHT_MOST {
            return Err(PlanError::TooDeep {
                connections: self.connections,
                pipeline: self.pipeline,
            });
        }
        let bytes = self
            .work
            .kept_bytes(self.connections, self.pipeline, self.threads);
        if bytes > KEPT_MOST_BYTES {
            return Err(PlanError::TooMuch { bytes });
        }
        if let Load::Open { rate_per_s, .. } = self.load
            && !(RATE_LEAST_PER_S..=RATE_MOST_PER_S).contains(&rate_per_s)
        {
            return Err(PlanError::Rate { rate_per_s });
        }
        let may_take = |what, time: Duration| {
            if time > TIME_MOST {
                Err(PlanError::TooLong { what })
            } else {
                Ok(())
            }
        };
        let takes_time = |what, time: Duration| {
            if time.is_zero() {
                return Err(PlanError::NoTime { what });
            }
            may_take(what, time)
        };
        takes_time(Field::Duration, self.duration)?;
        takes_time(Field::Timeout, self.timeout)?;
        takes_time(Field::Within, self.within.unwrap_or(Duration::from_secs(1)))?;
        takes_time(Field::Slice, self.slice.unwrap_or(Duration::from_secs(1)))?;
        may_take(Field::Warmup, self.warmup)?;
        may_take(Field::WaitForServer, self.wait_for_server)?;
        may_take(Field::RideOut, self.ride_out)
    }

    /// Checks that the shares of the connections are enough for all requests. Otherwise the run would wait for a connection
    /// that nobody opens.
    fn check_shares(&self) -> Result<(), PlanError> {
        let shares = |share| (self.connections as u64).saturating_mul(share);
        let most = self.requests_per_connection.map(shares);
        match (most, self.requests) {
            (Some(most), Some(requests)) if self.warmup.is_zero() && requests <= most => Ok(()),
            _ => Err(PlanError::Shares),
        }
    }
}

fn within(what: Field, is: usize, least: usize, most: usize) -> Result<(), PlanError> {
    if is < least {
        Err(PlanError::TooFew { what, least, is })
    } else if is > most {
        Err(PlanError::TooMany { what, most, is })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::work::Params;

    #[test]
    fn a_wrong_plan_is_refused_with_the_field() {
        let target: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let plan = || Plan::closed_loop(target, 4, Work::new("ping", Params::Unique).unwrap());
        assert_eq!(plan().check(), Ok(()));
        let refused = |field: Field, change: &dyn Fn(&mut Plan)| {
            let mut plan = plan();
            change(&mut plan);
            let error = plan.check().unwrap_err();
            assert_eq!(error.field(), field, "{error}");
        };
        refused(Field::Connections, &|plan| plan.connections = 0);
        refused(Field::Connections, &|plan| plan.connections = usize::MAX);
        refused(Field::Threads, &|plan| plan.threads = 0);
        refused(Field::Threads, &|plan| plan.threads = 5);
        refused(Field::Threads, &|plan| {
            (plan.threads, plan.connections) = (2_000, 2_000)
        });
        refused(Field::Pipeline, &|plan| plan.pipeline = 0);
        refused(Field::Pipeline, &|plan| plan.pipeline = usize::MAX);
        refused(Field::Pipeline, &|plan| plan.pipeline = IN_FLIGHT_MOST / 4 + 1);
        refused(Field::Connections, &|plan| {
            plan.connections = 1_000;
            plan.work = Work::new("ping", Params::Payload(10_000_000)).unwrap();
        });
        refused(Field::Idle, &|plan| plan.idle = usize::MAX);
        refused(Field::Silent, &|plan| plan.silent = usize::MAX);
        refused(Field::RequestsPerConnection, &|plan| {
            plan.requests_per_connection = Some(0)
        });
        let shares = |requests, warmup| {
            move |plan: &mut Plan| {
                plan.replace_spent = false;
                plan.requests_per_connection = Some(2);
                plan.requests = requests;
                plan.warmup = warmup;
            }
        };
        refused(Field::Requests, &shares(None, Duration::ZERO));
        refused(Field::Requests, &shares(Some(9), Duration::ZERO));
        refused(Field::Requests, &shares(Some(8), Duration::from_secs(1)));
        let mut enough = plan();
        shares(Some(8), Duration::ZERO)(&mut enough);
        assert_eq!(enough.check(), Ok(()));
        refused(Field::Duration, &|plan| plan.duration = Duration::ZERO);
        refused(Field::Duration, &|plan| plan.duration = Duration::MAX);
        refused(Field::Slice, &|plan| plan.slice = Some(Duration::ZERO));
        refused(Field::Warmup, &|plan| plan.warmup = Duration::MAX);
        refused(Field::Timeout, &|plan| plan.timeout = Duration::ZERO);
        refused(Field::Within, &|plan| plan.within = Some(Duration::ZERO));
        refused(Field::WaitForServer, &|plan| plan.wait_for_server = Duration::MAX);
        refused(Field::RideOut, &|plan| plan.ride_out = Duration::MAX);
        for rate_per_s in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            refused(Field::Rate, &|plan| {
                plan.load = Load::Open {
                    rate_per_s,
                    arrivals: Arrivals::Uniform,
                    pacing: Pacing::Sleep,
                };
            });
        }
    }

    #[test]
    fn too_many_connections_are_refused_with_the_maximum() {
        let target: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let work = Work::new("ping", Params::Unique).unwrap();
        let plan = Plan::closed_loop(target, 2_000_000, work);
        assert_eq!(
            plan.check().unwrap_err().to_string(),
            "the number of connections is 2000000; use at most 1000000"
        );
    }
}
