//! Whole runs, as their users make them.

use std::fs;

use crate::support::{Script, compare, made, only_run, run, servers, smoke, succeeds, text, with_a_server};

#[test]
fn a_run_leaves_a_line_for_each_trial_and_a_page_that_can_be_made_again() {
    let out = tempfile::tempdir().unwrap();
    let mut asked = smoke("request-cost,connection-cost", "fork,async", out.path());
    let done = made(asked.args(["--seed", "5"]));

    let folder = only_run(out.path());
    let records = fs::read_to_string(folder.join("records.jsonl")).unwrap();
    assert_eq!(records.lines().count(), 2 * 2);
    let page = fs::read_to_string(out.path().join("README.md")).unwrap();
    for expected in [
        "| fork |",
        "| async |",
        "## The cost of a request",
        "seed 5",
        "--models fork,async",
    ] {
        assert!(page.contains(expected), "{expected}:\n{page}");
    }
    assert!(!page.contains("| single |"), "{page}");

    for written in ["report.html", "trials.csv"] {
        assert!(folder.join(written).is_file(), "{written}");
    }
    assert!(out.path().join("request-cost.svg").is_file());

    fs::remove_file(out.path().join("README.md")).unwrap();
    let again = succeeds(&mut compare(&["report", folder.to_str().unwrap()]));
    assert_eq!(fs::read_to_string(out.path().join("README.md")).unwrap(), page);
    let tables = |stdout: &[u8]| text(stdout).split("the page:").next().unwrap().to_owned();
    assert_eq!(tables(&again.stdout), tables(&done.stdout));
}

#[test]
fn what_every_model_spends_is_measured() {
    servers();
    let out = tempfile::tempdir().unwrap();
    // A window in which every server has its turn, also on a busy machine.
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
    let mut models = Vec::new();
    for line in records.lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
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
        let [processes, threads] = ["processes", "threads"].map(|figure| of_trial(&table, trial, figure));
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
    assert!(
        page.contains("ended before it was ready (exit status: 3); last line on stderr: out of luck"),
        "{page}"
    );
    assert!(
        !page.contains("| single |") && page.contains("| async |"),
        "{page}"
    );
}

#[test]
fn a_server_that_says_something_else_than_that_it_is_ready_is_not_measured() {
    let real = servers().join("server-async");
    let fakes = with_a_server("single", "echo hello; sleep 100");
    fs::copy(real, fakes.path().join("server-async")).unwrap();
    let (page, done) = run_on(&fakes, "single,async");
    assert_eq!(done.status.code(), Some(1));
    assert!(
        page.contains(r#"printed "hello" and not "listening on HOST:PORT""#),
        "{page}"
    );
}

#[test]
fn a_server_that_dies_under_load_is_not_measured() {
    // The first start is that by which it is verified. In the second it ends at its first request.
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

#[test]
fn a_run_whose_records_were_cut_goes_on_to_the_end_that_it_would_have_had() {
    let out = tempfile::tempdir().unwrap();
    made(&mut smoke(
        "request-cost,connection-cost",
        "single,async",
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
            .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a line is a record"))
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
        "what was there has stayed"
    );
}

#[test]
fn servers_in_another_language_are_measured_beside_the_models_and_one_that_lies_is_left_out() {
    if std::process::Command::new("python3")
        .arg("--version")
        .output()
        .is_err()
    {
        println!("skipped: no python3");
        return;
    }
    let real = servers().join("server-async");
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
    let mut asked = smoke("request-cost,waiting", "async", out.path());
    let done = asked.arg("--contenders").arg(file).output().unwrap();
    assert_eq!(
        done.status.code(),
        Some(1),
        "one was left out: {}",
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
        "each is asked what it can answer"
    );
}

/// A count in the table of all trials.
fn of_trial(table: &str, trial: u64, figure: &str) -> u64 {
    let mut lines = table.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let headings = lines.next().expect("the table has headings");
    let place = |heading: &str| {
        headings
            .iter()
            .position(|other| *other == heading)
            .expect(heading)
    };
    let line = lines.find(|line| line[place("trial")] == trial.to_string());
    line.expect("each trial has a line")[place(figure)]
        .parse()
        .expect("it is a count")
}

/// A short run of these models from that folder: its page, and how it ended.
fn run_on(servers: &tempfile::TempDir, models: &str) -> (String, std::process::Output) {
    let out = tempfile::tempdir().expect("a folder can be made");
    let mut asked = smoke("request-cost", models, out.path());
    let done = asked.arg("--servers").arg(servers.path()).output();
    let done = done.expect("compare can be started");
    let page =
        fs::read_to_string(out.path().join("README.md")).unwrap_or_else(|_| panic!("{}", text(&done.stderr)));
    (page, done)
}
