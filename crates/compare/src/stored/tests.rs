//! What is stored is read as it was, and the page that tells readers of it tells the truth.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use schema::load::{
    Arrivals, BackgroundConnections, Drift, Failures, Fairness, Interval, Little, LoopKind, Part, Quantiles,
    Requests,
};

use super::*;
use crate::record::{
    KillFigures, LoadFigures, Measured, Outcome, Record, SCHEMA, SearchFigures, SystemCalls, Tried,
    WorkerTally,
};
use crate::report::fixture;
use schema::cost::{CpuSource, SwitchesOver};

fn record(trial: Measured) -> Record {
    Record {
        schema: SCHEMA,
        trial: 1,
        round: 1,
        experiment: "request-cost".to_owned(),
        setting: "1".to_owned(),
        model: "async".to_owned(),
        started_at: Timestamp::UNIX_EPOCH,
        outcome: Outcome::Measured(Box::new(trial)),
    }
}

fn stored(record: &Record) -> Value {
    short(serde_json::to_value(record).unwrap())
}

#[track_caller]
fn comes_back(record: &Record) {
    // By way of text, as in a journal.
    let text = stored(record).to_string();
    let read: Record = serde_json::from_value(whole(serde_json::from_str(&text).unwrap())).unwrap();
    assert_eq!(read, *record, "{text}");
}

/// With every figure that a trial can have, none of them as usual.
fn full() -> Measured {
    let mut trial = fixture::measured();
    trial.spent.source = CpuSource::Proc;
    trial.spent.switches_over = SwitchesOver::Survivors;
    trial.spent.ended_threads = 3;
    trial.spent.minor_faults = None;
    trial.spent.major_faults = None;
    trial.life.replies = 5;
    trial.at_ready.processes = 11;
    trial.at_ready.threads = 12;
    trial.peak.processes = 13;
    trial.peak.threads = 14;
    trial.interference.stolen_share = None;
    trial.interference.client_involuntary = 7;
    trial.interference.shared_processors = true;
    trial.workers = vec![WorkerTally {
        worker: 0,
        pid: 4321,
        connections: 8,
        requests: 800,
    }];
    trial.search = Some(SearchFigures {
        best_per_s: Some(20_000.0),
        beyond_reach: true,
        tried: [(Some(900.5), true), (None, false)]
            .map(|(p99_us, kept)| Tried {
                rate_per_s: 20_000.0,
                p99_us,
                kept,
                client_limited: !kept,
            })
            .to_vec(),
    });
    trial.kill = Some(KillFigures {
        lost: 2,
        back_ms: None,
        lowest_rate_share: 0.875,
    });
    trial.system_calls = Some(SystemCalls {
        by_name: [("read".to_owned(), 10), ("write".to_owned(), 9)].into(),
        replies: 9,
    });
    fill(&mut trial.load);
    trial
}

fn fill(load: &mut LoadFigures) {
    let times = Quantiles {
        count: 123_456,
        min: 1.5,
        mean: 20.25,
        p50: Some(19.125),
        p90: Some(30.5),
        p99: Some(40.75),
        p999: Some(50.125),
        p9999: Some(60.5),
        max: 1234.5,
    };
    load.loop_kind = LoopKind::Open;
    load.rate_per_s = Some(1234.5);
    load.requests = Requests {
        planned: 45,
        unsent: 10,
        sent: 35,
        ok: 20,
        wrong: 1,
        error: 2,
        timeout: 3,
        reset: 4,
        in_flight: 5,
    };
    load.connections.asked = 64;
    load.connections.opened = 63;
    load.connections.failed = 1;
    load.connections.served = 10;
    load.connections.reconnects = 2;
    load.latency_us = Some(times);
    load.service_us = Some(times);
    load.lateness_us = Some(times);
    load.connecting_us = Some(times);
    load.parts = vec![
        Part {
            op: "ping".to_owned(),
            latency_us: Some(times),
        },
        Part {
            op: "block".to_owned(),
            latency_us: None,
        },
    ];
    load.fairness = Some(Fairness {
        jain: Some(0.123_456),
        least_served: 0,
        most_served: 9,
    });
    load.bystanders = Some(BackgroundConnections {
        idle: 0,
        idle_open: 0,
        silent: 4,
        silent_open: 3,
    });
    load.client.threads = 2;
    load.checks.accounting = false;
    load.checks.client_limited = None;
    load.checks.late_share = Some(0.5);
    load.checks.little = Some(Little {
        lambda_w: 63.5,
        l: 64.0,
        error: 0.007_813,
    });
    load.checks.arrivals = Some(Arrivals {
        anderson_darling: 0.5,
        lag1: -0.25,
        gaps: 400,
    });
    load.checks.drift = Some(Drift {
        first_p50_us: 1.0,
        last_p50_us: 2.0,
    });
    load.intervals = [(0, None), (9, Some(1.5))]
        .map(|(failed, p50_us)| Interval {
            t_s: 0.02,
            ok: 10,
            failed,
            p50_us,
            p99_us: None,
        })
        .to_vec();
    load.failures = vec![Failures {
        kind: "timeout".to_owned(),
        count: 3,
        first: "no reply within 1s".to_owned(),
    }];
}

