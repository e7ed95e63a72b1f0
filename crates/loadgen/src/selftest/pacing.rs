//! How late requests leave, and whether what is due is a Poisson stream.
//!
//! The bound is one for an idle processor, so whether it was idle is found out first: before and after each window a thread
//! on the client's processor does nothing but read the clock, and what is missing between two readings is what the machine
//! did with the processor instead. A window between two such looks counts if both found it idle. Where too few do, the bound
//! is taken from when a thread that only watches the clock on this processor would have seen that a request is due. Both
//! rules were written down before any window was made, and look at no lateness.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use loadgen::{Arrivals, Pacing};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use super::finding::Finding;
use super::server::{KnownServer, Manner};
use super::{Bench, median, open};

const RATE_PER_S: f64 = 10_000.0;
const WARMUP: Duration = Duration::from_millis(300);
/// With 2,500 requests in it, 25 are beyond the p99.
const WINDOW: Duration = Duration::from_millis(250);
/// So many windows are wanted that count,
const WANTED: usize = 20;
/// but no more time than this is given to them,
const TIME_MOST: Duration = Duration::from_secs(45);
/// and with fewer than this all are judged.
const LEAST: usize = 10;
/// How long the processor is looked at before and after a window: as long, so that both meet as much of what comes seldom.
const LOOK: Duration = WINDOW;
/// Two readings of the clock are tens of nanoseconds apart; with so much between them, somebody else ran.
const GAP_LEAST: Duration = Duration::from_micros(10);
/// A processor is idle if no more than this share of the time goes to others. The p99 of lateness is about the latest one in
/// a hundred, of whom these would be half.
const AWAY_MOST: f64 = 0.005;
/// Who only watches the clock may be late by so much in one of a hundred cases. Beyond that there is nothing to be seen here.
const WATCHER_P99_MOST_US: f64 = 200.0;

const LATENESS_P99_MOST_US: f64 = 20.0;
/// What the Anderson–Darling statistic stays below for 19 of 20 true Poisson streams; the seed is fixed.
const ANDERSON_DARLING_MOST: f64 = 1.321;

