//! What a report shows of models that lose requests, have too few trials, or are alone.

use crate::excerpt::{self, Places};
use crate::fixture;
use crate::page::{Cell, Mark, Page};
use crate::standing::{self, Reason};
use crate::summary::{Answer, Row, Summary};
use crate::{csv, html, markdown, terminal};
use schema::environment::Environment;
use schema::load::BackgroundConnections;
use schema::record::{Measured, Outcome, Record};
use stats::Rank;

const RUN: &str = "20260102T030405Z";

/// Changes the trials of a model in a setting of an experiment, by their rounds.
fn change(
    records: &mut [Record],
    [experiment, setting, model]: [&str; 3],
    mut to: impl FnMut(usize, &mut Measured),
) {
    for record in records {
        let here = [&*record.experiment, &*record.setting, &*record.model];
        if let (true, Outcome::Measured(trial)) = (
            here == [experiment, setting, model] && record.round > 0,
            &mut record.outcome,
        ) {
            to(record.round, trial);
        }
    }
}

const EPSILON_AT_64: [&str; 3] = ["request-cost", "64", "epsilon"];

/// A run in which `epsilon` loses this share of its requests at 64 connections, where it is best.
fn losing(share: f64) -> (Environment, Vec<Record>) {
    let (environment, mut records) = fixture::run();
    change(&mut records, EPSILON_AT_64, |_, trial| {
        let requests = &mut trial.load.requests;
        requests.reset = (requests.sent as f64 * share).round() as u64;
        requests.ok -= requests.reset;
    });
    (environment, records)
}

fn answer<'r, 'a>(summary: &'r Summary<'a>, experiment: &str, setting: &str) -> &'r Answer<'a> {
    let mut answers = summary.answers();
    answers
        .find(|answer| answer.experiment.key == experiment && answer.setting.key == setting)
        .expect("the run has it")
}

fn row<'r, 'a>(answer: &'r Answer<'a>, model: &str) -> &'r Row<'a> {
    let mut rows = answer.rows.iter();
    rows.find(|row| row.model == model).expect("it took part")
}

fn page_of(environment: &Environment, records: &[Record]) -> Page {
    crate::page(&fixture::summary(environment, records), RUN)
}

