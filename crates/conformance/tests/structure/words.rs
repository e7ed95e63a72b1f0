//! The word list, docs/words.toml, held against everything that people read.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};

use crate::help;
use crate::workspace::{files_below, none, read, root, rust_files, shown};

const LIST: &str = "docs/words.toml";
/// Files that quote the words: the list itself.
const QUOTES_THEM: [&str; 1] = [LIST];

struct Word {
    pattern: Regex,
    instead: String,
    except: Option<Regex>,
    in_code: bool,
}

static WORDS: LazyLock<Vec<Word>> = LazyLock::new(|| {
    let list: toml::Table = read(&root().join(LIST)).parse().expect("the list is TOML");
    let words = list["word"].as_array().expect("[[word]] tables");
    words.iter().map(Word::from_toml).collect()
});

#[test]
fn texts_use_the_projects_words() {
    let mut found = Vec::new();
    for file in texts() {
        let text = read(&file);
        let newest = file.ends_with("CHANGELOG.md").then(|| newest_section(&text));
        for (index, line) in newest.unwrap_or(&text).lines().enumerate() {
            let place = format!("{}:{}", shown(&file), index + 1);
            found.extend(WORDS.iter().filter_map(|word| word.found_in(line, &place)));
        }
    }
    none(&found, "see docs/words.toml");
}

#[test]
fn help_uses_the_projects_words() {
    let mut found = Vec::new();
    for page in help::pages() {
        for line in page.text.lines() {
            let place = format!("{} --help", page.command);
            found.extend(WORDS.iter().filter_map(|word| word.found_in(line, &place)));
        }
    }
    none(&found, "see docs/words.toml");
}

#[test]
fn code_uses_the_projects_words() {
    let mut found = Vec::new();
    for file in code() {
        for (index, line) in read(&file).lines().enumerate() {
            let place = format!("{}:{}", shown(&file), index + 1);
            let words = WORDS.iter().filter(|word| word.in_code);
            found.extend(words.filter_map(|word| word.found_in(line, &place)));
        }
    }
    none(&found, "see docs/words.toml");
}

#[test]
fn a_word_is_found_in_text_and_in_identifiers() {
    let is_found = |line: &str| WORDS.iter().any(|word| word.found_in(line, "").is_some());
    let [word, in_code, in_type] =
        [["set", " aside"], ["set", "_aside"], ["Set", "Aside"]].map(|parts| parts.concat());
    assert!(is_found(&format!("Two trials were {word}.")));
    assert!(is_found(&format!("let {in_code} = 1;")));
    assert!(is_found(&format!("struct {in_type}Trials;")));
    assert!(!is_found("Two trials were excluded, as figure 30.1 shows."));
}

impl Word {
    fn from_toml(table: &toml::Value) -> Self {
        let regex = |text: &str| {
            let built = RegexBuilder::new(text).case_insensitive(true).build();
            built.unwrap_or_else(|error| panic!("{LIST}: {error}"))
        };
        let text = |key: &str| table.get(key).map(|value| value.as_str().expect("a text"));
        Self {
            pattern: regex(&format!(r"\b({})\b", text("pattern").expect("a pattern"))),
            instead: text("use").expect("what to use").to_owned(),
            except: text("except").map(regex),
            in_code: table
                .get("code")
                .is_none_or(|value| value.as_bool() == Some(true)),
        }
    }

    fn found_in(&self, line: &str, place: &str) -> Option<String> {
        let without = match &self.except {
            Some(except) => except.replace_all(line, ""),
            None => line.into(),
        };
        let words = split_identifiers(&without);
        let found = self.pattern.find(&words)?;
        Some(format!(
            "{place}: “{}”, use: {}: {}",
            found.as_str(),
            self.instead,
            line.trim()
        ))
    }
}

/// Puts spaces where an identifier has an underscore, or a capital letter within.
fn split_identifiers(line: &str) -> String {
    let mut words = String::with_capacity(line.len());
    let mut before = ' ';
    for char in line.chars() {
        if before.is_lowercase() && char.is_uppercase() {
            words.push(' ');
        }
        words.push(if char == '_' { ' ' } else { char });
        before = char;
    }
    words
}

fn texts() -> Vec<PathBuf> {
    let pages = [
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "results/README.md",
    ];
    let mut files: Vec<_> = pages
        .iter()
        .map(|page| root().join(page))
        .filter(|page| page.exists())
        .collect();
    files.extend(files_below(&root().join("docs"), &["md"]));
    files.extend(files_below(&root().join("examples"), &["md", "toml"]));
    files
}

/// Sources, experiment files, templates and scripts.
fn code() -> Vec<PathBuf> {
    let mut files = rust_files();
    files.extend(files_below(&root().join("crates"), &["toml", "css", "js"]));
    for (folder, extensions) in [("scripts", &["sh"][..]), ("docs", &["py"]), ("examples", &["py"])] {
        files.extend(files_below(&root().join(folder), extensions));
    }
    files.push(root().join(".ci/run"));
    files.push(root().join("Cargo.toml"));
    let quotes = |file: &Path| QUOTES_THEM.iter().any(|quoting| file.ends_with(quoting));
    files.retain(|file| !quotes(file));
    files
}

/// From the first heading of a version to the next.
fn newest_section(changelog: &str) -> &str {
    let mut headings = changelog.match_indices("\n## ").map(|(at, _)| at + 1).skip(1);
    &changelog[..headings.next().unwrap_or(changelog.len())]
}
