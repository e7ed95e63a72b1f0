//! The load generator against servers whose behaviour is known: what theory says beside what was measured.
//!
//! Each check is named after what it asks, has its tolerance written down beforehand, and can fail: `--plant` puts a fault
//! into the load generator that one of them has to find.

pub(crate) mod server;
mod theory;

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Context, Result};
use loadgen::report::{LoopKind, Quantiles};
use loadgen::{Arrivals, Load, Outcome, Pacing, Params, Plan, Report, Work};

use server::{KnownServer, Manner, Spoil};

/// Where the two sides run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places {
    pub(crate) server_cpu: Option<usize>,
    pub(crate) client_cpu: Option<usize>,
}

/// What all checks have in common.
#[derive(Debug)]
pub(crate) struct Bench<'a> {
    pub(crate) places: Places,
    pub(crate) fault: Option<loadgen::plan::Fault>,
    pub(crate) cancel: &'a AtomicBool,
}

/// A figure beside what it should be.
#[derive(Debug)]
pub(crate) struct Finding {
    what: String,
    measured: String,
    expected: String,
    passed: bool,
}

/// A question to the load generator.
pub(crate) struct Check {
    pub(crate) name: &'static str,
    /// What has to be so.
    pub(crate) claim: &'static str,
    pub(crate) run: fn(&Bench<'_>) -> Result<Vec<Finding>>,
}

/// All of them, with the numbers of the requirements that they hold the load generator to (docs/METHODOLOGY.md).
pub(crate) const CHECKS: [Check; 9] = [
    Check {
        name: "stall",
        claim: "a stall of the server is seen by all that fell due in it, with 1 connection as with 1,000",
        run: stall,
    },
    Check {
        name: "pacing",
        claim: "requests leave when they are due, which is as a Poisson stream",
        run: pacing,
    },
    Check {
        name: "little",
        claim: "Little's law holds, and a closed loop keeps all its connections busy",
        run: little,
    },
    Check {
        name: "queue-fixed",
        claim: "waits are those of an M/D/1 queue",
        run: queue_fixed,
    },
    Check {
        name: "queue-exponential",
        claim: "waits are those of an M/M/1 queue",
        run: queue_exponential,
    },
    Check {
        name: "loops",
        claim: "an open loop shows the waiting that a closed one hides, and a result says which it is",
        run: loops,
    },
    Check {
        name: "headroom",
        claim: "a result that is the client's own limit is marked as such",
        run: headroom,
    },
    Check {
        name: "histogram",
        claim: "a percentile is within a thousandth of an exact sort",
        run: histogram,
    },
    Check {
        name: "replies",
        claim: "every reply that is corrupted, swapped or dropped is caught, and all requests add up",
        run: replies,
    },
];

fn stall(bench: &Bench<'_>) -> Result<Vec<Finding>> {
    const STALL: Duration = Duration::from_millis(500);
    const LENGTH: Duration = Duration::from_secs(5);
    let mut findings = Vec::new();
    for connections in [1, 1_000] {
        let manner = Manner::StallsOnce {
            after: Duration::from_secs(2),
            lasts: STALL,
        };
        let outcome = bench.load(manner, |plan| {
            plan.connections = connections;
            plan.duration = LENGTH;
            plan.timeout = Duration::from_secs(3);
            // Evenly, so that as many fall due in the stall as its length says; and few enough that one connection answers
            // the line of those that waited in a time that is small beside it.
            plan.load = open(500.0, Arrivals::Uniform, Pacing::Hybrid);
        })?;
        for quantile in [0.95, 0.99, 0.999] {
            let expected_s = theory::quantile_of_a_stall(quantile, STALL.as_secs_f64(), LENGTH.as_secs_f64());
            let measured_s = outcome.times.latency.value_at_quantile(quantile) as f64 / 1e9;
            let what = format!("connections: {connections}, p{}", quantile * 100.0);
            findings.push(Finding::near(
                what,
                "ms",
                measured_s * 1e3,
                expected_s * 1e3,
                0.03,
            ));
        }
    }
    Ok(findings)
}

fn pacing(bench: &Bench<'_>) -> Result<Vec<Finding>> {
    let outcome = bench.load(Manner::Echo, |plan| {
        plan.load = open(10_000.0, Arrivals::Poisson, Pacing::Hybrid);
        plan.duration = Duration::from_secs(10);
    })?;
    let report = &outcome.report;
    let p99_us = report
        .lateness_us
        .and_then(|lateness| lateness.p99)
        .context("too few requests were sent")?;
    let arrivals = report.checks.arrivals.context("too few requests were sent")?;
    let lag1_most = 3.0 / (arrivals.gaps as f64).sqrt();
    Ok(vec![
        Finding::at_most("lateness p99 at 10,000/s, hybrid", "µs", p99_us, 20.0),
        Finding::at_most(
            "Anderson–Darling of the gaps",
            "",
            arrivals.anderson_darling,
            1.321,
        ),
        Finding::at_most(
            "correlation of neighbouring gaps",
            "",
            arrivals.lag1.abs(),
            lag1_most,
        ),
    ])
}

fn little(bench: &Bench<'_>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let loads = [
        ("closed, 64 × 1", Load::Closed, 1),
        ("closed, 64 × 8", Load::Closed, 8),
        (
            "open, 10,000/s",
            open(10_000.0, Arrivals::Poisson, Pacing::Hybrid),
            1,
        ),
    ];
    for (what, load, pipeline) in loads {
        let outcome = bench.load(Manner::Echo, |plan| {
            plan.load = load;
            plan.pipeline = pipeline;
        })?;
        let little = outcome.report.checks.little.context("nothing was on its way")?;
        findings.push(Finding::near(
            format!("{what}: λW against L"),
            "",
            little.lambda_w,
            little.l,
            0.01,
        ));
        if load == Load::Closed {
            let asked = (64 * pipeline) as f64;
            findings.push(Finding::near(
                format!("{what}: L against what was asked"),
                "",
                little.l,
                asked,
                0.01,
            ));
        }
    }
    Ok(findings)
}