/// With nothing but what every trial has, all of it as usual.
fn minimal() -> Measured {
    let mut trial = fixture::measured();
    trial.spent.voluntary_switches = 0;
    trial.spent.involuntary_switches = 0;
    trial.spent.minor_faults = Some(0);
    let interference = &mut trial.interference;
    interference.client_wait_share = Some(0.0);
    interference.foreign_share = Some(0.0);
    interference.client_foreign_share = Some(0.0);
    interference.psi_some_share = Some(0.0);
    interference.server_involuntary = 0;
    trial.load.requests = Requests::default();
    trial.load.latency_us = None;
    trial.load.fairness = None;
    trial.load.client.cpu_us_per_request = None;
    trial
}

#[test]
fn a_record_with_every_figure_comes_back() {
    comes_back(&record(full()));
}

#[test]
fn a_record_with_hardly_a_figure_comes_back_and_is_short() {
    let record = record(minimal());
    comes_back(&record);
    let measured = &stored(&record)["measured"];
    assert_eq!(
        measured["spent"],
        serde_json::json!([1, 125_000, 375_000]),
        "{measured}"
    );
    assert_eq!(measured["interference"], serde_json::json!([]), "{measured}");
    assert_eq!(
        measured["load"]["requests"],
        serde_json::json!({ "planned": 0 }),
        "{measured}"
    );
}

#[test]
fn what_is_not_told_is_not_taken_for_nothing() {
    let mut trial = minimal();
    trial.interference.stolen_share = None;
    trial.load.checks.client_limited = None;
    trial.spent.major_faults = None;
    comes_back(&record(trial));
}

#[test]
fn a_trial_that_failed_comes_back() {
    comes_back(&Record {
        outcome: Outcome::Failed("it did not start".to_owned()),
        ..record(minimal())
    });
}

#[test]
fn what_is_stored_again_is_the_same() {
    let (_, records) = fixture::run();
    for record in records {
        let once = stored(&record);
        assert_eq!(short(whole(once.clone())), once);
    }
}

#[test]
fn numbers_have_six_digits_and_counts_all_of_theirs() {
    let numbers = serde_json::json!([
        12_345_678,
        1_234_567.8,
        28.024_000_000_000_004,
        0.002_688_95,
        1e-9,
        3.0,
        -0.0
    ]);
    assert_eq!(
        tidy(numbers).to_string(),
        "[12345678,1234570,28.024,0.002689,0,3,0]"
    );
}

#[test]
fn a_list_that_is_too_long_is_no_record() {
    let mut stored = stored(&record(minimal()));
    stored["measured"]["at_ready"] = serde_json::json!([1, 2, 3, 4]);
    assert!(serde_json::from_value::<Record>(whole(stored)).is_err());
}

#[test]
fn the_page_on_the_method_tells_how_records_are_stored() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/METHODOLOGY.md");
    let page = fs::read_to_string(page).unwrap();
    for group in GROUPS {
        let line = line(group);
        assert!(page.contains(&line), "docs/METHODOLOGY.md has no line\n{line}");
    }
}

/// A group as a line of the table there.
fn line(group: &Group) -> String {
    let form = match group.form {
        Named => "by name",
        Listed => "a list",
    };
    let figures: Vec<_> = group.figures.iter().map(figure).collect();
    format!("| `{}` | {form} | {} |", group.path, figures.join(", "))
}

fn figure((name, usual): &(&str, Usual)) -> String {
    let usual = match usual {
        Nothing => return format!("`{name}`"),
        Null => "null".to_owned(),
        Count(count) => count.to_string(),
        Flag(flag) => flag.to_string(),
        Word(word) => (*word).to_owned(),
        As(other) => format!("as `{}`", other.trim_start_matches('/')),
    };
    format!("`{name}` ({usual})")
}
