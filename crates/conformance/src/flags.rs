//! Flags: those that are wrong are told in one line, those that are right are explained.

use crate::model::Model;

pub(crate) fn a_wrong_flag_is_told_in_one_line(model: &Model) {
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
        is_told(model, flags);
    }
}

pub(crate) fn a_wrong_flag_of_workers_is_told_in_one_line(model: &Model) {
    let wrong: &[&[&str]] = &[
        &["--workers", "0"],
        &["--workers", "x"],
        &["--workers", "-1"],
        &["--accept", "sometimes"],
        &["--tally"],
        &["--tally", "/no-such-folder/tally"],
        &["--tally", "/"],
    ];
    for flags in wrong {
        is_told(model, flags);
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
        "-v",
        "127.0.0.1:8080",
        "4096",
        "1048576",
    ];
    if model.traits.workers {
        flags.extend(["--workers", "--accept", "shared", "reuseport", "--tally"]);
    }
    for flag in flags {
        assert!(
            finished.stdout.contains(flag),
            "--help tells of {flag}: {}",
            finished.stdout
        );
    }
}

/// The one default that is not the same everywhere, and that the reader of a comparison will ask about.
pub(crate) fn help_says_how_many_workers_there_are_unless_told_and_why(model: &Model) {
    let help = model.run(&["--help"]).stdout;
    let workers = help
        .split("--workers")
        .nth(1)
        .and_then(|rest| rest.split("--").next())
        .expect("--help tells of --workers");
    assert!(
        workers.contains("[default: ") && workers.contains("original forks"),
        "{workers}"
    );
}

pub(crate) fn help_names_the_range_of_each_number(model: &Model) {
    let mut ranges = vec![
        ("--backlog", "1 to 2147483647", ["0", "2147483648"]),
        ("--max-connections", "1 to 4294967295", ["0", "4294967296"]),
        ("--max-frame", "256 to 1073741824", ["255", "1073741825"]),
    ];
    if model.traits.workers {
        ranges.push(("--workers", "1 to 65535", ["0", "65536"]));
        ranges.push(("--start-retries", "0 to 4294967295", ["-1", "4294967296"]));
    }
    let help = model.run(&["--help"]).stdout;
    for (flag, range, outside) in ranges {
        let of_flag = help
            .split(&format!("{flag} "))
            .nth(1)
            .expect("--help has the flag");
        let words: Vec<_> = of_flag.split_whitespace().take(60).collect();
        assert!(words.join(" ").contains(range), "{flag}: {of_flag}");
        for number in outside {
            is_told(model, &[flag, number]);
        }
    }
}

#[track_caller]
fn is_told(model: &Model, flags: &[&str]) {
    let finished = model.run(flags);
    let stderr = finished.stderr;
    assert_eq!(finished.code, Some(2), "{flags:?}: {stderr}");
    assert_eq!(finished.stdout, "", "{flags:?}");
    assert_eq!(
        stderr.lines().count(),
        1,
        "{flags:?} are told in one line: {stderr}"
    );
    assert!(!stderr.contains("panicked"), "{flags:?}: {stderr}");
    let names = |word: &&str| !word.is_empty() && stderr.contains(*word);
    assert!(flags.iter().any(names), "{flags:?}: it says which: {stderr}");
}
