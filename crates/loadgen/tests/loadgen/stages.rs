//! A rate that changes over time, from a file of stages.

use std::fs;
use std::path::PathBuf;

use loadgen::Report;

use crate::fake::{Fake, assert_adds_up};
use crate::program::{Left, loadgen, loadgen_with};

const STEPS_AND_RAMPS: &str = "
[[stage]]
name = \"steady\"
rate = 200
duration = \"400ms\"

[[stage]]
from = 200
to = \"1k\"
duration = \"500ms\"

[[stage]]
rate = 0
duration = \"200ms\"

[[stage]]
rate = \"6k/min\"
duration = \"300ms\"
";

/// A file of stages, and its folder.
fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("stages.toml");
    fs::write(&path, text).expect("the stages can be written");
    (folder, path)
}

fn run_stages(fake: &Fake, text: &str, arguments: &str) -> Left {
    let (_folder, path) = file(text);
    loadgen(&format!(
        "run --connect {} --connections 16 --timeout 60s --stages {} {arguments}",
        fake.address,
        path.display()
    ))
}

#[test]
fn each_stage_has_the_requests_of_its_rate() {
    let fake = Fake::good();
    let left = run_stages(
        &fake,
        STEPS_AND_RAMPS,
        "--arrivals uniform --warmup 100ms --threads 2 --json -",
    );
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    let report: Report = serde_json::from_str(&left.stdout).expect("it is a result");
    assert_adds_up(&report);
    assert!((report.window_s - 1.4).abs() < 1e-9, "{}", report.window_s);
    let due: Vec<_> = report.stages.iter().map(|stage| stage.due).collect();
    for (due, expected) in due.iter().zip([80, 300, 0, 30]) {
        // A thread's requests are cut off at either end.
        assert!(due.abs_diff(expected) <= 2, "{due:?}");
    }
    // Requests in the system as the window opened were due in the warm-up.
    let at_open = report.backlog.expect("the loop is open").at_open;
    assert_eq!(due.iter().sum::<u64>(), report.requests.planned - at_open);
    let ends: Vec<_> = report
        .stages
        .iter()
        .map(|stage| (stage.ends_s * 1e3).round())
        .collect();
    assert_eq!(ends, [400.0, 900.0, 1_100.0, 1_400.0]);
    let rates: Vec<_> = report
        .stages
        .iter()
        .map(|stage| (stage.from_per_s, stage.to_per_s))
        .collect();
    assert_eq!(
        rates,
        [(200.0, 200.0), (200.0, 1_000.0), (0.0, 0.0), (100.0, 100.0)]
    );
    let names: Vec<_> = report.stages.iter().map(|stage| stage.name.as_deref()).collect();
    assert_eq!(names, [Some("steady"), None, None, None]);
    // Each reply counts in one stage and in one interval.
    let by_stage: u64 = report.stages.iter().map(|stage| stage.ok).sum();
    let by_interval: u64 = report.intervals.iter().map(|interval| interval.ok).sum();
    assert_eq!(by_stage, by_interval);
    assert_eq!((report.options.rate_per_s, report.checks.drift), (None, None));
}

#[test]
fn poisson_stages_pass_the_arrivals_check() {
    let fake = Fake::good();
    let ramp = "[[stage]]\nname = \"ramp up\"\nfrom = 100\nto = 3000\nduration = \"800ms\"\n";
    let left = run_stages(&fake, ramp, "--warmup 0");
    assert_eq!(left.code, Some(0), "{}{}", left.stdout, left.stderr);
    for words in [
        "rate by stages",
        "poisson arrivals",
        "ramp up",
        "100 to 3000",
        "arrivals: Anderson",
    ] {
        assert!(left.stdout.contains(words), "{words}: {}", left.stdout);
    }
    assert!(
        !left.stdout.contains("hardly a Poisson stream"),
        "{}",
        left.stdout
    );
    assert!(
        !left.stdout.contains("went from"),
        "a latency that follows the rate is no drift"
    );
}

#[test]
fn stages_that_cannot_be_are_refused_with_their_line() {
    for (text, words) in [
        ("", "no stage"),
        (
            "[[stage]]\nrate = 1\nduration = \"1s\"\n[[stage]]\nrate = \"fast\"\nduration = \"1s\"\n",
            "line 5",
        ),
        ("[[stage]]\nrate = 1\n", "duration"),
        ("[[stage]]\nrate = 1\nduration = \"1s\"\nspeed = 1\n", "line 4"),
        ("stage = 1\n", "line 1"),
        ("[[stage]\n", "line 1"),
    ] {
        let (_folder, path) = file(text);
        let path = path.to_str().expect("it is text");
        let left = loadgen_with(&["run", "--connect", "127.0.0.1:1", "--stages", path]);
        assert_eq!((left.code, &*left.stdout), (Some(2), ""), "{text}");
        assert_eq!(left.stderr.lines().count(), 1, "{}", left.stderr);
        assert!(
            left.stderr.contains("--stages") && left.stderr.contains(words),
            "{}",
            left.stderr
        );
    }
    let left = loadgen_with(&["run", "--connect", "127.0.0.1:1", "--stages", "/nowhere"]);
    assert_eq!(left.code, Some(2));
    assert!(
        left.stderr.contains("can't read --stages /nowhere"),
        "{}",
        left.stderr
    );
}

#[test]
fn stages_exclude_another_rate_and_another_length() {
    let (_folder, path) = file(STEPS_AND_RAMPS);
    let path = path.to_str().expect("it is text");
    for other in [["--rate", "10"], ["--duration", "1s"], ["--requests", "5"]] {
        let left =
            loadgen_with(&[&["run", "--connect", "127.0.0.1:1", "--stages", path][..], &other].concat());
        assert_eq!(left.code, Some(2), "{other:?}: {}", left.stderr);
        assert!(left.stderr.contains(other[0]), "{}", left.stderr);
    }
    // Without a rate nothing is due.
    let left = loadgen("run --connect 127.0.0.1:1 --arrivals uniform");
    assert_eq!(left.code, Some(2), "{}", left.stderr);
}
