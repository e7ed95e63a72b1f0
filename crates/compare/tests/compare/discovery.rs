//! How the built-in models are found: programs that describe themselves, in one folder.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{
    event_loop, only_run, program, run, servers, smoke, text, with_a_server, write_program,
};

/// `compare list` with these arguments, started by this program.
fn listed(compare: &Path, arguments: &[&str]) -> String {
    let done = Command::new(compare).arg("list").args(arguments).output();
    let done = done.expect("compare can be started");
    assert!(done.status.success(), "{}", text(&done.stderr));
    text(&done.stdout)
}

fn built() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_compare"))
}

/// The names in the description of each model.
fn names(json: &str) -> Vec<String> {
    let models: Vec<Value> = serde_json::from_str(json).expect("it is a list of descriptions");
    let name = |model: &Value| model["name"].as_str().expect("a model has a name").to_owned();
    models.iter().map(name).collect()
}

#[test]
fn every_server_of_the_workspace_is_listed() {
    let json = listed(built(), &["--json", "--servers", servers().to_str().unwrap()]);
    let table = listed(built(), &["--markdown", "--servers", servers().to_str().unwrap()]);
    let listed = names(&json);
    let mut sorted = listed.clone();
    sorted.sort();
    let all: Vec<_> = test_support::servers()
        .iter()
        .map(|server| server.name.clone())
        .collect();
    assert_eq!(sorted, all);
    let rows: Vec<_> = table.lines().skip(2).map(str::to_owned).collect();
    assert_eq!(rows.len(), listed.len(), "{table}");
    for (row, name) in rows.iter().zip(&listed) {
        assert!(row.starts_with(&format!("| `{name}` |")), "{table}");
    }
}

#[test]
fn servers_are_found_beside_compare_or_a_link_to_it() {
    let alone = tempfile::tempdir().unwrap();
    let copy = alone.path().join("compare");
    fs::copy(built(), &copy).unwrap();
    assert!(listed(&copy, &[]).contains("--servers"), "there is no server");
    let server = program(event_loop());
    let file_name = server.file_name().unwrap();

    // As with a package manager that links programs from folders of their own.
    let links = tempfile::tempdir().unwrap();
    symlink(&copy, links.path().join("compare")).unwrap();
    symlink(&server, links.path().join(file_name)).unwrap();
    let linked = links.path().join("compare");
    assert_eq!(names(&listed(&linked, &["--json"])), [event_loop()]);

    fs::copy(&server, alone.path().join(file_name)).unwrap();
    fs::remove_file(links.path().join(file_name)).unwrap();
    for compare in [&copy, &linked] {
        assert_eq!(names(&listed(compare, &["--json"])), [event_loop()]);
    }
}

#[test]
fn a_program_without_description_is_left_out_with_one_line() {
    let folder = with_a_server("alpha", "exec sleep 100");
    let real = program(event_loop());
    fs::copy(&real, folder.path().join(real.file_name().unwrap())).unwrap();
    write_program(
        &folder.path().join("server-beta"),
        "echo listening on 127.0.0.1:1",
    );
    let out = tempfile::tempdir().unwrap();
    let measured = |models: &str, out: &Path| {
        let mut asked = smoke("request-cost", models, out);
        asked.arg("--servers").arg(folder.path()).output().unwrap()
    };
    let done = measured(event_loop(), out.path());
    let message = text(&done.stderr);
    assert!(matches!(done.status.code(), Some(0 | 1)), "{message}");
    let reports = message
        .lines()
        .filter(|line| line.contains("server-beta is left out: "));
    assert_eq!(reports.count(), 1, "{message}");
    let environment = fs::read_to_string(only_run(out.path()).join("environment.json")).unwrap();
    let environment: Value = serde_json::from_str(&environment).unwrap();
    assert_eq!(
        environment["left_out"],
        Value::Array(Vec::new()),
        "nobody asked for it"
    );
    let capabilities = &environment["contenders"][0]["capabilities"];
    assert_eq!(capabilities["serves"], "many", "{capabilities}");

    let done = measured("beta", &out.path().join("b"));
    let message = text(&done.stderr);
    assert_eq!(done.status.code(), Some(2), "{message}");
    assert!(message.contains("server-beta can't be measured: "), "{message}");
}

#[test]
fn unknown_capabilities_of_a_contender_are_reported() {
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("contenders.toml");
    let contender = format!(
        "[[contender]]\nname = \"mine\"\ncommand = [{:?}, \"--listen\", \"{{addr}}\"]\noperations = [\"ping\", \"sleep\"]\n",
        program(event_loop())
    );
    fs::write(&file, contender).unwrap();
    let mut asked = smoke(
        "killed-worker,request-cost",
        event_loop(),
        &out.path().join("results"),
    );
    let done = asked.arg("--contenders").arg(&file).output().unwrap();
    let message = text(&done.stderr);
    assert!(
        message.contains("mine is left out of killed-worker: whether it has isolated-crash is unknown"),
        "{message}"
    );
    assert!(!message.contains("mine is left out of request-cost"), "{message}");
}

#[test]
fn a_model_can_be_left_to_compare_aa() {
    let nowhere = tempfile::tempdir().unwrap();
    let done = run(&["aa", "--servers", nowhere.path().to_str().unwrap()]);
    assert_eq!(done.status.code(), Some(2), "{}", text(&done.stderr));
    let folder = nowhere.path().join("missing");
    let done = run(&["list", "--servers", folder.to_str().unwrap()]);
    let message = text(&done.stderr);
    assert_eq!(done.status.code(), Some(2), "{message}");
    assert!(
        message.contains("can't list") && message.contains("--servers"),
        "{message}"
    );
}

#[test]
fn models_describe_themselves_on_the_cpus_of_the_servers() {
    let alone = with_a_server("alpha", "exit 1");
    let path = alone.path().join("server-alpha");
    let script = fs::read_to_string(&path).unwrap();
    let shows = "grep Cpus_allowed_list /proc/self/status >\"$(dirname \"$0\")/cpus\"\n";
    fs::write(&path, script.replacen('\n', &format!("\n{shows}"), 1)).unwrap();
    let allowed = fs::read_to_string("/proc/self/status").unwrap();
    let allowed = allowed
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let first = allowed
        .unwrap()
        .trim()
        .split([',', '-'])
        .next()
        .unwrap()
        .to_owned();
    let out = tempfile::tempdir().unwrap();
    let mut asked = smoke("request-cost", "alpha", out.path());
    asked
        .args(["--server-cpus", &first, "--servers"])
        .arg(alone.path());
    assert_eq!(asked.output().unwrap().status.code(), Some(1));
    let cpus = fs::read_to_string(alone.path().join("cpus")).unwrap();
    assert_eq!(cpus.split_whitespace().nth(1), Some(&*first), "{cpus}");
}
