//! `--fail-if`: a condition on the result sets the exit code.

use crate::fake::{Act, Fake, error};
use crate::output::short_run;
use crate::program::loadgen_with;

#[test]
fn a_run_fails_by_each_condition_that_holds() {
    let fake = Fake::good();
    let left = short_run(
        &fake,
        &[
            "--fail-if",
            "rate<1000M",
            "--fail-if",
            "errors>0",
            "--fail-if",
            "max >= 0",
            "--quiet",
        ],
    );
    assert_eq!((left.code, &*left.stdout), (Some(1), ""));
    let lines: Vec<_> = left.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{}", left.stderr);
    assert!(
        lines[0].starts_with("loadgen: --fail-if rate<1000M: rate is "),
        "{}",
        lines[0]
    );
    assert!(
        lines[1].starts_with("loadgen: --fail-if max >= 0: max is "),
        "{}",
        lines[1]
    );
}

#[test]
fn a_run_passes_whose_conditions_do_not_hold() {
    let fake = Fake::good();
    let left = short_run(
        &fake,
        &[
            "--fail-if",
            "max>1min",
            "--fail-if",
            "failed>0%",
            "--fail-if",
            "rate<0.001",
        ],
    );
    assert_eq!((left.code, &*left.stderr), (Some(0), ""));
    assert!(left.stdout.contains("closed loop on"), "{}", left.stdout);
}

#[test]
fn a_condition_counts_replies_that_are_errors() {
    let fake = Fake::new(|asked| {
        if asked.number == 0 {
            Act::Instead(error("bad_params"))
        } else {
            Act::Answer
        }
    });
    let left = short_run(&fake, &["--fail-if", "errors>0", "--json", "-"]);
    assert_eq!(left.code, Some(1));
    assert_eq!(left.stderr, "loadgen: --fail-if errors>0: errors is 1\n");
    serde_json::from_str::<serde_json::Value>(&left.stdout).expect("stdout is JSON and nothing else");
}

#[test]
fn a_metric_that_is_null_fails_with_the_reason() {
    let fake = Fake::new(|_| Act::Instead(error("bad_params")));
    let left = short_run(&fake, &["--fail-if", "p99>5ms", "--quiet"]);
    assert_eq!(left.code, Some(1));
    assert_eq!(
        left.stderr,
        "loadgen: --fail-if p99>5ms: p99 has no value: there was no good reply\n"
    );
}

#[test]
fn a_wrong_condition_is_refused_before_the_run() {
    let fake = Fake::good();
    for condition in ["p99", "p98>5ms", "p99>5", "errors>many", "failed>200%", ""] {
        let left = short_run(&fake, &["--fail-if", condition]);
        assert_eq!(left.code, Some(2), "{condition}: {}", left.stderr);
        assert!(left.stderr.contains("--fail-if"), "{}", left.stderr);
    }
    assert_eq!(fake.requests(), 0);
}

#[test]
fn help_lists_the_metrics_of_conditions() {
    let help = loadgen_with(&["run", "--help"]).stdout;
    for name in [
        "p99.99", "rate", "errors", "failed", "timeout", "reset", "unsent", "unserved", "outage",
    ] {
        assert!(help.contains(name), "{name}: {help}");
    }
}
