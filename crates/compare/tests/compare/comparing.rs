//! References, filters, and the files for a pull request, of `diff` and `check`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::copies::{Copy, compared, measured, refused, worse};
use crate::support::{blocking, change_records, event_loop, run, text};

/// Makes what requests cost one of the two models this many times as much.
fn slower(times: f64) -> Copy {
    let copy = Copy::new();
    copy.change_one(|record| multiply(record, times));
    copy
}

fn multiply(record: &mut Value, times: f64) {
    for time in ["user_us", "system_us"] {
        let spent = &mut record["measured"]["spent"][time];
        *spent = json!(times * spent.as_f64().expect("it is a number"));
    }
}

fn diff(runs: &[&Path], more: &[&str]) -> Output {
    let runs = runs.iter().map(|run| run.to_str().expect("the path is plain"));
    run(&["diff"]
        .into_iter()
        .chain(runs)
        .chain(more.iter().copied())
        .collect::<Vec<_>>())
}

/// The output of a command that succeeded.
#[track_caller]
fn printed(done: &Output) -> String {
    assert!(
        done.status.success(),
        "{}{}",
        text(&done.stdout),
        text(&done.stderr)
    );
    text(&done.stdout)
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_check_writes_a_comment_and_json() {
    let slower = slower(10.0);
    let [comment, result] = ["comment.md", "result.json"].map(|name| slower.path(name));
    let files = [
        "--markdown",
        comment.to_str().unwrap(),
        "--json",
        result.to_str().unwrap(),
    ];
    let tables = worse(&slower.check(&files));
    assert!(
        tables.contains("Worse than allowed"),
        "the tables are printed too: {tables}"
    );

    let comment = fs::read_to_string(comment).unwrap();
    let first = comment.lines().next().unwrap();
    assert!(
        first.starts_with("**compare check failed: 1 of 2 values is worse by more than 5 %."),
        "{first}"
    );
    let row = comment
        .lines()
        .find(|line| line.contains("worse: costlier"))
        .expect("a row");
    assert!(row.contains(event_loop()) && row.contains("10.000 ("), "{row}");
    for path in [slower.0.path(), measured()] {
        assert!(
            !comment.contains(path.to_str().unwrap()),
            "no path of this machine: {comment}"
        );
    }

    let result = json_of(&fs::read_to_string(result).unwrap());
    assert_eq!(result["verdict"]["result"], "failed");
    let values = result["values"].as_array().unwrap();
    let worse: Vec<_> = values
        .iter()
        .filter(|value| value["finding"] == "worse")
        .collect();
    assert_eq!((values.len(), worse.len()), (2, 1), "{result:#}");
    assert_eq!(worse[0]["model"], event_loop());
    assert_eq!(worse[0]["ratio"], 10.0);
    assert_eq!(worse[0]["trials"], json!({ "before": 6, "after": 6 }));
}

#[test]
fn a_check_that_passed_has_a_comment() {
    let done = Copy::new().check(&["--markdown", "-"]);
    let comment = printed(&done);
    assert!(
        comment.starts_with("**compare check passed: none of 2 values"),
        "{comment}"
    );
    assert!(comment.contains("Both are the same run"), "{comment}");
    // The tables are not in the same stream.
    assert!(
        !comment.contains('─') && comment.ends_with("</details>\n"),
        "{comment}"
    );
    let verdict = text(&done.stderr);
    assert!(verdict.starts_with("compare check passed: "), "{verdict}");
    assert_eq!(verdict.lines().count(), 1);
}

#[test]
fn a_check_without_a_verdict_has_a_comment_too() {
    let another_load = Copy::new();
    another_load.change_environment(|environment| {
        environment["experiments"][0]["settings"][0]["load"]["connections"] = json!(32);
    });
    let done = another_load.check(&["--json", "-"]);
    refused(&done);
    let result = json_of(&text(&done.stdout));
    assert_eq!(result["verdict"]["result"], "not_judged");
    assert!(
        result["not_compared"][0]["what"]
            .as_str()
            .unwrap()
            .contains("64 before, 32 now")
    );
}

#[test]
fn a_diff_writes_a_comment_and_json() {
    let slower = slower(10.0);
    let comment = printed(&diff(&[measured(), slower.0.path()], &["--markdown", "-"]));
    let first = comment.lines().next().unwrap();
    assert!(
        first.starts_with("**compare diff: ") && first.contains("Expected by chance: about 2."),
        "{first}"
    );
    assert!(comment.contains("10.000 ("), "{comment}");
    let result = json_of(&printed(&diff(&[measured(), slower.0.path()], &["--json", "-"])));
    assert_eq!(result["compares"], "runs");
    assert_eq!(
        result["verdict"]["values"].as_u64().unwrap() as usize,
        result["values"].as_array().unwrap().len()
    );
}

#[test]
fn the_two_files_must_differ() {
    let copy = Copy::new();
    for path in ["-", copy.path("both").to_str().unwrap()] {
        for done in [
            copy.check(&["--markdown", path, "--json", path]),
            diff(
                &[measured(), copy.0.path()],
                &["--markdown", path, "--json", path],
            ),
        ] {
            assert!(refused(&done).contains("--markdown and --json"));
            assert_eq!(text(&done.stdout), "");
        }
    }
    let nowhere = copy.path("no/such/comment.md");
    let message = refused(&copy.check(&["--markdown", nowhere.to_str().unwrap()]));
    assert!(
        message.contains("can't write") && message.contains("give another file"),
        "{message}"
    );
}

#[test]
fn a_reference_accepts_a_slower_machine() {
    let elsewhere = Copy::new();
    elsewhere.change_environment(|environment| environment["machine"]["cpu_model"] = json!("Another"));
    change_records(&elsewhere.path("records.jsonl"), |record| multiply(record, 1.7));
    assert!(refused(&elsewhere.check(&[])).contains("--reference"));
    worse(&elsewhere.check(&["--other-machine"]));
    let comment = printed(&elsewhere.check(&["--reference", blocking(), "--markdown", "-"]));
    assert!(
        comment.contains("none of 1 value is shown") && comment.contains("two machines"),
        "{comment}"
    );

    elsewhere.change_one(|record| multiply(record, 3.0));
    let tables = worse(&elsewhere.check(&["--reference", blocking()]));
    assert!(
        tables.contains("3.000") && tables.contains(event_loop()) && tables.contains(" ×"),
        "{tables}"
    );
    let message = refused(&elsewhere.check(&["--reference", "nobody"]));
    assert!(
        message.contains("\"nobody\" is not in the earlier run") && message.contains(blocking()),
        "{message}"
    );
}

#[test]
fn one_run_is_compared_by_its_reference() {
    let ten = Copy::new();
    // Whatever the two models cost here, one costs exactly ten times as much now.
    let text_of = fs::read_to_string(ten.path("records.jsonl")).unwrap();
    let records: Vec<Value> = text_of
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let lines = records.iter().map(|record| {
        let mut record = record.clone();
        if record["model"] == event_loop() {
            let same_round =
                |other: &&Value| other["model"] == blocking() && other["round"] == record["round"];
            let other = records.iter().find(same_round).unwrap();
            record["measured"] = other["measured"].clone();
            multiply(&mut record, 10.0);
        }
        format!("{record}\n")
    });
    fs::write(ten.path("records.jsonl"), lines.collect::<String>()).unwrap();
    let only = ["--reference", blocking(), "--metrics", "cpu_us_per_request"];
    let tables = printed(&diff(&[ten.0.path()], &only));
    assert!(
        tables.contains("10.000") && tables.contains("10.000 to 10.000"),
        "{tables}"
    );
    assert!(
        tables.contains(&format!("1 of 1 value differs significantly from {}", blocking())),
        "{tables}"
    );
    let result = json_of(&printed(&diff(
        &[ten.0.path()],
        &[&only[..], &["--json", "-"]].concat(),
    )));
    assert_eq!(
        (&result["compares"], &result["runs"]["after"]),
        (&json!("models_of_a_run"), &Value::Null)
    );

    let message = refused(&diff(&[ten.0.path()], &[]));
    assert!(message.contains("--reference MODEL"), "{message}");
}

#[test]
fn filters_name_what_is_compared() {
    let slower = slower(10.0);
    let passed = |more: &[&str]| assert!(slower.check(more).status.success(), "{more:?}");
    passed(&["--models", blocking()]);
    passed(&["--metrics", "throughput_per_s"]);
    worse(&slower.check(&["--metrics", "throughput_per_s,cpu_us_per_request"]));
    worse(&slower.check(&["--experiments", "request-cost", "--models", event_loop()]));
    worse(&slower.check(&["--models", "article"]));
    let tables = printed(&diff(
        &[measured(), slower.0.path()],
        &["--metrics", "threads", "--all"],
    ));
    assert!(tables.contains("of 2 values differ"), "{tables}");

    for (flags, known) in [
        (["--models", "nobody"], event_loop()),
        // The run has none of these.
        (["--models", "further"], event_loop()),
        (["--experiments", "speed"], "request-cost"),
        (["--metrics", "speed"], "cpu_us_per_request"),
    ] {
        for done in [slower.check(&flags), diff(&[measured(), slower.0.path()], &flags)] {
            let message = refused(&done);
            assert!(
                message.contains("is unknown here; use one of") && message.contains(known),
                "{message}"
            );
        }
    }
    let message = refused(&slower.check(&["--models", blocking(), "--reference", blocking()]));
    assert!(message.contains("only the reference"), "{message}");
    let message = refused(&slower.check(&["--metrics", "threads"]));
    let reason = format!(
        "{}, and 1 more: of its threads, neither more nor less is better",
        blocking()
    );
    assert!(message.contains(&reason), "{message}");
}

#[test]
fn a_truncated_or_damaged_archive_is_named_as_such() {
    let copy = Copy::new();
    let plain = copy.path("records.jsonl");
    let zip = |args: &[&str]| Command::new("gzip").args(args).arg(&plain).status();
    if !zip(&[]).is_ok_and(|status| status.success()) {
        test_support::skip("there is no gzip");
        return;
    }
    let zipped = copy.path("records.jsonl.gz");
    assert!(compared(copy.0.path(), measured(), &[]).status.success());
    let bytes = fs::read(&zipped).unwrap();
    fs::write(&zipped, &bytes[..bytes.len() / 2]).unwrap();
    let message = refused(&copy.check(&[]));
    assert!(
        message.contains("records.jsonl.gz is truncated") && message.contains("copy the file again"),
        "{message}"
    );
    fs::write(&zipped, b"not compressed").unwrap();
    let message = refused(&copy.check(&[]));
    assert!(message.contains("is not a gzip file, or is damaged"), "{message}");
}

/// The page that describes the JSON.
fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/COMPARING.md");
    fs::read_to_string(path).expect("the page can be read")
}

