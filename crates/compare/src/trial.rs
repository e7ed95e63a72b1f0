//! One trial: a fresh server, a load, and what both came to.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use loadgen::{LoadError, Observer, Plan};
use nix::unistd::Pid;

use crate::cpus::Split;
use crate::interference::Stolen;
use crate::plan::Planned;
use crate::profile::Times;
use crate::record::{Cost, Measured, Outcome};
use crate::server::Server;
use crate::tree::Footprint;

/// What all trials of a run have in common.
#[derive(Debug)]
pub(crate) struct Bench<'a> {
    pub(crate) cpus: &'a Split,
    pub(crate) times: Times,
    /// Set when the run is to stop.
    pub(crate) cancel: &'a AtomicBool,
}

/// The run is to stop, and this trial does not count.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl Bench<'_> {
    /// Makes a trial.
    pub(crate) fn run(&self, trial: Planned<'_>) -> Result<Outcome, Interrupted> {
        let outcome = self.measure(trial);
        if self.cancel.load(Ordering::Relaxed) {
            return Err(Interrupted);
        }
        Ok(outcome.map_or_else(Outcome::Failed, |measured| Outcome::Measured(Box::new(measured))))
    }

    fn measure(&self, trial: Planned<'_>) -> Result<Measured, String> {
        let mut server = Server::start(trial.contender, &self.cpus.server)?;
        let client_cpus = self.cpus.client.numbers();
        let plan = Plan {
            threads: client_cpus.len().min(trial.setting.connections),
            warmup: self.times.warmup,
            duration: self.times.window,
            timeout: self.times.timeout,
            cpus: client_cpus,
            ..trial.setting.load(server.address())
        };
        let watched = self.load(&plan, server.pid());
        let (load, replies) = match watched.outcome {
            Ok(outcome) => (outcome.report, outcome.answered_total),
            Err(error) => return Err(server.with_last_words(format!("{:#}", anyhow::Error::from(error)))),
        };
        if let Some(reason) = disqualifies(&load) {
            return Err(server.with_last_words(reason));
        }
        let ready_ms = server.ready().as_secs_f64() * 1e3;
        let ended = server.stop()?;
        Ok(Measured {
            ready_ms,
            drain_ms: ended.drain.as_secs_f64() * 1e3,
            cost: Cost {
                cpu_us: ended.spent.cpu.as_secs_f64() * 1e6,
                voluntary_switches: ended.spent.voluntary_switches,
                involuntary_switches: ended.spent.involuntary_switches,
                replies,
            },
            footprint: watched.footprint,
            stolen_share: watched.stolen_share,
            load,
        })
    }

    /// Loads the server, and watches it: its footprint again and again while it warms up, and once more when the window
    /// closes. Within the window it is left alone, since to read its memory stops it for that time.
    fn load(&self, plan: &Plan, server: Pid) -> Watched {
        let (warming, warm) = mpsc::channel();
        let mut edges = Edges {
            server,
            cpus: self.cpus,
            warming: Some(warming),
            at_opening: None,
            at_closing: None,
            footprint: Footprint::default(),
        };
        thread::scope(|scope| {
            let sampler = scope.spawn(move || most_until(&warm, server));
            let outcome = loadgen::run(plan, self.cancel, &mut edges);
            edges.warming = None;
            let warming_up = sampler.join().expect("the sampler of memory panicked");
            let stolen = edges.at_opening.zip(edges.at_closing);
            Watched {
                outcome,
                footprint: edges.footprint.max(warming_up),
                stolen_share: stolen
                    .map(|(before, after)| after.share_since(&before, plan.duration.as_secs_f64())),
            }
        })
    }
}

/// A load that was watched.
struct Watched {
    outcome: Result<loadgen::Outcome, LoadError>,
    footprint: Footprint,
    stolen_share: Option<f64>,
}

/// What is looked at when the window opens and closes.
struct Edges<'a> {
    server: Pid,
    cpus: &'a Split,
    /// Dropped when the warm-up is over.
    warming: Option<Sender<()>>,
    at_opening: Option<Stolen>,
    at_closing: Option<Stolen>,
    footprint: Footprint,
}

impl Edges<'_> {
    fn stolen(&self) -> Option<Stolen> {
        Stolen::until_now(&[self.cpus.server.clone(), self.cpus.client.clone()])
    }
}

impl Observer for Edges<'_> {
    fn window_opens(&mut self) {
        self.warming = None;
        self.at_opening = self.stolen();
    }

    fn window_closes(&mut self) {
        self.at_closing = self.stolen();
        self.footprint = Footprint::of(self.server);
    }
}

/// The most that a server holds until the other end of the channel is gone.
fn most_until(warm: &Receiver<()>, server: Pid) -> Footprint {
    const EVERY: Duration = Duration::from_millis(40);
    let mut most = Footprint::default();
    while matches!(warm.recv_timeout(EVERY), Err(RecvTimeoutError::Timeout)) {
        most = most.max(Footprint::of(server));
    }
    most
}

/// What no server says that speaks the wire.
const FAULTS: [&str; 4] = ["wrong_value", "not_a_frame", "unasked_reply", "error_reply"];

/// Why nothing of this load may be quoted, if so.
fn disqualifies(load: &loadgen::Report) -> Option<String> {
    if let Some(reason) = &load.ended_early {
        return Some(reason.clone());
    }
    if let Some(fault) = load
        .failures
        .iter()
        .find(|failures| FAULTS.contains(&&*failures.kind))
    {
        return Some(format!(
            "{} × {}; the first: {}",
            fault.count, fault.kind, fault.first
        ));
    }
    if load.requests.ok == 0 {
        return Some("no request was answered in time".to_owned());
    }
    (!load.checks.accounting).then(|| "the load generator's own accounting does not add up".to_owned())
}

#[cfg(test)]
mod tests {
    use loadgen::Report;
    use loadgen::report::Failures;

    use super::*;
    use crate::record::Record;

    fn load() -> Report {
        let record = include_str!("../tests/golden/run/records.jsonl")
            .lines()
            .next()
            .expect("there is a record");
        match serde_json::from_str::<Record>(record)
            .expect("it can be read")
            .outcome
        {
            Outcome::Measured(measured) => measured.load,
            Outcome::Failed(reason) => {
                panic!("the first record of the fixed run should be a good one: {reason}")
            }
        }
    }

    #[test]
    fn a_load_in_which_all_was_well_counts() {
        assert_eq!(disqualifies(&load()), None);
    }

    #[test]
    fn a_load_with_a_reply_that_should_not_be_does_not_count_and_its_first_is_shown() {
        for kind in FAULTS {
            let mut report = load();
            report.failures.push(Failures {
                kind: kind.to_owned(),
                count: 1,
                first: "7 for 8".to_owned(),
            });
            assert_eq!(
                disqualifies(&report).unwrap(),
                format!("1 × {kind}; the first: 7 for 8")
            );
        }
    }

    #[test]
    fn a_load_without_a_reply_or_that_ended_early_does_not_count() {
        let with = |change: fn(&mut Report)| {
            let mut report = load();
            change(&mut report);
            disqualifies(&report)
        };
        assert!(with(|report| report.requests.ok = 0).is_some());
        assert!(
            with(|report| report.ended_early = Some("the server is gone".to_owned()))
                .unwrap()
                .contains("gone")
        );
        assert!(
            with(|report| report.checks.accounting = false)
                .unwrap()
                .contains("accounting")
        );
    }
}
