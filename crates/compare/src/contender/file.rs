//! The contenders of a user: a TOML file.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

use super::{ADDRESS, Contender, Ready, models, ready_within_ms};
use crate::folder::{NAMES, is_name};

/// What is wrong with a file of contenders.
#[derive(Debug, Error)]
pub(crate) enum ContendersError {
    /// It can't be read.
    #[error("can't read {path}")]
    Io { path: PathBuf, source: std::io::Error },
    /// It is not TOML, or not of this form.
    #[error("{path}: {reason}")]
    Form { path: PathBuf, reason: String },
    /// A contender that can't be.
    #[error("{path}: contender {number}: {reason}")]
    Contender {
        path: PathBuf,
        /// Which, counted from 1.
        number: usize,
        reason: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    contender: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    command: Vec<String>,
    ready: Option<Ready>,
    #[serde(default = "ready_within_ms")]
    ready_within_ms: u64,
    #[serde(default = "ping")]
    operations: Vec<String>,
}

fn ping() -> Vec<String> {
    vec!["ping".to_owned()]
}

/// Reads a file of contenders. Their commands run in the folder that it lies in.
pub(crate) fn read(path: &Path) -> Result<Vec<Contender>, ContendersError> {
    let text = fs::read_to_string(path).map_err(|source| ContendersError::Io {
        path: path.to_owned(),
        source,
    })?;
    // A command that is found in a folder is to be found from anywhere.
    let folder = path.parent().unwrap_or(Path::new("")).canonicalize();
    let folder = folder.unwrap_or_else(|_| PathBuf::from("."));
    parse(&text, path, &folder)
}

fn parse(text: &str, path: &Path, folder: &Path) -> Result<Vec<Contender>, ContendersError> {
    let form = |reason: String| ContendersError::Form {
        path: path.to_owned(),
        reason,
    };
    let file: File = toml::from_str(text).map_err(|error| form(error.to_string().trim_end().to_owned()))?;
    if file.contender.is_empty() {
        return Err(form("it has no [[contender]]; give one or more".to_owned()));
    }
    let mut contenders: Vec<Contender> = Vec::new();
    for (index, entry) in file.contender.into_iter().enumerate() {
        let reason = fault(&entry, &contenders);
        if let Some(reason) = reason {
            return Err(ContendersError::Contender {
                path: path.to_owned(),
                number: index + 1,
                reason,
            });
        }
        contenders.push(Contender {
            name: entry.name,
            command: entry.command,
            folder: folder.to_owned(),
            ready: entry.ready.unwrap_or(Ready::Either),
            ready_within_ms: entry.ready_within_ms,
            operations: entry.operations,
            house: false,
        });
    }
    Ok(contenders)
}

/// The longest that anybody waits for a server to be ready.
const READY_WITHIN_MOST_MS: u64 = 600_000;

/// What is wrong with a contender, if anything.
fn fault(entry: &Entry, before: &[Contender]) -> Option<String> {
    let name = &entry.name;
    if !is_name(name) {
        return Some(format!("its name is {name:?}: use {NAMES}"));
    }
    let taken =
        before.iter().any(|other| other.name == *name) || models::ALL.iter().any(|model| model.name == name);
    if taken {
        return Some(format!("`{name}` is taken; give it a name of its own"));
    }
    if !entry
        .command
        .iter()
        .skip(1)
        .any(|argument| argument.contains(ADDRESS))
    {
        return Some(format!(
            "its command says nowhere where to listen; put {ADDRESS} where it takes HOST:PORT"
        ));
    }
    if !(1..=READY_WITHIN_MOST_MS).contains(&entry.ready_within_ms) {
        return Some(format!(
            "its ready_within_ms is {}; give milliseconds, from 1 to {READY_WITHIN_MOST_MS}",
            entry.ready_within_ms
        ));
    }
    let unknown = entry
        .operations
        .iter()
        .find(|op| !models::OPERATIONS.contains(&op.as_str()));
    if let Some(unknown) = unknown {
        return Some(format!(
            "there is no operation `{unknown}`; choose from {}",
            models::OPERATIONS.join(", ")
        ));
    }
    (!entry.operations.iter().any(|op| op == "ping"))
        .then(|| "its operations lack `ping`, by which it is verified".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<Contender>, ContendersError> {
        parse(text, Path::new("mine.toml"), Path::new("/somewhere"))
    }

    #[test]
    fn a_contender_runs_in_the_folder_of_its_file_and_answers_pings_unless_it_says_more() {
        let text = "[[contender]]\nname = \"a\"\ncommand = [\"python3\", \"a.py\", \"{addr}\"]";
        let contenders = read_text(text).unwrap();
        let [contender] = &contenders[..] else {
            panic!("{contenders:?}");
        };
        assert_eq!(contender.folder, Path::new("/somewhere"));
        assert_eq!(contender.operations, ["ping"]);
        assert_eq!(
            (contender.ready, contender.ready_within_ms),
            (Ready::Either, 10_000)
        );
        let arguments: Vec<_> = contender.arguments("127.0.0.1:7", &[]).collect();
        assert_eq!(arguments, ["a.py", "127.0.0.1:7"]);
    }

    #[test]
    fn a_mistake_is_told_with_its_place_and_what_to_do() {
        let refused = |text: &str, expected: &str| {
            let message = read_text(text).unwrap_err().to_string();
            assert!(
                message.starts_with("mine.toml") && message.contains(expected),
                "{message}"
            );
        };
        refused("", "[[contender]]");
        refused("[[contender]]\nname = \"a\"", "command");
        refused(
            "[[contender]]\nname = \"a b\"\ncommand = [\"x\", \"{addr}\"]",
            "letters",
        );
        refused(
            "[[contender]]\nname = \"async\"\ncommand = [\"x\", \"{addr}\"]",
            "taken",
        );
        refused("[[contender]]\nname = \"a\"\ncommand = [\"x\"]", "{addr}");
        refused("[[contender]]\nname = \"a\"\ncommand = []", "{addr}");
        let with =
            |rest: &str| format!("[[contender]]\nname = \"a\"\ncommand = [\"x\", \"{{addr}}\"]\n{rest}");
        refused(&with("operations = [\"pong\"]"), "no operation `pong`");
        refused(&with("operations = [\"pi\"]"), "lack `ping`");
        refused(&with("ready = \"soon\""), "ready");
        refused(&with("ready_within_ms = 0"), "ready_within_ms");
    }
}
