//! Runs that are continued, and those that may not be: with other flags, or other sources.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Script, compare, event_loop, made, only_run, program, run, smoke, text, was_measured};

/// A small run of one model, started in this folder, with the folder of the sources if that is known.
fn small_run(out: &Path, from: &Path, sources: Option<&Path>) -> PathBuf {
    made(&mut with_sources(
        smoke("request-cost", event_loop(), out),
        from,
        sources,
    ));
    only_run(out)
}

/// The command, started in this folder, with the folder of the sources if that is known.
fn with_sources(mut command: Command, from: &Path, sources: Option<&Path>) -> Command {
    command.current_dir(from).env_remove("COMPARE_SOURCES");
    if let Some(sources) = sources {
        command.env("COMPARE_SOURCES", sources);
    }
    command
}

fn commit_of(run: &Path) -> serde_json::Value {
    let text = fs::read_to_string(run.join("environment.json")).expect("a run has it");
    let mut environment: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    environment["commit"].take()
}

/// Commits in this repository: the hash; none without git.
fn commit(repository: &Path) -> Option<String> {
    let git = |arguments: &[&str]| {
        Command::new("git")
            .arg("-C")
            .arg(repository)
            .args(["-c", "user.name=a", "-c", "user.email=a@example.org"])
            .args(arguments)
            .output()
    };
    let done = git(&["init", "--quiet"]).ok()?;
    assert!(done.status.success(), "{}", text(&done.stderr));
    let done = git(&["commit", "--quiet", "--allow-empty", "--message", "a"]).ok()?;
    assert!(done.status.success(), "{}", text(&done.stderr));
    Some(text(&git(&["rev-parse", "HEAD"]).ok()?.stdout).trim().to_owned())
}

#[test]
fn a_run_is_continued_with_its_own_flags() {
    let out = tempfile::tempdir().unwrap();
    let folder = small_run(out.path(), out.path(), None);
    for (flag, value) in [
        ("--out", "elsewhere"),
        ("--server-cpus", "0"),
        ("--client-cpus", "0"),
        ("--profile", "quick"),
    ] {
        let done = run(&["run", "--resume", folder.to_str().unwrap(), flag, value]);
        let message = text(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{message}");
        assert!(
            message.contains("'--resume <RUN>' cannot be used with") && message.contains(flag),
            "{message}"
        );
    }
}

#[test]
fn a_run_is_continued_without_servers_of_other_models() {
    let out = tempfile::tempdir().unwrap();
    let folder = small_run(out.path(), out.path(), None);
    fs::write(folder.join("records.jsonl"), "").unwrap();
    let own = tempfile::tempdir().unwrap();
    let resumed = || {
        run(&[
            "run",
            "--resume",
            folder.to_str().unwrap(),
            "--servers",
            own.path().to_str().unwrap(),
        ])
    };
    let refused = resumed();
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        text(&refused.stderr).contains(&format!("server-{}", event_loop())),
        "{}",
        text(&refused.stderr)
    );
    let program = program(event_loop());
    fs::copy(&program, own.path().join(program.file_name().unwrap())).unwrap();
    let done = resumed();
    assert!(done.status.success(), "{}", text(&done.stderr));
    let records = fs::read_to_string(folder.join("records.jsonl")).unwrap();
    assert_eq!(records.lines().count(), 1);
}

#[test]
fn a_resumed_run_starts_contenders_with_their_whole_command() {
    const LENGTH: usize = 5000;
    let program =
        format!("assert len(sys.argv[2]) == {LENGTH}\nserve(\"listening on 127.0.0.1:%d\", lambda: None)");
    let Some(script) = Script::new("long", &program, "") else {
        return;
    };
    let file = script.out().with_file_name("contenders.toml");
    let contender = fs::read_to_string(&file).unwrap();
    let long = format!("\"{{addr}}\", \"{}\"", "x".repeat(LENGTH));
    fs::write(&file, contender.replace("\"{addr}\"", &long)).unwrap();
    was_measured(&script.smoke().output().unwrap(), &script.out(), "long");

    let folder = only_run(&script.out());
    fs::write(folder.join("records.jsonl"), "").unwrap();
    let resume = ["run", "--resume", folder.to_str().unwrap(), "--contenders"];
    let done = compare(&resume).arg(&file).output().unwrap();
    was_measured(&done, &script.out(), "long");
}

#[test]
fn a_run_is_not_continued_with_other_sources() {
    let repository = tempfile::tempdir().unwrap();
    let Some(first) = commit(repository.path()) else {
        return test_support::skip("there is no git");
    };
    let out = tempfile::tempdir().unwrap();
    let unknown = small_run(&out.path().join("a"), repository.path(), None);
    assert!(
        commit_of(&unknown).is_null(),
        "the current folder is not that of the sources"
    );
    let known = small_run(&out.path().join("b"), out.path(), Some(repository.path()));
    assert_eq!(commit_of(&known)["hash"], *first);

    let resume = |run: &Path, sources| {
        let arguments = ["run", "--resume", run.to_str().expect("it has a plain name")];
        let mut command = with_sources(compare(&arguments), out.path(), sources);
        command.output().expect("compare can be started")
    };
    assert!(resume(&known, Some(repository.path())).status.success());
    let second = commit(repository.path()).unwrap();
    let refused = resume(&known, Some(repository.path()));
    let message = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{message}");
    assert!(message.contains(&first) && message.contains(&second), "{message}");
    assert!(
        resume(&known, None).status.success(),
        "without the sources this is not checked"
    );
    assert!(resume(&unknown, Some(repository.path())).status.success());
}
