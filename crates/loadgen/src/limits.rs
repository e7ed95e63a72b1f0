//! The ranges of what a plan may ask for.

use std::time::Duration;

/// What Linux lets a process have open, unless set otherwise, is hardly more (`fs.nr_open`, proc(5)).
pub(crate) const CONNECTIONS_MOST: usize = 1_000_000;
/// As many as there are CPUs in the largest set that a thread can be bound to (`sched_setaffinity(2)`).
pub(crate) const THREADS_MOST: usize = 1_024;
/// The client keeps some hundred bytes of each request in flight, so this is a gibibyte in all.
pub(crate) const IN_FLIGHT_MOST: usize = 10_000_000;
/// The most memory that requests and replies may take.
pub(crate) const KEPT_MOST_BYTES: u128 = 4 << 30;
/// A lower rate has its first request due after more than a quarter of an hour.
pub(crate) const RATE_LEAST_PER_S: f64 = 1e-3;
/// A higher rate has more than ten requests due in a microsecond.
pub(crate) const RATE_MOST_PER_S: f64 = 1e7;
/// The longest time: sums of such times are far below the range of a clock.
pub const TIME_MOST: Duration = Duration::from_secs(30 * 24 * 3600);
