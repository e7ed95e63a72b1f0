//! The send delay of requests, and whether their arrivals are a Poisson stream.
//!
//! The bound holds on an idle CPU, so the check first measures whether it is idle. Before and after each window a thread on
//! the client's CPU only reads the clock. A gap between two readings is time that another process had. A window counts if the
//! CPU was idle before and after it.
//!
//! If too few windows count, hybrid pacing is compared with what the CPU allows: the send delay of a client that never sleeps.
//! That client has windows of its own beside the others, before and after them in turn. A shared CPU changes from second to
//! second, so each window is compared with its neighbor. Which of the two rules applies does not depend on the send delay of
//! hybrid pacing.
//!
//! The bound is a p99 of at most 20 µs, written as a share: at most one request in a hundred is sent later. Shares of two
//! clients can be subtracted. A p99 jumps when the share goes from 0.9 to 1.1 %.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use loadgen::cpu::pin_thread;
use loadgen::{Arrivals, Outcome, Pacing, Plan};

use super::bench::{Bench, median, open};
use super::finding::Finding;
use super::server::{Behavior, ReferenceServer};

const RATE_PER_S: f64 = 10_000.0;
const WARMUP: Duration = Duration::from_millis(300);
/// Some 5,000 requests.
const WINDOW: Duration = Duration::from_millis(500);
/// The number of windows on an idle CPU that are wanted.
const WANTED: usize = 10;
/// The time limit for these windows.
const TIME_MOST: Duration = Duration::from_secs(45);
/// With fewer windows on an idle CPU, the others are judged.
const LEAST: usize = 5;
/// How long the clock is read before and after a window.
const PROBE: Duration = Duration::from_millis(100);
/// Two readings of the clock are tens of nanoseconds apart. With this much between them, another process ran.
const GAP_LEAST: Duration = Duration::from_micros(10);
/// A CPU is idle if other processes have at most this share of the time. The p99 is about the latest request in a hundred; this
/// would be half of those.
const STOLEN_MOST: f64 = 0.005;
/// If more than this share of the requests of a client that never sleeps are late, the check is inconclusive.
const SPIN_LATE_MOST: f64 = 0.1;

/// A request with a longer send delay is late.
const LATE_NS: u64 = 20_000;
/// At most this share of the requests may be late.
const LATE_MOST: f64 = 0.01;

pub(super) fn pacing(bench: &Bench<'_>) -> Result<Vec<Finding>> {
    let server = ReferenceServer::start(Behavior::Echo, bench.placement.server_cpu)?;
    let hybrid = Plan {
        load: open(RATE_PER_S, Arrivals::Poisson, Pacing::Hybrid),
        warmup: WARMUP,
        duration: WINDOW,
        // Merging slices takes a CPU for up to a millisecond, once per second, so it must not fall into so short a window.
        slice: Some(WINDOW),
        ..bench.plan(&server)
    };
    let spin = Plan {
        load: open(RATE_PER_S, Arrivals::Poisson, Pacing::Spin),
        // A planted fault must not change what the CPU allows.
        fault: None,
        ..hybrid.clone()
    };
    let spin_late = || bench.run(&spin).map(|outcome| late_share(&outcome));
    let mut windows = Windows::default();
    let mut arrivals = None;
    let began = Instant::now();
    let mut before = stolen_share(bench.placement.client_cpu);
    while windows.idle.len() < WANTED && began.elapsed() < TIME_MOST {
        let goes_first = before > STOLEN_MOST && windows.others.len() % 2 == 1;
        let earlier = goes_first.then(spin_late).transpose()?;
        let outcome = bench.run(&hybrid)?;
        let after = stolen_share(bench.placement.client_cpu);
        let late = late_share(&outcome);
        if before.max(after) <= STOLEN_MOST {
            windows.idle.push(late);
        } else {
            let spin_late = earlier.map_or_else(spin_late, Ok)?;
            windows.others.push(Beside { late, spin_late });
        }
        windows.stolen.push(after);
        before = after;
        // The schedule is the same in each window.
        arrivals = arrivals.or(outcome.report.checks.arrivals);
    }
    let arrivals = arrivals.context("too few requests were sent")?;
    Ok(vec![
        windows.send_delay(),
        Finding::at_most(
            "Anderson–Darling statistic of the gaps",
            "",
            arrivals.anderson_darling,
            // One true stream in twenty exceeds it, and the seed is fixed.
            schema::load::Arrivals::ANDERSON_DARLING_MOST,
        ),
        Finding::at_most(
            "correlation of neighboring gaps",
            "",
            arrivals.lag1.abs(),
            arrivals.lag1_most(),
        ),
    ])
}

