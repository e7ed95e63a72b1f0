//! Contenders with any label: wherever it goes, it is shown as it is written, and names no other file.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{event_loop, made, only_run, program, run, smoke, text};

/// Labels that would do harm as a file name, in a list, as markup, or as a formula.
const LABELS: [&str; 6] = [
    "Go 1.22 (goroutines), tuned",
    "../../a/b",
    "漢字 é 🦀",
    "=1+1|`x`|<b>**c**</b>",
    "-x \"quoted\" 'single' $HOME %2F #w=1&models=",
    "node/cluster, 4 workers; it is one hundred characters long, which is as much as a contender may have",
];

/// A run of contenders with these labels, which are event loops, and of nothing else.
fn run_of(labels: &[&str], out: &Path) -> std::path::PathBuf {
    let file = out.join("contenders.toml");
    let entry = |label: &str| {
        let command = program(event_loop());
        format!(
            "[[contender]]\nname = {label:?}\ncommand = [\"{}\", \"--listen\", \"{{addr}}\"]\n",
            command.display()
        )
    };
    let all = labels.iter().copied().chain(["not named"]);
    fs::write(&file, all.map(entry).collect::<String>()).expect("a file can be written");
    let results = out.join("results");
    made(
        smoke("request-cost", &labels.join(","), &results)
            .arg("--contenders")
            .arg(&file),
    );
    only_run(&results)
}

/// The names of the files in a folder, which has no folders.
fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder)
        .expect("there is a folder")
        .map(|entry| entry.expect("a folder can be read"));
    entries
        .map(|entry| {
            assert!(
                entry.file_type().expect("a file has a type").is_file(),
                "{entry:?}"
            );
            entry.file_name().into_string().expect("it is text")
        })
        .collect()
}

#[test]
fn any_label_is_shown_as_it_is_written() {
    assert_eq!(LABELS[5].chars().count(), 100);
    let out = tempfile::tempdir().unwrap();
    let run_folder = run_of(&LABELS, out.path());
    let records = fs::read_to_string(run_folder.join("records.jsonl")).unwrap();
    let models = records.lines().map(|line| {
        let record: Value = serde_json::from_str(line).unwrap();
        record["model"].as_str().unwrap().to_owned()
    });
    let models: BTreeSet<_> = models.collect();
    assert_eq!(models, LABELS.map(str::to_owned).into());

    let plain = |name: &String| {
        name.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let logs = files(&run_folder.join("hdr"));
    assert!(logs.len() >= LABELS.len() && logs.iter().all(plain), "{logs:?}");

    let page = fs::read_to_string(out.path().join("results/README.md")).unwrap();
    for shown in [
        "Go 1.22 (goroutines), tuned",
        "../../a/b",
        "漢字 é 🦀",
        "=1+1\\|\\`x\\`\\|&lt;b>\\*\\*c\\*\\*&lt;/b>",
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    let bars = |row: &str| row.replace("\\|", "").matches('|').count();
    for table in page.split("\n\n").filter(|part| part.starts_with('|')) {
        let counts: BTreeSet<_> = table.lines().map(bars).collect();
        assert_eq!(counts.len(), 1, "{table}");
    }
    let html = fs::read_to_string(run_folder.join("report.html")).unwrap();
    assert!(html.contains("=1+1|`x`|&lt;b&gt;**c**&lt;/b&gt;") && !html.contains("|<b>"));
    let csv = fs::read_to_string(run_folder.join("trials.csv")).unwrap();
    for field in ["\"Go 1.22 (goroutines), tuned\"", ",'=1+1|`x`|<b>**c**</b>,"] {
        assert!(csv.contains(field), "{field}: {csv}");
    }
}

#[test]
fn runs_are_compared_by_any_label() {
    let out = tempfile::tempdir().unwrap();
    let labels = [LABELS[0], LABELS[3], LABELS[5]];
    let folder = run_of(&labels, out.path());
    let folder = folder.to_str().unwrap();
    for filter in [labels[0].to_owned(), labels[1].to_owned(), labels.join(",")] {
        let json = out.path().join("diff.json");
        let done = run(&[
            "diff",
            folder,
            folder,
            "--models",
            &filter,
            "--json",
            json.to_str().unwrap(),
        ]);
        assert!(done.status.success(), "{}", text(&done.stderr));
        let json = fs::read_to_string(&json).unwrap();
        let quoted = |label: &str| Value::from(label).to_string();
        for label in labels {
            assert_eq!(
                json.contains(&quoted(label)),
                filter.contains(label),
                "{label}: {json}"
            );
        }
    }
    let done = run(&["diff", folder, folder, "--models", "Go 1.22 (goroutines)"]);
    let message = text(&done.stderr);
    assert_eq!(done.status.code(), Some(2), "{message}");
    assert!(
        message.contains("\"Go 1.22 (goroutines)\" is unknown"),
        "{message}"
    );
    let done = run(&["diff", folder, "--reference", labels[0]]);
    assert!(done.status.success(), "{}", text(&done.stderr));
}
