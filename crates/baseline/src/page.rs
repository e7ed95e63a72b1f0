//! A part of a page that a bench writes.

use std::fs;
use std::io;
use std::path::Path;

/// Checks that a page has the lines of a part, before anything is measured.
///
/// # Errors
/// If the file can't be read, or lacks one of the lines.
pub fn check(file: &Path, name: &str) -> io::Result<()> {
    with_part(file, name, "").map(drop)
}

/// Replaces what is between the lines `<!-- NAME: begin -->` and `<!-- NAME: end -->` of a file.
///
/// # Errors
/// If the file can't be read or written, or lacks one of the lines.
pub fn write_into(file: &Path, name: &str, content: &str) -> io::Result<()> {
    fs::write(file, with_part(file, name, content)?)
}

/// The text of a page with this content in its part.
fn with_part(file: &Path, name: &str, content: &str) -> io::Result<String> {
    let path = file.display();
    let text = fs::read_to_string(file).map_err(|error| io::Error::other(format!("{path}: {error}")))?;
    replaced(&text, name, content).ok_or_else(|| {
        io::Error::other(format!(
            "{path} lacks the line <!-- {name}: begin --> or, behind it, <!-- {name}: end -->; add both"
        ))
    })
}

/// None if the text lacks one of the lines.
fn replaced(text: &str, name: &str, content: &str) -> Option<String> {
    let [begin, end] = ["begin", "end"].map(|place| format!("<!-- {name}: {place} -->"));
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n\n{}\n\n{end}{after}", content.trim()))
}

/// How sure intervals are, as a sentence, from the chance that one holds the median.
#[must_use]
pub fn sureness(chance: f64) -> String {
    let percent = 100.0 * chance;
    let sentence = format!("An interval holds the median with a chance of {percent} %");
    if percent < 95.0 {
        format!("{sentence}: six pairs are the fewest for 95 %.")
    } else {
        format!("{sentence}.")
    }
}

/// The machine, in a few words.
#[must_use]
pub fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model
        .and_then(|line| line.split_once(": "))
        .map_or("a CPU", |(_, name)| name);
    format!("{model}, Linux {}", read("/proc/sys/kernel/osrelease").trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_lines_changes() {
        let page =
            "a\n<!-- one: begin -->\nold\n<!-- one: end -->\nb\n<!-- two: begin -->\n<!-- two: end -->\n";
        let new =
            "a\n<!-- one: begin -->\n\nnew\n\n<!-- one: end -->\nb\n<!-- two: begin -->\n<!-- two: end -->\n";
        assert_eq!(replaced(page, "one", "new\n").as_deref(), Some(new));
        assert_eq!(replaced(new, "one", "new").as_deref(), Some(new));
        assert_eq!(replaced(page, "three", "new"), None);
        assert_eq!(
            replaced("<!-- one: end --><!-- one: begin -->", "one", "new"),
            None
        );
    }

    #[test]
    fn fewer_than_six_pairs_are_named_as_too_few() {
        assert_eq!(
            sureness(0.9375),
            "An interval holds the median with a chance of 93.75 %: six pairs are the fewest for 95 %."
        );
        assert_eq!(
            sureness(0.95),
            "An interval holds the median with a chance of 95 %."
        );
    }
}
