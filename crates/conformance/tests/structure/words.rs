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
    /// A text that has it, for a phrase that was misread.
    example: Option<String>,
}

static WORDS: LazyLock<Vec<Word>> = LazyLock::new(|| {
    let list: toml::Table = read(&root().join(LIST)).parse().expect("the list is TOML");
    let lists = ["word", "misreading"].map(|key| list[key].as_array().expect("tables"));
    lists.into_iter().flatten().map(Word::from_toml).collect()
});

#[test]
fn texts_use_the_projects_words() {
    let mut found = Vec::new();
    for file in texts() {
        let text = read(&file);
        let newest = file.ends_with("CHANGELOG.md").then(|| newest_section(&text));
        found.extend(found_in_text(
            newest.unwrap_or(&text),
            is_page(&file),
            &shown(&file),
        ));
    }
    none(&found, "see docs/words.toml");
}

#[test]
fn help_uses_the_projects_words() {
    let mut found = Vec::new();
    for page in help::pages() {
        found.extend(found_in_text(
            &page.text,
            true,
            &format!("{} --help", page.command),
        ));
    }
    none(&found, "see docs/words.toml");
}

#[test]
fn code_uses_the_projects_words() {
    let mut found = Vec::new();
    for file in code() {
        found.extend(found_in_text(&read(&file), is_page(&file), &shown(&file)));
    }
    none(&found, "see docs/words.toml");
}

#[test]
fn a_word_is_found_in_text_and_in_identifiers() {
    let is_found = |line: &str| WORDS.iter().any(|word| word.find(line).is_some());
    let [word, in_code, in_type] =
        [["set", " aside"], ["set", "_aside"], ["Set", "Aside"]].map(|parts| parts.concat());
    assert!(is_found(&format!("Two trials were {word}.")));
    assert!(is_found(&format!("let {in_code} = 1;")));
    assert!(is_found(&format!("struct {in_type}Trials;")));
    assert!(!is_found("Two trials were excluded, as figure 30.1 shows."));
}

#[test]
fn each_misreading_is_found_in_its_example() {
    let misread = WORDS
        .iter()
        .filter_map(|word| Some((word, word.example.as_ref()?)));
    assert!(misread.clone().count() >= 8);
    for (word, example) in misread {
        assert!(word.find(example).is_some(), "{example}");
        assert!(word.find(&word.instead).is_none(), "{}", word.instead);
    }
}

#[test]
fn a_phrase_is_found_across_the_end_of_a_line() {
    let [first, second] = ["set", "aside"];
    let finds = |text: String, is_page| !found_in_text(&text, is_page, "").is_empty();
    assert!(finds(format!("- Two trials were {first}\n  {second}."), true));
    assert!(!finds(format!("Two trials were {first}\n\n{second}."), true));
    assert!(finds(format!("    /// It is {first}\n    /// {second}."), false));
    assert!(!finds(format!("    /// It is {first}\n    {second}();"), false));
    assert!(finds(format!("    \"it is {first} \\\n     {second}\""), false));
}

impl Word {
    fn from_toml(table: &toml::Value) -> Self {
        let regex = |text: &str| {
            let built = RegexBuilder::new(text).case_insensitive(true).build();
            built.unwrap_or_else(|error| panic!("{LIST}: {error}"))
        };
        let text = |key: &str| table.get(key).map(|value| value.as_str().expect("a text"));
        let instead = text("use").expect("what to use");
        Self {
            pattern: regex(&format!(r"\b({})\b", text("pattern").expect("a pattern"))),
            instead: match text("taken_for") {
                Some(meaning) => format!("{instead} (it was taken for: {meaning})"),
                None => instead.to_owned(),
            },
            except: text("except").map(regex),
            example: text("example").map(str::to_owned),
        }
    }

    /// What is found in a text.
    fn find(&self, text: &str) -> Option<String> {
        let without = match &self.except {
            Some(except) => except.replace_all(text, ""),
            None => text.into(),
        };
        let words = split_identifiers(&without);
        Some(self.pattern.find(&words)?.as_str().to_owned())
    }
}

/// The words that are found in a text, each with the line in which it ends.
fn found_in_text(text: &str, is_page: bool, place: &str) -> Vec<String> {
    let lines: Vec<_> = text.lines().collect();
    let mut found = Vec::new();
    let mut first = 0;
    while first < lines.len() {
        let more = lines[first..].windows(2);
        let joined = more
            .take_while(|pair| is_continued(pair[0], pair[1], is_page))
            .count();
        let end = first + joined + 1;
        let whole = join(&lines[first..end]);
        for word in WORDS.iter() {
            if word.find(&whole).is_none() {
                continue;
            }
            let until = |last: &usize| word.find(&join(&lines[first..=*last]));
            let last = (first..end).find(|last| until(last).is_some());
            let last = last.expect("it is in the whole");
            found.push(format!(
                "{place}:{}: “{}”, use: {}: {}",
                last + 1,
                until(&last).unwrap_or_default(),
                word.instead,
                lines[last].trim()
            ));
        }
        first = end;
    }
    found
}

/// Whether two lines are parts of one paragraph, of one comment, or of one string.
fn is_continued(line: &str, next: &str, is_page: bool) -> bool {
    if line.ends_with('\\') {
        return true;
    }
    let begins_block = |text: &str| text.starts_with(['-', '|', '#', '`', '<']) || text.is_empty();
    if is_page {
        return !line.trim().is_empty() && !begins_block(next.trim());
    }
    match (comment(line), comment(next)) {
        (Some((mark, _)), Some((next_mark, text))) => mark == next_mark && !begins_block(text),
        _ => false,
    }
}

/// A line that is a comment: its mark and its text.
fn comment(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    ["//!", "///", "//", "#"].into_iter().find_map(|mark| {
        let text = line.strip_prefix(mark)?.strip_prefix(' ')?;
        Some((mark, text.trim()))
    })
}

/// Lines as one, without the marks of comments and strings in between.
fn join(lines: &[&str]) -> String {
    let text = |line: &&str| {
        let line = comment(line).map_or(line.trim(), |(_, text)| text);
        line.trim_end_matches('\\').trim_end().to_owned()
    };
    lines.iter().map(text).collect::<Vec<_>>().join(" ")
}

/// Whether a file is prose, in which every line may go on in the next.
fn is_page(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "md")
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
