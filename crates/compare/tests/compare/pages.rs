//! Where a page goes, and that it replaces nobody's file.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{blocking, compare, run, smoke, succeeds, text};

/// A copy of the kept run, in a folder of this name.
fn copy_of_kept_run(folder: &Path) -> PathBuf {
    let runs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results/runs");
    let mut kept = fs::read_dir(runs).expect("there are kept runs");
    let is_kept = |run: &PathBuf| run.join("records.jsonl.gz").is_file();
    let kept = kept.find_map(|run| Some(run.ok()?.path()).filter(is_kept));
    let kept = kept.expect("a run is kept");
    fs::create_dir_all(folder).expect("a folder can be made");
    for name in ["environment.json", "records.jsonl.gz"] {
        fs::copy(kept.join(name), folder.join(name)).expect("a file can be copied");
    }
    folder.to_owned()
}

#[test]
fn a_run_outside_of_runs_keeps_its_page() {
    let folder = tempfile::tempdir().unwrap();
    let copy = copy_of_kept_run(&folder.path().join("saved/mine"));
    let done = run(&["report", copy.to_str().unwrap()]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert!(copy.join("README.md").is_file());
    assert!(!folder.path().join("README.md").exists());
}

#[test]
fn a_file_of_somebody_else_is_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let readme = folder.path().join("README.md");
    fs::write(&readme, "# My own project\n").unwrap();
    let copy = copy_of_kept_run(&folder.path().join("runs/mine"));
    let reported = run(&["report", copy.to_str().unwrap()]);
    let begun = smoke("request-cost", blocking(), folder.path()).output().unwrap();
    for done in [reported, begun] {
        assert_eq!(done.status.code(), Some(2));
        let message = text(&done.stderr);
        assert!(message.contains("was not written by compare"), "{message}");
    }
    assert_eq!(fs::read_to_string(&readme).unwrap(), "# My own project\n");
    fs::remove_file(&readme).unwrap();
    let again = || succeeds(&mut compare(&["report", copy.to_str().unwrap()]));
    again();
    // It replaces its own page.
    again();
}

#[test]
fn a_run_with_nothing_to_measure_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = folder.path().join("mine.toml");
    let text_of = "key = \"mine\"\ntitle = \"Mine\"\nquestion = \"?\"\nsetup = \"-\"\nheadline = \"p50_us\"\n\
                   needs = \"accept:reuseport\"\n[[setting]]\nkey = \"a\"\ntitle = \"a\"\n";
    fs::write(&experiment, text_of).unwrap();
    let out = folder.path().join("out");
    let done = smoke(experiment.to_str().unwrap(), blocking(), &out)
        .output()
        .unwrap();
    let message = text(&done.stderr);
    assert_eq!(done.status.code(), Some(2), "{message}");
    assert!(
        message.contains("nothing is left to be measured") && message.contains("mine"),
        "{message}"
    );
    assert!(!out.join("README.md").exists());
}

#[test]
fn runs_with_nothing_in_common_have_no_diff() {
    let folder = tempfile::tempdir().unwrap();
    let first = copy_of_kept_run(&folder.path().join("runs/first"));
    let second = copy_of_kept_run(&folder.path().join("runs/second"));
    let environment = second.join("environment.json");
    let changed = fs::read_to_string(&environment).unwrap();
    let changed = changed.replace("\"warmup_s\": 0.1", "\"warmup_s\": 0.3");
    fs::write(&environment, changed).unwrap();
    let diff = |other: &Path| run(&["diff", first.to_str().unwrap(), other.to_str().unwrap()]);
    assert_eq!(diff(&first).status.code(), Some(0));
    let done = diff(&second);
    let message = text(&done.stderr);
    assert_eq!(done.status.code(), Some(2), "{message}");
    assert!(message.contains("nothing in common"), "{message}");
}
