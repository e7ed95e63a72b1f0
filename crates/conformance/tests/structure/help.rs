//! What the programs print for `--help`.

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use regex::Regex;

use crate::workspace::{PACKAGES, none};

/// Lines of 100 columns for the help of an option. What its values mean stands below and is not counted.
const LINES_MOST: usize = 2;
const COLUMNS: usize = 100;

/// The help of a program, or of one of its subcommands.
#[derive(Clone)]
pub(crate) struct Page {
    /// Such as `loadgen run`.
    pub(crate) command: String,
    pub(crate) text: String,
}

#[test]
fn help_has_no_markdown() {
    let mark = Regex::new(r"`|\*\*|\*\w[^*]*\*").expect("a regex");
    let lines = |page: &Page| -> Vec<_> {
        let marked = page.text.lines().filter(|line| mark.is_match(line));
        marked
            .map(|line| format!("{}: {}", page.command, line.trim()))
            .collect()
    };
    let found: Vec<_> = pages().iter().flat_map(lines).collect();
    none(&found, "a terminal shows the marks");
}

#[test]
fn the_help_of_an_option_fits_two_lines() {
    let mut found = Vec::new();
    for page in pages() {
        for (option, lines) in options(&page.text) {
            if lines > LINES_MOST {
                found.push(format!("{} {option}: {lines} lines", page.command));
            }
        }
        let is_too_long = |line: &&str| line.chars().count() > COLUMNS && !line.starts_with("Usage");
        found.extend(
            page.text
                .lines()
                .filter(is_too_long)
                .map(|line| format!("{}: {line}", page.command)),
        );
    }
    none(&found, "say less, or say it in docs/");
}

/// The pages of all programs but those of `baseline`, which take no flags.
pub(crate) fn pages() -> &'static [Page] {
    static PAGES: LazyLock<Vec<Page>> = LazyLock::new(|| {
        let folder = test_support::programs();
        let packages = PACKAGES.values().filter(|package| package.name != "baseline");
        let programs = packages.flat_map(|package| package.targets_of("bin"));
        programs
            .flat_map(|program| pages_of(folder, &[&program.name]))
            .collect()
    });
    &PAGES
}

fn pages_of(folder: &Path, command: &[&str]) -> Vec<Page> {
    let output = Command::new(folder.join(command[0]))
        .args(&command[1..])
        .arg("--help")
        .env_remove("COLUMNS")
        .output()
        .expect("a program that was built can be started");
    assert!(output.status.success(), "{command:?} --help fails");
    let text = String::from_utf8(output.stdout).expect("help is text");
    let below: Vec<_> = subcommands(&text)
        .flat_map(|name| pages_of(folder, &[command, &[name]].concat()))
        .collect();
    let page = Page {
        command: command.join(" "),
        text,
    };
    [vec![page], below].concat()
}

fn subcommands(text: &str) -> impl Iterator<Item = &str> {
    let section = text.split("\nCommands:\n").nth(1).unwrap_or_default();
    let lines = section.lines().take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    names.filter(|name| !name.is_empty() && *name != "help")
}

/// Each option with the number of lines of its help.
fn options(text: &str) -> Vec<(&str, usize)> {
    let mut options: Vec<(&str, usize)> = Vec::new();
    let mut counts = false;
    for line in text.lines() {
        let shown = line.trim_start();
        let indent = line.len() - shown.len();
        if (2..=6).contains(&indent) && shown.starts_with('-') {
            options.push((shown, 0));
            counts = true;
        } else if shown.starts_with("Possible values:") || shown.starts_with('[') {
            counts = false;
        } else if counts
            && !shown.is_empty()
            && indent >= 8
            && let Some((_, lines)) = options.last_mut()
        {
            *lines += 1;
        }
    }
    options
}
