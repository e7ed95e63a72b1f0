//! A fixed run with invented models, for tests.

use jiff::ToSpan;
use schema::cost::{CpuSource, Footprint, Interference, Spent, SwitchesOver};
use schema::environment::Environment;
use schema::experiment::{Method, Setting};
use schema::load::{Checks, Client, Connections, Fairness, LoopKind, Quantiles, Requests};
use schema::plan::{self, Planned};
use schema::record::{KillResult, Life, LoadMetrics, Measured, Outcome, Record, SCHEMA, SearchResult};

use crate::summary::Summary;

/// The part of [`environment`] that is measured: some settings of some experiments, one of each kind.
const SETTINGS: [(&str, &[&str]); 5] = [
    ("request-cost", &["1", "64"]),
    ("rate-under-bound", &["ping"]),
    ("past-capacity", &["30", "85", "120"]),
    ("waiting", &["sleep-10ms"]),
    ("killed-worker", &["sigkill"]),
];
/// The models that take part.
const MODELS: [&str; 4] = ["alpha", "beta", "delta", "epsilon"];

/// The environment and the records of the run.
pub(crate) fn run() -> (Environment, Vec<Record>) {
    let mut environment = environment();
    let measured = |experiment: &str| SETTINGS.iter().find(|(key, _)| *key == experiment);
    environment
        .experiments
        .retain(|experiment| measured(&experiment.key).is_some());
    for experiment in &mut environment.experiments {
        let (_, keys) = measured(&experiment.key).expect("the others are gone");
        experiment
            .settings
            .retain(|setting| keys.contains(&&*setting.key));
    }
    environment
        .contenders
        .retain(|contender| MODELS.contains(&&*contender.name));
    let mut draw = 0;
    let planned = plan::trials(
        &environment.experiments,
        &environment.contenders,
        environment.rounds,
        |order| {
            draw += 5;
            if order.len() > 1 {
                let places = order.len();
                order.rotate_left(draw % 7 % places);
                order.swap(0, draw % 11 % places);
            }
        },
    );
    let trials = planned.iter().enumerate();
    let records = trials
        .map(|(index, planned)| record(&environment, index + 1, planned))
        .collect();
    (environment, records)
}

/// Adds this many models that measured what `beta` did.
pub(crate) fn add_copies(environment: &mut Environment, records: &mut Vec<Record>, number: usize) {
    let mut contenders = environment.contenders.iter();
    let like = contenders.find(|contender| contender.name == "beta");
    let like = like.expect("it takes part").clone();
    for number in 0..number {
        let mut contender = like.clone();
        contender.name = format!("beta-{number}");
        let copies = records.iter().filter(|record| record.model == "beta");
        let copies = copies.map(|record| Record {
            model: contender.name.clone(),
            ..record.clone()
        });
        records.extend(copies.collect::<Vec<_>>());
        environment.contenders.push(contender);
    }
}

/// An environment of six models and seven experiments.
pub(crate) fn environment() -> Environment {
    let mut environment: Environment =
        serde_json::from_str(include_str!("fixture.json")).expect("the file describes a run");
    environment.schema = SCHEMA;
    environment
}

/// A setting of a run.
#[track_caller]
pub(crate) fn setting<'e>(environment: &'e mut Environment, experiment: &str, key: &str) -> &'e mut Setting {
    let mut experiments = environment.experiments.iter_mut();
    let experiment = experiments.find(|one| one.key == experiment);
    let mut settings = experiment.expect("it was measured").settings.iter_mut();
    settings.find(|one| one.key == key).expect("it was measured")
}

/// The summary of a run.
pub(crate) fn summary<'a>(environment: &'a Environment, records: &'a [Record]) -> Summary<'a> {
    Summary::build(environment, records)
}

/// The 40th trial failed, and the 70th was disturbed.
fn record(environment: &Environment, trial: usize, planned: &Planned<'_>) -> Record {
    let outcome = if trial == 40 {
        Outcome::Failed("it was not ready within 5s".to_owned())
    } else {
        let mut measured = invented(planned, trial);
        if trial == 70 {
            measured.interference.foreign_share = Some(0.25);
        }
        Outcome::Measured(Box::new(measured))
    };
    Record {
        schema: SCHEMA,
        trial,
        round: planned.round,
        experiment: planned.experiment.key.clone(),
        setting: planned.setting.key.clone(),
        model: planned.contender.name.clone(),
        started_at: environment.started_at + i64::try_from(trial).unwrap_or(0).seconds(),
        outcome,
    }
}

