//! What stands in the sources, and what must not.

use std::path::Path;

use crate::workspace::{
    PACKAGES, code_below, files_below, none, read, root, rust_files, servers, shown, words,
};

/// Files outside a model's crate that may name a model, or use its name as a word, with the reason.
const MAY_NAME_MODELS: &[(&str, &[&str], &str)] = &[
    (
        "crates/baseline/benches/baseline/servers.rs",
        &[
            "server-async",
            "server-async-pool",
            "server-thread",
            "server-pool",
            "server-reactors",
            "server-handoff",
            "server-tokio",
            "server-uring",
        ],
        "compares servers with the least of their kind, and with each other",
    ),
    (
        "crates/baseline/benches/completions/settings.rs",
        &["server-async", "server-uring"],
        "compares io_uring with epoll",
    ),
    (
        "crates/baseline/benches/completions/trial.rs",
        &["server-async", "server-uring"],
        "builds them",
    ),
    (
        "crates/conformance/tests/pairs.rs",
        &[
            "server-prefork",
            "server-prefork-async",
            "server-thread",
            "server-fork",
            "server-async",
            "server-async-pool",
            "server-handoff",
            "server-pool",
            "server-reactors",
        ],
        "holds the diff of two pages to what differs",
    ),
    (
        "crates/serving/src/children.rs",
        &["server-fork"],
        "the system call",
    ),
    (
        "crates/loadgen/src/cmd/text.rs",
        &["server-thread"],
        "a word of its text",
    ),
    (
        "scripts/add-model.sh",
        &["server-thread"],
        "copies a model to add one",
    ),
    (
        "crates/trace/src/strace/effects.rs",
        &["server-fork"],
        "names the system call",
    ),
];
/// Files with `unsafe`, how many blocks each has, and the reason.
const MAY_BE_UNSAFE: &[(&str, usize, &str)] = &[
    ("crates/serving/src/children.rs", 1, "the fork"),
    (
        "crates/completions/src/buffers.rs",
        7,
        "memory that the kernel writes to while the program runs",
    ),
    (
        "crates/completions/src/ring.rs",
        2,
        "submission of operations whose memory stays in place, and descriptors that the kernel opened",
    ),
];
const LINES_MOST: usize = 400;
/// Words in the name of a test.
const WORDS_MOST: usize = 10;

/// What it may use is listed, not what it may not: anything new here is worth a thought.
#[test]
fn the_protocol_does_no_io_and_reads_no_clock() {
    const CRATES: [&str; 3] = ["serde", "serde_json", "thiserror"];
    const MODULES: [&str; 11] = [
        "borrow", "cmp", "error", "f64", "fmt", "mem", "num", "ops", "result", "str", "time",
    ];
    const CLOCKS: [&str; 4] = ["::now", ".elapsed(", "SystemTime", "UNIX_EPOCH"];
    const OUTPUT: [&str; 3] = ["print!", "println!", "dbg!"];

    let protocol = &PACKAGES["protocol"];
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
                    .is_some_and(|rest| rest.starts_with([':', ';']))),
                "{place}: does this do without I/O? {code}"
            );
        }
        assert!(
            !CLOCKS.iter().any(|clock| code.contains(clock)),
            "{place}: time is passed in, not read: {code}"
        );
        assert!(
            !OUTPUT.iter().any(|output| code.contains(output)),
            "{place}: nothing is printed: {code}"
        );
    }
}

#[test]
fn unsafe_code_is_forbidden_in_every_crate_but_two() {
    for package in PACKAGES.values() {
        let makes_exceptions = MAY_BE_UNSAFE.iter().any(|(file, ..)| {
            let folder = file.split_once("/src/").map(|(folder, _)| folder);
            folder == Some(&shown(&package.folder))
        });
        let word = if makes_exceptions { "deny" } else { "forbid" };
        let attribute = format!("#![{word}(unsafe_code)]");
        for target in package.products() {
            assert!(
                read(&target.root).lines().any(|line| line == attribute),
                "{} lacks {attribute}",
                shown(&target.root)
            );
        }
    }
}

