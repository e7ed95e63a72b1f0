//! Names: those of models, experiments and settings become parts of file names; that of a contender is any label.

use crate::text::unseen::is_unseen;

/// What [`is_name`] accepts, in words.
pub const NAMES: &str = "letters, digits, -, _ and ., 64 at most, with a letter or a digit first";

/// Whether this is a name: it is also a part of a file's name, and needs no quotes in a shell.
#[must_use]
pub fn is_name(text: &str) -> bool {
    const LONGEST: usize = 64;
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let first = text.bytes().next();
    first.is_some_and(|first| first.is_ascii_alphanumeric())
        && text.len() <= LONGEST
        && text.bytes().all(is_part)
}

/// The most characters of a contender's label.
pub const LABEL_MOST: usize = 100;

/// Why this is no label of a contender, as the end of a sentence that begins with "its name"; none if it is one.
#[must_use]
pub fn label_fault(text: &str) -> Option<String> {
    if text.trim().is_empty() {
        return Some("is empty; give it one".to_owned());
    }
    if text.trim() != text {
        return Some(format!("is {text:?}; remove the white space at its begin or end"));
    }
    if text.contains(is_unseen) {
        return Some(format!(
            "is {text:?}; remove the control character, which no table can show"
        ));
    }
    let length = text.chars().count();
    (length > LABEL_MOST).then(|| format!("has {length} characters; use at most {LABEL_MOST}"))
}

/// The part of a file's name that stands for a model or contender: its name if that is a [name](is_name), else what is left
/// of the label and a hash of it, so that two labels have two files.
#[must_use]
pub fn file_part(name: &str) -> String {
    const LONGEST: usize = 40;
    if is_name(name) {
        return name.to_owned();
    }
    let mut part = String::new();
    for character in name.chars() {
        if character.is_ascii_alphanumeric() || character == '_' {
            part.push(character);
        } else if !part.is_empty() && !part.ends_with('-') {
            part.push('-');
        }
        if part.len() == LONGEST {
            break;
        }
    }
    if !part.is_empty() && !part.ends_with('-') {
        part.push('-');
    }
    format!("{part}{:016x}", hash(name))
}

/// FNV-1a. Files are named by it, so it must not change with the version of a library.
fn hash(text: &str) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    text.bytes()
        .fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

/// The names in a list that was typed with commas between them. A known name may contain commas: of several names that fit,
/// the longest is taken.
#[must_use]
pub fn listed(list: &str, known: &[&str]) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = Some(list);
    while let Some(text) = rest {
        let text = text.trim_start();
        let ends_there = |name: &&&str| {
            let after = text.strip_prefix(**name).map(str::trim_start);
            after.is_some_and(|after| after.is_empty() || after.starts_with(','))
        };
        let fitting = known.iter().filter(ends_there);
        let name = fitting.copied().max_by_key(|name| name.len());
        let name = name.unwrap_or_else(|| text.split(',').next().unwrap_or(text));
        names.push(name.trim_end().to_owned());
        let after = text[name.len()..].trim_start();
        rest = after.strip_prefix(',');
    }
    names
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Labels that would do harm as a file name, in a list, or in markup.
    const HOSTILE: [&str; 12] = [
        "Go (goroutines)",
        "a/b",
        "a b",
        "a-b",
        "../../etc/passwd",
        ".",
        "..",
        "-rf",
        "漢字 🦀",
        "| `x` | <b>",
        "one, two",
        "CON: \\ \"quoted\" 'single' $HOME %2F #w=1&models=",
    ];

    #[test]
    fn any_visible_text_is_a_label() {
        let longest = "é".repeat(LABEL_MOST);
        for label in HOSTILE.into_iter().chain([&*longest]) {
            assert_eq!(label_fault(label), None, "{label}");
        }
        let too_long = "é".repeat(LABEL_MOST + 1);
        for text in [
            "",
            " ",
            " a",
            "a ",
            "a\nb",
            "a\u{1b}[31m",
            "a\u{202e}b",
            &too_long,
        ] {
            assert!(label_fault(text).is_some(), "{text:?}");
        }
    }

    #[test]
    fn each_label_is_a_file_of_its_own() {
        let longest = "é/".repeat(LABEL_MOST / 2);
        let labels = HOSTILE.into_iter().chain([&*longest, "plain.name_1"]);
        let parts: BTreeSet<_> = labels.clone().map(file_part).collect();
        assert_eq!(parts.len(), labels.count());
        assert!(parts.iter().all(|part| is_name(part)), "{parts:?}");
        assert_eq!(file_part("plain.name_1"), "plain.name_1");
        assert_eq!(file_part("Go (goroutines)"), "Go-goroutines-652161643fa2e827");
    }

    #[test]
    fn a_list_may_have_names_with_commas() {
        let known = ["one", "one, two", "three", "a b"];
        for (list, names) in [
            ("one", &["one"][..]),
            ("one, two,three", &["one, two", "three"]),
            ("one,two,three", &["one", "two", "three"]),
            ("three, a b ,one", &["three", "a b", "one"]),
            ("onet,one", &["onet", "one"]),
            ("", &[""]),
            ("one,", &["one", ""]),
        ] {
            assert_eq!(listed(list, &known), names, "{list:?}");
        }
    }
}
