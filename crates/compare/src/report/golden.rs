//! What is made of a fixed run, letter by letter. When one is to change, look at the new one, and write it over the old:
//! `UPDATE_GOLDEN=1 cargo test -p compare golden`.

use std::env;
use std::fs;
use std::path::Path;

use super::excerpt::{self, Places};
use super::fixture;
use super::{compose, csv, markdown, terminal};

#[track_caller]
fn is_as_kept(name: &str, now: &str) {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&kept, now).expect("the file can be written");
    }
    let kept = fs::read_to_string(kept).expect("the file can be read");
    for (index, (now, kept)) in now.lines().zip(kept.lines()).enumerate() {
        assert_eq!(now, kept, "line {} of {name}", index + 1);
    }
    assert_eq!(now.len(), kept.len(), "{name}");
}

#[test]
fn the_page_of_a_fixed_run_is_as_it_was() {
    let (environment, records) = fixture::run();
    let page = compose::page(&fixture::summary(&environment, &records), "20260102T030405Z");
    is_as_kept("README.md", &markdown::render(&page));
}

#[test]
fn the_results_of_a_fixed_run_in_short_are_as_they_were() {
    let (environment, records) = fixture::run();
    let places = Places {
        file: "README.md".as_ref(),
        run: "results/runs/20260102T030405Z".as_ref(),
        results: "results".as_ref(),
        plots: &["request-cost", "past-capacity", "waiting"].map(str::to_owned),
    };
    let summary = fixture::summary(&environment, &records);
    is_as_kept(
        "excerpt.md",
        &excerpt::render(&summary, "20260102T030405Z", &places),
    );
}

#[test]
fn the_tables_of_a_fixed_run_are_as_they_were_and_fit_a_terminal() {
    let (environment, records) = fixture::run();
    let tables = terminal::render(&fixture::summary(&environment, &records));
    for line in tables.lines() {
        assert!(line.chars().count() <= 100, "wider than a terminal: {line}");
    }
    is_as_kept("terminal.txt", &tables);
}

#[test]
fn the_lines_of_a_fixed_run_are_as_they_were() {
    let (_, records) = fixture::run();
    is_as_kept("trials.csv", &csv::render(&records, "20260102T030405Z"));
}

#[test]
fn a_run_without_trials_has_a_page() {
    let (environment, _) = fixture::run();
    let page = compose::page(&fixture::summary(&environment, &[]), "20260102T030405Z");
    assert!(
        page.caveats[0].starts_with("The run was interrupted"),
        "{:?}",
        page.caveats
    );
    let choices = page.choices.iter().flat_map(super::conclusions::Choice::cells);
    assert!(choices.chain(page.open).all(|told| !told.contains("NaN")));
}

#[test]
fn every_shipped_experiment_has_its_part_of_the_page_and_its_table() {
    let (environment, records) = fixture::whole_run();
    let page = compose::page(&fixture::summary(&environment, &records), "20260102T030405Z");
    let sections: Vec<_> = page.sections.iter().map(|section| &section.key).collect();
    let experiments: Vec<_> = environment
        .experiments
        .iter()
        .map(|experiment| &experiment.key)
        .collect();
    assert_eq!(sections, experiments);
    for section in &page.sections {
        for row in &section.table.rows {
            assert_eq!(row.cells.len(), section.table.headings.len(), "{}", section.key);
        }
    }
    let tables = terminal::render(&fixture::summary(&environment, &records));
    for line in tables.lines() {
        assert!(line.chars().count() <= 100, "wider than a terminal: {line}");
    }
}
