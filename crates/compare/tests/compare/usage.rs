//! What is asked in a way that it can't be: exit code 2, and what to do about it.

use crate::support::{run, servers, text};

fn refused(arguments: &[&str]) -> String {
    let done = run(arguments);
    let message = text(&done.stderr);
    assert_eq!(done.status.code(), Some(2), "{message}");
    assert_eq!(text(&done.stdout), "");
    assert!(!message.contains("panicked"), "{message}");
    message
}

#[test]
fn a_name_that_is_none_is_told_with_those_that_are() {
    let message = refused(&["run", "--models", "single,multithread"]);
    assert!(
        message.contains("multithread") && message.contains("prefork-async"),
        "{message}"
    );
    let message = refused(&["run", "--experiments", "speed"]);
    assert!(
        message.contains("request-cost") && message.contains("connection-cost"),
        "{message}"
    );
    refused(&["run", "--profile", "slow"]);
}

#[test]
fn a_mistake_in_a_file_is_told_with_the_file_and_the_place() {
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
    let contenders = file("others.toml", "[[contender]]\nname = \"x\"\ncommand = [\"true\"]");
    let message = refused(&["run", "--contenders", &contenders]);
    assert!(
        message.contains("others.toml") && message.contains("{addr}"),
        "{message}"
    );
}

#[test]
fn a_server_that_was_not_built_is_told_with_how_to_build_it() {
    let nowhere = tempfile::tempdir().unwrap();
    let message = refused(&["run", "--servers", nowhere.path().to_str().unwrap()]);
    assert!(
        message.contains("server-single") && message.contains("cargo build --release"),
        "{message}"
    );
}

#[test]
fn processors_that_are_not_there_are_told() {
    servers();
    let message = refused(&["run", "--profile", "smoke", "--client-cpus", "999"]);
    assert!(message.contains("999"), "{message}");
    refused(&["run", "--server-cpus", "none"]);
    let message = refused(&["run", "--profile", "smoke", "--server-cpus", "998"]);
    assert!(message.contains("998"), "{message}");
}

#[test]
fn a_folder_that_is_not_a_run_is_told() {
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
fn help_says_what_each_flag_does() {
    for verb in ["run", "report", "diff", "check", "aa"] {
        let help = run(&[verb, "--help"]);
        assert!(help.status.success());
        assert!(
            text(&help.stdout).lines().all(|line| line.chars().count() <= 110),
            "{}",
            text(&help.stdout)
        );
    }
    assert!(!text(&run(&["--help"]).stdout).contains("launch"));
}
