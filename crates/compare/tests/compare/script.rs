//! How `scripts/compare.sh` calls `compare`, shown by a program in its place.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// The arguments that `compare` is given when the script is called from this folder with these, and the root of the sources.
fn asked(from: &Path, arguments: &[&str]) -> (Vec<String>, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = root.canonicalize().expect("the sources are there");
    let fake = tempfile::tempdir().expect("a folder can be made");
    let program = |path: &str, text: &str| {
        let path = fake.path().join(path);
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a folder can be made");
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("a script can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
            .expect("a script can be made a program");
    };
    program("bin/cargo", "exit 0");
    program(
        "target/release/compare",
        "printf '%s\\n' \"$COMPARE_SOURCES\" \"$@\"",
    );
    let path = std::env::var("PATH").expect("there is a PATH");
    let done = Command::new(root.join("scripts/compare.sh"))
        .args(arguments)
        .current_dir(if from.as_os_str().is_empty() { &root } else { from })
        .env("PATH", format!("{}:{path}", fake.path().join("bin").display()))
        .env("CARGO_TARGET_DIR", fake.path().join("target"))
        .output()
        .expect("the script can be run");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let printed = String::from_utf8(done.stdout).expect("it is text");
    let mut printed = printed.lines().map(str::to_owned);
    let sources = printed.next().expect("the folder of the sources is printed");
    assert_eq!(sources, root.to_str().expect("the path is text"));
    (printed.collect(), sources)
}

#[test]
fn flags_are_passed_on_unchanged() {
    let here = Path::new("");
    assert_eq!(asked(here, &[]).0, ["run"]);
    assert_eq!(
        asked(here, &["--profile", "smoke", "--seed", "7"]).0,
        ["run", "--profile", "smoke", "--seed", "7"]
    );
    assert_eq!(
        asked(here, &["--resume", "results/runs/a b"]).0,
        ["run", "--resume", "results/runs/a b"]
    );
}

#[test]
fn from_elsewhere_results_go_into_the_repository_by_default() {
    let elsewhere = tempfile::tempdir().unwrap();
    let (flags, sources) = asked(elsewhere.path(), &["--profile", "smoke"]);
    let results = format!("{sources}/results");
    assert_eq!(flags, ["run", "--out", &results, "--profile", "smoke"]);
    for own in [
        &["--out", "mine"][..],
        &["--out=mine"],
        &["--resume", "there"],
        &["--seed", "7", "--resume=there"],
    ] {
        let (flags, _) = asked(elsewhere.path(), own);
        assert_eq!(flags[1..], *own, "{flags:?}");
    }
}
