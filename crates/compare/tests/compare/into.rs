//! The summary of a run, written into a file of the user.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::support::{event_loop, made, only_run, run, smoke, text, undisturbed};

const BEGIN: &str = "<!-- results: begin -->";
const END: &str = "<!-- results: end -->";

/// A small run in `results` of this folder.
fn measured(folder: &Path) -> PathBuf {
    let out = folder.join("results");
    made(&mut smoke("request-cost", event_loop(), &out));
    let run = only_run(&out);
    undisturbed(&run);
    run
}

#[test]
fn a_summary_is_written_between_the_markers_only() {
    let folder = tempfile::tempdir().unwrap();
    let measured = measured(folder.path());
    let (before, behind) = ("# Mine\r\n\n", "\r\n\nMore.");
    let file = folder.path().join("README.md");
    fs::write(&file, format!("{before}{BEGIN}\nold values\n{END}{behind}")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();

    let asked = [
        "report",
        measured.to_str().unwrap(),
        "--into",
        file.to_str().unwrap(),
    ];
    let done = run(&asked);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let once = fs::read_to_string(&file).unwrap();
    assert!(once.starts_with(&format!("{before}{BEGIN}\n")), "{once}");
    assert!(once.ends_with(&format!("\n{END}{behind}")), "{once}");
    let id = measured.file_name().unwrap().to_str().unwrap();
    for expected in [
        // A smoke run ranks nothing, and shows values.
        &format!("|{} ", event_loop()),
        "![The cost of a request](results/request-cost.svg)",
        "[results/README.md](results/README.md)",
        "compare run --profile smoke",
        &format!("\ncompare report results/runs/{id} --into README.md\n"),
    ] {
        assert!(once.contains(expected), "{expected}:\n{once}");
    }
    assert!(!once.contains("old values"), "{once}");
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o640,
        "the permissions are unchanged"
    );

    assert!(run(&asked).status.success());
    assert_eq!(fs::read_to_string(&file).unwrap(), once);
}

#[test]
fn what_an_experiment_found_is_written_into_several_files() {
    let folder = tempfile::tempdir().unwrap();
    let measured = measured(folder.path());
    let files = ["one.md", "other.md"].map(|name| folder.path().join(name));
    let [before, behind] = [
        "<!-- found request-cost: begin -->",
        "<!-- found request-cost: end -->",
    ];
    let absent = "<!-- found waiting: begin -->\n<!-- found waiting: end -->\n";
    fs::write(
        &files[0],
        format!("{absent}# One\n{before}\nold\n{behind}\nMore.\n"),
    )
    .unwrap();
    fs::write(&files[1], format!("{before}{behind}\n{BEGIN}{END}")).unwrap();
    let mut asked = vec!["report", measured.to_str().unwrap()];
    for file in &files {
        asked.extend(["--into", file.to_str().unwrap()]);
    }
    let done = run(&asked);
    assert!(done.status.success(), "{}", text(&done.stderr));

    let [one, other] = files.map(|file| fs::read_to_string(file).unwrap());
    let id = measured.file_name().unwrap().to_str().unwrap();
    let found = format!("{before}\n\nFound (run {id}): ");
    assert!(one.contains(&format!("# One\n{found}")), "{one}");
    assert!(
        one.starts_with(&format!(
            "<!-- found waiting: begin -->\n\nNot measured (run {id}).\n"
        )),
        "{one}"
    );
    assert!(one.ends_with(&format!("\n\n{behind}\nMore.\n")), "{one}");
    assert!(!one.contains("old"), "{one}");
    assert!(other.starts_with(&found), "{other}");
    assert!(other.contains("--into other.md\n"), "{other}");
}

#[test]
fn a_file_without_markers_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let measured = measured(folder.path());
    let page = folder.path().join("results/README.md");
    fs::remove_file(&page).unwrap();
    let file = folder.path().join("README.md");
    let refused = || {
        let done = run(&[
            "report",
            measured.to_str().unwrap(),
            "--into",
            file.to_str().unwrap(),
        ]);
        let message = text(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{message}");
        assert!(message.contains("README.md"), "{message}");
        assert!(!page.exists(), "{message}");
        message
    };
    assert!(refused().contains("can't read"));
    let found = |key: &str| format!("<!-- found {key}: begin -->\n<!-- found {key}: end -->\n");
    for (text, expected) in [
        (
            format!("{BEGIN}{END}{}", found("other")),
            "no experiment \"other\", which a marker names; use one of request-cost",
        ),
        (found("a") + &found("a"), "is there 2 times"),
        (format!("{END}\n"), "there is no <!-- results: begin -->"),
        (format!("{BEGIN}\n"), "there is no <!-- results: end -->"),
        (format!("{BEGIN}{END}{BEGIN}"), "is there 2 times"),
        (format!("{END}{BEGIN}"), "is before"),
    ] {
        fs::write(&file, &text).unwrap();
        let message = refused();
        assert!(message.contains(expected), "{message}");
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
}
