//! Invented runs: equal ones, and ones in which something broke.

mod bounds;
mod chance;
mod documents;
mod reference;
mod selection;
mod within;

use super::*;
use crate::fixture;
use crate::recorded::Recorded;
use schema::contender::LeftOut;
use schema::experiment::Setting;
use schema::record::{KillResult, Measured, Outcome, Record};
use stats::Finding;

const ROUNDS: usize = 8;

type Change<T> = fn(&mut T);

/// Judges everything, without a reference.
fn judge(before: &Recorded, after: &Recorded, allowed: f64) -> Verdict {
    Verdict::between(before, after, allowed, &Selection::default())
}

/// Compares everything, without a reference.
fn compare(before: &Recorded, after: &Recorded) -> Differences {
    Differences::between(before, after, &Selection::default())
}

/// All models in all settings of these experiments, with equal trials.
fn run_of(keys: &[&str]) -> Recorded {
    let mut environment = fixture::environment();
    environment.left_out.clear();
    environment
        .experiments
        .retain(|experiment| keys.contains(&&*experiment.key));
    environment.rounds = ROUNDS;
    let planned = environment.planned();
    let trials = planned
        .iter()
        .enumerate()
        .filter(|(_, planned)| planned.round > 0);
    let records = trials.map(|(index, planned)| Record {
        schema: schema::record::SCHEMA,
        trial: index + 1,
        round: planned.round,
        experiment: planned.experiment.key.clone(),
        setting: planned.setting.key.clone(),
        model: planned.contender.name.clone(),
        started_at: jiff::Timestamp::UNIX_EPOCH,
        outcome: Outcome::Measured(Box::new(fixture::measured())),
    });
    Recorded {
        records: records.collect(),
        environment: environment.clone(),
    }
}

fn requests() -> Recorded {
    run_of(&["request-cost"])
}

/// Changes the trials of `epsilon` in this setting, with their rounds.
fn change(run: &mut Recorded, setting: &str, mut to: impl FnMut(usize, &mut Measured)) {
    for record in &mut run.records {
        if let (true, Outcome::Measured(trial)) = (
            record.setting == setting && record.model == "epsilon",
            &mut record.outcome,
        ) {
            to(record.round, trial);
        }
    }
}

fn cost(trial: &mut Measured, times: f64) {
    trial.spent.user_us *= times;
    trial.spent.system_us *= times;
}

/// The only note.
#[track_caller]
fn only(notes: &[Note]) -> String {
    let [note] = notes else {
        panic!("there is one: {notes:?}")
    };
    assert_eq!(
        (note.who(), &*note.place.to_string()),
        ("epsilon", "request-cost/64")
    );
    note.what.clone()
}

#[test]
fn a_run_is_no_worse_than_itself() {
    let run = run_of(&["request-cost", "rate-under-bound", "killed-worker", "waiting"]);
    let verdict = judge(&run, &run, 0.0);
    assert!(!verdict.got_worse(), "{verdict:?}");
    assert!(verdict.seldom.is_empty(), "{verdict:?}");
    let differences = compare(&run, &run);
    assert!(differences.values.len() > verdict.judged.len());
    assert!(
        differences
            .values
            .iter()
            .all(|difference| !difference.comparison.is_significant())
    );
}

#[test]
fn a_cost_that_grew_more_than_allowed_is_worse() {
    let (before, mut after) = (requests(), requests());
    change(&mut after, "64", |_, trial| cost(trial, 1.1));
    let worse = |before: &Recorded, after: &Recorded, allowed| {
        let verdict = judge(before, after, allowed);
        let found: Vec<_> = verdict
            .found(Finding::Worse)
            .map(|judged| (judged.difference.model.clone(), judged.difference.metric.key))
            .collect();
        assert_eq!(verdict.got_worse(), !found.is_empty());
        found
    };
    assert_eq!(
        worse(&before, &after, 0.05),
        [("epsilon".to_owned(), "cpu_us_per_request")]
    );
    assert!(worse(&before, &after, 0.2).is_empty());
    assert!(
        worse(&after, &before, 0.05).is_empty(),
        "a lower cost is not worse"
    );
}

