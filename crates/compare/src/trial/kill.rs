//! A trial within which one worker of the server is killed.

use std::time::Duration;

use loadgen::Plan;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use schema::load::Interval;

use super::bench::{self, Bench};
use super::histograms;
use crate::plan::Planned;
use host::Fault;
use host::{Host, Intervention};
use schema::record::{KillResult, Measured};

/// How long the rate is averaged over.
const SLICE: Duration = Duration::from_millis(20);
/// The rate has recovered when it is at least this share of the rate before.
const FULL_SHARE: f64 = 0.9;
/// For so many slices in a row, so that one full slice by chance does not count.
const FULL_SLICES: usize = 3;

pub(super) fn run<H: Host>(bench: &Bench<'_, H>, trial: Planned<'_>) -> Result<Measured, Fault> {
    let mut server = bench.start(trial, false)?;
    let plan = Plan {
        slice: Some(SLICE),
        ..bench.plan(trial, &server, None)?
    };
    let after = plan.duration / 3;
    let intervention = Intervention::KillWorker {
        after,
        draw: Box::new(draw(bench.seed, trial.round)),
    };
    let loaded = bench.host.load(&plan, &mut server, intervention)?;
    let lost = loaded.report.requests.sent - loaded.report.requests.ok;
    let result = result(&loaded.report.intervals, after, lost);
    let slices = counts(&loaded.report.intervals);
    histograms::keep(bench.histograms, &loaded)?;
    let mut measured = bench::measured(loaded, server)?;
    measured.load.intervals = slices;
    measured.kill = Some(result);
    Ok(measured)
}

/// The random numbers that choose the worker of a round: the same for all contenders, and others in each round.
fn draw(seed: u64, round: usize) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(round as u64);
    random
}

/// The part of the slices that is recorded: the result can be computed from it again. So short a slice has too few replies
/// for percentiles.
fn counts(slices: &[Interval]) -> Vec<Interval> {
    let count = |slice: &Interval| Interval {
        p50_us: None,
        p99_us: None,
        ..*slice
    };
    slices.iter().map(count).collect()
}

/// The effect of a kill, so long after the window's start, on its slices.
fn result(slices: &[Interval], killed_after: Duration, lost: u64) -> KillResult {
    let before = (killed_after.as_millis() / SLICE.as_millis()) as usize;
    let before = before.min(slices.len());
    let rate = |slices: &[Interval]| {
        slices.iter().map(|slice| slice.ok as f64).sum::<f64>() / slices.len().max(1) as f64
    };
    let full = rate(&slices[..before]);
    // The last slice may be shorter.
    let after = &slices[before..slices.len().max(before + 1) - 1];
    let is_full = |slice: &Interval| slice.ok as f64 >= FULL_SHARE * full;
    let back = (0..after.len()).find(|&first| {
        let next = &after[first..after.len().min(first + FULL_SLICES)];
        next.len() == FULL_SLICES && next.iter().all(is_full)
    });
    let lowest = after
        .iter()
        .map(|slice| slice.ok as f64)
        .fold(f64::INFINITY, f64::min);
    KillResult {
        lost,
        recovery_ms: back.map(|slices| slices as f64 * SLICE.as_secs_f64() * 1e3),
        lowest_rate_share: if full > 0.0 { (lowest / full).min(1.0) } else { 0.0 },
    }
}

#[cfg(test)]
mod tests {
    use rand::seq::IndexedRandom;

    use super::*;

    fn slices(ok: &[u64]) -> Vec<Interval> {
        ok.iter()
            .enumerate()
            .map(|(index, &ok)| Interval {
                t_s: (index + 1) as f64 * SLICE.as_secs_f64(),
                ok,
                failed: 0,
                p50_us: None,
                p99_us: None,
            })
            .collect()
    }

    #[test]
    fn the_rate_has_recovered_when_it_stays_high() {
        let rates = slices(&[100, 100, 100, 50, 95, 60, 95, 92, 91, 100, 7]);
        let result = result(&rates, SLICE * 3, 4);
        assert_eq!(result.recovery_ms, Some(60.0), "one full slice is not enough");
        assert!(
            (result.lowest_rate_share - 0.5).abs() < 1e-9,
            "the last slice may be shorter"
        );
        assert_eq!(result.lost, 4);
    }

    #[test]
    fn a_kill_can_be_computed_again_from_the_record() {
        let mut rates = slices(&[101, 99, 100, 50, 95, 60, 95, 92, 91, 100, 7]);
        rates[3].failed = 2;
        rates[4].p50_us = Some(5_000.0);
        let written = serde_json::to_string(&counts(&rates)).unwrap();
        let read: Vec<Interval> = serde_json::from_str(&written).unwrap();
        assert_eq!(result(&read, SLICE * 3, 4), result(&rates, SLICE * 3, 4));
    }

    #[test]
    fn the_seed_draws_another_worker_in_each_round() {
        let workers: Vec<u32> = (0..8).collect();
        let drawn = |seed: u64| {
            (1..=8)
                .map(|round| workers.choose(&mut draw(seed, round)).copied())
                .collect::<Vec<_>>()
        };
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
        let mut of_one = drawn(1);
        of_one.dedup();
        assert!(of_one.len() > 1, "{of_one:?}");
    }

    #[test]
    fn a_rate_that_never_recovers_has_no_time() {
        let rates = slices(&[100, 100, 100, 50, 50, 50, 50]);
        assert_eq!(result(&rates, SLICE * 3, 0).recovery_ms, None);
        assert_eq!(result(&[], SLICE, 0).recovery_ms, None);
    }

    #[test]
    fn a_kill_without_effect_recovers_at_once() {
        let result = result(&slices(&[100; 10]), SLICE * 3, 0);
        assert_eq!((result.recovery_ms, result.lowest_rate_share), (Some(0.0), 1.0));
    }
}
