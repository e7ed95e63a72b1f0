//! The load generator against servers whose behaviour is known: what theory says beside what was measured.
//!
//! Each check is named after what it asks, has its tolerance written down beforehand, and can fail: `--plant` puts a fault
//! into the load generator that one of them has to find. A check has a file of its own.

mod account;
mod finding;
mod headroom;
mod histogram;
mod little;
mod loops;
mod pacing;
mod queue;
mod replies;
pub(crate) mod server;
mod stall;
mod theory;

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Context, Result};
use loadgen::{Arrivals, Load, Outcome, Pacing, Params, Plan, Work};

use finding::Finding;
use server::{KnownServer, Manner};

/// Where the two sides run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places {
    pub(crate) server_cpu: Option<usize>,
    pub(crate) client_cpu: Option<usize>,
}

/// What all checks have in common.
#[derive(Debug)]
pub(crate) struct Bench<'a> {
    pub(crate) places: Places,
    pub(crate) fault: Option<loadgen::plan::Fault>,
    pub(crate) cancel: &'a AtomicBool,
}

/// A question to the load generator.
pub(crate) struct Check {
    pub(crate) name: &'static str,
    /// What has to be so.
    pub(crate) claim: &'static str,
    pub(crate) run: fn(&Bench<'_>) -> Result<Vec<Finding>>,
}

/// All of them, with the numbers of the requirements that they hold the load generator to (docs/METHODOLOGY.md).
pub(crate) const CHECKS: [Check; 9] = [
    Check {
        name: "stall",
        claim: "a stall of the server is seen by all that fell due in it, with 1 connection as with 1,000",
        run: stall::stall,
    },
    Check {
        name: "pacing",
        claim: "requests leave when they are due, which is as a Poisson stream",
        run: pacing::pacing,
    },
    Check {
        name: "little",
        claim: "Little's law holds, and a closed loop keeps all its connections busy",
        run: little::little,
    },
    Check {
        name: "queue-fixed",
        claim: "waits are those of an M/D/1 queue",
        run: queue::fixed,
    },
    Check {
        name: "queue-exponential",
        claim: "waits are those of an M/M/1 queue",
        run: queue::exponential,
    },
    Check {
        name: "loops",
        claim: "an open loop shows the waiting that a closed one hides, and a result says which it is",
        run: loops::loops,
    },
    Check {
        name: "headroom",
        claim: "a result that is the client's own limit is marked as such",
        run: headroom::headroom,
    },
    Check {
        name: "histogram",
        claim: "a percentile is within a thousandth of an exact sort",
        run: histogram::histogram,
    },
    Check {
        name: "replies",
        claim: "every reply that is corrupted, swapped or dropped is caught, and all requests add up",
        run: replies::replies,
    },
];

impl Bench<'_> {
    fn plan(&self, server: &KnownServer) -> Plan {
        Plan {
            warmup: Duration::from_millis(500),
            duration: Duration::from_secs(3),
            cpus: self.places.client_cpu.into_iter().collect(),
            fault: self.fault,
            ..Plan::closed_loop(server.address(), 64, ping())
        }
    }

    fn run(&self, plan: &Plan) -> Result<Outcome> {
        let outcome = loadgen::run(plan, self.cancel, &mut ())?;
        if let Some(reason) = &outcome.report.ended_early {
            anyhow::bail!("the run ended early: {reason}");
        }
        Ok(outcome)
    }

    /// A load on a server of this manner, with what is to be changed of the usual plan.
    fn load(&self, manner: Manner, change: impl FnOnce(&mut Plan)) -> Result<Outcome> {
        let server = KnownServer::start(manner, self.places.server_cpu)?;
        let mut plan = self.plan(&server);
        change(&mut plan);
        let outcome = self.run(&plan);
        // What went wrong with the server comes first: it is why the load failed.
        server.account().context("the known server failed")?;
        outcome
    }
}

fn ping() -> Work {
    Work::new("ping", Params::Unique).expect("a ping takes any value")
}

fn open(rate_per_s: f64, arrivals: Arrivals, pacing: Pacing) -> Load {
    Load::Open {
        rate_per_s,
        arrivals,
        pacing,
    }
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
