//! Pages that are written from the kept run, by `compare report`: results/README.md and its plots, the results in README.md,
//! and what was found in docs/EXPERIMENTS.md.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use regex::Regex;
use similar::TextDiff;
use tempfile::TempDir;
use test_support::programs;

use crate::workspace::{files_below, none, read, root};

/// Pages of somebody's own with places for results.
const PAGES: [&str; 2] = ["README.md", "docs/EXPERIMENTS.md"];
/// The most words that results/README.md may have: what is read in ten minutes.
const WORDS_MOST: usize = 1800;

#[test]
fn pages_hold_what_the_kept_run_gives() {
    let run = kept_run();
    let command = format!("compare report {run} --into {}", PAGES.join(" --into "));
    let written = written_again(&run);
    let mut found = Vec::new();
    for page in PAGES.into_iter().chain(["results/README.md"]) {
        let (there, expected) = (read(&root().join(page)), read(&written.path().join(page)));
        if there != expected {
            let diff = TextDiff::from_lines(&there, &expected);
            found.push(format!("{page}\n{}", diff.unified_diff()));
        }
    }
    let plots = [root(), written.path()].map(|folder| plots_in(&folder.join("results")));
    if plots[0] != plots[1] {
        let differing = plots[0].symmetric_difference(&plots[1]);
        let names: BTreeSet<_> = differing.map(|(name, _)| &**name).collect();
        found.push(format!("plots in results: {names:?}"));
    }
    none(
        &found,
        &format!("run {command} (and remove plots that it does not write)"),
    );
}

#[test]
fn the_page_of_results_is_read_in_ten_minutes() {
    let page = read(&root().join("results/README.md"));
    let words = page.split_whitespace().count();
    assert!(words <= WORDS_MOST, "results/README.md has {words} words");
}

/// The run that README.md names, relative to the repository.
fn kept_run() -> String {
    let named = Regex::new(r"`compare report (results/runs/\S+) --into README.md`").expect("a regex");
    let page = read(&root().join("README.md"));
    let named = named
        .captures(&page)
        .expect("README.md names the command and the run");
    named[1].to_owned()
}

/// A folder with the pages as the run gives them.
fn written_again(run: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let copy = |file: &str| {
        let copy = folder.path().join(file);
        fs::create_dir_all(copy.parent().expect("a file is in a folder")).expect("a folder can be made");
        let copied = fs::copy(root().join(file), copy);
        copied.unwrap_or_else(|error| panic!("{file}: {error}"));
    };
    let records = ["environment.json", "records.jsonl.gz"].map(|file| format!("{run}/{file}"));
    for file in PAGES.into_iter().chain(records.iter().map(|file| &**file)) {
        copy(file);
    }
    let mut command = Command::new(programs().join("compare"));
    command.current_dir(&folder).args(["report", run]);
    let done = command
        .args(PAGES.iter().flat_map(|page| ["--into", page]))
        .output()
        .expect("a program that was built can be started");
    let message = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{message}");
    folder
}

/// Names and contents. The pictures of traces are from no run.
fn plots_in(folder: &Path) -> BTreeSet<(String, String)> {
    let files = files_below(folder, &["svg"]).into_iter();
    let files = files.filter(|file| !file.starts_with(folder.join("trace")));
    let name = |file: &Path| {
        file.file_name()
            .expect("a file has a name")
            .to_string_lossy()
            .into_owned()
    };
    files.map(|file| (name(&file), read(&file))).collect()
}
