//! Contenders that are built before the run.

use std::fs;

use crate::support::{compare, event_loop, made, only_run, program, smoke, text};

#[test]
fn a_contender_is_built_for_each_run_and_continued_run() {
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("contenders.toml");
    let source = program(event_loop());
    let contender = format!(
        "[[contender]]\nname = \"Built once\"\nbuild = [\"cp\", \"{}\", \"{{built}}/server\"]\n\
         command = [\"{{built}}/server\", \"--listen\", \"{{addr}}\"]\n",
        source.display()
    );
    fs::write(&file, contender).unwrap();
    let results = out.path().join("results");
    let mut run = smoke("request-cost", "Built once", &results);
    made(run.args(["--trials", "2", "--contenders"]).arg(&file));
    let folder = only_run(&results);
    let environment = fs::read_to_string(folder.join("environment.json")).unwrap();
    assert!(environment.contains("{built}/server"), "{environment}");

    let records = folder.join("records.jsonl");
    let all = fs::read_to_string(&records).unwrap();
    let first = all.lines().next().unwrap();
    fs::write(&records, format!("{first}\n")).unwrap();
    let mut resumed = compare(&["run", "--resume", folder.to_str().unwrap()]);
    let done = made(resumed.arg("--contenders").arg(&file));
    let again = fs::read_to_string(&records).unwrap();
    assert!(again.starts_with(first) && again.lines().count() >= 2, "{again}");
    let measured = |line: &str| line.contains("\"measured\":");
    assert!(again.lines().all(measured), "{again}{}", text(&done.stderr));
}