/// Invented results, from what a request costs each model.
fn invented(planned: &Planned<'_>, trial: usize) -> Measured {
    let load = planned.load();
    let noise = 1.0 + 0.004 * ((trial * 7919 % 11) as f64 - 5.0);
    let many = load.connections >= 64;
    let service_us = match (&*planned.contender.name, &*load.op) {
        (_, "spin") => 110.0,
        (_, "sleep") => 20.0,
        ("epsilon", _) if many => 6.4,
        ("epsilon", _) => 8.0,
        ("beta", _) if many => 12.0,
        _ => 6.5,
    };
    let cpu_us = service_us * noise;
    let slots = match &*planned.contender.name {
        "alpha" => 1,
        "delta" => 10.min(load.connections),
        _ => load.connections,
    };
    let wait_us = if load.op == "sleep" { 10_000.0 } else { 20.0 };
    let most = (slots as f64 * 1e6 / (wait_us + cpu_us)).min(1e6 / cpu_us);
    let share = load.capacity.filter(|_| planned.round > 0);
    let rate = share.map(|share| share * 1e6 / service_us);
    let throughput = rate.map_or(most, |rate| rate.min(most)).round();
    let latency_us = match share {
        Some(share) if share < 1.0 => service_us * (1.0 + share / (2.0 * (1.0 - share))) * noise * 1.1,
        Some(_) => 100_000.0 * noise,
        None => slots as f64 * 1e6 / throughput,
    };
    let mut trial = measured();
    trial.server_busy_share = (throughput * cpu_us / 1e6).min(1.0);
    trial.spent.user_us = throughput * cpu_us * 0.25;
    trial.spent.system_us = throughput * cpu_us * 0.75;
    trial.peak.threads = if planned.contender.name == "beta" {
        slots as u64 + 1
    } else {
        1
    };
    let load_metrics = &mut trial.load;
    load_metrics.throughput_per_s = throughput;
    load_metrics.latency_us = Some(quantiles(throughput as u64, latency_us));
    let due = rate.unwrap_or(throughput) as u64;
    load_metrics.requests = Requests {
        planned: due,
        unsent: due.saturating_sub(throughput as u64),
        sent: throughput as u64,
        ok: throughput as u64,
        ..Requests::default()
    };
    load_metrics.connections.asked = load.connections as u64;
    load_metrics.connections.opened = load.connections as u64;
    load_metrics.connections.served = slots as u64;
    load_metrics.checks.client_limited = Some(planned.contender.name == "epsilon" && many);
    if rate.is_some() {
        load_metrics.loop_kind = LoopKind::Open;
        load_metrics.rate_per_s = rate;
    }
    match planned.experiment.method {
        Method::RateUnderBound { .. } if planned.round > 0 => {
            trial.load.loop_kind = LoopKind::Open;
            trial.search = Some(SearchResult {
                best_rate_per_s: Some((0.8 * throughput).round()),
                beyond_reach: planned.contender.name == "epsilon",
                tried: Vec::new(),
            });
        }
        Method::KillWorker => {
            trial.kill = Some(KillResult {
                lost: 1,
                recovery_ms: (planned.round != 3).then_some(120.0 * noise),
                lowest_rate_share: 0.875,
            });
        }
        _ => {}
    }
    trial
}

/// A trial of a closed loop, in which nothing stands out.
pub(crate) fn measured() -> Measured {
    const MIB: u64 = 1 << 20;
    let held = |memory_bytes| Footprint {
        memory_bytes,
        processes: 1,
        threads: 1,
    };
    Measured {
        ready_ms: 2.5,
        drain_ms: 1.5,
        spent: Spent {
            elapsed_s: 1.0,
            source: CpuSource::Cgroup,
            user_us: 125_000.0,
            system_us: 375_000.0,
            voluntary_switches: 1000,
            involuntary_switches: 10,
            switches_over: SwitchesOver::Window,
            ended_threads: 0,
            minor_faults: Some(20),
            major_faults: Some(0),
        },
        server_busy_share: 0.5,
        life: Life::default(),
        at_ready: held(MIB),
        peak: held(2 * MIB),
        interference: Interference {
            stolen_share: Some(0.0),
            client_wait_share: Some(0.01),
            foreign_share: Some(0.02),
            client_foreign_share: Some(0.02),
            psi_some_share: Some(0.1),
            client_involuntary_switches: 0,
            server_involuntary_switches: 10,
            shared_cpus: false,
        },
        load: LoadMetrics {
            loop_kind: LoopKind::Closed,
            rate_per_s: None,
            window_s: 1.0,
            throughput_per_s: 1000.0,
            requests: Requests {
                planned: 1000,
                sent: 1000,
                ok: 1000,
                ..Requests::default()
            },
            connections: Connections {
                asked: 1,
                opened: 1,
                served: 1,
                ..Connections::default()
            },
            latency_us: Some(quantiles(1000, 100.0)),
            within: None,
            service_us: None,
            send_delay_us: None,
            connecting_us: None,
            parts: Vec::new(),
            fairness: Some(Fairness {
                jain: Some(1.0),
                least_served: 10,
                most_served: 10,
            }),
            background: None,
            client: Client {
                cpu_us_per_request: Some(5.0),
                busy: 0.4,
                waited: 0.0,
                busy_each: Vec::new(),
                threads: 1,
            },
            checks: Checks {
                accounting: true,
                client_limited: Some(false),
                ..Checks::default()
            },
            intervals: Vec::new(),
            failures: Vec::new(),
            stopped_answering: false,
            never_served_timeouts: 0,
        },
        workers: Vec::new(),
        search: None,
        kill: None,
        system_calls: None,
    }
}

fn quantiles(count: u64, mean: f64) -> Quantiles {
    Quantiles {
        count,
        min: mean / 2.0,
        mean,
        p50: Some(mean * 0.9),
        p90: Some(mean * 1.5),
        p99: (count >= 1000).then_some(mean * 2.0),
        p999: None,
        p9999: None,
        max: mean * 4.0,
    }
}
