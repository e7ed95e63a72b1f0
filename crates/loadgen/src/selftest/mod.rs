//! The load generator against reference servers: what theory expects beside what was measured.
//!
//! Each check has a file of its own and a tolerance that was written down beforehand. Each can fail: `--plant` puts a fault
//! into the load generator that one of them has to find.

mod bench;
mod finding;
mod headroom;
mod histogram;
mod little;
mod loops;
mod pacing;
mod queue;
mod replies;
pub(crate) mod server;
mod service_log;
mod stall;
mod theory;

use anyhow::Result;

pub(crate) use self::bench::{Bench, Placement};
use self::finding::Finding;

/// A check of the load generator.
pub(crate) struct Check {
    pub(crate) name: &'static str,
    /// What it shows.
    pub(crate) claim: &'static str,
    pub(crate) run: fn(&Bench<'_>) -> Result<Vec<Finding>>,
}

/// All checks, in the order in which they run.
pub(crate) const CHECKS: [Check; 9] = [
    Check {
        name: "stall",
        claim: "a server stall shows in the latency of every request due in it, with 1 connection and with 1,000",
        run: stall::stall,
    },
    Check {
        name: "pacing",
        claim: "requests are sent when they are due, and arrivals are a Poisson stream",
        run: pacing::pacing,
    },
    Check {
        name: "little",
        claim: "Little's law holds, and a closed loop keeps all connections busy",
        run: little::little,
    },
    Check {
        name: "queue-fixed",
        claim: "waiting times are those of an M/D/1 queue",
        run: queue::fixed,
    },
    Check {
        name: "queue-exponential",
        claim: "waiting times are those of an M/M/1 queue",
        run: queue::exponential,
    },
    Check {
        name: "loops",
        claim: "an open loop shows the waiting that a closed loop hides, and the result names its loop",
        run: loops::loops,
    },
    Check {
        name: "headroom",
        claim: "a result limited by the load generator is marked",
        run: headroom::headroom,
    },
    Check {
        name: "histogram",
        claim: "a percentile is within a thousandth of an exact sort",
        run: histogram::histogram,
    },
    Check {
        name: "replies",
        claim: "every corrupted, swapped or dropped reply is caught, and all requests add up",
        run: replies::replies,
    },
];
