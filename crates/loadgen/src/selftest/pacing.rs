//! How late requests leave, and whether what is due is a Poisson stream.
//!
//! The bound is one for an idle processor, so whether it was idle is found out first: before and after each window a thread
//! on the client's processor does nothing but read the clock, and what is missing between two readings is what the machine
//! did with the processor instead. A window between two such looks counts if both found it idle; the rule was written down
//! before any window was made, and looks at no lateness.

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
const WINDOW: Duration = Duration::from_secs(1);
/// So many windows are wanted that count,
const WANTED: usize = 10;
/// but no more time than this is given to them,
const TIME_MOST: Duration = Duration::from_secs(45);
/// and with fewer than this all are judged.
const LEAST: usize = 5;
/// How long the processor is looked at before and after a window.
const LOOK: Duration = Duration::from_millis(100);
/// Two readings of the clock are tens of nanoseconds apart; with so much between them, somebody else ran.
const GAP_LEAST: Duration = Duration::from_micros(10);
/// A processor is idle if no more than this share of the time goes to others. The p99 of lateness is about the latest one in
/// a hundred, of whom these would be half.
const AWAY_MOST: f64 = 0.005;

const LATENESS_P99_MOST_US: f64 = 20.0;
/// What the Anderson–Darling statistic stays below for 19 of 20 true Poisson streams; the seed is fixed.
const ANDERSON_DARLING_MOST: f64 = 1.321;

pub(super) fn pacing(bench: &Bench<'_>) -> Result<Vec<Finding>> {
    let server = KnownServer::start(Manner::Echo, bench.places.server_cpu)?;
    let mut plan = bench.plan(&server);
    plan.load = open(RATE_PER_S, Arrivals::Poisson, Pacing::Hybrid);
    plan.duration = WINDOW;
    let look = || away_share(bench.places.client_cpu);
    let (mut counted_us, mut set_aside_us) = (Vec::new(), Vec::new());
    let (mut arrivals, mut away) = (None, Vec::new());
    let began = Instant::now();
    let mut before = look();
    while counted_us.len() < WANTED && began.elapsed() < TIME_MOST {
        let report = bench.run(&plan)?.report;
        let after = look();
        // Who was held up for so much of a window that it has no p99 was late by as much.
        let p99 = report
            .lateness_us
            .and_then(|lateness| lateness.p99)
            .unwrap_or(WINDOW.as_secs_f64() * 1e6);
        if before.max(after) <= AWAY_MOST {
            counted_us.push(p99);
        } else {
            set_aside_us.push(p99);
        }
        before = after;
        away.push(after);
        // The schedule is the same in each window.
        arrivals = arrivals.or(report.checks.arrivals);
    }
    let arrivals = arrivals.context("too few requests were sent")?;
    let lag1_most = 3.0 / (arrivals.gaps as f64).sqrt();
    Ok(vec![
        lateness(&counted_us, &set_aside_us, &away),
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

/// The windows that count are judged, or all of them, if those are too few: the machine only ever adds to a lateness.
fn lateness(counted_us: &[f64], set_aside_us: &[f64], away: &[f64]) -> Finding {
    let (counted, aside) = (counted_us.len(), set_aside_us.len());
    let (judged_us, which) = if counted < LEAST {
        let all = [counted_us, set_aside_us].concat();
        (all, "none set aside, since the processor was idle in too few")
    } else {
        (counted_us.to_vec(), "those in which the processor was idle")
    };
    let what = format!(
        "lateness p99 at 10,000/s, hybrid, median of {} of {} windows of a second ({which}; others had it for {:.2} % of the \
         time)",
        judged_us.len(),
        counted + aside,
        median(away) * 100.0
    );
    Finding::at_most(what, "µs", median(&judged_us), LATENESS_P99_MOST_US)
}

/// The share of the time that this processor did something else than read the clock.
fn away_share(cpu: Option<usize>) -> f64 {
    let look = move || {
        if let Some(cpu) = cpu {
            let mut set = CpuSet::new();
            // A processor that can't be had is told by the load itself.
            let _ = set
                .set(cpu)
                .and_then(|()| sched_setaffinity(Pid::from_raw(0), &set));
        }
        let began = Instant::now();
        let (mut last, mut away) = (began, Duration::ZERO);
        while last - began < LOOK {
            let now = Instant::now();
            if now - last >= GAP_LEAST {
                away += now - last;
            }
            last = now;
        }
        away.as_secs_f64() / (last - began).as_secs_f64()
    };
    thread::spawn(look)
        .join()
        .expect("to read the clock does not panic")
}
