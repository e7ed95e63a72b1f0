//! Skips are seen by whoever runs the tests: a test program runs itself, as `cargo test` would.

use std::env;
use std::process::{Command, Output};

/// Set for the program that runs one test alone, so that the test skips only there.
const ALONE: &str = "SKIPS_ALONE";

#[test]
fn a_test_that_skips() {
    if env::var_os(ALONE).is_some() {
        test_support::skip("the tool is missing");
    }
}

#[test]
fn a_skip_is_printed_although_output_is_captured() {
    for require_all in [None, Some("0"), Some("")] {
        let output = run_alone(require_all);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        assert_eq!(stderr, "skipped: a_test_that_skips: the tool is missing\n");
    }
}

#[test]
fn a_skip_fails_where_all_tests_are_required() {
    for require_all in ["1", "yes"] {
        let output = run_alone(Some(require_all));
        assert_eq!(output.status.code(), Some(101), "the exit code of failed tests");
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(stdout.contains("the tool is missing"), "{stdout}");
    }
}

fn run_alone(require_all: Option<&str>) -> Output {
    let mut test = Command::new(env::current_exe().expect("a running program has a path"));
    test.args(["--exact", "a_test_that_skips"])
        .env(ALONE, "1")
        .env_remove("REQUIRE_ALL");
    if let Some(value) = require_all {
        test.env("REQUIRE_ALL", value);
    }
    test.output().expect("the test program can be started")
}
