//! Runs compared with each other: copies of one run, changed by hand.

use std::fs;

use serde_json::json;

use crate::copies::{Copy, compared, measured, refused, worse};
use crate::support::{blocking, event_loop, run, text};

#[test]
fn a_run_is_no_worse_than_itself() {
    let done = Copy::new().check(&["--max-regression", "0%"]);
    let printed = text(&done.stdout);
    assert!(done.status.success(), "{printed}{}", text(&done.stderr));
    assert!(printed.contains("0 of 2 headline values are worse"), "{printed}");
    let folder = measured().to_str().unwrap();
    assert!(run(&["diff", folder, folder]).status.success());
}

#[test]
fn only_the_model_that_costs_more_is_found() {
    let slower = Copy::new();
    slower.change_one(|record| {
        for time in ["user_us", "system_us"] {
            let spent = &mut record["measured"]["spent"][time];
            *spent = json!(10.0 * spent.as_f64().expect("it is a number"));
        }
    });
    let printed = worse(&slower.check(&[]));
    let tables = printed
        .split("Worse than allowed")
        .nth(1)
        .expect("there is a table");
    for expected in [
        event_loop(),
        "request-cost/64",
        "CPU",
        "10.000",
        "1 of 2 headline values",
    ] {
        assert!(tables.contains(expected), "{expected}: {printed}");
    }
    assert!(!tables.contains(blocking()), "{printed}");
    let allowed = slower.check(&["--max-regression", "990%"]);
    assert!(allowed.status.success(), "{}", text(&allowed.stdout));
    let cheaper = compared(measured(), slower.0.path(), &[]);
    assert!(cheaper.status.success(), "{}", text(&cheaper.stdout));
    let diff = run(&[
        "diff",
        measured().to_str().unwrap(),
        slower.0.path().to_str().unwrap(),
    ]);
    assert!(text(&diff.stdout).contains("10.000"), "{}", text(&diff.stdout));
}

#[test]
fn a_broken_model_is_worse_whatever_its_values() {
    let failing = Copy::new();
    failing.change_one(|record| {
        record.as_object_mut().unwrap().remove("measured");
        record["failed"] = json!("ended under load");
    });
    let printed = worse(&failing.check(&[]));
    assert!(
        printed.contains(event_loop()) && printed.contains("ended under load"),
        "{printed}"
    );

    let silent = Copy::new();
    silent.change_one(|record| record["measured"]["load"]["throughput_per_s"] = json!(0));
    assert!(worse(&silent.check(&[])).contains("no good reply: in 6 of 6 trials"));

    let never_served = Copy::new();
    never_served.change_one(|record| record["measured"]["load"]["connections"]["served"] = json!(3));
    assert!(worse(&never_served.check(&[])).contains("connections never served: in 6 of 6 trials"));

    let left_out = Copy::new();
    left_out.change_environment(|environment| {
        let contenders = environment["contenders"].as_array_mut().unwrap();
        contenders.retain(|contender| contender["name"] != event_loop());
        environment["left_out"] = json!([{ "name": event_loop(), "reason": "it speaks another wire" }]);
    });
    let printed = worse(&left_out.check(&[]));
    assert!(printed.contains("left out: it speaks another wire"), "{printed}");
}

#[test]
fn a_run_of_another_load_can_not_be_judged() {
    let another_load = Copy::new();
    another_load.change_environment(|environment| {
        environment["experiments"][0]["settings"][0]["load"]["connections"] = json!(32);
    });
    let message = refused(&another_load.check(&[]));
    assert!(message.contains("connections: 64 before, 32 now"), "{message}");

    let longer = Copy::new();
    longer.change_environment(|environment| environment["window_s"] = json!(2.0));
    let message = refused(&longer.check(&[]));
    assert!(message.contains("--profile"), "{message}");
}

#[test]
fn too_few_trials_are_refused_with_the_number_needed() {
    let short = Copy::new();
    let path = short.path("records.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let lines = text.lines().take(2 * 2).map(|line| format!("{line}\n"));
    fs::write(&path, lines.collect::<String>()).unwrap();
    let message = refused(&compared(short.0.path(), short.0.path(), &[]));
    assert!(
        message.contains("each needs 4 trials in both runs") && message.contains("(2 and 2)"),
        "{message}"
    );
}

#[test]
fn another_machine_is_a_baseline_only_by_a_flag() {
    let elsewhere = Copy::new();
    elsewhere.change_environment(|environment| {
        environment["machine"]["cpu_model"] = json!("Another");
    });
    let message = refused(&elsewhere.check(&[]));
    assert!(message.contains("--other-machine"), "{message}");
    assert!(elsewhere.check(&["--other-machine"]).status.success());
}

#[test]
fn a_run_that_can_not_be_read_is_refused() {
    type Change = fn(&str) -> String;
    let changes: [(&str, Change, &str); 4] = [
        (
            "records.jsonl",
            |text| text.replace("\"schema\":3", "\"schema\":7"),
            "schema 7",
        ),
        (
            "records.jsonl",
            |text| text.replacen("\"round\"", "\"turn\"", 1),
            "restore",
        ),
        (
            "environment.json",
            |text| text.replacen("\"schema\": 3", "\"schema\": 7", 1),
            "schema 7",
        ),
        (
            "environment.json",
            |text| text[..text.len() / 2].to_owned(),
            "restore",
        ),
    ];
    for (name, change, expected) in changes {
        let copy = Copy::new();
        let path = copy.path(name);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, change(&text)).unwrap();
        let [folder, well] = [copy.0.path(), measured()].map(|path| path.to_str().unwrap());
        let commands: [&[&str]; 4] = [
            &["check", folder, "--baseline", well],
            &["check", well, "--baseline", folder],
            &["diff", well, folder],
            &["report", folder],
        ];
        for command in commands {
            let message = refused(&run(command));
            assert!(
                message.contains(name) && message.contains(expected),
                "{command:?}: {message}"
            );
        }
    }
}