/// How long a request takes in the checks of a queue: much longer than all that is not its service.
const SERVICE: Duration = Duration::from_micros(200);

fn queue_fixed(bench: &Bench<'_>) -> Result<Vec<Finding>> {
    bench.waits(Manner::Fixed(SERVICE), &ping(), theory::mean_wait_fixed)
}

fn queue_exponential(bench: &Bench<'_>) -> Result<Vec<Finding>> {
    let mean_us = SERVICE.as_secs_f64() * 1e6;
    let text = format!(
        "[[operation]]\nop = \"spin\"\ntimes = {{ distribution = \"exponential\", mean = {mean_us} }}"
    );
    let work = Work::mix(&text, 11).expect("the mix is well formed");
    // What a request costs besides its spinning is the same for all.
    bench.waits(Manner::AsAsked, &work, |per_us, service_us| {
        theory::mean_wait_exponential(per_us, mean_us, service_us - mean_us)
    })
}

fn loops(bench: &Bench<'_>) -> Result<Vec<Finding>> {
    let open = bench.queue(Manner::Fixed(SERVICE), 0.8)?;
    let closed = bench.load(Manner::Fixed(SERVICE), |plan| plan.connections = 1)?;
    let closed_us = mean_us(&closed.report)?;
    let names = format!("{:?} and {:?}", open.loop_kind, closed.report.loop_kind);
    Ok(vec![
        Finding::at_least(
            "mean latency of an open loop at ρ = 0.8, by that of a closed one",
            "",
            open.mean_us / closed_us,
            2.0,
        ),
        Finding::same("what the results call themselves", &names, "Open and Closed"),
    ])
}

fn headroom(bench: &Bench<'_>) -> Result<Vec<Finding>> {
    let full = bench.load(Manner::Echo, |plan| plan.pipeline = 4)?;
    let ceiling = full.report.throughput_per_s;
    let limited = |ceiling_per_s: f64, rate: f64| -> Result<bool> {
        let outcome = bench.load(Manner::Echo, |plan| {
            plan.load = open(rate, Arrivals::Poisson, Pacing::Hybrid);
            plan.ceiling_per_s = Some(ceiling_per_s);
        })?;
        Ok(outcome.report.checks.client_limited == Some(true))
    };
    Ok(vec![
        Finding::same(
            "marked at 5,000/s with a ceiling of 1,000,000/s",
            &limited(1e6, 5_000.0)?.to_string(),
            "false",
        ),
        Finding::same(
            "marked at 5,000/s with a ceiling of 6,000/s",
            &limited(6e3, 5_000.0)?.to_string(),
            "true",
        ),
        Finding::at_least("requests/s that the client can do at all", "", ceiling, 1.0),
    ])
}