#[test]
fn the_page_on_comparing_has_every_field() {
    fn fields(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(here) => {
                for (key, value) in here {
                    found.insert(key.clone());
                    fields(value, found);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| fields(value, found)),
            _ => {}
        }
    }
    let page = page();
    let code = page.split('`').skip(1).step_by(2);
    let named: BTreeSet<_> = code
        .flat_map(|code| code.split(|c: char| !c.is_alphanumeric() && c != '_'))
        .collect();
    let slower = slower(10.0);
    slower.change_environment(|environment| environment["experiments"][0]["key"] = json!("other"));
    let mut found = BTreeSet::new();
    fields(
        &json_of(&printed(&diff(&[measured(), measured()], &["--json", "-"]))),
        &mut found,
    );
    let other = text(&slower.check(&["--json", "-"]).stdout);
    fields(&json_of(&other), &mut found);
    let missing: Vec<_> = found
        .iter()
        .filter(|field| !named.contains(field.as_str()))
        .collect();
    assert!(
        missing.is_empty() && found.contains("what"),
        "docs/COMPARING.md lacks {missing:?}"
    );
}

#[test]
fn the_examples_with_jq_run_as_printed() {
    if Command::new("jq").arg("--version").output().is_err() {
        test_support::skip("there is no jq");
        return;
    }
    let slower = slower(10.0);
    let result = slower.path("result.json");
    worse(&slower.check(&["--json", result.to_str().unwrap()]));
    let page = page();
    let blocks = page
        .split("```sh\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap());
    let outputs: Vec<_> = blocks
        .filter(|block| block.starts_with("jq "))
        .map(|block| {
            let done = Command::new("sh")
                .args(["-c", block])
                .current_dir(slower.0.path())
                .output()
                .unwrap();
            printed(&done)
        })
        .collect();
    let [rows, counts] = &outputs[..] else {
        panic!("two examples: {outputs:?}")
    };
    assert!(
        rows.starts_with(&format!(
            "{}\trequest-cost\t64\tcpu_us_per_request\t",
            event_loop()
        )),
        "{rows}"
    );
    assert_eq!(rows.lines().count(), 1);
    assert!(counts.contains("request-cost: 1 of 2"), "{counts}");
}
