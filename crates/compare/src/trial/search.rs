//! A trial that looks for the highest rate at which the latency keeps a bound.

use super::Bench;
use crate::plan::Planned;
use crate::record::{Measured, SearchFigures, Tried};
use crate::search::{Found, Search};

/// How near the highest rate that was kept and the lowest that was not have to come.
const PRECISION: f64 = 0.04;
/// Where the search starts, as a share of what a closed loop of the same work comes to.
const START: f64 = 0.6;

impl Bench<'_> {
    pub(super) fn of_search(
        &self,
        trial: Planned<'_>,
        capacity_per_s: Option<f64>,
        p99_ms: u64,
    ) -> Result<Measured, String> {
        let capacity_per_s = capacity_per_s.ok_or("its capacity could not be measured")?;
        let bound_us = p99_ms as f64 * 1e3;
        let mut server = self.start(trial, None)?;
        let mut search = Search::new(START * capacity_per_s, PRECISION);
        let mut tried: Vec<Tried> = Vec::new();
        let mut last = None;
        while let Some(rate_per_s) = search.next() {
            let at_rate = trial.load().at(rate_per_s);
            let plan = loadgen::Plan {
                // No two tries have the same arrivals, so that a bad draw is not drawn again.
                seed: (trial.round * 100 + tried.len()) as u64,
                load: at_rate.plan(server.address(), None, 0)?.load,
                ..self.plan(trial, &server, Some(rate_per_s))?
            };
            let watched = self.watch(&plan, &mut server, None)?;
            let report = &watched.report;
            let tail_us = report.latency_us.and_then(|latency| latency.p99);
            let all_well = report.requests.ok == report.requests.planned;
            let kept = all_well && tail_us.is_some_and(|tail_us| tail_us <= bound_us);
            tried.push(Tried {
                rate_per_s,
                p99_us: tail_us,
                kept,
                client_limited: report.checks.client_limited == Some(true),
            });
            search.tried(rate_per_s, kept);
            // What stands beside the rate is what it costs to keep it.
            if kept || last.is_none() {
                last = Some(watched);
            }
        }
        let (best_per_s, beyond_reach) = match search.found() {
            Found::Rate(rate_per_s) => (Some(rate_per_s), false),
            Found::BeyondReach(rate_per_s) => (Some(rate_per_s), true),
            Found::NothingKept => (None, false),
        };
        let last = last.ok_or("nothing was tried")?;
        let mut measured = super::measured(last, server)?;
        measured.search = Some(SearchFigures {
            best_per_s,
            beyond_reach,
            tried,
        });
        Ok(measured)
    }
}