fn histogram(_: &Bench<'_>) -> Result<Vec<Finding>> {
    let mut exact = Vec::new();
    let mut measured = loadgen::slices::Times::default().latency;
    // Times from microseconds to seconds, as many in each decade.
    for number in 0..1_000_000_u64 {
        let ns = 1_000 + (1_000.0 * (number as f64 / 70_000.0).exp()) as u64;
        exact.push(ns);
        measured.record(ns)?;
    }
    exact.sort_unstable();
    let mut findings = Vec::new();
    for quantile in [0.5, 0.9, 0.99, 0.999, 0.9999] {
        let place = ((exact.len() as f64 * quantile).ceil() as usize).max(1) - 1;
        let (got, wanted) = (
            measured.value_at_quantile(quantile) as f64 / 1e3,
            exact[place] as f64 / 1e3,
        );
        findings.push(Finding::near(
            format!("p{} of a million times", quantile * 100.0),
            "µs",
            got,
            wanted,
            0.001,
        ));
    }
    let quantiles = Quantiles::of(&measured).context("the histogram is empty")?;
    let inside = quantiles.p50 >= Some(quantiles.min) && quantiles.p9999 <= Some(quantiles.max);
    findings.push(Finding::same(
        "percentiles lie between least and most",
        &inside.to_string(),
        "true",
    ));
    Ok(findings)
}

fn replies(bench: &Bench<'_>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (what, how, pipeline) in [
        ("corrupted", Spoil::Corrupts, 1),
        ("swapped", Spoil::Swaps, 4),
        ("dropped", Spoil::Drops, 1),
    ] {
        // Often enough that one reply in a thousand can't be all that is missed; a drop costs its connection a timeout.
        let every = match how {
            Spoil::Corrupts => 3,
            Spoil::Swaps => 10,
            Spoil::Drops => 5_000,
        };
        let server = KnownServer::start(Manner::Spoils { every, how }, bench.places.server_cpu)?;
        let mut plan = bench.plan(&server);
        // Everything counts.
        plan.warmup = Duration::ZERO;
        plan.connections = 8;
        plan.pipeline = pipeline;
        plan.timeout = Duration::from_millis(300);
        let report = bench.run(&plan)?.report;
        let counts = report.requests;
        let caught = if how == Spoil::Drops {
            counts.timeout
        } else {
            counts.wrong
        };
        findings.push(Finding::same(
            format!("{what} replies that were caught"),
            &caught.to_string(),
            &server.spoiled().to_string(),
        ));
        if how == Spoil::Swaps {
            let (got, held) = (counts.timeout.to_string(), server.held().to_string());
            findings.push(Finding::same(
                "replies held back at the end, found missing",
                &got,
                &held,
            ));
        }
        findings.push(Finding::same(
            format!("requests add up ({what})"),
            &counts.add_up().to_string(),
            "true",
        ));
        findings.push(Finding::at_least(
            format!("replies that were {what}"),
            "",
            server.spoiled() as f64,
            1.0,
        ));
    }
    Ok(findings)
}

/// A run of an open loop against a queue.
#[derive(Debug)]
struct Trial {
    /// The rate that was offered, in requests a microsecond.
    per_us: f64,
    mean_us: f64,
    median_us: f64,
    /// How late the latest request was sent.
    latest_us: f64,
    /// How long the server was busy with each request, by its own clock.
    services_us: Vec<f64>,
    /// When each request was due.
    due_us: Vec<f64>,
    loop_kind: LoopKind,
}

