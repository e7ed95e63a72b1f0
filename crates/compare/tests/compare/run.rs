//! Whole runs, as their users make them.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::support::{
    Script, blocking, compare, event_loop, has_python, made, only_run, preforked, program, run, servers,
    smoke, succeeds, text, two_models, with_a_server,
};

#[test]
fn a_run_leaves_records_and_a_rewritable_page() {
    let out = tempfile::tempdir().unwrap();
    let mut asked = smoke("request-cost,connection-cost", &two_models(), out.path());
    let done = made(asked.args(["--seed", "5"]));

    let folder = only_run(out.path());
    let records = fs::read_to_string(folder.join("records.jsonl")).unwrap();
    assert_eq!(records.lines().count(), 2 * 2);
    let page = fs::read_to_string(out.path().join("README.md")).unwrap();
    for expected in [
        &format!("\n|{}|", blocking()),
        &format!("\n|{}|", event_loop()),
        "## The cost of a request",
        "seed 5",
        &format!("--models {}", two_models()),
    ] {
        assert!(page.contains(expected), "{expected}:\n{page}");
    }
    assert!(!page.contains(&format!("\n|{}|", preforked())), "{page}");

    for written in ["report.html", "trials.csv"] {
        assert!(folder.join(written).is_file(), "{written}");
    }
    assert!(out.path().join("request-cost.svg").is_file());

    fs::remove_file(out.path().join("README.md")).unwrap();
    let again = succeeds(&mut compare(&["report", folder.to_str().unwrap()]));
    assert_eq!(fs::read_to_string(out.path().join("README.md")).unwrap(), page);
    let tables = |stdout: &[u8]| text(stdout).split("\npage:").next().unwrap().to_owned();
    assert_eq!(tables(&again.stdout), tables(&done.stdout));
}

#[test]
fn what_every_model_spends_is_measured() {
    servers();
    let out = tempfile::tempdir().unwrap();
    // A window in which every server gets CPU time, even on a busy machine.
    let file = out.path().join("long.toml");
    let long = "key = \"long\"\ntitle = \"Long\"\nquestion = \"?\"\nsetup = \"-\"\nheadline = \"cpu_us_per_request\"\n\
                window_ms = 2000\n[[setting]]\nkey = \"64\"\ntitle = \"64\"\nload = { connections = 64 }\n";
    fs::write(&file, long).unwrap();
    let file = file.to_str().unwrap();
    let asked = ["run", "--profile", "smoke", "--experiments", file, "--out"];
    succeeds(compare(&asked).arg(out.path()));
    let folder = only_run(out.path());
    let records = fs::read_to_string(folder.join("records.jsonl")).unwrap();
    let table = fs::read_to_string(folder.join("trials.csv")).unwrap();
    let mut models = BTreeSet::new();
    for line in records.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let measured = &record["measured"];
        for metric in [
            "/spent/elapsed_s",
            "/life/voluntary_switches",
            "/peak/memory_bytes",
            "/load/throughput_per_s",
        ] {
            assert!(
                measured.pointer(metric).unwrap().as_f64().unwrap() > 0.0,
                "{metric} of {record:#}"
            );
        }
        assert_eq!(measured["load"]["checks"]["accounting"], true, "{record:#}");
        let trial = record["trial"].as_u64().unwrap();
        let count = |metric| count_of_trial(&table, trial, metric);
        let model = record["model"].as_str().unwrap();
        expect_processes(model, count("processes"), count("threads"));
        models.insert(model.to_owned());
    }
    let all: BTreeSet<_> = test_support::servers()
        .iter()
        .map(|server| server.name.clone())
        .collect();
    assert_eq!(models, all);
}