/// A run in every format for people.
fn all_texts(environment: &Environment, records: &[Record]) -> [(&'static str, String); 4] {
    let summary = fixture::summary(environment, records);
    let page = page_of(environment, records);
    let places = Places {
        file: "README.md".as_ref(),
        run: "results/runs/20260102T030405Z".as_ref(),
        results: "results".as_ref(),
        plots: &[],
    };
    [
        ("markdown", markdown(&page)),
        ("html", html(&page)),
        ("terminal", terminal(&summary)),
        ("excerpt", excerpt::render(&summary, RUN, &places)),
    ]
}

#[test]
fn lost_requests_are_shown_in_every_format() {
    let (environment, records) = losing(0.12);
    for (format, text) in all_texts(&environment, &records) {
        for expected in ["errors", "12"] {
            assert!(text.contains(expected), "{format}, {expected}:\n{text}");
        }
    }
    let text = csv(&records, RUN);
    let column = |name: &str| {
        text.lines()
            .next()
            .unwrap()
            .split(',')
            .position(|other| other == name)
    };
    let reset = column("reset").expect("the table has a column for each kind");
    let lost = text
        .lines()
        .skip(1)
        .filter(|line| line.split(',').nth(reset).is_some_and(|count| count.len() > 1));
    assert_eq!(lost.count(), 6);
}

#[test]
fn tables_without_errors_have_no_column_of_them() {
    let (environment, records) = losing(0.12);
    let page = page_of(&environment, &records);
    for section in &page.sections {
        let tables = std::iter::once(&section.table).chain(&section.details);
        for table in tables {
            let has_column = table.headings.iter().any(|heading| heading == "errors");
            let expected = ["request-cost", "past-capacity"].contains(&&*section.key);
            assert_eq!(has_column, expected, "{}: {}", section.key, table.caption);
        }
    }
}

#[test]
fn a_model_that_loses_over_one_percent_is_not_ranked() {
    let (environment, records) = losing(0.12);
    let summary = fixture::summary(&environment, &records);
    let losing = row(answer(&summary, "request-cost", "64"), "epsilon");
    for value in &losing.values {
        assert!(value.standing.is_err(), "{:?}", value.standing);
    }
    assert!(matches!(
        losing.values[0].standing,
        Err(Reason::Failed(share)) if (share - 0.12).abs() < 0.001
    ));
    let page = page_of(&environment, &records);
    let rows = page.sections[0].details.iter().flat_map(|table| &table.rows);
    let has_errors = |cell: &Cell| {
        cell.note
            .as_ref()
            .is_some_and(|note| note.starts_with("errors 12 %"))
    };
    let lost: Vec<_> = rows.filter(|row| row.cells.iter().any(has_errors)).collect();
    assert_eq!(lost.len(), 1);
    assert!(
        lost[0].cells.iter().all(|cell| cell.mark == Mark::None),
        "{lost:?}"
    );
    let ranked = lost[0].cells.iter().filter(|cell| has_errors(cell));
    assert!(ranked.count() > 5, "{lost:?}");
    assert!(
        page.decision
            .iter()
            .all(|line| !line.choice.contains("`epsilon` (CPU")),
        "{:?}",
        page.decision
    );
}

#[test]
fn losing_under_one_percent_is_ranked_with_a_caveat() {
    let (environment, records) = losing(0.005);
    let summary = fixture::summary(&environment, &records);
    let losing = row(answer(&summary, "request-cost", "64"), "epsilon");
    assert_eq!(losing.values[0].standing, Ok(Rank::Best));
    let text = markdown(&page_of(&environment, &records));
    assert!(text.contains("|**6.41**|"), "{text}");
    assert!(
        text.contains("Some requests or trials failed: `epsilon`."),
        "{text}"
    );
    assert!(fixture::summary(&environment, &records).faults().is_empty());
}

#[test]
fn a_run_names_each_model_that_failed_too_often() {
    let (environment, records) = losing(0.12);
    let lines = fixture::summary(&environment, &records).faults();
    let [line] = &*lines else { panic!("{lines:?}") };
    assert!(
        line.starts_with("epsilon, request-cost, 64: 12.0 % of its requests failed ("),
        "{line}"
    );
}

#[test]
fn a_server_that_stops_is_never_called_latency_bound() {
    let (environment, mut records) = fixture::run();
    change(&mut records, ["request-cost", "1", "epsilon"], |round, trial| {
        trial.server_busy_share = 0.2;
        trial.load.stopped_answering = round == 2;
        trial.load.requests.timeout = u64::from(round == 2);
    });
    let summary = fixture::summary(&environment, &records);
    let stopped = row(answer(&summary, "request-cost", "1"), "epsilon");
    assert_eq!(stopped.bottleneck.name(), "stopped answering");
    assert_eq!(stopped.values[0].standing, Err(Reason::StoppedAnswering));
    for (format, text) in all_texts(&environment, &records) {
        // The excerpt has the settings that stand for workloads.
        let has_the_setting = format != "excerpt";
        assert_eq!(
            text.contains("stopped answering"),
            has_the_setting,
            "{format}:\n{text}"
        );
        let bound = text
            .lines()
            .filter(|line| line.contains("epsilon") && line.contains("latency-bound"));
        // At 64 connections the load generator is the bottleneck.
        assert_eq!(
            bound.clone().count(),
            0,
            "{format}: {:?}",
            bound.collect::<Vec<_>>()
        );
    }
    let lines = fixture::summary(&environment, &records).faults();
    assert!(
        lines[0].contains("stopped answering in 1 of 6 trials"),
        "{lines:?}"
    );
}

#[test]
fn closed_background_connections_keep_a_model_from_being_ranked() {
    let (environment, mut records) = fixture::run();
    change(&mut records, EPSILON_AT_64, |_, trial| {
        trial.load.background = Some(BackgroundConnections {
            idle: 100,
            idle_open: 40,
            silent: 0,
            silent_open: 0,
        });
    });
    for (format, text) in all_texts(&environment, &records) {
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains("closed 60 %"), "{format}:\n{text}");
    }
    let lines = fixture::summary(&environment, &records).faults();
    assert!(
        lines[0].contains("360 of 600 background connections closed"),
        "{lines:?}"
    );
}

#[test]
fn overload_and_starved_connections_are_no_errors() {
    let (environment, mut records) = fixture::run();
    records.retain(|record| matches!(record.outcome, Outcome::Measured(_)));
    let summary = fixture::summary(&environment, &records);
    assert!(summary.rows().any(Row::is_overloaded) && summary.rows().any(Row::has_never_served));
    assert!(summary.rows().all(|row| !row.errors.any()));
    assert_eq!(fixture::summary(&environment, &records).faults(), [""; 0]);
}

/// At 64 connections `epsilon` is best by far in two of six rounds, and excluded in the others.
fn too_few() -> (Environment, Vec<Record>) {
    let (environment, mut records) = fixture::run();
    change(&mut records, EPSILON_AT_64, |round, trial| {
        if round > 2 {
            trial.interference.stolen_share = Some(0.5);
        }
    });
    (environment, records)
}

