//! Pages that are generated from the sources: docs/MODELS.md, and the table of models in README.md.
//!
//! `UPDATE=1 cargo test -p conformance --test structure generated` writes them.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use similar::TextDiff;
use test_support::{Server, programs, servers, skip};

use crate::workspace::{PACKAGES, read, root, shown};

const INTRODUCTION: &str = "# The models

Each model is a server program, and one page explains it: `src/main.rs` of its crate. All of them provide the same service.
They differ in how a connection gets to a thread, and in what a handler holds while it runs. This page shows the drawing of
each, a trace of what its threads really did, what blocks in it, and what it costs. The differences between related models
follow as diffs, because they are the lesson.

<!-- Generated from the sources by: UPDATE=1 cargo test -p conformance --test structure generated -->

## Overview

Two questions place most servers. Does a waiting connection hold a thread, or does an event loop keep it as a state? And is
the work done by one thread, by several, or by several processes?

";
const WORDS: &str = "
A `sleep` is a handler that waits and holds no thread where the model can do without one, as an asynchronous call to another
service does. A `block` is a handler that blocks its thread in every model, as a database driver without async does. A
connection that a model does not serve yet waits in the kernel's backlog, or in a queue of the server; it is not refused. A
thread for each connection is no pool: the number of threads grows with the connections.

";
const TRACES: &str = "
Below each drawing is a trace of the model, recorded from the kernel by `compare trace`: eight requests on four connections,
each of which computes for 300 µs and waits for 1 ms, on one CPU, with four workers where the model has workers. A request
is a numbered bar from its sending to its reply, pale while no thread holds it, and it has the same colour on the lane of
each thread that held it. The drawings show what a model means to do. A trace shows one case of what happened, and other
traces differ in detail. [method/traces.md](method/traces.md) describes what is recorded and what is derived.
";
const PAIRS: &str = "
Pages that are worth reading side by side, with what their difference shows:

";
const DIFFERENCES: &str = "
## Differences

Lines that begin with `-` are only in the first page, those with `+` only in the second. The prose at the head of the pages
is left out.
";
const BEGIN: &str = "<!-- models: begin -->\n";
const END: &str = "<!-- models: end -->";

#[test]
fn generated_page_of_models_is_current() {
    check(&root().join("docs/MODELS.md"), &models_page());
}

#[test]
fn generated_table_in_the_readme_is_current() {
    let page = root().join("README.md");
    let text = read(&page);
    let (before, rest) = text.split_once(BEGIN).expect("README.md has the first marker");
    let (_, after) = rest.split_once(END).expect("README.md has the second marker");
    check(
        &page,
        &format!("{before}{BEGIN}{}\n{END}{after}", table_of_models()),
    );
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
    let lacks = |server: &&Server| !found.contains(&mark_of(server));
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
    let table = table_of_models();
    // In the order of the table, which goes from simple to composed.
    let place = |server: &&Server| table.find(&mark_of(server));
    let mut models: Vec<_> = servers().iter().collect();
    models.sort_by_key(place);
    let mut page = format!(
        "{INTRODUCTION}{}{WORDS}{table}{TRACES}{PAIRS}",
        map_of_models(&models)
    );
    for (first, second, lesson) in pairs(&models) {
        let _ = writeln!(
            page,
            "- [`{first}` and `{second}`](#{first}-and-{second}): {lesson}"
        );
    }
    for server in &models {
        let summary = server.description["summary"].as_str().expect("a text");
        let _ = write!(
            page,
            "\n## `{0}`: {summary}\n\n{1}\n\n[crates/server-{0}/src/main.rs](../crates/server-{0}/src/main.rs)\n",
            server.name,
            with_trace(&server.name, prose(&server.name)),
        );
    }
    page += DIFFERENCES;
    for (first, second, _) in pairs(&models) {
        page += &difference(first, second);
    }
    page
}

/// The models by what a waiting connection holds, and by what does the work.
fn map_of_models(models: &[&Server]) -> String {
    let holds_thread = |server: &Server| server.description["wait_holds"] == "thread";
    let place = |server: &Server| {
        let description = &server.description;
        if description["crash_loses"] == "everything" {
            let thread_each = holds_thread(server) && description["serves"] == "many";
            usize::from(thread_each || !description["workers"].is_null())
        } else {
            2
        }
    };
    let cell = |holds: bool, column: usize| {
        let here = models
            .iter()
            .filter(|server| holds_thread(server) == holds && place(server) == column);
        let names: Vec<_> = here.map(|server| format!("`{}`", server.name)).collect();
        names.join(", ")
    };
    let mut map = "| a waiting connection | one thread | several threads | several processes |\n".to_owned();
    map += "|---|---|---|---|\n";
    for (title, holds) in [
        ("holds a thread or process", true),
        ("is a state of an event loop", false),
    ] {
        let [one, threads, processes] = [0, 1, 2].map(|column| cell(holds, column));
        let _ = writeln!(map, "| {title} | {one} | {threads} | {processes} |");
    }
    map
}

/// Models whose pages are shown beside each other, and what the difference shows.
fn pairs<'a>(models: &[&'a Server]) -> Vec<(&'a str, &'a str, &'a str)> {
    let pair = |server: &&'a Server| {
        let package = &PACKAGES[&format!("server-{}", server.name)];
        let first = package.differs_from.as_deref()?.trim_start_matches("server-");
        let lesson = package.lesson.as_deref().unwrap_or_default();
        Some((first, server.name.as_str(), lesson))
    };
    models.iter().filter_map(pair).collect()
}

/// What `compare list --markdown` prints, without its last line end.
fn table_of_models() -> String {
    let output = Command::new(programs().join("compare"))
        .args(["list", "--markdown"])
        .output()
        .expect("a program that was built can be started");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let table = String::from_utf8(output.stdout).expect("a table is text");
    table.trim_end().to_owned()
}

/// How a row of the table begins.
fn mark_of(server: &Server) -> String {
    format!("| `{}` |", server.name)
}

/// What stands at the head of a model's page.
fn prose(model: &str) -> String {
    let page = read(&page_of(model));
    let lines = page.lines().map_while(|line| line.strip_prefix("//!"));
    let lines: Vec<_> = lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    lines.join("\n")
}

/// The prose of a model with its trace behind the drawing, which is the first block of code, and with what can be seen there:
/// the file `trace.md` of its crate. A model that was not traced yet has neither.
fn with_trace(model: &str, prose: String) -> String {
    const DRAWING_ENDS: &str = "\n```\n";
    let picture = format!("results/trace/{model}.svg");
    if !root().join(&picture).exists() {
        return prose;
    }
    let seen = PACKAGES[&format!("server-{model}")].folder.join("trace.md");
    assert!(
        seen.exists(),
        "{} is missing, which describes {picture}",
        seen.display()
    );
    let (drawing, rest) = prose.split_once(DRAWING_ENDS).expect("a page has a drawing");
    format!(
        "{drawing}{DRAWING_ENDS}\n![What the threads of {model} did, from the kernel](../{picture})\n\n{}{rest}",
        read(&seen)
    )
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

fn page_of(model: &str) -> PathBuf {
    PACKAGES[&format!("server-{model}")].folder.join("src/main.rs")
}
