//! One trial: a fresh server, a load, and what both came to. A file for each method.

mod bench;
mod histograms;
mod kill;
mod load;
mod search;
mod system_calls;

use std::sync::atomic::Ordering;

use schema::experiment::Method;
use schema::record::Outcome;

use crate::plan::Planned;
use host::Fault;
use host::Host;

pub(crate) use bench::Bench;
pub(crate) use histograms::stem;

/// Why a trial was not made, so that nothing of it is recorded.
#[derive(Debug)]
pub(crate) enum Unmade {
    /// The run is to stop.
    Interrupted,
    /// The workbench can't go on, for this reason.
    Fault(String),
}

/// Makes a trial, of a contender with this capacity if that matters to it.
pub(crate) fn run<H: Host>(
    bench: &Bench<'_, H>,
    trial: Planned<'_>,
    capacity_per_s: Option<f64>,
) -> Result<Outcome, Unmade> {
    let measured = if trial.finds_capacity() {
        load::run(bench, trial, None)
    } else {
        match trial.experiment.method {
            Method::Load => load::run(bench, trial, capacity_per_s),
            Method::RateUnderBound { p99_ms } => search::run(bench, trial, capacity_per_s, p99_ms),
            Method::KillWorker => kill::run(bench, trial),
            Method::SystemCalls => system_calls::run(bench, trial),
        }
    };
    if bench.cancel.load(Ordering::Relaxed) {
        return Err(Unmade::Interrupted);
    }
    match measured {
        Ok(measured) => Ok(Outcome::Measured(Box::new(measured))),
        Err(Fault::Trial(reason) | Fault::Unavailable(reason)) => Ok(Outcome::Failed(reason)),
        Err(Fault::Own(reason)) => Err(Unmade::Fault(reason)),
    }
}

#[cfg(test)]
mod tests;
