//! How late requests leave, and whether what is due is a Poisson stream.

use std::time::Duration;

use anyhow::{Context, Result};
use loadgen::report::{Interval, Quantiles};
use loadgen::slices::Times;
use loadgen::{Arrivals, Observer, Pacing};

use super::finding::Finding;
use super::server::{KnownServer, Manner};
use super::{Bench, median, open};

const RATE_PER_S: f64 = 10_000.0;
/// The p99 of lateness is taken in each second, and the median of these is judged: a bad second of the machine, in which it
/// takes the processor away for milliseconds, is not the load generator's, whose own lateness is in all of them.
const SECONDS: u64 = 10;
const LATENESS_P99_MOST_US: f64 = 20.0;
/// What the Anderson–Darling statistic stays below for 19 of 20 true Poisson streams; the seed is fixed.
const ANDERSON_DARLING_MOST: f64 = 1.321;

/// The p99 of lateness in each second, in microseconds.
#[derive(Default)]
struct Seconds(Vec<f64>);

impl Observer for Seconds {
    fn interval(&mut self, _: &Interval, times: &Times) {
        self.0
            .extend(Quantiles::of(&times.lateness).and_then(|lateness| lateness.p99));
    }
}

pub(super) fn pacing(bench: &Bench<'_>) -> Result<Vec<Finding>> {
    let server = KnownServer::start(Manner::Echo, bench.places.server_cpu)?;
    let mut plan = bench.plan(&server);
    plan.load = open(RATE_PER_S, Arrivals::Poisson, Pacing::Hybrid);
    plan.duration = Duration::from_secs(SECONDS);
    let mut seconds = Seconds::default();
    let report = bench.run_observed(&plan, &mut seconds)?.report;
    let Seconds(mut p99s_us) = seconds;
    p99s_us.sort_by(f64::total_cmp);
    let (least, most) = (p99s_us.first(), p99s_us.last());
    let (least, most) = least.zip(most).context("too few requests were sent")?;
    let arrivals = report.checks.arrivals.context("too few requests were sent")?;
    let lag1_most = 3.0 / (arrivals.gaps as f64).sqrt();
    Ok(vec![
        Finding::at_most(
            format!(
                "lateness p99 at 10,000/s, hybrid, median of {} windows of a second ({least:.1} to {most:.1} µs)",
                p99s_us.len()
            ),
            "µs",
            median(&p99s_us),
            LATENESS_P99_MOST_US,
        ),
        Finding::at_most(
            "Anderson–Darling of the gaps",
            "",
            arrivals.anderson_darling,
            ANDERSON_DARLING_MOST,
        ),
        Finding::at_most(
            "correlation of neighbouring gaps",
            "",
            arrivals.lag1.abs(),
            lag1_most,
        ),
    ])
}