/// The share of the requests that were sent late.
fn late_share(outcome: &Outcome) -> f64 {
    let delays = &outcome.times.send_delay;
    let in_time = delays.count_between(0, LATE_NS).min(delays.len());
    // A client that was stopped for a whole window has sent nothing in it.
    1.0 - in_time as f64 / (delays.len() as f64).max(1.0)
}

/// The shares of late requests of two neighboring windows.
#[derive(Debug, Clone, Copy)]
struct Beside {
    late: f64,
    /// That of the client that never sleeps.
    spin_late: f64,
}

/// The share of late requests in each window, and how busy the CPU was between them.
#[derive(Debug, Default)]
struct Windows {
    /// Windows of hybrid pacing with an idle CPU before and after.
    idle: Vec<f64>,
    /// The other windows.
    others: Vec<Beside>,
    /// The share of the time that other processes had the CPU, between windows.
    stolen: Vec<f64>,
}

impl Windows {
    /// Judges the windows on an idle CPU. If there are too few, judges the others by what the CPU allows.
    fn send_delay(&self) -> Finding {
        const WHAT: &str = "send delay above 20 µs, 10,000/s, hybrid";
        let (idle, all) = (self.idle.len(), self.idle.len() + self.others.len());
        if idle >= LEAST {
            let what = format!("{WHAT}, median of the {idle} of {all} windows on an idle CPU");
            return Finding::at_most(what, "%", median(&self.idle) * 100.0, LATE_MOST * 100.0);
        }
        let of_others =
            |share: fn(&Beside) -> f64| median(&self.others.iter().map(share).collect::<Vec<_>>());
        let (late, spin_late) = (of_others(|it| it.late), of_others(|it| it.spin_late));
        let more = of_others(|it| it.late - it.spin_late);
        let what = format!(
            "{WHAT}, less that of a client that never sleeps, median of {} windows ({:.3} % and {:.3} %; other processes had \
             the CPU for {:.2} % of the time; it was idle in {idle} further windows)",
            self.others.len(),
            late * 100.0,
            spin_late * 100.0,
            median(&self.stolen) * 100.0
        );
        if spin_late > SPIN_LATE_MOST {
            return Finding::inconclusive(
                what,
                format!("{:.3} %, inconclusive", more * 100.0),
                "a CPU of its own; run it on two idle CPUs",
            );
        }
        Finding::at_most(what, "%", more * 100.0, LATE_MOST * 100.0)
    }
}

/// The share of the time that other processes had this CPU.
fn stolen_share(cpu: Option<usize>) -> f64 {
    let probe = move || {
        // If the CPU can't be used, the load itself reports it.
        let _ = cpu.map(pin_thread);
        let began = Instant::now();
        let (mut last, mut stolen) = (began, Duration::ZERO);
        while last - began < PROBE {
            let now = Instant::now();
            if now - last >= GAP_LEAST {
                stolen += now - last;
            }
            last = now;
        }
        stolen.as_secs_f64() / (last - began).as_secs_f64()
    };
    thread::spawn(probe)
        .join()
        .expect("reading the clock does not panic")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_on_an_idle_cpu_are_judged_by_the_bound() {
        const OTHER: Beside = Beside {
            late: 1.0,
            spin_late: 0.0,
        };
        let windows = |late| Windows {
            idle: vec![late; LEAST],
            others: vec![OTHER; 100],
            stolen: vec![0.0],
        };
        assert!(windows(0.0099).send_delay().passed());
        assert!(!windows(0.0101).send_delay().passed());
    }

    #[test]
    fn other_windows_are_judged_by_what_the_cpu_allows() {
        let windows = |late, spin_late| Windows {
            idle: vec![0.0; LEAST - 1],
            others: vec![Beside { late, spin_late }; 100],
            stolen: vec![0.02],
        };
        assert!(windows(0.0299, 0.02).send_delay().passed());
        assert!(!windows(0.0301, 0.02).send_delay().passed());
        // Where the CPU allows too little, the check is inconclusive.
        assert!(!windows(0.0, 0.11).send_delay().passed());
    }

    #[test]
    fn a_window_is_compared_with_its_neighbor() {
        // The CPU becomes busier and busier, for both.
        let others = (0..100).map(|number| {
            let spin_late = f64::from(number) / 2_000.0;
            Beside {
                late: spin_late + 0.0101,
                spin_late,
            }
        });
        let windows = Windows {
            others: others.collect(),
            ..Windows::default()
        };
        assert!(!windows.send_delay().passed());
    }
}
