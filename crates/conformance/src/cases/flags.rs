//! Flags: wrong ones are reported in one line, and the help explains the others.

use crate::description::{Lineage, Serves};
use crate::model::Model;

pub(crate) fn a_wrong_flag_is_reported_in_one_line(model: &Model) {
    let wrong: &[&[&str]] = &[
        &["--no-such-flag"],
        &["--listen", "nonsense"],
        &["--listen", "127.0.0.1"],
        &["--listen", "127.0.0.1:99999"],
        &["--listen", ""],
        &["--listen"],
        &["--max-frame", "x"],
        &["--max-frame", "-1"],
        &["--max-frame", "1.5"],
        &["--max-frame", "99999999999999999999"],
        &["--backlog", "many"],
        &["--idle-timeout", "soon"],
        &["--drain-timeout", "later"],
        &["--drain-timeout", "-1s"],
        &["stray"],
    ];
    for flags in wrong {
        reports_wrong_flags(model, flags);
    }
}

pub(crate) fn a_wrong_worker_flag_is_reported_in_one_line(model: &Model) {
    let mut wrong: Vec<&[&str]> = vec![&["--workers", "0"], &["--workers", "x"], &["--workers", "-1"]];
    if !model.description.accept.is_empty() {
        wrong.push(&["--accept", "sometimes"]);
    }
    if model.description.tally {
        wrong.extend([
            &["--tally"] as &[_],
            &["--tally", "/no-such-folder/tally"],
            &["--tally", "/"],
        ]);
    }
    for flags in wrong {
        reports_wrong_flags(model, flags);
    }
}

pub(crate) fn help_names_every_flag(model: &Model) {
    let finished = model.run(&["--help"]);
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""));
    let mut flags = vec![
        "--listen",
        "--backlog",
        "--max-frame",
        "--idle-timeout",
        "--frame-timeout",
        "--keepalive",
        "--drain-timeout",
        "--two-writes",
        "--describe",
        "-v",
        "127.0.0.1:8080",
        "4096",
        "1048576",
    ];
    if model.has_workers() {
        flags.push("--workers");
    }
    if !model.description.accept.is_empty() {
        flags.push("--accept");
        flags.extend(model.description.accept.iter().map(String::as_str));
    }
    if model.description.tally {
        flags.push("--tally");
    }
    for flag in flags {
        assert!(
            finished.stdout.contains(flag),
            "--help names {flag}: {}",
            finished.stdout
        );
    }
}

/// The one default that differs between models, which readers of a comparison ask about. Where a worker serves one
/// connection, models of the tutorial explain it by the tutorial's own number.
pub(crate) fn help_names_the_default_number_of_workers_and_why(model: &Model) {
    let help = model.run(&["--help"]).stdout;
    let workers = help
        .split("--workers")
        .nth(1)
        .and_then(|rest| rest.split("--").next())
        .expect("--help names --workers");
    let default = model.description.workers.expect("it has workers").default;
    assert!(workers.contains(&format!("[default: {default}]")), "{workers}");
    let why = match (model.description.serves, model.description.lineage) {
        (Serves::Workers, Lineage::Article) => "original forks",
        (Serves::Workers, _) => "",
        _ => "default is",
    };
    let words: Vec<_> = workers.split_whitespace().collect();
    assert!(words.join(" ").contains(why), "{workers}");
}

pub(crate) fn help_names_the_range_of_each_number(model: &Model) {
    let mut ranges = vec![
        ("--backlog", "1 to 2147483647", ["0", "2147483648"]),
        ("--max-connections", "1 to 4294967295", ["0", "4294967296"]),
        ("--max-frame", "256 to 1073741824", ["255", "1073741825"]),
    ];
    if model.has_workers() {
        ranges.push(("--workers", "1 to 65535", ["0", "65536"]));
    }
    if model.has_worker_processes() {
        ranges.push(("--start-retries", "0 to 4294967295", ["-1", "4294967296"]));
    }
    if model.accepts("queue") {
        ranges.push(("--queue", "1 to 65535", ["0", "65536"]));
    }
    let help = model.run(&["--help"]).stdout;
    for (flag, range, outside) in ranges {
        let text = help
            .split(&format!("{flag} "))
            .nth(1)
            .expect("--help has the flag");
        let words: Vec<_> = text.split_whitespace().take(60).collect();
        assert!(words.join(" ").contains(range), "{flag}: {text}");
        for number in outside {
            reports_wrong_flags(model, &[flag, number]);
        }
    }
}

#[track_caller]
fn reports_wrong_flags(model: &Model, flags: &[&str]) {
    let finished = model.run(flags);
    let stderr = finished.stderr;
    assert_eq!(finished.code, Some(2), "{flags:?}: {stderr}");
    assert_eq!(finished.stdout, "", "{flags:?}");
    assert_eq!(stderr.lines().count(), 1, "{flags:?}: one line: {stderr}");
    assert!(!stderr.contains("panicked"), "{flags:?}: {stderr}");
    let names = |word: &&str| !word.is_empty() && stderr.contains(*word);
    assert!(flags.iter().any(names), "{flags:?}: it names the flag: {stderr}");
}