/// Checks the number of processes and of their threads, by what a model reports of itself.
#[track_caller]
fn expect_processes(model: &str, processes: u64, threads: u64) {
    let server = test_support::server_that(|other| other["name"] == model);
    let has = |key: &str, value: &str| server.description[key] == value;
    let counts = format!("{model}: {processes} processes with {threads} threads");
    match &server.description["workers"] {
        Value::Null if has("crash_loses", "connection") => {
            assert!(processes > 1 && threads == processes, "{counts}");
        }
        Value::Null if has("serves", "many") && !has("wait_holds", "nothing") => {
            assert!(processes == 1 && threads > 1, "{counts}");
        }
        Value::Null if has("serves", "one") => assert_eq!((processes, threads), (1, 1), "{counts}"),
        workers if workers["kind"] == "processes" => {
            // The default may depend on the CPUs that the server gets. One worker per connection is a fixed number.
            if has("serves", "workers") {
                assert_eq!(Some(processes - 1), workers["default"].as_u64(), "{counts}");
            }
            assert!(processes > 1 && threads >= processes, "{counts}");
        }
        _ => assert!(processes >= 1 && threads >= 1, "{counts}"),
    }
}

/// A folder with a real event loop, and this script as the server of a model called `alpha`.
fn beside_a_real_one(script: &str) -> tempfile::TempDir {
    let folder = with_a_server("alpha", script);
    let real = program(event_loop());
    let copy = folder
        .path()
        .join(real.file_name().expect("a program has a name"));
    fs::copy(&real, copy).expect("a program can be copied");
    folder
}

#[test]
fn a_server_that_does_not_start_has_no_row() {
    let servers = beside_a_real_one("echo 'out of luck' >&2; exit 3");
    let (page, done) = run_on(&servers, "all");
    assert_eq!(done.status.code(), Some(1));
    assert!(
        page.contains("ended before it was ready (exit status: 3); last line on stderr: out of luck"),
        "{page}"
    );
    assert!(
        !page.contains("\n|alpha|") && page.contains(&format!("\n|{}|", event_loop())),
        "{page}"
    );
}

#[test]
fn a_server_that_prints_no_ready_line_is_not_measured() {
    let servers = beside_a_real_one("echo hello; sleep 100");
    let (page, done) = run_on(&servers, "all");
    assert_eq!(done.status.code(), Some(1));
    assert!(
        page.contains(r#"printed "hello" and not "listening on HOST:PORT""#),
        "{page}"
    );
}

#[test]
fn a_server_that_dies_under_load_is_not_measured() {
    // It is started first to be verified. At the second start it ends at its first request.
    let program = "
known = not os.path.exists('met')
open('met', 'w').close()
serve('listening on 127.0.0.1:%d', lambda: known or os.kill(os.getpid(), signal.SIGKILL))
";
    let Some(script) = Script::new("dies", program, "") else {
        return;
    };
    let done = script.smoke().output().unwrap();
    assert_eq!(done.status.code(), Some(1), "{}", text(&done.stderr));
    let page = fs::read_to_string(script.out().join("README.md")).unwrap();
    assert!(
        page.contains("`dies` in 1 of 1 (ended under load (signal: 9 (SIGKILL))"),
        "{page}"
    );
}

#[test]
fn a_folder_that_can_not_be_written_is_reported() {
    servers();
    let done = run(&["run", "--profile", "smoke", "--out", "/proc/nowhere"]);
    assert_eq!(done.status.code(), Some(1));
    assert!(
        text(&done.stderr).contains("/proc/nowhere"),
        "{}",
        text(&done.stderr)
    );
}

#[test]
fn a_run_with_cut_records_continues_to_the_same_end() {
    let out = tempfile::tempdir().unwrap();
    made(&mut smoke(
        "request-cost,connection-cost",
        &two_models(),
        out.path(),
    ));
    let folder = only_run(out.path());
    let path = folder.join("records.jsonl");
    let whole = fs::read_to_string(&path).unwrap();
    let second = whole.match_indices('\n').nth(1).unwrap().0;
    fs::write(&path, &whole[..second - 20]).unwrap();
    made(&mut compare(&["run", "--resume", folder.to_str().unwrap()]));
    let of = |text: &str| -> Vec<(u64, String, String)> {
        text.lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("a line is a record"))
            .map(|record| {
                let word = |key: &str| record[key].as_str().expect("it is a word").to_owned();
                (
                    record["trial"].as_u64().expect("it has a number"),
                    word("experiment"),
                    word("model"),
                )
            })
            .collect()
    };
    let again = fs::read_to_string(&path).unwrap();
    assert_eq!(of(&again), of(&whole));
    assert_eq!(
        again.lines().next(),
        whole.lines().next(),
        "the first record is unchanged"
    );
}