pub(super) fn pacing(bench: &Bench<'_>) -> Result<Vec<Finding>> {
    let server = KnownServer::start(Manner::Echo, bench.places.server_cpu)?;
    let mut plan = bench.plan(&server);
    plan.load = open(RATE_PER_S, Arrivals::Poisson, Pacing::Hybrid);
    plan.warmup = WARMUP;
    plan.duration = WINDOW;
    let mut windows = Windows::default();
    let mut arrivals = None;
    let began = Instant::now();
    let mut before = Look::at(bench.places.client_cpu);
    while windows.idle_us.len() < WANTED && began.elapsed() < TIME_MOST {
        let report = bench.run(&plan)?.report;
        let after = Look::at(bench.places.client_cpu);
        // Who was held up for so much of a window that it has no p99 was late by as much.
        let p99 = report
            .lateness_us
            .and_then(|lateness| lateness.p99)
            .unwrap_or(WINDOW.as_secs_f64() * 1e6);
        if before.is_idle() && after.is_idle() {
            windows.idle_us.push(p99);
        } else {
            windows.others_us.push(p99);
        }
        windows.looks.push(std::mem::replace(&mut before, after));
        // The schedule is the same in each window.
        arrivals = arrivals.or(report.checks.arrivals);
    }
    windows.looks.push(before);
    let arrivals = arrivals.context("too few requests were sent")?;
    let lag1_most = 3.0 / (arrivals.gaps as f64).sqrt();
    Ok(vec![
        windows.lateness(),
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

/// The p99 of lateness in each window, and what was seen of the processor between them.
#[derive(Debug, Default)]
struct Windows {
    idle_us: Vec<f64>,
    others_us: Vec<f64>,
    looks: Vec<Look>,
}

impl Windows {
    /// Those in which the processor was idle are judged; if they are too few all are, by what the processor allows.
    fn lateness(&self) -> Finding {
        let (idle, all) = (self.idle_us.len(), self.idle_us.len() + self.others_us.len());
        let what = "lateness p99 at 10,000/s, hybrid, median of windows of 250 ms:";
        if idle >= LEAST {
            let what = format!("{what} {idle} of {all}, those in which the processor was idle");
            return Finding::at_most(what, "µs", median(&self.idle_us), LATENESS_P99_MOST_US);
        }
        let looks = self.looks.iter();
        let watcher_us = median(&looks.clone().map(|look| look.watcher_us(0.99)).collect::<Vec<_>>());
        let what = format!(
            "{what} all {all}, since the processor was idle in no more than {idle}; others had it for {:.2} % of the time, and \
             a thread that only watches its clock is {watcher_us:.1} µs late by its own p99",
            median(&looks.map(Look::away_share).collect::<Vec<_>>()) * 100.0
        );
        let judged_us = median(&[&self.idle_us[..], &self.others_us].concat());
        if watcher_us > WATCHER_P99_MOST_US {
            let expected = format!("a watcher that is at most {WATCHER_P99_MOST_US} µs late: give it an idle processor");
            return Finding::nothing(what, format!("{judged_us:.1} µs, which says little"), expected);
        }
        Finding::at_most(what, "µs", judged_us, LATENESS_P99_MOST_US + watcher_us)
    }
}

/// What a thread saw that did nothing but read the clock.
#[derive(Debug, Default)]
struct Look {
    lasted: Duration,
    /// The times in which somebody else had the processor.
    gaps: Vec<Duration>,
}

impl Look {
    /// Looks at this processor.
    fn at(cpu: Option<usize>) -> Self {
        let look = move || {
            if let Some(cpu) = cpu {
                let mut set = CpuSet::new();
                // A processor that can't be had is told by the load itself.
                let _ = set
                    .set(cpu)
                    .and_then(|()| sched_setaffinity(Pid::from_raw(0), &set));
            }
            let began = Instant::now();
            let (mut last, mut gaps) = (began, Vec::new());
            while last - began < LOOK {
                let now = Instant::now();
                if now - last >= GAP_LEAST {
                    gaps.push(now - last);
                }
                last = now;
            }
            let lasted = last - began;
            Self { lasted, gaps }
        };
        thread::spawn(look)
            .join()
            .expect("to read the clock does not panic")
    }

    /// The share of the time that others had the processor.
    fn away_share(&self) -> f64 {
        self.gaps.iter().sum::<Duration>().as_secs_f64() / self.lasted.as_secs_f64()
    }

    fn is_idle(&self) -> bool {
        self.away_share() <= AWAY_MOST
    }

    /// How late this thread would have seen something that falls due at any moment alike, as a quantile: late by more than x
    /// is what falls due in a gap with more than x of it to come.
    fn watcher_us(&self, quantile: f64) -> f64 {
        let allowed_s = (1.0 - quantile) * self.lasted.as_secs_f64();
        let mut longest_first: Vec<f64> = self.gaps.iter().map(Duration::as_secs_f64).collect();
        longest_first.sort_by(|a, b| b.total_cmp(a));
        // With the n longest gaps above x, the time in them that is later than x is their sum less n times x.
        let mut sum_s = 0.0;
        for (index, gap_s) in longest_first.iter().enumerate() {
            sum_s += gap_s;
            let late_s = (sum_s - allowed_s) / (index + 1) as f64;
            let next_s = longest_first.get(index + 1).copied().unwrap_or(0.0);
            if late_s >= next_s {
                return late_s * 1e6;
            }
        }
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(lasted_ms: u64, gaps_us: &[u64]) -> Look {
        Look {
            lasted: Duration::from_millis(lasted_ms),
            gaps: gaps_us.iter().copied().map(Duration::from_micros).collect(),
        }
    }

    #[test]
    fn a_watcher_is_late_by_what_is_left_of_a_gap() {
        let late_us = |look: &Look| (look.watcher_us(0.99) * 10.0).round() / 10.0;
        assert_eq!(late_us(&look(100, &[])), 0.0);
        // A hundredth of the time is 1,000 µs. Less than that in gaps is beyond the percentile,
        assert_eq!(late_us(&look(100, &[400, 500])), 0.0);
        // and of one gap of 1,500 µs the first 500 have 1,000 µs or more to come.
        assert_eq!(late_us(&look(100, &[1500])), 500.0);
        // Above 200 µs stand 600 and twice 500: in all 1,600 − 3 · 200 = 1,000.
        assert_eq!(late_us(&look(100, &[100, 600, 500, 500, 150])), 200.0);
    }

    #[test]
    fn a_processor_that_others_have_for_more_than_a_two_hundredth_is_not_idle() {
        assert!(look(100, &[200, 300]).is_idle());
        assert!(!look(100, &[200, 301]).is_idle());
    }

    #[test]
    fn windows_on_an_idle_processor_are_held_to_the_bound_itself() {
        let windows = |p99_us| Windows {
            idle_us: vec![p99_us; LEAST],
            others_us: vec![1e6; 100],
            looks: vec![look(100, &[9000])],
        };
        assert!(windows(20.0).lateness().passed());
        assert!(!windows(20.1).lateness().passed());
    }

    #[test]
    fn windows_on_any_other_are_held_to_what_it_allows() {
        let windows = |p99_us, gap_us| Windows {
            idle_us: vec![0.0; LEAST - 1],
            others_us: vec![p99_us; 100],
            // All but 1,000 µs of the gap have more to come than the percentile has.
            looks: vec![look(100, &[1000 + gap_us])],
        };
        assert!(windows(119.0, 100).lateness().passed());
        assert!(!windows(121.0, 100).lateness().passed());
        // And where it allows nothing, nothing passes.
        assert!(!windows(1.0, 201).lateness().passed());
    }
}
