//! The contenders of a user: a TOML file.

use std::fs;
use std::path::{Path, PathBuf};

use schema::capability::Capabilities;
use schema::contender::ready_within_ms;
use schema::model::{BlockHolds, CrashLoses, Lineage, Serves, WaitHolds, Workers};
use schema::name::label_fault;
use serde::Deserialize;
use thiserror::Error;

use super::{ADDRESS, ALL, ARTICLE, BUILT, Contender, FURTHER, OPERATIONS, Ready};

/// What is wrong with a file of contenders.
#[derive(Debug, Error)]
pub(crate) enum ContendersError {
    /// It can't be read.
    #[error("can't read {path}")]
    Io { path: PathBuf, source: std::io::Error },
    /// It is not TOML, or not of this form.
    #[error("{path}: {reason}")]
    Form { path: PathBuf, reason: String },
    /// A contender that can't be measured.
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
    #[serde(default, rename = "contender")]
    contenders: Vec<Entry>,
}

/// The keys after `operations` are those of `--describe`. Without one, nothing is known of what it is about.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    build: Option<Vec<String>>,
    command: Vec<String>,
    ready: Option<Ready>,
    #[serde(default = "ready_within_ms")]
    ready_within_ms: u64,
    #[serde(default = "only_ping")]
    operations: Vec<String>,
    summary: Option<String>,
    lineage: Option<Lineage>,
    serves: Option<Serves>,
    workers: Option<Workers>,
    wait_holds: Option<WaitHolds>,
    block_holds: Option<BlockHolds>,
    crash_loses: Option<CrashLoses>,
    accept: Option<Vec<String>>,
    tally: Option<bool>,
}

fn only_ping() -> Vec<String> {
    vec!["ping".to_owned()]
}

/// Reads a file of contenders. Their commands run in the folder that the file lies in. No contender may have one of the
/// names that are taken.
pub(crate) fn read(path: &Path, taken: &[String]) -> Result<Vec<Contender>, ContendersError> {
    let text = fs::read_to_string(path).map_err(|source| ContendersError::Io {
        path: path.to_owned(),
        source,
    })?;
    // The commands are started from elsewhere.
    let folder = path.parent().unwrap_or(Path::new("")).canonicalize();
    let folder = folder.unwrap_or_else(|_| PathBuf::from("."));
    parse(&text, path, &folder, taken)
}

fn parse(
    text: &str,
    path: &Path,
    folder: &Path,
    taken: &[String],
) -> Result<Vec<Contender>, ContendersError> {
    let form = |reason: String| ContendersError::Form {
        path: path.to_owned(),
        reason,
    };
    let file: File = toml::from_str(text).map_err(|error| form(error.to_string().trim_end().to_owned()))?;
    if file.contenders.is_empty() {
        return Err(form("it has no [[contender]]; give one or more".to_owned()));
    }
    let mut contenders: Vec<Contender> = Vec::new();
    for (index, entry) in file.contenders.into_iter().enumerate() {
        let is_before = contenders.iter().any(|other| other.name == entry.name);
        let taken_by = if is_before {
            Some("another contender of this file")
        } else if taken.contains(&entry.name) {
            Some("a model")
        } else {
            None
        };
        if let Some(reason) = fault(&entry, taken_by) {
            return Err(ContendersError::Contender {
                path: path.to_owned(),
                number: index + 1,
                reason,
            });
        }
        contenders.push(contender(entry, folder));
    }
    Ok(contenders)
}

fn contender(entry: Entry, folder: &Path) -> Contender {
    Contender {
        name: entry.name,
        build: entry.build,
        command: entry.command,
        folder: folder.to_owned(),
        built: PathBuf::new(),
        ready: entry.ready.unwrap_or(Ready::Either),
        ready_within_ms: entry.ready_within_ms,
        operations: entry.operations,
        built_in: false,
        capabilities: Capabilities {
            summary: entry.summary,
            lineage: entry.lineage,
            serves: entry.serves,
            workers: entry.workers,
            wait_holds: entry.wait_holds,
            block_holds: entry.block_holds,
            crash_loses: entry.crash_loses,
            accept: entry.accept,
            tally: entry.tally,
        },
    }
}

/// What is wrong with the command that builds a contender, if anything.
fn build_fault(entry: &Entry) -> Option<String> {
    let has_folder = |arguments: &[String]| arguments.iter().any(|argument| argument.contains(BUILT));
    match &entry.build {
        None if has_folder(&entry.command) => {
            Some(format!("its command has {BUILT}, but it has no build; add one"))
        }
        Some(build) if build.is_empty() => {
            Some("its build is empty; give a command, or remove it".to_owned())
        }
        Some(build) if !has_folder(build) || !has_folder(&entry.command) => Some(format!(
            "its build or its command lacks the folder for what is built; put {BUILT} into both"
        )),
        None | Some(_) => None,
    }
}

/// The longest that anybody waits for a server to be ready.
const READY_WITHIN_MOST_MS: u64 = 600_000;

