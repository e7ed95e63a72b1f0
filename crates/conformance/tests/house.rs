//! What must stay true of the sources, whoever builds on them: absences for the most part, which nobody sees by reading.
//!
//! docs/ARCHITECTURE.md says why each of these is wanted. A rule that holds for crates in general holds for those that
//! are yet to be written as well; only the crates that a rule is about are named.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

/// A crate of the workspace, as `cargo metadata` tells of it.
struct Package {
    name: String,
    folder: PathBuf,
    /// What the crate itself is built with.
    uses: BTreeSet<String>,
    /// What its tests are built with besides.
    tests_use: BTreeSet<String>,
    targets: Vec<Target>,
}

struct Target {
    name: String,
    kind: String,
    root: PathBuf,
}

static HOUSE: LazyLock<BTreeMap<String, Package>> = LazyLock::new(|| {
    let told = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo can be run");
    assert!(
        told.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&told.stderr)
    );
    let told: Value = serde_json::from_slice(&told.stdout).expect("cargo tells in JSON");
    items(&told["packages"])
        .map(Package::of)
        .map(|package| (package.name.clone(), package))
        .collect()
});

#[test]
fn a_directory_is_a_crate_is_a_program() {
    for package in servers() {
        assert!(
            package.folder.ends_with(&package.name),
            "{} is in {}",
            package.name,
            package.folder.display()
        );
        let programs: Vec<_> = package.targets_of("bin").map(|target| &target.name).collect();
        assert_eq!(programs, [&package.name]);
    }
}

#[test]
fn every_server_is_held_to_the_suite() {
    for package in servers() {
        assert!(
            package.tests_use.contains("conformance")
                && package
                    .targets_of("test")
                    .any(|target| target.name == "conformance"),
            "{} has no tests/conformance.rs, or can't use the suite",
            package.name
        );
    }
}

#[test]
fn dependencies_point_one_way() {
    let expected: &[(&str, &[&str])] = &[
        ("protocol", &[]),
        ("serving", &["protocol", "schema"]),
        ("loadgen", &["protocol", "schema"]),
        ("server-single", &["serving"]),
        ("server-thread", &["serving"]),
        ("server-fork", &["serving"]),
        ("server-prefork", &["serving"]),
        ("server-async", &["protocol", "serving"]),
        ("server-prefork-async", &["server-async", "serving"]),
    ];
    for &(name, expected) in expected {
        let uses: Vec<_> = of_the_house(&HOUSE[name].uses).collect();
        assert_eq!(uses, expected, "what {name} uses of the house");
    }
}

#[test]
fn nobody_uses_a_server_but_the_processes_with_an_event_loop_each() {
    for package in HOUSE.values() {
        let uses: Vec<_> = of_the_house(&package.uses)
            .filter(|name| is_server(name))
            .collect();
        let expected: &[&str] = match package.name.as_str() {
            "server-prefork-async" => &["server-async"],
            _ => &[],
        };
        assert_eq!(uses, expected, "what {} uses of the servers", package.name);
    }
}

/// Not even in its tests: a fault in the codec must not hide itself in the client that looks for it.
#[test]
fn the_suite_shares_no_code_with_what_it_tests() {
    let suite = &HOUSE["conformance"];
    let shared: Vec<_> = of_the_house(&suite.uses)
        .chain(of_the_house(&suite.tests_use))
        .collect();
    assert!(shared.is_empty(), "{shared:?}");
}

/// What it may use is named, rather than what it may not: anything new here is worth a thought.
#[test]
fn the_protocol_does_no_io_and_reads_no_clock() {
    const CRATES: [&str; 3] = ["serde", "serde_json", "thiserror"];
    const MODULES: [&str; 11] = [
        "borrow", "cmp", "error", "f64", "fmt", "mem", "num", "ops", "result", "str", "time",
    ];
    const CLOCKS: [&str; 4] = ["::now", ".elapsed(", "SystemTime", "UNIX_EPOCH"];
    const OUTPUT: [&str; 3] = ["print!", "println!", "dbg!"];

    let protocol = &HOUSE["protocol"];
    assert!(
        protocol.uses.iter().eq(CRATES),
        "{:?}: does each do without I/O?",
        protocol.uses
    );
    for (place, code) in code_below(&protocol.folder.join("src")) {
        for path in code.split("std::").skip(1) {
            assert!(
                MODULES.iter().any(|module| path
                    .strip_prefix(module)
                    .is_some_and(|rest| rest.starts_with("::"))),
                "{place}: does this do without I/O? {code}"
            );
        }
        assert!(
            !CLOCKS.iter().any(|clock| code.contains(clock)),
            "{place}: time is passed in, not asked for: {code}"
        );
        assert!(
            !OUTPUT.iter().any(|output| code.contains(output)),
            "{place}: nothing is printed: {code}"
        );
    }
}

