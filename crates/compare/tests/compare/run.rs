//! Whole runs, as their users make them.

use std::fs;

use crate::support::{only_run, run, servers, text, with_a_server};

#[test]
fn a_run_leaves_a_line_for_each_trial_and_a_page_that_can_be_made_again() {
    servers();
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().to_str().unwrap();
    let done = run(&[
        "run",
        "--profile",
        "smoke",
        "--models",
        "fork,async",
        "--out",
        folder,
        "--seed",
        "5",
    ]);
    assert!(done.status.success(), "{}", text(&done.stderr));

    let folder = only_run(out.path());
    let records = fs::read_to_string(folder.join("records.jsonl")).unwrap();
    assert_eq!(records.lines().count(), 2 * 3);
    let page = fs::read_to_string(out.path().join("README.md")).unwrap();
    for expected in [
        "| fork |",
        "| async |",
        "## 64 connections",
        "seed 5",
        "--models fork,async",
    ] {
        assert!(page.contains(expected), "{expected}:\n{page}");
    }
    assert!(!page.contains("| single |"), "{page}");

    fs::remove_file(out.path().join("README.md")).unwrap();
    let again = run(&["report", folder.to_str().unwrap()]);
    assert!(again.status.success(), "{}", text(&again.stderr));
    assert_eq!(fs::read_to_string(out.path().join("README.md")).unwrap(), page);
    let tables = |stdout: &[u8]| text(stdout).split("the page:").next().unwrap().to_owned();
    assert_eq!(tables(&again.stdout), tables(&done.stdout));
}

#[test]
fn what_every_model_spends_is_measured() {
    servers();
    let out = tempfile::tempdir().unwrap();
    let done = run(&["run", "--profile", "smoke", "--out", out.path().to_str().unwrap()]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let records = fs::read_to_string(only_run(out.path()).join("records.jsonl")).unwrap();
    let mut models = Vec::new();
    for line in records.lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        let measured = &record["measured"];
        for figure in [
            "/cost/cpu_us",
            "/cost/voluntary_switches",
            "/footprint/memory_bytes",
            "/load/throughput_per_s",
        ] {
            assert!(
                measured.pointer(figure).unwrap().as_f64().unwrap() > 0.0,
                "{figure} of {record:#}"
            );
        }
        assert_eq!(
            measured.pointer("/load/checks/accounting").unwrap(),
            true,
            "{record:#}"
        );
        let threads = measured.pointer("/footprint/threads").unwrap().as_u64().unwrap();
        let processes = measured
            .pointer("/footprint/processes")
            .unwrap()
            .as_u64()
            .unwrap();
        let model = record["model"].as_str().unwrap();
        match model {
            "single" | "async" => assert_eq!((processes, threads), (1, 1), "{record:#}"),
            "thread" => assert!(processes == 1 && threads > 1, "{record:#}"),
            "prefork" => assert_eq!((processes, threads), (11, 11), "{record:#}"),
            _ => assert!(processes > 1 && threads == processes, "{record:#}"),
        }
        models.push(model.to_owned());
    }
    models.sort();
    models.dedup();
    assert_eq!(models.len(), 6);
}

#[test]
fn a_server_that_does_not_start_costs_its_own_row_and_no_other() {
    let real = servers().join("server-async");
    let fakes = with_a_server("single", "echo 'out of luck' >&2; exit 3");
    fs::copy(real, fakes.path().join("server-async")).unwrap();
    let (page, done) = run_on(&fakes, "single,async");
    assert_eq!(done.status.code(), Some(1));
    assert!(page.contains("`single` failed in 1 of 1 trials"), "{page}");
    assert!(
        page.contains("ended before it was ready (exit status: 3); it said: out of luck"),
        "{page}"
    );
    assert!(
        page.contains("| single | – | – |") && !page.contains("| async | – |"),
        "{page}"
    );
}

#[test]
fn a_server_that_says_something_else_than_that_it_is_ready_is_not_measured() {
    let (page, done) = run_on(&with_a_server("single", "echo hello; sleep 100"), "single");
    assert_eq!(done.status.code(), Some(1));
    assert!(
        page.contains(r#"printed "hello" and not "listening on HOST:PORT""#),
        "{page}"
    );
}

#[test]
fn a_server_that_dies_under_load_is_not_measured() {
    let real = servers().join("server-async");
    let script = format!(
        "{} \"$@\" & server=$!; sleep 0.1; kill -9 $server; wait",
        real.display()
    );
    let (page, done) = run_on_with(
        &with_a_server("async", &script),
        "async",
        &["--profile", "quick", "--trials", "1"],
    );
    assert_eq!(done.status.code(), Some(1));
    assert!(page.contains("`async` failed in 1 of 1 trials"), "{page}");
}

#[test]
fn a_folder_that_can_not_be_written_is_told() {
    servers();
    let done = run(&["run", "--profile", "smoke", "--out", "/proc/nowhere"]);
    assert_eq!(done.status.code(), Some(1));
    assert!(
        text(&done.stderr).contains("/proc/nowhere"),
        "{}",
        text(&done.stderr)
    );
}

/// A short run of these models from that folder: its page, and how it ended.
fn run_on(servers: &tempfile::TempDir, models: &str) -> (String, std::process::Output) {
    run_on_with(servers, models, &[])
}

fn run_on_with(servers: &tempfile::TempDir, models: &str, more: &[&str]) -> (String, std::process::Output) {
    let out = tempfile::tempdir().expect("a folder can be made");
    let (servers, folder) = (plain(servers), plain(&out));
    let asked = [
        "run",
        "--profile",
        "smoke",
        "--models",
        models,
        "--servers",
        servers,
        "--out",
        folder,
    ];
    let done = run(&[&asked, more].concat());
    let page =
        fs::read_to_string(out.path().join("README.md")).unwrap_or_else(|_| panic!("{}", text(&done.stderr)));
    (page, done)
}

fn plain(folder: &tempfile::TempDir) -> &str {
    folder
        .path()
        .to_str()
        .expect("a temporary folder has a plain name")
}