#[test]
fn a_value_of_too_few_trials_is_not_ranked() {
    let (environment, records) = too_few();
    let summary = fixture::summary(&environment, &records);
    let answer = answer(&summary, "request-cost", "64");
    let few = row(answer, "epsilon");
    for (index, value) in few.values.iter().enumerate() {
        if answer.metric(index).better.is_some() && value.estimate.is_some() {
            assert_eq!(standing::note(value.standing).as_deref(), Some("2 of 6 trials"));
        }
    }
    for (format, text) in all_texts(&environment, &records) {
        assert!(text.contains("2 of 6 trials"), "{format}:\n{text}");
    }
    let decision = page_of(&environment, &records).decision;
    assert!(
        decision[0].choice.starts_with("only `beta` is comparable"),
        "{decision:#?}"
    );
}

#[test]
fn a_model_without_a_trial_that_counts_is_reported() {
    let (environment, mut records) = fixture::run();
    change(&mut records, EPSILON_AT_64, |_, trial| {
        trial.interference.stolen_share = Some(0.5);
    });
    for (format, text) in all_texts(&environment, &records) {
        assert!(text.contains("0 of 6 trials"), "{format}:\n{text}");
    }
}

#[test]
fn a_smoke_run_ranks_nothing() {
    let (mut environment, mut records) = fixture::run();
    environment.profile = "smoke".to_owned();
    for rounds in [6, 1] {
        environment.rounds = rounds;
        records.retain(|record| record.round <= rounds);
        let page = page_of(&environment, &records);
        assert_eq!(page.decision, []);
        for section in &page.sections {
            let tables = std::iter::once(&section.table).chain(&section.details);
            let cells = tables.flat_map(|table| &table.rows).flat_map(|row| &row.cells);
            for cell in cells {
                assert_eq!(cell.mark, Mark::None, "{}: {cell:?}", section.key);
            }
            let words = format!("{} {}", section.meaning, section.findings.join(" "));
            assert!(!words.contains("best") && !words.contains("tied"), "{words}");
        }
    }
}

/// Of four models only `alpha` is not overloaded at 30 %. Each has all its trials.
fn one_comparable() -> (Environment, Vec<Record>) {
    let (environment, mut records) = fixture::run();
    let measured = |record: &&Record| matches!(record.outcome, Outcome::Measured(_)) && record.round > 0;
    for index in 0..records.len() {
        let failed = &records[index];
        if matches!(failed.outcome, Outcome::Failed(_)) {
            let key =
                |record: &Record| [&record.experiment, &record.setting, &record.model].map(Clone::clone);
            let mut others = records.iter().filter(measured);
            let other = others.find(|other| key(other) == key(failed));
            records[index].outcome = other.expect("another of its trials was measured").outcome.clone();
        }
    }
    for model in ["beta", "delta", "epsilon"] {
        change(&mut records, ["past-capacity", "30", model], |_, trial| {
            trial.load.requests.unsent = trial.load.requests.planned / 2;
        });
    }
    (environment, records)
}

#[test]
fn one_comparable_model_is_not_a_tie() {
    let (environment, records) = one_comparable();
    let page = page_of(&environment, &records);
    let section = page
        .sections
        .iter()
        .find(|section| section.key == "past-capacity");
    let finding = section.expect("it was asked").findings.join(" ");
    assert!(
        finding.contains(
            "30 %: only `alpha` on 1 connection is comparable (147 µs); not ranked: `beta`, `delta` and `epsilon` (overloaded)."
        ),
        "{finding}"
    );
}

#[test]
fn a_lone_cell_of_too_few_trials_is_not_ranked() {
    let (environment, mut records) = one_comparable();
    change(&mut records, ["past-capacity", "30", "alpha"], |round, trial| {
        if round > 2 {
            trial.interference.stolen_share = Some(0.5);
        }
    });
    let summary = fixture::summary(&environment, &records);
    let lone = row(answer(&summary, "past-capacity", "30"), "alpha");
    assert_eq!(
        standing::note(lone.values[0].standing).as_deref(),
        Some("2 of 6 trials")
    );
    for (format, text) in all_texts(&environment, &records) {
        let has_the_setting = format != "excerpt";
        assert_eq!(
            text.contains("2 of 6 trials"),
            has_the_setting,
            "{format}:\n{text}"
        );
        assert!(!text.contains("is comparable, with"), "{format}:\n{text}");
    }
}

#[test]
fn no_comparable_model_is_not_a_tie() {
    let (environment, mut records) = fixture::run();
    for model in ["alpha", "beta", "delta", "epsilon"] {
        change(&mut records, ["waiting", "sleep-10ms", model], |_, trial| {
            trial.load.requests.timeout = trial.load.requests.sent / 2;
        });
    }
    let page = page_of(&environment, &records);
    let section = page.sections.iter().find(|section| section.key == "waiting");
    let finding = section.expect("it was asked").findings.join(" ");
    assert!(
        finding.contains("not ranked: ") && finding.contains("of its requests failed"),
        "{finding}"
    );
    assert!(
        !finding.contains("tied") && !finding.contains("comparable"),
        "{finding}"
    );
}
