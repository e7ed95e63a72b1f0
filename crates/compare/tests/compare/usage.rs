//! Mistakes in flags and files: exit code 2, and what to do about it.

use crate::support::{event_loop, preforked, run, servers, text};

fn refused(arguments: &[&str]) -> String {
    let done = run(arguments);
    let message = text(&done.stderr);
    assert_eq!(done.status.code(), Some(2), "{message}");
    assert_eq!(text(&done.stdout), "");
    assert!(!message.contains("panicked"), "{message}");
    message
}

#[test]
fn an_unknown_name_is_reported_with_the_known_ones() {
    servers();
    let unknown = format!("{},multithread", event_loop());
    let message = refused(&["run", "--models", &unknown]);
    assert!(
        message.contains("\"multithread\"") && message.contains(preforked()),
        "{message}"
    );
    let message = refused(&["aa", "--model", "multithread"]);
    assert!(message.contains("\"multithread\""), "{message}");
    let message = refused(&["trace", "--models", "multithread"]);
    assert!(message.contains("\"multithread\""), "{message}");
    let message = refused(&["run", "--experiments", "speed"]);
    assert!(
        message.contains("request-cost") && message.contains("connection-cost"),
        "{message}"
    );
    refused(&["run", "--profile", "slow"]);
}

#[test]
fn a_mistake_in_a_file_is_reported_with_its_place() {
    servers();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let experiment = file("mine.toml", "key = \"mine\"\nquestion = 3");
    let message = refused(&["run", "--experiments", &experiment]);
    assert!(
        message.contains("mine.toml") && message.contains("line 2"),
        "{message}"
    );
    let misspelt = "key = \"mine\"\ntitle = \"Mine\"\nquestion = \"?\"\nsetup = \"-\"\nheadline = \"mean_us\"\n\
                    accept = \"reusport\"\n[[setting]]\nkey = \"a\"\ntitle = \"a\"";
    let experiment = file("misspelt.toml", misspelt);
    let message = refused(&["run", "--experiments", &experiment]);
    assert!(
        message.contains("\"reusport\"") && message.contains("use one of") && message.contains("reuseport"),
        "{message}"
    );
    let contenders = file("others.toml", "[[contender]]\nname = \"x\"\ncommand = [\"true\"]");
    let message = refused(&["run", "--contenders", &contenders]);
    assert!(
        message.contains("others.toml") && message.contains("{addr}"),
        "{message}"
    );
}

#[test]
fn a_folder_without_servers_is_reported_with_the_remedy() {
    let nowhere = tempfile::tempdir().unwrap();
    let message = refused(&["run", "--servers", nowhere.path().to_str().unwrap()]);
    assert!(
        message.contains("there is no server in") && message.contains("cargo build --release"),
        "{message}"
    );
}

#[test]
fn missing_cpus_are_reported() {
    servers();
    let message = refused(&["run", "--profile", "smoke", "--client-cpus", "999"]);
    assert!(message.contains("999"), "{message}");
    refused(&["run", "--server-cpus", "none"]);
    let message = refused(&["run", "--profile", "smoke", "--server-cpus", "998"]);
    assert!(message.contains("998"), "{message}");
}

#[test]
fn a_load_that_can_not_be_traced_is_refused() {
    for (flags, named) in [
        (&["--requests", "9"][..], "use 8 or 12"),
        (&["--requests", "3"], "use 4"),
        (&["--op", "dig"], "\"dig\" is unknown"),
        (&["--params", "{"], "not JSON"),
        (&["--op", "sleep", "--params", "-1"], "sleep does not take -1"),
        (&["--rate", "0"], "the rate is 0"),
        (&["--contenders", "/nowhere.toml"], "/nowhere.toml"),
        (&["--server-cpus", "998"], "998"),
    ] {
        let message = refused(&[&["trace"][..], flags].concat());
        assert!(message.contains(named), "{flags:?}: {message}");
        assert_eq!(message.lines().count(), 1, "{flags:?}: {message}");
    }
}

#[test]
fn a_folder_that_is_not_a_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let message = refused(&["report", folder.path().to_str().unwrap()]);
    assert!(message.contains("not the folder of a run"), "{message}");
}

