//! Everything that is made of a fixed run, letter by letter.
//!
//! If a change is meant, look at it and accept it: `INSTA_UPDATE=always cargo test -p report golden`.

use crate::excerpt::{self, Places};
use crate::page::Section;
use crate::{fixture, page};

const RUN: &str = "20260102T030405Z";

/// Holds a text to its snapshot, and its end to one newline, which snapshots leave out.
#[track_caller]
fn is_as_kept(name: &str, text: &str) {
    assert!(text.ends_with('\n') && !text.ends_with("\n\n\n"), "{name}");
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn the_page_of_a_fixed_run_stays() {
    let (environment, records) = fixture::run();
    let page = page(&fixture::summary(&environment, &records), RUN);
    is_as_kept("page", &crate::markdown(&page));
}

#[test]
fn the_html_page_of_a_fixed_run_stays() {
    let (environment, records) = fixture::run();
    let page = page(&fixture::summary(&environment, &records), RUN);
    let html = crate::html(&page);
    // Styles and the script have files of their own.
    let body = html.find("<body>").expect("a page has a body");
    let script = html.find("<script>").expect("a page has a script");
    is_as_kept("html", &format!("{}\n", &html[body..script]));
}

#[test]
fn the_excerpt_of_a_fixed_run_stays() {
    let (environment, records) = fixture::run();
    let places = Places {
        file: "README.md".as_ref(),
        run: "results/runs/20260102T030405Z".as_ref(),
        results: "results".as_ref(),
        plots: &["request-cost", "past-capacity", "waiting"].map(str::to_owned),
    };
    let summary = fixture::summary(&environment, &records);
    is_as_kept("excerpt", &excerpt::render(&summary, RUN, &places));
}

#[test]
fn the_tables_of_a_fixed_run_stay_narrow() {
    let (environment, records) = fixture::run();
    let tables = crate::terminal(&fixture::summary(&environment, &records));
    for line in tables.lines() {
        assert!(line.chars().count() <= 100, "wider than a terminal: {line}");
    }
    is_as_kept("terminal", &tables);
}

#[test]
fn the_csv_of_a_fixed_run_stays() {
    let (_, records) = fixture::run();
    is_as_kept("csv", &crate::csv(&records, RUN));
}

#[test]
fn a_run_without_trials_has_a_page() {
    let (environment, _) = fixture::run();
    let page = page(&fixture::summary(&environment, &[]), RUN);
    assert!(
        page.caveats[0].starts_with("The run was interrupted"),
        "{:?}",
        page.caveats
    );
    assert_eq!(page.decision, []);
    assert!(!crate::markdown(&page).contains("NaN"));
}

#[test]
fn every_row_has_a_cell_for_each_heading() {
    let (environment, records) = fixture::run();
    let page = page(&fixture::summary(&environment, &records), RUN);
    for table in page.sections.iter().flat_map(Section::tables) {
        for row in &table.rows {
            assert_eq!(row.cells.len(), table.headings.len(), "{}", table.caption);
        }
    }
}
