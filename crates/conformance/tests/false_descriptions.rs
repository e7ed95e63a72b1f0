//! The suite finds out each field of a description that is false.
//!
//! Each lie is a script that prints a changed description for `--describe`, and otherwise becomes a real server.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;

use serde_json::{Value, json};
use test_support::{Server, server_that};

/// A real server, what is false in its description, and a part of the name of the case that finds it out.
struct Lie {
    server: &'static Server,
    field: &'static str,
    value: Value,
    found_by: &'static str,
}

#[test]
fn each_false_field_of_a_description_fails_a_case() {
    let (truth, lies) = (truth(), lies());
    let folder = tempfile::tempdir().expect("a folder can be made");
    // All scripts are written before any is started: the kernel starts no file that is open for writing.
    let true_script = script(folder.path(), "true", &truth);
    let scripts = lies.iter().enumerate();
    let scripts: Vec<_> = scripts
        .map(|(number, lie)| script(folder.path(), &number.to_string(), lie))
        .collect();

    // A script does not fail by being a script.
    let failures = conformance::failures(&package(truth.server), &true_script, "::description::");
    assert!(failures.is_empty(), "{failures:?}");
    thread::scope(|scope| {
        for (lie, script) in lies.iter().zip(&scripts) {
            scope.spawn(move || {
                let failures = conformance::failures(&package(lie.server), script, lie.found_by);
                assert!(
                    failures.iter().any(|failure| failure.contains(lie.found_by)),
                    "no case fails for {}, {}: {}",
                    lie.server.name,
                    lie.field,
                    lie.value
                );
            });
        }
    });
}

fn package(server: &Server) -> String {
    format!("server-{}", server.name)
}

/// A description without a lie.
fn truth() -> Lie {
    Lie {
        server: server_that(|description| description["serves"] == "one"),
        field: "schema",
        value: json!(1),
        found_by: "",
    }
}

fn lies() -> Vec<Lie> {
    let serves_one = server_that(|description| description["serves"] == "one");
    let event_loop =
        server_that(|description| description["wait_holds"] == "nothing" && description["workers"].is_null());
    let spawns = server_that(|description| {
        description["serves"] == "many"
            && description["wait_holds"] == "thread"
            && description["workers"].is_null()
    });
    let workers = server_that(|description| {
        description["workers"]["kind"] == "processes" && description["accept"] != json!([])
    });
    let lie = |server, field, value, found_by| Lie {
        server,
        field,
        value,
        found_by,
    };
    let kind = json!({"kind": "threads", "default": 2});
    vec![
        lie(serves_one, "serves", json!("many"), "it_serves_as_many"),
        lie(event_loop, "serves", json!("one"), "it_serves_as_many"),
        lie(
            spawns,
            "workers",
            json!({"kind": "processes", "default": 2}),
            "workers_are_what",
        ),
        lie(workers, "workers", kind, "workers_are_what"),
        lie(workers, "workers", Value::Null, "workers_are_what"),
        lie(event_loop, "wait_holds", json!("thread"), "a_sleep_holds"),
        lie(spawns, "wait_holds", json!("nothing"), "a_sleep_holds"),
        lie(spawns, "block_holds", json!("loop"), "a_block_stops"),
        lie(spawns, "block_holds", json!("everything"), "a_block_stops"),
        lie(event_loop, "crash_loses", json!("connection"), "a_crash_loses"),
        lie(workers, "crash_loses", json!("everything"), "a_crash_loses"),
        lie(workers, "accept", json!(["no-such-mode"]), "the_accept_modes"),
        lie(workers, "accept", json!([]), "the_accept_modes"),
        lie(workers, "tally", json!(false), "a_tally_is_written"),
        lie(spawns, "tally", json!(true), "a_tally_is_written"),
        lie(spawns, "name", json!("another"), "the_server_describes_itself"),
        lie(spawns, "serves", json!("plenty"), "the_server_describes_itself"),
    ]
}

/// Writes a program that prints this description, and is otherwise the server.
fn script(folder: &Path, name: &str, lie: &Lie) -> String {
    let mut description = lie.server.description.clone();
    description[lie.field] = lie.value.clone();
    let path = folder.join(name);
    let text = format!(
        "#!/bin/sh\nfor argument; do\n[ \"$argument\" != --describe ] || {{ echo '{description}'; exit 0; }}\ndone\n\
         exec '{}' \"$@\"\n",
        lie.server.path.display()
    );
    fs::write(&path, text).expect("a script can be written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a script can be executable");
    path.to_str().expect("the path is text").to_owned()
}