#[test]
fn a_regression_that_lacks_its_sign_is_asked_about() {
    let message = refused(&["check", "--baseline", "anywhere", "--max-regression", "5"]);
    assert!(message.contains("did you mean 5%?"), "{message}");
}

#[test]
fn numbers_outside_their_ranges_are_refused() {
    servers();
    let huge = "99999999999999999999999";
    for arguments in [
        &["run", "--trials", "0"][..],
        &["run", "--trials", "1001"],
        &["run", "--trials", huge],
        &["run", "--seed", "-1"],
        &["run", "--seed", huge],
        &["run", "--server-cpus", "0-99999999999"],
        &["run", "--client-cpus", huge],
        &["aa", "--pairs", "5"],
        &["aa", "--pairs", "1001"],
        &["aa", "--comparisons", "0"],
        &["aa", "--comparisons", "1001"],
        &["aa", "--seed", huge],
        &["trace", "--connections", "0"],
        &["trace", "--connections", "65"],
        &["trace", "--requests", "0"],
        &["trace", "--requests", "1001"],
        &["trace", "--workers", "0"],
        &["trace", "--workers", huge],
        &["check", "--baseline", "anywhere", "--max-regression", "-1%"],
        &["check", "--baseline", "anywhere", "--max-regression", "1e308%"],
        &["check", "--baseline", "anywhere", "--max-regression", "inf"],
        &["check", "--baseline", "/nowhere"],
    ] {
        refused(arguments);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    let file = path.to_str().unwrap();
    let whole = "key = \"mine\"\ntitle = \"Mine\"\nquestion = \"What?\"\nsetup = \"as it is\"\nheadline = \"cpu_us_per_request\"";
    let setting = "[[setting]]\nkey = \"a\"\ntitle = \"a\"";
    let most = i64::MAX;
    for (more, load, named) in [
        (format!("window_ms = {most}"), String::new(), "window_ms"),
        ("window_ms = 3600001".to_owned(), String::new(), "window_ms"),
        ("max_rounds = 1001".to_owned(), String::new(), "max_rounds"),
        (format!("max_rounds = {most}"), String::new(), "max_rounds"),
        (String::new(), format!("connections = {most}"), "connections"),
        (String::new(), format!("pipeline = {most}"), "in flight"),
        (String::new(), format!("idle = {most}"), "idle"),
        (String::new(), "rate_per_s = 1e300".to_owned(), "rate"),
        (String::new(), "rate_per_s = nan".to_owned(), "rate"),
        (String::new(), "capacity = 1e300".to_owned(), "capacity"),
    ] {
        std::fs::write(&path, format!("{whole}\n{more}\n[load]\n{load}\n{setting}\n")).unwrap();
        let message = refused(&["run", "--profile", "smoke", "--experiments", file]);
        assert!(message.contains(named), "{more} {load}: {message}");
    }
    let contender = "[[contender]]\nname = \"a\"\ncommand = [\"x\", \"{addr}\"]";
    for limit in ["0", "600001", "9223372036854775807", "-1"] {
        std::fs::write(&path, format!("{contender}\nready_within_ms = {limit}\n")).unwrap();
        let message = refused(&["run", "--contenders", file]);
        assert!(message.contains("ready_within_ms") || limit == "-1", "{message}");
    }
}

#[test]
fn help_names_the_range_of_each_number() {
    for (verb, ranges) in [
        ("run", &["from 1 to 1000", "from 0 to 2^64 - 1"][..]),
        ("aa", &["from 6 to 1000", "from 1 to 1000", "from 0 to 2^64 - 1"]),
        ("check", &["from 0 to under 1000%"]),
        ("trace", &["from 1 to 64", "from 1 to 1000"]),
    ] {
        let help = text(&run(&[verb, "--help"]).stdout);
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        for range in ranges {
            assert!(help.contains(range), "{verb}: {range}: {help}");
        }
    }
}

#[test]
fn help_fits_a_terminal_and_contains_no_markdown() {
    for verb in ["run", "list", "report", "diff", "check", "aa", "trace"] {
        let help = run(&[verb, "--help"]);
        assert!(help.status.success());
        let help = text(&help.stdout);
        assert!(help.lines().all(|line| line.chars().count() <= 110), "{help}");
        assert!(!help.contains('`'), "{help}");
    }
    assert!(!text(&run(&["--help"]).stdout).contains("launch"));
}