#[test]
fn unsafe_code_is_forbidden_in_every_crate_but_one() {
    for package in HOUSE.values() {
        let word = if package.name == "serving" {
            "deny"
        } else {
            "forbid"
        };
        let attribute = format!("#![{word}(unsafe_code)]");
        for target in package.targets_of("lib").chain(package.targets_of("bin")) {
            assert!(
                read(&target.root).lines().any(|line| line == attribute),
                "{} does not say {attribute}",
                target.root.display()
            );
        }
    }
}

/// The attributes do not reach tests and benches, and the crate that may make an exception might make two.
#[test]
fn the_only_unsafe_block_is_the_fork() {
    let code: Vec<_> = HOUSE
        .values()
        .flat_map(|package| code_below(&package.folder))
        .collect();
    let lines_with = |sought: &str| -> Vec<_> {
        let is_one = |(_, code): &&(String, String)| words(code).any(|word| word == sought);
        code.iter().filter(is_one).collect()
    };

    let blocks = lines_with("unsafe");
    let is_the_fork = |(place, code): &(String, String)| {
        place.contains("serving/src/children.rs") && code.contains("nix::unistd::fork()")
    };
    assert!(blocks.len() == 1 && is_the_fork(blocks[0]), "{blocks:#?}");

    let exceptions: Vec<_> = lines_with("unsafe_code")
        .into_iter()
        .filter(|(_, code)| !code.starts_with("#!["))
        .collect();
    assert!(
        exceptions.len() == 1 && exceptions[0].0.contains("serving/src/children.rs"),
        "{exceptions:#?}"
    );
}

impl Package {
    fn of(told: &Value) -> Self {
        let uses = |in_tests: bool| {
            items(&told["dependencies"])
                .filter(|dependency| (dependency["kind"] == "dev") == in_tests)
                .map(|dependency| text(&dependency["name"]))
                .collect()
        };
        let target = |told: &Value| Target {
            name: text(&told["name"]),
            kind: text(&told["kind"][0]),
            root: text(&told["src_path"]).into(),
        };
        let manifest = PathBuf::from(text(&told["manifest_path"]));
        Self {
            name: text(&told["name"]),
            folder: manifest.parent().expect("a manifest is in a folder").to_owned(),
            uses: uses(false),
            tests_use: uses(true),
            targets: items(&told["targets"]).map(target).collect(),
        }
    }

    fn targets_of(&self, kind: &str) -> impl Iterator<Item = &Target> {
        self.targets.iter().filter(move |target| target.kind == kind)
    }
}

fn servers() -> impl Iterator<Item = &'static Package> {
    HOUSE.values().filter(|package| is_server(&package.name))
}

fn is_server(name: &str) -> bool {
    name.starts_with("server-")
}

/// Those of the names that are crates of the workspace, in order.
fn of_the_house(names: &BTreeSet<String>) -> impl Iterator<Item = &str> {
    names
        .iter()
        .map(String::as_str)
        .filter(|name| HOUSE.contains_key(*name))
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().expect("a list").iter()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// All lines of code in a folder and those below it, each with its place.
fn code_below(folder: &Path) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("a folder can be listed").path();
        if path.is_dir() {
            lines.extend(code_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            lines.extend(read(&path).lines().enumerate().map(|(index, line)| {
                let place = format!("{}:{}", path.display(), index + 1);
                (place, code_in(line))
            }));
        }
    }
    lines
}

/// A line without its comment, and without what stands between quotes.
fn code_in(line: &str) -> String {
    let unquoted: String = line.split('"').step_by(2).collect();
    unquoted.split("//").next().unwrap_or_default().to_owned()
}

fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|char: char| !char.is_alphanumeric() && char != '_')
        .filter(|word| !word.is_empty())
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
