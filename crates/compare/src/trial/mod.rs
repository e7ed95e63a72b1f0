//! One trial: a fresh server, a load, and what both came to. A file for each way in which a trial goes.

mod histograms;
mod kill;
mod load;
mod priority;
mod search;
mod system_calls;
mod tally;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use loadgen::Plan;

use crate::experiment::Method;
use crate::fault::Fault;
use crate::plan::Planned;
use crate::profile::Times;
use crate::server::Server;
use schema::cpus::Split;
use schema::record::{Measured, Outcome};

pub(crate) use histograms::stem;

/// What all trials of a run have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bench<'a> {
    pub(crate) cpus: &'a Split,
    pub(crate) times: Times,
    /// What the load generator's threads can do at all on this machine, if that is known.
    pub(crate) ceiling_per_s: Option<f64>,
    /// The file in which the latencies of the trial are kept, if they are: one of its own for each.
    pub(crate) histograms: Option<&'a Path>,
    /// The file in which what its server prints is kept, if it is.
    pub(crate) output: Option<&'a Path>,
    /// What a trial draws is drawn from: the run's seed.
    pub(crate) seed: u64,
    /// Set when the run is to stop.
    pub(crate) cancel: &'a AtomicBool,
}

/// Why a trial was not made, so that there is nothing to write down of it.
#[derive(Debug)]
pub(crate) enum Unmade {
    /// The run is to stop.
    Interrupted,
    /// The workbench can't go on, for this reason.
    Fault(String),
}

impl Bench<'_> {
    /// Makes a trial, of a contender that can do so many requests a second if that matters to it.
    pub(crate) fn run(&self, trial: Planned<'_>, capacity_per_s: Option<f64>) -> Result<Outcome, Unmade> {
        let measured = if trial.finds_capacity() {
            self.of_load(trial, None)
        } else {
            match trial.experiment.method {
                Method::Load => self.of_load(trial, capacity_per_s),
                Method::RateUnderBound { p99_ms } => self.of_search(trial, capacity_per_s, p99_ms),
                Method::KillWorker => self.of_kill(trial),
                Method::SystemCalls => self.of_system_calls(trial),
            }
        };
        if self.cancel.load(Ordering::Relaxed) {
            return Err(Unmade::Interrupted);
        }
        match measured {
            Ok(measured) => Ok(Outcome::Measured(Box::new(measured))),
            Err(Fault::Trial(reason)) => Ok(Outcome::Failed(reason)),
            Err(Fault::Own(reason)) => Err(Unmade::Fault(reason)),
        }
    }

    /// The server of a trial. Its workers tell what they served in the file of this name, if there is one.
    fn start(&self, trial: Planned<'_>, tally: Option<&tally::File>) -> Result<Server, Fault> {
        let mut flags = trial.setting.flags_for(trial.contender);
        flags.extend(tally.into_iter().flat_map(tally::File::flags));
        Server::start(
            trial.contender,
            &flags,
            &self.cpus.server,
            self.output,
            self.cancel,
        )
    }

    /// The load of a trial on this server.
    fn plan(&self, trial: Planned<'_>, server: &Server, capacity_per_s: Option<f64>) -> Result<Plan, String> {
        let load = trial.load();
        let closed = load.closed();
        let load = if trial.finds_capacity() { &closed } else { &load };
        let times = trial.times(self.times);
        let cpus = self.cpus.client.numbers();
        Ok(Plan {
            threads: cpus.len().min(load.connections),
            warmup: times.warmup,
            duration: times.window,
            timeout: times.timeout(),
            cpus,
            ceiling_per_s: self.ceiling_per_s,
            // Each round has arrivals of its own, the same for all contenders.
            ..crate::load::plan(load, server.address(), capacity_per_s, trial.round as u64 + 1)?
        })
    }
}

/// Why nothing of this load may be quoted, if so.
pub(crate) fn disqualifies(load: &schema::load::Report) -> Option<String> {
    if let Some(reason) = &load.ended_early {
        return Some(reason.clone());
    }
    if let Some(fault) = load.failures.iter().find(|failures| failures.are_of_replies()) {
        return Some(format!(
            "{} × {}; the first: {}",
            fault.count, fault.kind, fault.first
        ));
    }
    (!load.checks.accounting).then(|| "the load generator's own accounting does not add up".to_owned())
}

/// The figures of a trial, of which nothing but the load and what is told here applies.
fn measured(watched: load::Watched, server: Server) -> Result<Measured, Fault> {
    watched.into_measured(server)
}