impl Bench<'_> {
    fn plan(&self, server: &KnownServer) -> Plan {
        Plan {
            warmup: Duration::from_millis(500),
            duration: Duration::from_secs(3),
            cpus: self.places.client_cpu.into_iter().collect(),
            fault: self.fault,
            ..Plan::closed_loop(server.address(), 64, ping())
        }
    }

    fn run(&self, plan: &Plan) -> Result<Outcome> {
        let outcome = loadgen::run(plan, self.cancel, &mut ())?;
        if let Some(reason) = &outcome.report.ended_early {
            anyhow::bail!("the run ended early: {reason}");
        }
        Ok(outcome)
    }

    /// A load on a server of this manner, with what is to be changed of the usual plan.
    fn load(&self, manner: Manner, change: impl FnOnce(&mut Plan)) -> Result<Outcome> {
        let server = KnownServer::start(manner, self.places.server_cpu)?;
        let mut plan = self.plan(&server);
        change(&mut plan);
        self.run(&plan)
    }

    /// The mean waits before a server, beside those that a formula of the rate and the mean service time expects.
    ///
    /// Trials are many and short, and those in which the machine held up one of the two sides are set aside: a processor
    /// that is taken away for milliseconds, as a virtual machine's may be every second, makes everybody behind it wait.
    fn waits(&self, manner: Manner, work: &Work, formula: impl Fn(f64, f64) -> f64) -> Result<Vec<Finding>> {
        const TRIALS: u64 = 60;
        const LENGTH: Duration = Duration::from_millis(500);
        // What a request that finds nobody before it takes besides its service: the way there and back.
        let alone = self.trial(
            manner,
            &ping(),
            Arrivals::Uniform,
            500.0,
            0,
            Duration::from_secs(3),
        )?;
        let way_us = alone.median_us - median(&alone.services_us);
        let mut findings = Vec::new();
        for (utilisation, tolerance) in [(0.5, 0.03), (0.8, 0.05)] {
            let rate_per_s = utilisation * 1e6 / (SERVICE.as_secs_f64() * 1e6 + BESIDES_US);
            let mut quiet = Vec::new();
            for seed in 0..TRIALS {
                let trial = self.trial(manner, work, Arrivals::Poisson, rate_per_s, seed, LENGTH)?;
                if !trial.was_held_up(&asked_us(manner, work, trial.services_us.len())) {
                    quiet.push(trial);
                }
            }
            findings.push(Finding::wait(&quiet, TRIALS, way_us, &formula, tolerance));
        }
        Ok(findings)
    }

    /// A load that keeps a server busy for about this share of the time.
    fn queue(&self, manner: Manner, utilisation: f64) -> Result<Trial> {
        let rate_per_s = utilisation * 1e6 / (SERVICE.as_secs_f64() * 1e6 + BESIDES_US);
        self.trial(
            manner,
            &ping(),
            Arrivals::Poisson,
            rate_per_s,
            5,
            Duration::from_secs(5),
        )
    }

    /// The client never sleeps here: waking up takes it longer when it is seldom woken, which would look like a shorter wait
    /// the more there is to do.
    fn trial(
        &self,
        manner: Manner,
        work: &Work,
        arrivals: Arrivals,
        rate_per_s: f64,
        seed: u64,
        duration: Duration,
    ) -> Result<Trial> {
        let server = KnownServer::start(manner, self.places.server_cpu)?;
        let plan = Plan {
            work: work.clone(),
            seed,
            // Nobody waits for a connection: the line is before the server.
            connections: 256,
            warmup: Duration::ZERO,
            duration,
            load: open(rate_per_s, arrivals, Pacing::Spin),
            ..self.plan(&server)
        };
        let report = self.run(&plan)?.report;
        let latency = report.latency_us.context("no request was answered")?;
        Ok(Trial {
            per_us: rate_per_s / 1e6,
            mean_us: latency.mean,
            median_us: latency.p50.unwrap_or(latency.mean),
            latest_us: report.lateness_us.map_or(0.0, |lateness| lateness.max),
            services_us: server.services_us(),
            due_us: loadgen::arrivals::due_us(arrivals, rate_per_s, seed, duration),
            loop_kind: report.loop_kind,
        })
    }
}

/// What a request costs a known server besides what it is told to spin for, roughly.
const BESIDES_US: f64 = 12.0;

/// How long each of the first requests asks a server to be busy, in microseconds.
fn asked_us(manner: Manner, work: &Work, requests: usize) -> Vec<f64> {
    match manner {
        Manner::AsAsked => work.times(requests).into_iter().map(|us| us as f64).collect(),
        _ => vec![SERVICE.as_secs_f64() * 1e6; requests],
    }
}

