//! Waiting times before a server that serves one request after the other, beside those of queueing theory.
//!
//! Trials are many and short. A trial is excluded if the machine interrupted one of the two sides: if the clock of one side
//! shows a gap of more than [`GAP_MOST`]. While a virtual CPU is taken away, every request behind it waits, and that is no
//! wait of the queue. The rule was fixed beforehand. It looks at clocks and never at a wait.
//!
//! A short trial begins with an empty queue and has few requests. So its waits are not those of the formula, but those of its
//! own arrivals and service times, by Lindley's recursion. Two values are compared with theory: the measured waits with those
//! of the recursion, and those of the recursion on the whole schedule with the formula.

use std::time::{Duration, Instant};

use anyhow::Result;
use loadgen::{Arrivals, Pacing, Plan, Work, arrivals};

use super::bench::{Bench, open, ping};
use super::finding::Finding;
use super::server::{Behavior, ReferenceServer};
use super::service_log::ServiceLog;
use super::theory;

/// The service time: much longer than everything else that a request takes.
pub(super) const SERVICE: Duration = Duration::from_micros(200);
const SERVICE_US: f64 = 200.0;
/// What a request costs a reference server in addition to its spinning, roughly.
const OVERHEAD_US: f64 = 12.0;

/// So short that half of the trials have no interruption where the two CPUs have thirty per second together.
const LENGTH: Duration = Duration::from_millis(20);
/// A trial counts if no gap in the clock of either side was longer than this, without the service time asked for.
const GAP_MOST: Duration = Duration::from_micros(150);
/// The number of trials that have to count, at each rate.
const WANTED: usize = 300;
/// The time limit for these trials, where most are excluded.
const TIME_MOST: Duration = Duration::from_secs(120);
/// With fewer trials that count, the check is inconclusive.
const LEAST: usize = 100;

/// The round trip, which is what a request takes in addition to its wait and its service, drifts with the machine and its
/// load. So one trial in so many measures it, at the same rate, with uniform arrivals and equal service times: each request
/// finds the server idle, and none waits unless there is an interruption. Interruptions too short to exclude a trial are in
/// both kinds of trials. So the round trip is computed as the wait is: from means, less the wait by Lindley's recursion.
const ROUND_TRIP_EVERY: u64 = 4;

/// Utilizations, and how near to theory the mean wait has to be.
const UTILIZATIONS: [(f64, f64); 2] = [(0.5, 0.03), (0.8, 0.05)];

/// The rate that keeps the server busy for about this share of the time.
pub(super) fn rate_per_s(utilization: f64) -> f64 {
    utilization * 1e6 / (SERVICE_US + OVERHEAD_US)
}

pub(super) fn fixed(bench: &Bench<'_>) -> Result<Vec<Finding>> {
    let theory = Theory {
        mean_wait_us: theory::mean_wait_fixed,
        // All service times are equal.
        services_us: |requests, mean_us| vec![mean_us; requests],
    };
    bench.waits(Behavior::Fixed(SERVICE), |_| ping(), &theory)
}

pub(super) fn exponential(bench: &Bench<'_>) -> Result<Vec<Finding>> {
    let theory = Theory {
        // The overhead of a request is fixed.
        mean_wait_us: |per_us, mean_us| {
            theory::mean_wait_exponential(per_us, SERVICE_US, mean_us - SERVICE_US)
        },
        services_us: |requests, mean_us| {
            let times = exponential_work(0).times(requests).into_iter();
            times.map(|us| us as f64 + mean_us - SERVICE_US).collect()
        },
    };
    bench.waits(Behavior::AsAsked, exponential_work, &theory)
}

/// Each trial has its own seed: otherwise all would have the same few service times.
fn exponential_work(seed: u64) -> Work {
    let text = format!(
        "[[operation]]\nop = \"spin\"\ntimes = {{ distribution = \"exponential\", mean = {SERVICE_US} }}"
    );
    Work::mix(&text, seed).expect("the mix is well formed")
}

/// What theory expects of a queue, in two ways.
struct Theory {
    /// The mean wait, given the requests per microsecond and the mean service time.
    mean_wait_us: fn(f64, f64) -> f64,
    /// The service times of the first requests of a schedule, given their mean.
    services_us: fn(usize, f64) -> Vec<f64>,
}

/// A run of an open loop against a queue.
#[derive(Debug)]
struct Trial {
    mean_us: f64,
    /// The longest gap between two readings of the client's clock.
    client_gap: Duration,
    /// The times of the server.
    server: ServiceLog,
    /// When each request was due.
    due_us: Vec<f64>,
}

/// Sums over all requests of the trials that count.
#[derive(Debug, Default)]
struct Judged {
    trials: usize,
    excluded: usize,
    requests: f64,
    latency_us: f64,
    service_us: f64,
    /// The wait by Lindley's recursion.
    sample_wait_us: f64,
    /// The round trip, from each of the trials that measure it.
    round_trips_us: Vec<f64>,
}