#[test]
fn contenders_are_measured_beside_models() {
    if !has_python() {
        return;
    }
    let real = program(event_loop());
    let here = tempfile::tempdir().unwrap();
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/contenders");
    let shipped = fs::read_to_string(examples.join("contenders.toml")).unwrap();
    for entry in fs::read_dir(&examples).unwrap().flatten() {
        fs::copy(entry.path(), here.path().join(entry.file_name())).unwrap();
    }
    let liar = format!(
        "{shipped}\n[[contender]]\nname = \"liar\"\ncommand = [\"sh\", \"-c\", \"exit 7\", \"{{addr}}\"]\n\
         [[contender]]\nname = \"ours\"\ncommand = [\"{}\", \"--listen\", \"{{addr}}\"]\nready = \"connect\"\n",
        real.display()
    );
    fs::write(here.path().join("contenders.toml"), liar).unwrap();
    let out = tempfile::tempdir().unwrap();
    let file = here.path().join("contenders.toml");
    let mut asked = smoke("request-cost,waiting", event_loop(), out.path());
    let done = asked.arg("--contenders").arg(file).output().unwrap();
    assert_eq!(
        done.status.code(),
        Some(1),
        "one is left out: {}",
        text(&done.stderr)
    );
    assert!(
        text(&done.stderr).contains("liar is left out: ended before it was ready"),
        "{}",
        text(&done.stderr)
    );
    let page = fs::read_to_string(out.path().join("README.md")).unwrap();
    assert!(page.contains("liar"), "{page}");
    let records = fs::read_to_string(only_run(out.path()).join("records.jsonl")).unwrap();
    for model in ["asyncio", "seed", "seed-one-write", "ours"] {
        let measured = records
            .lines()
            .any(|line| line.contains(&format!("\"model\":\"{model}\"")) && line.contains("\"measured\""));
        assert!(measured, "{model}: {records}");
    }
    let waits = |model: &str| {
        records
            .lines()
            .any(|line| line.contains("\"waiting\"") && line.contains(&format!("\"model\":\"{model}\"")))
    };
    assert!(
        waits("asyncio") && !waits("seed"),
        "each is asked only what it answers"
    );
}

/// A count in the table of all trials.
fn count_of_trial(table: &str, trial: u64, metric: &str) -> u64 {
    let mut lines = table.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let headings = lines.next().expect("the table has headings");
    let place = |heading: &str| {
        headings
            .iter()
            .position(|other| *other == heading)
            .expect(heading)
    };
    let line = lines.find(|line| line[place("trial")] == trial.to_string());
    line.expect("each trial has a line")[place(metric)]
        .parse()
        .expect("it is a count")
}

/// A short run of these models from this folder: its page, and how it ended.
fn run_on(servers: &tempfile::TempDir, models: &str) -> (String, std::process::Output) {
    let out = tempfile::tempdir().expect("a folder can be made");
    let mut asked = smoke("request-cost", models, out.path());
    let done = asked.arg("--servers").arg(servers.path()).output();
    let done = done.expect("compare can be started");
    let page =
        fs::read_to_string(out.path().join("README.md")).unwrap_or_else(|_| panic!("{}", text(&done.stderr)));
    (page, done)
}
