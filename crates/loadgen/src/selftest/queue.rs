//! Waits before a server that takes one request after the other, beside those that queueing theory expects.
//!
//! Trials are many and short, and those in which the machine held up one of the two sides are set aside, by a rule that was
//! written down before any was made: one side's own clock shows a gap of more than [`GAP_MOST`]. A virtual processor that
//! is taken away makes everybody wait who is behind it, and that is no wait of the queue's. The rule looks at clocks and
//! never at a wait.
//!
//! A short trial begins with an empty queue, and has few requests, so its waits are not those of the formula but those of
//! its own arrivals and service times, by Lindley's recursion. Two things are held to theory: that what was measured is what
//! Lindley's recursion makes of the trials, and that the recursion makes of the schedule what the formula says.

use std::time::{Duration, Instant};

use anyhow::Result;
use loadgen::{Arrivals, Pacing, Plan, Work, arrivals};

use super::account::Account;
use super::finding::Finding;
use super::server::{KnownServer, Manner};
use super::{Bench, open, ping, theory};

/// How long a request takes: much longer than all that is not its service.
pub(super) const SERVICE: Duration = Duration::from_micros(200);
const SERVICE_US: f64 = 200.0;
/// What a request costs a known server besides what it is told to spin for, roughly.
const BESIDES_US: f64 = 12.0;

/// Short enough that half of them have no interruption in them where the two processors have thirty a second together.
const LENGTH: Duration = Duration::from_millis(20);
/// A trial counts if no gap in either side's clock was longer than this, beyond the service that was asked for.
const GAP_MOST: Duration = Duration::from_micros(150);
/// So many trials are wanted at each rate, of those that count,
const WANTED: usize = 300;
/// but no more time than this is given to them, where most are set aside,
const TIME_MOST: Duration = Duration::from_secs(120);
/// and with fewer than this nothing is said.
const LEAST: usize = 100;

/// What a request takes besides its wait and its service, the way there and back, drifts with the machine and with how much
/// it has to do. So one trial in so many finds it anew, at the same rate, with requests that fall due evenly and all take as
/// long: each finds the one before it done, and none waits but for an interruption. What the machine adds that is too short
/// for a trial to be set aside is in both, so the way is found as the wait is: from means, less what Lindley's recursion
/// makes of the trial.
const WAY_EVERY: u64 = 4;

/// Utilisations, and how near to theory the mean wait has to be.
const UTILISATIONS: [(f64, f64); 2] = [(0.5, 0.03), (0.8, 0.05)];

/// The rate that keeps the server busy for about this share of the time.
pub(super) fn rate_per_s(utilisation: f64) -> f64 {
    utilisation * 1e6 / (SERVICE_US + BESIDES_US)
}

pub(super) fn fixed(bench: &Bench<'_>) -> Result<Vec<Finding>> {
    let theory = Theory {
        mean_wait_us: theory::mean_wait_fixed,
        // All of it is the same for all.
        services_us: |requests, mean_us| vec![mean_us; requests],
    };
    bench.waits(Manner::Fixed(SERVICE), |_| ping(), &theory)
}

pub(super) fn exponential(bench: &Bench<'_>) -> Result<Vec<Finding>> {
    let theory = Theory {
        // What a request costs besides its spinning is the same for all.
        mean_wait_us: |per_us, mean_us| {
            theory::mean_wait_exponential(per_us, SERVICE_US, mean_us - SERVICE_US)
        },
        services_us: |requests, mean_us| {
            let times = exponential_work(0).times(requests).into_iter();
            times.map(|us| us as f64 + mean_us - SERVICE_US).collect()
        },
    };
    bench.waits(Manner::AsAsked, exponential_work, &theory)
}

/// Another seed for each trial, or all of them would be of the same few times.
fn exponential_work(seed: u64) -> Work {
    let text = format!(
        "[[operation]]\nop = \"spin\"\ntimes = {{ distribution = \"exponential\", mean = {SERVICE_US} }}"
    );
    Work::mix(&text, seed).expect("the mix is well formed")
}

/// What is expected of a queue, in two ways.
struct Theory {
    /// The mean wait, given requests a microsecond and the mean service.
    mean_wait_us: fn(f64, f64) -> f64,
    /// How long the first requests of a schedule take, given the mean service.
    services_us: fn(usize, f64) -> Vec<f64>,
}

/// A run of an open loop against a queue.
#[derive(Debug)]
struct Trial {
    mean_us: f64,
    /// The longest that the client did not look at its clock.
    client_gap: Duration,
    /// What the server's clock said.
    server: Account,
    /// When each request was due.
    due_us: Vec<f64>,
}

/// The trials that count, added up: sums over all of their requests.
#[derive(Debug, Default)]
struct Judged {
    trials: usize,
    set_aside: usize,
    requests: f64,
    latency_us: f64,
    service_us: f64,
    /// What Lindley's recursion makes of the arrivals and services.
    sample_wait_us: f64,
    /// The way there and back, from each of the trials that find it.
    ways_us: Vec<f64>,
}