/// What is wrong with a contender, if anything.
fn fault(entry: &Entry, taken_by: Option<&str>) -> Option<String> {
    let name = &entry.name;
    if let Some(fault) = label_fault(name) {
        return Some(format!("its name {fault}"));
    }
    if let Some(other) = taken_by {
        return Some(format!("the name {name:?} is that of {other}; give it another"));
    }
    if [ALL, ARTICLE, FURTHER].contains(&&**name) {
        return Some(format!(
            "its name is {name:?}, which means several models in --models; give it another"
        ));
    }
    if let Some(fault) = build_fault(entry) {
        return Some(fault);
    }
    if !entry
        .command
        .iter()
        .skip(1)
        .any(|argument| argument.contains(ADDRESS))
    {
        return Some(format!(
            "its command lacks the address to listen on; put {ADDRESS} where it takes HOST:PORT"
        ));
    }
    if !(1..=READY_WITHIN_MOST_MS).contains(&entry.ready_within_ms) {
        return Some(format!(
            "its ready_within_ms is {}; give milliseconds, from 1 to {READY_WITHIN_MOST_MS}",
            entry.ready_within_ms
        ));
    }
    if entry.workers.is_some_and(|workers| workers.default == 0) {
        return Some("its workers have the default 0; give at least 1".to_owned());
    }
    if entry.serves == Some(Serves::Workers) && entry.workers.is_none() {
        return Some("it serves one connection per worker; give workers too".to_owned());
    }
    let unknown = entry
        .operations
        .iter()
        .find(|op| !OPERATIONS.contains(&op.as_str()));
    if let Some(unknown) = unknown {
        return Some(format!(
            "operation {unknown:?} is unknown; use one of {}",
            OPERATIONS.join(", ")
        ));
    }
    (!entry.operations.iter().any(|op| op == "ping"))
        .then(|| "its operations lack ping, by which it is verified; add ping".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<Contender>, ContendersError> {
        parse(
            text,
            Path::new("mine.toml"),
            Path::new("/somewhere"),
            &["alpha".to_owned()],
        )
    }

    #[test]
    fn a_contender_runs_in_its_files_folder_and_answers_pings() {
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
    fn the_keys_of_a_description_may_be_given() {
        let text = "[[contender]]\nname = \"a\"\ncommand = [\"x\", \"{addr}\"]\nserves = \"workers\"\n\
                    workers = { kind = \"threads\", default = 3 }\nwait_holds = \"thread\"\n\
                    block_holds = \"connection\"\ncrash_loses = \"everything\"\naccept = [\"queue\"]\n\
                    tally = true\nsummary = \"a pool\"\nlineage = \"further\"";
        let known = read_text(text).unwrap().remove(0).capabilities;
        for name in ["serves:workers", "worker-threads", "accept:queue", "tally"] {
            assert_eq!(known.has(&name.parse().unwrap()), Some(true), "{name}");
        }
        assert_eq!(known.summary.as_deref(), Some("a pool"));
        assert_eq!(known.lineage, Some(Lineage::Further));
        let without = "[[contender]]\nname = \"a\"\ncommand = [\"x\", \"{addr}\"]";
        let unknown = read_text(without).unwrap().remove(0).capabilities;
        assert_eq!(unknown, Capabilities::default());
    }

    #[test]
    fn a_mistake_is_reported_with_its_place_and_remedy() {
        let refused = |text: &str, expected: &str| {
            let message = read_text(text).unwrap_err().to_string();
            assert!(
                message.starts_with("mine.toml") && message.contains(expected),
                "{message}"
            );
        };
        refused("", "[[contender]]");
        refused("[[contender]]\nname = \"a\"", "command");
        let named = |name: &str| format!("[[contender]]\nname = {name:?}\ncommand = [\"x\", \"{{addr}}\"]\n");
        refused(&named(""), "its name is empty; give it one");
        refused(&named(" a"), "remove the white space");
        refused(&named("a\tb"), "control character");
        refused(&named(&"a".repeat(101)), "101 characters; use at most 100");
        refused(&named("alpha"), "\"alpha\" is that of a model");
        refused(&named("all"), "several models in --models");
        refused(
            &named("a b").repeat(2),
            "contender 2: the name \"a b\" is that of another contender of this file",
        );
        refused("[[contender]]\nname = \"a\"\ncommand = [\"x\"]", "{addr}");
        refused("[[contender]]\nname = \"a\"\ncommand = []", "{addr}");
        let with =
            |rest: &str| format!("[[contender]]\nname = \"a\"\ncommand = [\"x\", \"{{addr}}\"]\n{rest}");
        refused(&with("operations = [\"pong\"]"), "\"pong\" is unknown");
        refused(&with("operations = [\"pi\"]"), "lack ping");
        refused(&with("build = [\"cc\", \"a.c\"]"), "{built}");
        refused(&with("build = []"), "its build is empty");
        refused(
            "[[contender]]\nname = \"a\"\ncommand = [\"{built}/x\", \"{addr}\"]",
            "has no build",
        );
        refused(&with("ready = \"soon\""), "ready");
        refused(&with("ready_within_ms = 0"), "ready_within_ms");
        refused(&with("serves = \"several\""), "several");
        refused(&with("serves = \"workers\""), "give workers");
        refused(
            &with("workers = { kind = \"processes\", default = 0 }"),
            "default 0",
        );
    }
}
