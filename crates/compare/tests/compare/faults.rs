//! Faults of the workbench itself, such as a full disk: no model is blamed for them, and nothing is lost.

use std::fs;

use crate::support::{compare, event_loop, made, only_run, run, smoke, text, two_models};

#[test]
fn a_run_that_can_not_keep_its_files_halts() {
    let out = tempfile::tempdir().unwrap();
    made(&mut smoke("request-cost", &two_models(), out.path()));
    let folder = only_run(out.path());
    let resume = ["run", "--resume", folder.to_str().unwrap()];
    let path = folder.join("records.jsonl");
    let whole = fs::read_to_string(&path).unwrap();
    let first = whole.split_inclusive('\n').next().unwrap();
    fs::write(&path, first).unwrap();
    fs::remove_dir_all(folder.join("hdr")).unwrap();
    fs::write(folder.join("hdr"), "in the way").unwrap();
    let page = out.path().join("README.md");
    fs::remove_file(&page).unwrap();

    let halted = run(&resume);
    let message = text(&halted.stderr);
    assert_eq!(halted.status.code(), Some(1), "{message}");
    let go_on = format!(
        "free some space or fix the cause, then continue with compare {}",
        resume.join(" ")
    );
    for expected in [
        "can't write",
        ".hlog: ",
        "what was measured before is kept",
        &go_on,
    ] {
        assert!(message.contains(expected), "{expected}: {message}");
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), first, "no trial has failed");
    let page = fs::read_to_string(&page).unwrap();
    assert!(page.contains("The run was interrupted: 1 of 2 trials"), "{page}");

    fs::remove_file(folder.join("hdr")).unwrap();
    made(&mut compare(&resume));
    let again = fs::read_to_string(&path).unwrap();
    assert_eq!(again.lines().count(), 2);
    assert!(!again.contains("\"failed\":\""), "{again}");
}

#[test]
fn an_unwritable_page_is_reported_with_the_command() {
    let out = tempfile::tempdir().unwrap();
    fs::create_dir(out.path().join("README.md")).unwrap();
    let done = smoke("request-cost", event_loop(), out.path()).output().unwrap();
    let message = text(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{message}");
    let again = format!("compare report {}", only_run(out.path()).display());
    assert!(
        message.contains("README.md") && message.contains(&again),
        "{message}"
    );
}
