//! How late requests leave, and whether what is due is a Poisson stream.
//!
//! The bound is one for an idle processor, so whether it was idle is found out first: before and after each window a thread
//! on the client's processor does nothing but read the clock, and what is missing between two readings is what the machine
//! did with the processor instead. A window between two such looks counts if both found it idle. Where too few do, hybrid
//! pacing is held to what the processor allows, which is the lateness of a client that never sleeps, in a window of its own
//! beside each, before it and behind it in turn: a processor that is taken away now and then changes from second to second,
//! so each window is compared with its neighbour. Which of the two rules holds is decided without a look at the lateness of
//! hybrid pacing.
//!
//! That the p99 of lateness is at most 20 µs is said as a share: at most one request in a hundred is later than that. Shares
//! of two clients can be subtracted, while a p99 jumps when what is later comes from 0.9 to 1.1 %.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use loadgen::cpu::pin_thread;
use loadgen::{Arrivals, Outcome, Pacing, Plan};

use super::finding::Finding;
use super::server::{KnownServer, Manner};
use super::{Bench, median, open};

const RATE_PER_S: f64 = 10_000.0;
const WARMUP: Duration = Duration::from_millis(300);
/// Some 5,000 requests.
const WINDOW: Duration = Duration::from_millis(500);
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
/// Where more than this share of the requests of a client that never sleeps are late, there is nothing to be seen.
const SPIN_LATE_MOST: f64 = 0.1;

/// Later than this is late,
const LATE_NS: u64 = 20_000;
/// and no more than this share of the requests may be.
const LATE_MOST: f64 = 0.01;

pub(super) fn pacing(bench: &Bench<'_>) -> Result<Vec<Finding>> {
    let server = KnownServer::start(Manner::Echo, bench.places.server_cpu)?;
    let hybrid = Plan {
        load: open(RATE_PER_S, Arrivals::Poisson, Pacing::Hybrid),
        warmup: WARMUP,
        duration: WINDOW,
        // To put slices together takes a processor for up to a millisecond, once a second, and not within so short a window.
        slice: Some(WINDOW),
        ..bench.plan(&server)
    };
    let spin = Plan {
        load: open(RATE_PER_S, Arrivals::Poisson, Pacing::Spin),
        // What the processor allows is asked of a client without fault.
        fault: None,
        ..hybrid.clone()
    };
    let spin_late = || bench.run(&spin).map(|outcome| late_share(&outcome));
    let mut windows = Windows::default();
    let mut arrivals = None;
    let began = Instant::now();
    let mut before = away_share(bench.places.client_cpu);
    while windows.idle.len() < WANTED && began.elapsed() < TIME_MOST {
        let goes_first = before > AWAY_MOST && windows.others.len() % 2 == 1;
        let earlier = goes_first.then(spin_late).transpose()?;
        let outcome = bench.run(&hybrid)?;
        let after = away_share(bench.places.client_cpu);
        let late = late_share(&outcome);
        if before.max(after) <= AWAY_MOST {
            windows.idle.push(late);
        } else {
            let spin_late = earlier.map_or_else(spin_late, Ok)?;
            windows.others.push(Beside { late, spin_late });
        }
        windows.away.push(after);
        before = after;
        // The schedule is the same in each window.
        arrivals = arrivals.or(outcome.report.checks.arrivals);
    }
    let arrivals = arrivals.context("too few requests were sent")?;
    Ok(vec![
        windows.lateness(),
        Finding::at_most(
            "Anderson–Darling of the gaps",
            "",
            arrivals.anderson_darling,
            // One true stream in twenty is beyond, and the seed is fixed.
            schema::load::Arrivals::ANDERSON_DARLING_MOST,
        ),
        Finding::at_most(
            "correlation of neighbouring gaps",
            "",
            arrivals.lag1.abs(),
            arrivals.lag1_most(),
        ),
    ])
}

/// The share of the requests that left late.
fn late_share(outcome: &Outcome) -> f64 {
    let lateness = &outcome.times.send_delay;
    let in_time = lateness.count_between(0, LATE_NS).min(lateness.len());
    // A client that was held up for the whole of a window has sent nothing in it.
    1.0 - in_time as f64 / (lateness.len() as f64).max(1.0)
}

/// The shares of late requests of two windows in a row.
#[derive(Debug, Clone, Copy)]
struct Beside {
    late: f64,
    /// Of the client that never sleeps.
    spin_late: f64,
}

/// The share of late requests in each window, and what was seen of the processor between them.
#[derive(Debug, Default)]
struct Windows {
    /// Hybrid pacing, where the processor was idle before and after.
    idle: Vec<f64>,
    /// Where it was not.
    others: Vec<Beside>,
    /// The share of the time that others had the processor, in each look.
    away: Vec<f64>,
}

impl Windows {
    /// Those in which the processor was idle are judged; if they are too few the others are, by what the processor allows.
    fn lateness(&self) -> Finding {
        const WHAT: &str = "requests later than 20 µs at 10,000/s, hybrid";
        let (idle, all) = (self.idle.len(), self.idle.len() + self.others.len());
        if idle >= LEAST {
            let what =
                format!("{WHAT}, median of {idle} of {all} windows, those in which the processor was idle");
            return Finding::at_most(what, "%", median(&self.idle) * 100.0, LATE_MOST * 100.0);
        }
        let of_others =
            |share: fn(&Beside) -> f64| median(&self.others.iter().map(share).collect::<Vec<_>>());
        let (late, spin_late) = (of_others(|it| it.late), of_others(|it| it.spin_late));
        let more = of_others(|it| it.late - it.spin_late);
        let what = format!(
            "{WHAT}, more than of a client that never sleeps beside it, median of {} windows ({:.3} % and {:.3} %; others had \
             the processor for {:.2} % of the time, and it was idle in {idle} further windows)",
            self.others.len(),
            late * 100.0,
            spin_late * 100.0,
            median(&self.away) * 100.0
        );
        if spin_late > SPIN_LATE_MOST {
            return Finding::nothing(
                what,
                format!("{:.3} %, which says little", more * 100.0),
                "a processor of its own: give it two idle ones",
            );
        }
        Finding::at_most(what, "%", more * 100.0, LATE_MOST * 100.0)
    }
}

/// The share of the time that this processor did something else than read the clock.
fn away_share(cpu: Option<usize>) -> f64 {
    let look = move || {
        // A processor that can't be had is told by the load itself.
        let _ = cpu.map(pin_thread);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_on_an_idle_processor_are_held_to_the_bound_itself() {
        const OTHER: Beside = Beside {
            late: 1.0,
            spin_late: 0.0,
        };
        let windows = |late| Windows {
            idle: vec![late; LEAST],
            others: vec![OTHER; 100],
            away: vec![0.0],
        };
        assert!(windows(0.0099).lateness().passed());
        assert!(!windows(0.0101).lateness().passed());
    }

    #[test]
    fn windows_on_any_other_are_held_to_what_it_allows() {
        let windows = |late, spin_late| Windows {
            idle: vec![0.0; LEAST - 1],
            others: vec![Beside { late, spin_late }; 100],
            away: vec![0.02],
        };
        assert!(windows(0.0299, 0.02).lateness().passed());
        assert!(!windows(0.0301, 0.02).lateness().passed());
        // And where it allows nothing, nothing passes.
        assert!(!windows(0.0, 0.11).lateness().passed());
    }

    #[test]
    fn a_window_is_compared_with_its_neighbour() {
        // The processor becomes worse and worse, for both.
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
        assert!(!windows.lateness().passed());
    }
}