#[test]
fn a_model_without_results_is_gone_with_the_reason() {
    let before = requests();
    let mut failing = requests();
    for record in &mut failing.records {
        if record.model == "epsilon" && record.setting == "64" {
            record.outcome = Outcome::Failed("it was not ready".to_owned());
        }
    }
    let verdict = judge(&before, &failing, 0.05);
    assert!(verdict.got_worse());
    assert!(only(&verdict.gone).contains("all trials (8) failed; the first: it was not ready"));

    let mut unmade = requests();
    unmade
        .records
        .retain(|record| record.model != "epsilon" || record.setting != "64");
    assert_eq!(only(&judge(&before, &unmade, 0.05).gone), "no trial was made");

    let mut missing = requests();
    missing
        .environment
        .contenders
        .retain(|contender| contender.name != "epsilon");
    missing.records.retain(|record| record.model != "epsilon");
    let settings = before.environment.experiments[0].settings.len();
    let gone = judge(&before, &missing, 0.05).gone;
    assert_eq!(gone.len(), settings);
    assert!(gone.iter().all(|note| note.what.contains("missing")), "{gone:?}");

    missing
        .environment
        .left_out
        .push(LeftOut::faulty("epsilon", "it lies"));
    let gone = judge(&before, &missing, 0.05).gone;
    assert!(
        gone.iter().all(|note| note.what == "left out: it lies"),
        "{gone:?}"
    );
    assert_eq!(compare(&before, &missing).gone, gone);
}

#[test]
fn a_new_fault_in_all_trials_is_worse() {
    let before = requests();
    let ways: [(&str, Change<Measured>); 5] = [
        ("no good reply: in 8 of 8", |trial| {
            trial.load.throughput_per_s = 0.0
        }),
        ("connections never served: in 8 of 8", |trial| {
            trial.load.connections.served = 0
        }),
        ("requests failed", |trial| trial.load.requests.ok -= 1),
        ("never sent", |trial| trial.load.requests.unsent = 500),
        ("no CPU time per request", |trial| trial.spent.elapsed_s = 0.0),
    ];
    for (words, wrong) in ways {
        let mut after = requests();
        // Otherwise a trial without time between its readings would be excluded.
        after.environment.profile = "smoke".to_owned();
        change(&mut after, "64", |_, trial| wrong(trial));
        let verdict = judge(&before, &after, 0.05);
        assert!(only(&verdict.faults).contains(words), "{verdict:?}");
        assert!(verdict.got_worse() && !judge(&after, &before, 0.05).got_worse());
    }
}

#[test]
fn a_new_fault_in_some_trials_is_listed_only() {
    let (before, mut after) = (requests(), requests());
    change(&mut after, "64", |round, trial| {
        trial.load.connections.served -= u64::from(round <= 5);
    });
    let verdict = judge(&before, &after, 0.05);
    assert!(!verdict.got_worse());
    assert!(only(&verdict.seldom).contains("in 5 of 8 trials, before in 0 of 8"));
    change(&mut after, "64", |round, trial| {
        trial.load.connections.served -= u64::from(round == 6);
    });
    assert!(judge(&before, &after, 0.05).got_worse());
}

#[test]
fn a_rate_that_never_recovers_is_worse() {
    let killed = |back_ms: Option<f64>, lost| {
        let mut run = run_of(&["killed-worker"]);
        for record in &mut run.records {
            let Outcome::Measured(trial) = &mut record.outcome else {
                continue;
            };
            trial.kill = Some(KillResult {
                lost,
                recovery_ms: back_ms,
                lowest_rate_share: 0.8,
            });
        }
        run
    };
    let (well, never, losing) = (killed(Some(120.0), 0), killed(None, 0), killed(Some(120.0), 9));
    let verdict = judge(&well, &never, 0.05);
    assert!(
        verdict
            .faults
            .iter()
            .all(|note| note.what.contains("never recovered"))
    );
    assert!(
        verdict
            .judged
            .iter()
            .all(|judged| judged.difference.after.is_infinite())
    );
    assert_eq!(verdict.found(Finding::Worse).count(), verdict.judged.len());
    assert!(!verdict.judged.is_empty());
    assert!(judge(&well, &losing, 0.05).got_worse());
    assert!(!judge(&never, &never, 0.05).got_worse());
}

