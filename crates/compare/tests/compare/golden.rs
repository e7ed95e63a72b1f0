//! The page and the tables of a fixed run, letter by letter. When one is to change, look at the new one, and write it over
//! the old: `UPDATE_GOLDEN=1 cargo test -p compare --test compare`.

use std::env;
use std::fs;
use std::path::Path;

use crate::support::{run, text};

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
fn the_page_and_the_tables_of_a_fixed_run_are_as_they_were() {
    let fixed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/run");
    let out = tempfile::tempdir().unwrap();
    let done = run(&[
        "report",
        fixed.to_str().unwrap(),
        "--out",
        out.path().to_str().unwrap(),
    ]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    is_as_kept(
        "README.md",
        &fs::read_to_string(out.path().join("README.md")).unwrap(),
    );
    let stdout = text(&done.stdout);
    let (tables, _) = stdout.split_once("\nthe page:").unwrap();
    for line in tables.lines() {
        assert!(line.chars().count() <= 100, "wider than a terminal: {line}");
    }
    is_as_kept("terminal.txt", tables);
}
