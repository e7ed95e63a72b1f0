//! A trial of one load, measured once it is warm.

use schema::record::Measured;

use super::bench::{self, Bench};
use super::histograms;
use crate::plan::Planned;
use host::Fault;
use host::{Host, Intervention};

pub(super) fn run<H: Host>(
    bench: &Bench<'_, H>,
    trial: Planned<'_>,
    capacity_per_s: Option<f64>,
) -> Result<Measured, Fault> {
    let mut server = bench.start(trial, true)?;
    let plan = bench.plan(trial, &server, capacity_per_s)?;
    let loaded = bench.host.load(&plan, &mut server, Intervention::None)?;
    histograms::keep(bench.histograms, &loaded)?;
    bench::measured(loaded, server)
}
