//! What all checks share: the CPUs, the usual plan, and a load on a reference server.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Context, Result};
use loadgen::{Arrivals, Load, Outcome, Pacing, Params, Plan, Work};

use super::server::{Behavior, ReferenceServer};

/// The CPUs of the server and of the load generator.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placement {
    pub(crate) server_cpu: Option<usize>,
    pub(crate) client_cpu: Option<usize>,
}

/// What all checks share.
#[derive(Debug)]
pub(crate) struct Bench<'a> {
    pub(crate) placement: Placement,
    pub(crate) fault: Option<loadgen::plan::Fault>,
    pub(crate) cancel: &'a AtomicBool,
}

impl Bench<'_> {
    pub(super) fn plan(&self, server: &ReferenceServer) -> Plan {
        Plan {
            warmup: Duration::from_millis(500),
            duration: Duration::from_secs(3),
            cpus: self.placement.client_cpu.into_iter().collect(),
            fault: self.fault,
            ..Plan::closed_loop(server.address(), 64, ping())
        }
    }

    pub(super) fn run(&self, plan: &Plan) -> Result<Outcome> {
        let outcome = loadgen::run(plan, self.cancel, &mut ())?;
        if let Some(reason) = &outcome.report.ended_early {
            anyhow::bail!("the run ended early: {reason}");
        }
        Ok(outcome)
    }

    /// Loads a server of this behavior, by the usual plan with these changes.
    pub(super) fn load(&self, behavior: Behavior, change: impl FnOnce(&mut Plan)) -> Result<Outcome> {
        let server = ReferenceServer::start(behavior, self.placement.server_cpu)?;
        let mut plan = self.plan(&server);
        change(&mut plan);
        let outcome = self.run(&plan);
        // A fault of the server comes first: it is why the load failed.
        server.log().context("the reference server failed")?;
        outcome
    }
}

pub(super) fn ping() -> Work {
    Work::new("ping", Params::Unique).expect("a ping takes any value")
}

pub(super) fn open(rate_per_s: f64, arrivals: Arrivals, pacing: Pacing) -> Load {
    Load::Open {
        rate_per_s,
        arrivals,
        pacing,
    }
}

pub(super) fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