impl Trial {
    /// Whether the machine took a processor away from one of the sides: the client sent a request, or the server took over
    /// one, later than work alone explains.
    fn was_held_up(&self, asked_us: &[f64]) -> bool {
        const MOST_US: f64 = 150.0;
        let besides = self
            .services_us
            .iter()
            .zip(asked_us)
            .map(|(took, asked)| took - asked);
        self.latest_us > MOST_US || besides.fold(0.0, f64::max) > MOST_US
    }
}

fn ping() -> Work {
    Work::new("ping", Params::Unique).expect("a ping takes any value")
}

fn open(rate_per_s: f64, arrivals: Arrivals, pacing: Pacing) -> Load {
    Load::Open {
        rate_per_s,
        arrivals,
        pacing,
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

fn mean_us(report: &Report) -> Result<f64> {
    Ok(report.latency_us.context("no request was answered")?.mean)
}

impl Finding {
    /// Within this share of what is expected.
    fn near(what: impl Into<String>, unit: &str, measured: f64, expected: f64, tolerance: f64) -> Self {
        let error = (measured - expected).abs() / expected.abs();
        Self {
            what: what.into(),
            measured: format!("{}, {:.2} % off", with_unit(measured, unit), error * 100.0),
            expected: format!("{} ± {} %", with_unit(expected, unit), tolerance * 100.0),
            passed: error <= tolerance,
        }
    }

    fn at_most(what: impl Into<String>, unit: &str, measured: f64, most: f64) -> Self {
        Self {
            what: what.into(),
            measured: with_unit(measured, unit),
            expected: format!("at most {}", with_unit(most, unit)),
            passed: measured <= most,
        }
    }

    fn at_least(what: impl Into<String>, unit: &str, measured: f64, least: f64) -> Self {
        Self {
            what: what.into(),
            measured: with_unit(measured, unit),
            expected: format!("at least {}", with_unit(least, unit)),
            passed: measured >= least,
        }
    }

    fn same(what: impl Into<String>, measured: &str, expected: &str) -> Self {
        Self {
            what: what.into(),
            measured: measured.to_owned(),
            expected: expected.to_owned(),
            passed: measured == expected,
        }
    }

    /// The mean wait in a line. A sample of arrivals and services has a mean wait of its own, which Lindley's recursion
    /// gives; what that differs from the formula by is chance and no error of the measurement: it is taken out.
    fn wait(
        quiet: &[Trial],
        trials: u64,
        way_us: f64,
        formula: impl Fn(f64, f64) -> f64,
        tolerance: f64,
    ) -> Self {
        let services_us: Vec<f64> = quiet
            .iter()
            .flat_map(|trial| trial.services_us.iter().copied())
            .collect();
        let (took_us, per_us) = (
            mean(&services_us),
            quiet.first().map_or(0.0, |trial| trial.per_us),
        );
        let requests = services_us.len() as f64;
        let total = |wait_us: &dyn Fn(&Trial) -> f64| -> f64 {
            quiet
                .iter()
                .map(|trial| wait_us(trial) * trial.services_us.len() as f64)
                .sum::<f64>()
                / requests
        };
        let measured_us = total(&|trial| trial.mean_us - mean(&trial.services_us) - way_us);
        let sample_us = total(&|trial| theory::mean_wait_of(&trial.due_us, &trial.services_us));
        let utilisation = per_us * took_us;
        let what = format!(
            "mean wait at ρ = {utilisation:.3} ({measured_us:.1} µs in {} of {trials} trials, the others set aside; the \
             sample explains {sample_us:.1})",
            quiet.len()
        );
        if quiet.is_empty() || utilisation >= 1.0 {
            return Self {
                what,
                measured: "none that can be judged".to_owned(),
                expected: "a trial in which the machine held nobody up".to_owned(),
                passed: false,
            };
        }
        let expected_us = formula(per_us, took_us);
        Self::near(
            what,
            "µs",
            measured_us * expected_us / sample_us,
            expected_us,
            tolerance,
        )
    }

    pub(crate) fn passed(&self) -> bool {
        self.passed
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.passed { "ok  " } else { "FAIL" };
        write!(
            f,
            "{verdict}  {}: {} (expected {})",
            self.what, self.measured, self.expected
        )
    }
}

fn with_unit(value: f64, unit: &str) -> String {
    let digits = if value.abs() >= 1000.0 { 0 } else { 3 };
    format!("{value:.digits$} {unit}").trim_end().to_owned()
}