#[test]
fn other_conditions_are_not_compared_and_not_worse() {
    let (before, mut other) = (run_of(&["request-cost", "waiting"]), requests());
    other.environment.experiments[0]
        .settings
        .retain(|setting| setting.key != "1");
    let experiment = &mut other.environment.experiments[0];
    let setting = experiment
        .settings
        .iter_mut()
        .find(|setting| setting.key == "64")
        .unwrap();
    setting.load.connections = 32;
    let verdict = judge(&before, &other, 0.05);
    assert!(!verdict.got_worse(), "{verdict:?}");
    let has_note = |verdict: &Verdict, place: &str, what: &str| {
        let here = |note: &&Note| note.place.to_string() == place && note.what.contains(what);
        assert!(
            verdict.not_compared.iter().any(|note| here(&note)),
            "{place}: {verdict:?}"
        );
    };
    has_note(&verdict, "waiting", "not in the later run");
    has_note(&verdict, "request-cost/1", "not in the later run");
    has_note(&verdict, "request-cost/64", "connections: 64 before, 32 now");
    assert!(
        verdict
            .judged
            .iter()
            .all(|judged| judged.difference.place.to_string() != "request-cost/64")
    );
    has_note(&judge(&other, &before, 0.05), "waiting", "not in the earlier run");

    let asked_otherwise: [(&str, Change<Setting>); 3] = [
        ("flags: none before, --backlog 9 now", |setting| {
            let flags = ["--backlog", "9"].map(str::to_owned).to_vec();
            setting.flags = flags;
        }),
        ("window: that of the profile before, 900 ms now", |setting| {
            setting.window_ms = Some(900);
        }),
        ("did not measure this model", |setting| {
            setting.models = Some(Vec::new())
        }),
    ];
    for (what, change) in asked_otherwise {
        let (before, mut other) = (requests(), requests());
        let mut settings = other.environment.experiments[0].settings.iter_mut();
        change(settings.find(|setting| setting.key == "64").unwrap());
        let verdict = judge(&before, &other, 0.05);
        has_note(&verdict, "request-cost/64", what);
        assert!(!verdict.got_worse());
    }
}

#[test]
fn runs_with_other_times_or_cpus_are_not_compared() {
    let before = requests();
    let mut longer = requests();
    longer.environment.times.window *= 2;
    let mut elsewhere = requests();
    elsewhere.environment.cpus.server = "2-3".parse().unwrap();
    for (other, what) in [(longer, "1s after"), (elsewhere, "CPUs 2-3")] {
        let verdict = judge(&before, &other, 0.05);
        assert!(verdict.judged.is_empty() && !verdict.got_worse());
        assert!(verdict.not_compared[0].what.contains(what), "{verdict:?}");
    }
}

/// Has this share of the requests of `epsilon` at 64 connections reset.
fn lose(run: &mut Recorded, share: f64) {
    change(run, "64", |_, trial| {
        let requests = &mut trial.load.requests;
        requests.reset = (requests.sent as f64 * share).round() as u64;
        requests.ok = requests.sent - requests.reset;
    });
}

#[test]
fn losing_over_one_percent_is_worse_than_losing_less() {
    let (mut before, mut after) = (requests(), requests());
    lose(&mut before, 0.005);
    lose(&mut after, 0.12);
    let verdict = judge(&before, &after, 0.05);
    assert!(verdict.got_worse());
    assert!(only(&verdict.faults).starts_with("12.0 % of its requests failed ("));
    let back = judge(&after, &before, 0.05);
    assert!(!back.got_worse(), "{back:?}");
    lose(&mut before, 0.05);
    assert!(judge(&before, &after, 0.05).got_worse(), "it loses more");
}

#[test]
fn values_of_a_model_with_many_errors_are_not_compared() {
    let (mut before, mut after) = (requests(), requests());
    lose(&mut before, 0.12);
    lose(&mut after, 0.12);
    change(&mut after, "64", |_, trial| cost(trial, 3.0));
    let verdict = judge(&before, &after, 0.05);
    assert!(!verdict.got_worse(), "{verdict:?}");
    assert!(only(&verdict.not_compared).contains("too many errors"));
    assert!(only(&verdict.errors).contains("other metrics are not compared"));
    let differences = compare(&before, &after);
    let here = |difference: &&Difference| {
        (&*difference.model, &*difference.place.to_string()) == ("epsilon", "request-cost/64")
    };
    assert_eq!(differences.values.iter().filter(here).count(), 0);
    assert_eq!(differences.errors, verdict.errors);
}
