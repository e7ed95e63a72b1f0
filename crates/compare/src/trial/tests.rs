//! Trials on a host that exists in these tests only.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use loadgen::Plan;
use meter::Life;
use schema::experiment::{Experiment, Times};
use schema::record::{Measured, WorkerTally};
use schema::trace::Source;
use serde_json::{Value, json};

use super::*;
use crate::contender::samples;
use crate::experiment::shipped;
use host::{Ended, Intervention, Loaded, Server, Start, Traced};

/// A host whose servers keep a p99 of 1 ms up to some rate, and one of 20 ms beyond it.
#[derive(Debug)]
struct Fake {
    highest_rate_per_s: f64,
    /// How many loads are disturbed, from the first on.
    disturbed: Cell<usize>,
    interventions: RefCell<Vec<String>>,
    failure: Option<&'static str>,
}

#[derive(Debug)]
struct FakeServer;

impl Fake {
    fn keeping(highest_rate_per_s: f64) -> Self {
        Self {
            highest_rate_per_s,
            disturbed: Cell::new(0),
            interventions: RefCell::default(),
            failure: None,
        }
    }

    fn run(&self, method: fn(&Method) -> bool) -> Result<Outcome, Unmade> {
        let experiments = shipped::all();
        let experiment: &Experiment = experiments
            .iter()
            .find(|experiment| method(&experiment.method))
            .expect("there is one of each method");
        let contenders = samples::contenders();
        let contender = contenders
            .iter()
            .find(|contender| experiment.settings[0].takes(contender))
            .expect("some contender takes part");
        let cancel = AtomicBool::new(false);
        let bench = Bench {
            host: self,
            times: Times {
                warmup: Duration::from_millis(10),
                window: Duration::from_millis(250),
            },
            ceiling_per_s: None,
            round_trip_us: None,
            histograms: None,
            output: None,
            seed: 7,
            cancel: &cancel,
        };
        let trial = Planned {
            round: 1,
            experiment,
            setting: &experiment.settings[0],
            contender,
        };
        run(&bench, trial, Some(1000.0))
    }

    fn measured(&self, method: fn(&Method) -> bool) -> Measured {
        match self.run(method) {
            Ok(Outcome::Measured(measured)) => *measured,
            other => panic!("{other:?}"),
        }
    }
}

impl Host for Fake {
    type Server = FakeServer;

    fn start(&self, _: &Start<'_>) -> Result<FakeServer, Fault> {
        match self.failure {
            None => Ok(FakeServer),
            Some(reason) => Err(reason.into()),
        }
    }

    fn load_cpus(&self) -> Vec<usize> {
        vec![0]
    }

    fn load(&self, plan: &Plan, _: &mut FakeServer, intervention: Intervention) -> Result<Loaded, Fault> {
        self.interventions.borrow_mut().push(format!("{intervention:?}"));
        let kept = match plan.load {
            loadgen::Load::Open { rate_per_s, .. } => rate_per_s <= self.highest_rate_per_s,
            loadgen::Load::Closed => true,
        };
        let measured = Measured::example();
        let mut interference = measured.interference;
        if let Some(left) = self.disturbed.get().checked_sub(1) {
            self.disturbed.set(left);
            interference.stolen_share = Some(0.5);
        }
        let counts = matches!(intervention, Intervention::CountSystemCalls);
        Ok(Loaded {
            report: report(if kept { 1_000.0 } else { 20_000.0 }),
            times: loadgen::slices::Times::default(),
            replies_in_life: 500,
            spent: measured.spent,
            server_busy_share: measured.server_busy_share,
            interference,
            at_ready: measured.at_ready,
            peak: measured.peak,
            system_calls: counts.then(|| [("read".to_owned(), 1000)].into()),
        })
    }

    fn trace(&self, _: &Plan, _: &mut FakeServer, _: Source) -> Result<Traced, Fault> {
        Err("it has no threads".into())
    }
}

impl Server for FakeServer {
    fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], 1).into()
    }

    fn command(&self) -> &[String] {
        &[]
    }

    fn ready(&self) -> Duration {
        Duration::from_millis(3)
    }

    fn explain(&mut self, _: &str, reason: String) -> String {
        reason
    }

    fn stop(self) -> Result<Ended, Fault> {
        Ok(Ended {
            life: Life::default(),
            drain: Duration::from_millis(5),
            workers: vec![WorkerTally {
                worker: 1,
                pid: 2,
                connections: 3,
                requests: 4,
            }],
        })
    }
}

/// The report of a load with this p99.
fn report(p99_us: f64) -> schema::load::Report {
    let mut report = serde_json::to_value(Measured::example().load).expect("it is JSON");
    report["latency_us"]["p99"] = json!(p99_us);
    let options = json!({
        "connections": 1, "threads": 1, "rate_per_s": null, "arrivals": null, "pacing": null, "seed": 1,
        "duration_s": 0.25, "warmup_s": 0.0, "op": "ping", "params": null, "pipeline": 1,
        "requests_per_connection": null, "timeout_s": 1.0, "two_writes": false, "cpus": [],
    });
    let more = json!({
        "schema": 1, "target": "alpha", "options": options, "parts": [], "intervals": [], "failures": [],
        "service_us": null, "lateness_us": null, "bystanders": null, "ended_early": null,
    });
    let fields: &mut serde_json::Map<String, Value> = report.as_object_mut().expect("it has fields");
    fields.extend(more.as_object().expect("it has fields").clone());
    serde_json::from_value(report).expect("it is a report")
}

fn is_search(method: &Method) -> bool {
    matches!(method, Method::RateUnderBound { .. })
}

#[test]
fn a_search_finds_the_highest_rate_that_a_host_keeps() {
    let search = Fake::keeping(1900.0).measured(is_search).search.unwrap();
    let best = search.best_rate_per_s.unwrap();
    assert!(best <= 1900.0 && best > 1900.0 / 1.09, "{best}");
    assert!(search.tried.len() > 3 && !search.beyond_reach);
}

#[test]
fn a_search_repeats_disturbed_tries_a_few_times() {
    let calm = Fake::keeping(1900.0);
    calm.measured(is_search);
    let disturbed = Fake::keeping(1900.0);
    disturbed.disturbed.set(3);
    disturbed.measured(is_search);
    let loads = |fake: &Fake| fake.interventions.borrow().len();
    assert_eq!(loads(&disturbed), loads(&calm) + 3);
}

#[test]
fn each_method_asks_the_host_for_its_own_intervention() {
    let asked = |method: fn(&Method) -> bool| {
        let fake = Fake::keeping(1900.0);
        let measured = fake.measured(method);
        (measured, fake.interventions.borrow()[0].clone())
    };
    let (load, intervention) = asked(|method| *method == Method::Load);
    assert_eq!(intervention, "None");
    assert_eq!((load.ready_ms, load.drain_ms, load.workers.len()), (3.0, 5.0, 1));
    let (kill, intervention) = asked(|method| *method == Method::KillWorker);
    assert!(intervention.starts_with("KillWorker") && kill.kill.is_some());
    let (calls, intervention) = asked(|method| *method == Method::SystemCalls);
    assert_eq!(intervention, "CountSystemCalls");
    let calls = calls.system_calls.unwrap();
    assert_eq!((calls.by_name["read"], calls.replies), (1000, 500));
}

#[test]
fn a_server_that_does_not_start_fails_its_trial() {
    let fake = Fake {
        failure: Some("was not ready within 10s"),
        ..Fake::keeping(1900.0)
    };
    let outcome = fake.run(is_search).unwrap();
    assert_eq!(outcome, Outcome::Failed("was not ready within 10s".to_owned()));
}