/// The attributes do not reach tests and benches, and a crate that may make an exception might make more.
#[test]
fn unsafe_blocks_are_those_that_are_listed() {
    let code: Vec<_> = PACKAGES
        .values()
        .flat_map(|package| code_below(&package.folder))
        .collect();
    let places_with = |sought: &str| -> Vec<_> {
        let is_one = |(_, code): &&(String, String)| {
            !code.starts_with("#![deny")
                && !code.starts_with("#![forbid")
                && words(code).any(|word| word == sought)
        };
        code.iter().filter(is_one).collect()
    };
    for (sought, listed_for) in [("unsafe", 0), ("unsafe_code", 1)] {
        let mut found = places_with(sought);
        for (file, blocks, _) in MAY_BE_UNSAFE {
            let expected = if listed_for == 0 { *blocks } else { 1 };
            let before = found.len();
            found.retain(|(place, _)| !place.starts_with(&format!("{file}:")));
            assert_eq!(before - found.len(), expected, "{sought} in {file}");
        }
        assert!(found.is_empty(), "{sought} without a reason: {found:#?}");
    }
}

/// What programs and tests need to know about a model is in its description.
#[test]
fn only_a_models_own_crate_names_it() {
    let servers: Vec<_> = servers().map(|package| package.name.as_str()).collect();
    let is_named = |server: &str, line: &str| {
        let name = server.trim_start_matches("server-");
        // A wait may hold a "thread", too.
        let is_a_value = line.contains("wait_holds") || line.contains("WaitHolds");
        let is_whole = |(at, _): (usize, &str)| {
            let behind = line[at + server.len()..].chars().next();
            !behind.is_some_and(|char| char.is_alphanumeric() || char == '-' || char == '_')
        };
        (line.contains(&format!("\"{name}\"")) && !is_a_value) || line.match_indices(server).any(is_whole)
    };
    let mut files = Vec::new();
    for folder in ["crates", "scripts", ".github", "examples", "fuzz"] {
        files.extend(files_below(
            &root().join(folder),
            &["rs", "toml", "sh", "py", "yml", "yaml"],
        ));
    }
    files.extend([root().join("Cargo.toml"), root().join(".ci/run")]);
    let mut found = Vec::new();
    for file in files {
        let path = shown(&file);
        // This file lists the names.
        if path.starts_with("crates/server-") || path.ends_with(file!()) {
            continue;
        }
        let may_name = |server: &str| {
            let mut allowed = MAY_NAME_MODELS.iter();
            allowed.any(|(allowed, names, _)| *allowed == path && names.contains(&server))
        };
        for (index, line) in read(&file).lines().enumerate() {
            let mut named = servers.iter().filter(|server| is_named(server, line));
            if let Some(server) = named.find(|server| !may_name(server)) {
                found.push(format!("{path}:{} {server}: {}", index + 1, line.trim()));
            }
        }
    }
    none(&found, "choose by capability, or use an invented name");
}

#[test]
fn no_function_is_named_of() {
    let is_one = |(_, code): &(String, String)| code.contains("fn of(") || code.contains("fn of<");
    let code = code_below(&root().join("crates")).into_iter().filter(is_one);
    let found: Vec<_> = code
        .map(|(place, code)| format!("{place}: {}", code.trim()))
        .collect();
    none(&found, "use a verb: build, from_plan, render");
}

/// A skip that `REQUIRE_ALL=1` does not know of looks like a test that passed.
#[test]
fn tests_are_skipped_by_test_support_only() {
    let mark = "print".to_owned() + "ln!(\"skipped";
    let mut found = Vec::new();
    for file in rust_files() {
        for (index, line) in read(&file).lines().enumerate() {
            if line.contains(&mark) {
                found.push(format!("{}:{}: {}", shown(&file), index + 1, line.trim()));
            }
        }
    }
    none(&found, "call test_support::skip");
}

#[test]
fn files_have_fewer_than_400_lines() {
    let too_long = |path: &Path| {
        let lines = read(path).lines().count();
        (lines >= LINES_MOST).then(|| format!("{}: {lines} lines", shown(path)))
    };
    let found: Vec<_> = rust_files().iter().filter_map(|path| too_long(path)).collect();
    none(&found, "split it");
}

#[test]
fn test_names_have_at_most_ten_words() {
    let mut found = Vec::new();
    for file in rust_files() {
        let text = read(&file);
        let mut lines = text.lines().enumerate();
        while let Some((_, line)) = lines.next() {
            if line.trim() != "#[test]" {
                continue;
            }
            let function = lines.find_map(|(index, line)| Some((index, line.trim().strip_prefix("fn ")?)));
            let Some((index, name)) =
                function.map(|(index, line)| (index, line.split('(').next().unwrap_or(line)))
            else {
                continue;
            };
            if name.split('_').count() > WORDS_MOST {
                found.push(format!("{}:{}: {name}", shown(&file), index + 1));
            }
        }
    }
    none(&found, "describe the behaviour in fewer words");
}