impl Bench<'_> {
    fn waits(&self, manner: Manner, work: fn(u64) -> Work, theory: &Theory) -> Result<Vec<Finding>> {
        let mut findings = Vec::new();
        for (utilisation, tolerance) in UTILISATIONS {
            let rate_per_s = rate_per_s(utilisation);
            let judged = self.judge(manner, work, rate_per_s)?;
            findings.extend(judged.findings(rate_per_s, theory, tolerance));
        }
        Ok(findings)
    }

    /// Makes trials until there are enough that count, or their time is up.
    fn judge(&self, manner: Manner, work: fn(u64) -> Work, rate_per_s: f64) -> Result<Judged> {
        let mut judged = Judged::default();
        let began = Instant::now();
        let mut seeds = 0..;
        while judged.trials < WANTED && began.elapsed() < TIME_MOST {
            let seed = seeds.next().expect("there is always another number");
            if seed % WAY_EVERY == 0 {
                let evenly = Arrivals::Uniform;
                let way = self.trial(Manner::Fixed(SERVICE), ping(), evenly, rate_per_s, seed, LENGTH)?;
                judged.take_way(&way);
            }
            let trial = self.trial(manner, work(seed), Arrivals::Poisson, rate_per_s, seed, LENGTH)?;
            judged.take(&trial);
        }
        Ok(judged)
    }

    /// The client never sleeps here: waking up takes it longer when it is seldom woken, which would look like a shorter wait
    /// the more there is to do.
    fn trial(
        &self,
        manner: Manner,
        work: Work,
        arrivals: Arrivals,
        rate_per_s: f64,
        seed: u64,
        duration: Duration,
    ) -> Result<Trial> {
        let server = KnownServer::start(manner, self.places.server_cpu)?;
        let plan = Plan {
            work,
            seed,
            // Nobody waits for a connection, but one in a million where ρ = 0.8: the line is before the server.
            connections: 64,
            warmup: Duration::ZERO,
            duration,
            load: open(rate_per_s, arrivals, Pacing::Spin),
            ..self.plan(&server)
        };
        let outcome = self.run(&plan)?;
        // A client that was held up for the whole of a trial has sent nothing in it.
        let latency = outcome.report.latency_us;
        let mean_us = latency.map_or(0.0, |latency| latency.mean);
        let client_gap = if latency.is_some() {
            outcome.longest_gap
        } else {
            duration
        };
        Ok(Trial {
            mean_us,
            client_gap,
            server: server.account()?,
            due_us: arrivals::due_us(arrivals, rate_per_s, seed, duration),
        })
    }
}

impl Trial {
    /// Whether the machine took a processor away from one of the sides.
    fn was_held_up(&self) -> bool {
        let services = self.server.services().iter();
        let besides = services.map(|service| service.took.saturating_sub(service.asked));
        besides
            .chain([self.client_gap, self.server.longest_gap()])
            .any(|gap| gap > GAP_MOST)
    }

    fn took_us(&self) -> Vec<f64> {
        let services = self.server.services().iter();
        services.map(|service| service.took.as_secs_f64() * 1e6).collect()
    }

    /// What Lindley's recursion makes of its arrivals and services.
    fn sample_wait_us(&self) -> f64 {
        theory::mean_wait_of(&self.due_us, &self.took_us())
    }

    fn mean_service_us(&self) -> f64 {
        let took_us = self.took_us();
        took_us.iter().sum::<f64>() / took_us.len() as f64
    }
}

impl Judged {
    fn take_way(&mut self, trial: &Trial) {
        if !trial.was_held_up() {
            let way_us = trial.mean_us - trial.mean_service_us() - trial.sample_wait_us();
            self.ways_us.push(way_us);
        }
    }

    fn take(&mut self, trial: &Trial) {
        if trial.was_held_up() {
            self.set_aside += 1;
            return;
        }
        let requests = trial.server.services().len() as f64;
        self.trials += 1;
        self.requests += requests;
        self.latency_us += trial.mean_us * requests;
        self.service_us += trial.mean_service_us() * requests;
        self.sample_wait_us += trial.sample_wait_us() * requests;
    }

    fn findings(&self, rate_per_s: f64, theory: &Theory, tolerance: f64) -> Vec<Finding> {
        /// With so many arrivals, chance moves the mean wait by a hundredth at most.
        const ARRIVALS: f64 = 4e6;
        let judged = format!("{} trials, {} more set aside", self.trials, self.set_aside);
        let (per_us, service_us) = (rate_per_s / 1e6, self.service_us / self.requests);
        let utilisation = per_us * service_us;
        // Not a number, if there are no requests.
        if self.trials < LEAST || self.ways_us.is_empty() || utilisation >= 1.0 {
            return vec![Finding::nothing(
                format!("mean wait at {rate_per_s:.0}/s (ρ = {utilisation:.3})"),
                format!("too little to judge by: {judged}"),
                format!(
                    "at least {LEAST} trials in which no clock had a gap of {GAP_MOST:?}: give it two idle processors"
                ),
            )];
        }
        let expected_us = (theory.mean_wait_us)(per_us, service_us);
        let length = Duration::from_secs_f64(ARRIVALS / rate_per_s);
        let due_us = arrivals::due_us(Arrivals::Poisson, rate_per_s, 0, length);
        let took_us = (theory.services_us)(due_us.len(), service_us);
        let schedule_us = theory::mean_wait_of(&due_us, &took_us);
        let way_us = self.ways_us.iter().sum::<f64>() / self.ways_us.len() as f64;
        let measured_us = self.latency_us / self.requests - service_us - way_us;
        let sample_us = self.sample_wait_us / self.requests;
        vec![
            Finding::near(
                format!(
                    "mean wait at ρ = {utilisation:.3} ({measured_us:.1} µs in {judged}; the sample explains {sample_us:.1})"
                ),
                "µs",
                measured_us * expected_us / sample_us,
                expected_us,
                tolerance,
            ),
            Finding::near(
                format!("the same, of {} arrivals of the schedule", due_us.len()),
                "µs",
                schedule_us,
                expected_us,
                tolerance,
            ),
        ]
    }
}
