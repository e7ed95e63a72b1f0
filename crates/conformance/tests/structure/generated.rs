//! Pages that are generated from the sources: docs/MODELS.md.
//!
//! `UPDATE=1 cargo test -p conformance --test structure generated` writes them.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

use serde_json::Value;
use similar::TextDiff;
use test_support::{Server, servers, skip};

use crate::workspace::{PACKAGES, read, root, shown};

const INTRODUCTION: &str = "# The models

Each model is a server program that fits on a page: `src/main.rs` of its crate. This page shows the drawing of each, what
blocks in it, and what it costs. The differences between related models follow as diffs, because they are the lesson.

<!-- Generated from the sources by: UPDATE=1 cargo test -p conformance --test structure generated -->

";

#[test]
fn generated_page_of_models_is_current() {
    check(&root().join("docs/MODELS.md"), &models_page());
}

/// Fails if a page is not as it would be generated now. A model that it lacks is no failure where skips are none, so that
/// a new model needs no other file.
fn check(page: &Path, expected: &str) {
    let found = fs::read_to_string(page).unwrap_or_default();
    if found == expected {
        return;
    }
    if env::var_os("UPDATE").is_some() {
        return fs::write(page, expected).expect("the page can be written");
    }
    let advice = "UPDATE=1 cargo test -p conformance --test structure generated";
    let lacks = |server: &&Server| !found.contains(&format!("server-{}/src/main.rs", server.name));
    if let Some(server) = servers().iter().find(lacks) {
        return skip(format!("{} lacks {}: run {advice}", shown(page), server.name));
    }
    let diff = TextDiff::from_lines(found.as_str(), expected);
    panic!(
        "{} is out of date: run {advice}\n{}",
        shown(page),
        diff.unified_diff()
    );
}

fn models_page() -> String {
    let mut models: Vec<_> = servers().iter().collect();
    models.sort_by_key(|server| from_simple_to_composed(&server.description));
    let mut page = INTRODUCTION.to_owned();
    page += "| model | serves at once | a `sleep` holds | a `block` holds | a crash loses | workers |\n";
    page += "|---|---|---|---|---|---|\n";
    for server in &models {
        page += &row(server);
    }
    for server in &models {
        let description = text(&server.description["summary"]);
        let _ = write!(
            page,
            "\n## `{0}`: {description}\n\n{1}\n\n[crates/server-{0}/src/main.rs](../crates/server-{0}/src/main.rs)\n",
            server.name,
            prose(&server.name),
        );
    }
    page += "\n## Differences\n\nLines that begin with `-` are only in the first page, those with `+` only in the second. The prose at the head of\nthe pages is left out.\n";
    for server in &models {
        if let Some(relative) = &PACKAGES[&format!("server-{}", server.name)].differs_from {
            page += &difference(relative.trim_start_matches("server-"), &server.name);
        }
    }
    page
}

/// The article's models first, blocking ones before event loops, and those without workers before those with.
fn from_simple_to_composed(description: &Value) -> impl Ord + use<> {
    let is = |key: &str, value: &str| description[key] == value;
    (
        !is("lineage", "article"),
        is("wait_holds", "nothing"),
        !description["workers"].is_null(),
        !is("serves", "one"),
        !is("crash_loses", "everything"),
        text(&description["name"]).to_owned(),
    )
}

fn row(server: &Server) -> String {
    let description = &server.description;
    let at_once = match text(&description["serves"]) {
        "one" => "1 connection",
        "workers" => "1 connection per worker",
        _ => "many connections",
    };
    let wait = match text(&description["wait_holds"]) {
        "thread" => "its thread",
        _ => "a timer only",
    };
    let block = match text(&description["block_holds"]) {
        "connection" => "its connection",
        "loop" => "its event loop",
        _ => "the server",
    };
    let crash = match text(&description["crash_loses"]) {
        "connection" => "1 connection",
        "worker" => "the connections of 1 worker",
        _ => "all connections",
    };
    let workers = &description["workers"];
    let workers = if workers.is_null() {
        "–".to_owned()
    } else {
        text(&workers["kind"]).to_owned()
    };
    format!(
        "| [`{0}`](#{0}) | {at_once} | {wait} | {block} | {crash} | {workers} |\n",
        server.name
    )
}

/// What stands at the head of a model's page.
fn prose(model: &str) -> String {
    let page = read(&page_of(model));
    let lines = page.lines().map_while(|line| line.strip_prefix("//!"));
    let lines: Vec<_> = lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    lines.join("\n")
}

fn difference(first: &str, second: &str) -> String {
    let [one, other] = [first, second].map(|model| {
        let page = read(&page_of(model));
        let code = page
            .lines()
            .skip_while(|line| line.starts_with("//!") || line.is_empty());
        code.collect::<Vec<_>>().join("\n") + "\n"
    });
    let diff = TextDiff::from_lines(&one, &other);
    let names = [first, second].map(|model| format!("server-{model}/src/main.rs"));
    format!(
        "\n### `{first}` and `{second}`\n\n```diff\n{}```\n",
        diff.unified_diff().header(&names[0], &names[1])
    )
}

fn page_of(model: &str) -> std::path::PathBuf {
    PACKAGES[&format!("server-{model}")].folder.join("src/main.rs")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