impl Bench<'_> {
    fn waits(&self, behavior: Behavior, work: fn(u64) -> Work, theory: &Theory) -> Result<Vec<Finding>> {
        let mut findings = Vec::new();
        for (utilization, tolerance) in UTILIZATIONS {
            let rate_per_s = rate_per_s(utilization);
            let judged = self.judge(behavior, work, rate_per_s)?;
            findings.extend(judged.findings(rate_per_s, theory, tolerance));
        }
        Ok(findings)
    }

    /// Runs trials until enough of them count, or until the time limit.
    fn judge(&self, behavior: Behavior, work: fn(u64) -> Work, rate_per_s: f64) -> Result<Judged> {
        let mut judged = Judged::default();
        let began = Instant::now();
        let mut seeds = 0..;
        while judged.trials < WANTED && began.elapsed() < TIME_MOST {
            let seed = seeds.next().expect("there is always another number");
            if seed % ROUND_TRIP_EVERY == 0 {
                let evenly = Arrivals::Uniform;
                let round_trip =
                    self.trial(Behavior::Fixed(SERVICE), ping(), evenly, rate_per_s, seed, LENGTH)?;
                judged.take_round_trip(&round_trip);
            }
            let trial = self.trial(behavior, work(seed), Arrivals::Poisson, rate_per_s, seed, LENGTH)?;
            judged.take(&trial);
        }
        Ok(judged)
    }

    /// The client never sleeps here. A client that sleeps wakes up later when it is seldom woken, so waits would look shorter
    /// under more load.
    fn trial(
        &self,
        behavior: Behavior,
        work: Work,
        arrivals: Arrivals,
        rate_per_s: f64,
        seed: u64,
        duration: Duration,
    ) -> Result<Trial> {
        let server = ReferenceServer::start(behavior, self.placement.server_cpu)?;
        let plan = Plan {
            work,
            seed,
            // At ρ = 0.8 one request in a million waits for a connection: the queue is in front of the server.
            connections: 64,
            warmup: Duration::ZERO,
            duration,
            load: open(rate_per_s, arrivals, Pacing::Spin),
            ..self.plan(&server)
        };
        let outcome = self.run(&plan)?;
        // A client that was stopped for a whole trial has sent nothing in it.
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
            server: server.log()?,
            due_us: arrivals::due_us(arrivals, rate_per_s, seed, duration),
        })
    }
}

impl Trial {
    /// Whether the machine took the CPU away from one of the sides.
    fn was_interrupted(&self) -> bool {
        let services = self.server.services().iter();
        let overheads = services.map(|service| service.took.saturating_sub(service.asked));
        overheads
            .chain([self.client_gap, self.server.longest_gap()])
            .any(|gap| gap > GAP_MOST)
    }

    fn took_us(&self) -> Vec<f64> {
        let services = self.server.services().iter();
        services.map(|service| service.took.as_secs_f64() * 1e6).collect()
    }

    /// The mean wait of its arrivals and service times, by Lindley's recursion.
    fn sample_wait_us(&self) -> f64 {
        theory::mean_wait_of_sample(&self.due_us, &self.took_us())
    }

    fn mean_service_us(&self) -> f64 {
        let took_us = self.took_us();
        took_us.iter().sum::<f64>() / took_us.len() as f64
    }
}

impl Judged {
    fn take_round_trip(&mut self, trial: &Trial) {
        if !trial.was_interrupted() {
            let round_trip_us = trial.mean_us - trial.mean_service_us() - trial.sample_wait_us();
            self.round_trips_us.push(round_trip_us);
        }
    }

    fn take(&mut self, trial: &Trial) {
        if trial.was_interrupted() {
            self.excluded += 1;
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
        /// With so many arrivals, the random error of the mean wait is at most a hundredth.
        const ARRIVALS: f64 = 4e6;
        let judged = format!("{} trials, {} more excluded", self.trials, self.excluded);
        let (per_us, service_us) = (rate_per_s / 1e6, self.service_us / self.requests);
        let utilization = per_us * service_us;
        // It is not a number if there are no requests.
        if self.trials < LEAST || self.round_trips_us.is_empty() || utilization >= 1.0 {
            return vec![Finding::inconclusive(
                format!("mean wait at {rate_per_s:.0}/s (ρ = {utilization:.3})"),
                format!("inconclusive: {judged}"),
                format!(
                    "at least {LEAST} trials without a gap of {GAP_MOST:?} in any clock; run it on two idle CPUs"
                ),
            )];
        }
        let expected_us = (theory.mean_wait_us)(per_us, service_us);
        let length = Duration::from_secs_f64(ARRIVALS / rate_per_s);
        let due_us = arrivals::due_us(Arrivals::Poisson, rate_per_s, 0, length);
        let took_us = (theory.services_us)(due_us.len(), service_us);
        let schedule_us = theory::mean_wait_of_sample(&due_us, &took_us);
        let round_trip_us = self.round_trips_us.iter().sum::<f64>() / self.round_trips_us.len() as f64;
        let measured_us = self.latency_us / self.requests - service_us - round_trip_us;
        let sample_us = self.sample_wait_us / self.requests;
        vec![
            Finding::near(
                format!(
                    "mean wait at ρ = {utilization:.3} ({measured_us:.1} µs in {judged}; {sample_us:.1} µs by their own arrivals)"
                ),
                "µs",
                measured_us * expected_us / sample_us,
                expected_us,
                tolerance,
            ),
            Finding::near(
                format!("mean wait of {} arrivals of the schedule", due_us.len()),
                "µs",
                schedule_us,
                expected_us,
                tolerance,
            ),
        ]
    }
}
