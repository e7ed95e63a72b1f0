//! A trial that searches for the highest rate at which the latency keeps a bound.

use std::collections::BTreeMap;
use std::time::Duration;

use super::bench::{self, Bench};
use super::histograms;
use crate::plan::Planned;
use host::Fault;
use host::{Host, Intervention, Loaded, Server};
use schema::record::{Measured, SearchResult, Tried};
use stats::search::{Found, Search};

/// How close the highest rate that was kept and the lowest that failed have to come. The median over rounds is more precise.
const PRECISION: f64 = 0.08;
/// Where the search starts, as a share of the throughput of a closed loop of the same work.
const START: f64 = 0.75;
/// How many disturbed tries are repeated. A hundredth of the requests decides a p99, so one stall of the machine fails a rate
/// that the server keeps.
const REPEATS_MOST: usize = 4;
/// How many replies a p99 needs, with some to spare.
const REPLIES_LEAST: f64 = 1_200.0;
/// How long a rate is tried at most, if so many replies take long.
const WINDOW_MOST: Duration = Duration::from_secs(4);

pub(super) fn run<H: Host>(
    bench: &Bench<'_, H>,
    trial: Planned<'_>,
    capacity_per_s: Option<f64>,
    p99_ms: u64,
) -> Result<Measured, Fault> {
    let capacity_per_s = capacity_per_s.ok_or("its capacity could not be measured")?;
    let bound_us = p99_ms as f64 * 1e3;
    let usual = trial
        .times(bench.times)
        .of_a_try(Duration::from_millis(p99_ms))
        .window;
    let mut server = bench.start(trial, false)?;
    let mut search = Search::new(START * capacity_per_s, PRECISION);
    let mut tried: Vec<Tried> = Vec::new();
    // The result has the costs and latencies of the rate that is found.
    let mut kept_at: BTreeMap<u64, Loaded> = BTreeMap::new();
    let mut first = None;
    let mut repeats = 0;
    while let Some(rate_per_s) = search.next() {
        let at_rate = trial.load().at(rate_per_s);
        let plan = bench.plan(trial, &server, Some(rate_per_s))?;
        let plan = loadgen::Plan {
            // Every try has other arrivals, so that an unlucky draw is not repeated.
            seed: (trial.round * 100 + tried.len() + repeats) as u64,
            load: crate::load::plan(&at_rate, server.address(), None, 0)?.load,
            duration: window(usual, rate_per_s),
            ..plan
        };
        let loaded = bench.host.load(&plan, &mut server, Intervention::None)?;
        if loaded.interference.exclusion().is_some() && repeats < REPEATS_MOST {
            repeats += 1;
            continue;
        }
        let report = &loaded.report;
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
        if kept {
            kept_at.insert(rate_per_s.to_bits(), loaded);
        } else if first.is_none() {
            first = Some(loaded);
        }
    }
    let (best_rate_per_s, beyond_reach) = match search.found() {
        Found::Rate(rate_per_s) => (Some(rate_per_s), false),
        Found::BeyondReach(rate_per_s) => (Some(rate_per_s), true),
        Found::NothingKept => (None, false),
    };
    let found = best_rate_per_s.and_then(|rate_per_s| kept_at.remove(&rate_per_s.to_bits()));
    let loaded = found.or(first).ok_or("no rate could be tried")?;
    histograms::keep(bench.histograms, &loaded)?;
    let mut measured = bench::measured(loaded, server)?;
    measured.search = Some(SearchResult {
        best_rate_per_s,
        beyond_reach,
        tried,
    });
    Ok(measured)
}

/// How long a rate is tried: long enough for its p99.
fn window(usual: Duration, rate_per_s: f64) -> Duration {
    let for_the_tail = Duration::from_secs_f64(REPLIES_LEAST / rate_per_s.max(1.0));
    usual.max(for_the_tail.min(WINDOW_MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_tried_as_long_as_its_p99_needs() {
        let usual = Duration::from_millis(400);
        assert_eq!(window(usual, 10_000.0), usual);
        assert_eq!(window(usual, 1_200.0), Duration::from_secs(1));
        assert_eq!(window(usual, 0.1), WINDOW_MOST);
    }
}
