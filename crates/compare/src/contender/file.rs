//! The contenders of a user: a TOML file.

use std::fs;
use std::path::{Path, PathBuf};

use schema::capability::Capabilities;
use schema::contender::ready_within_ms;
use schema::model::{BlockHolds, CrashLoses, Lineage, Serves, WaitHolds, Workers};
use schema::name::{NAMES, is_name};
use serde::Deserialize;
use thiserror::Error;

use super::{ADDRESS, Contender, OPERATIONS, Ready};

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
        let before = contenders.iter().map(|other| &other.name);
        let is_taken = before.chain(taken).any(|name| *name == entry.name);
        if let Some(reason) = fault(&entry, is_taken) {
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
        command: entry.command,
        folder: folder.to_owned(),
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

/// The longest that anybody waits for a server to be ready.
const READY_WITHIN_MOST_MS: u64 = 600_000;

/// What is wrong with a contender, if anything.
fn fault(entry: &Entry, is_taken: bool) -> Option<String> {
    let name = &entry.name;
    if !is_name(name) {
        return Some(format!("its name is {name:?}; use {NAMES}"));
    }
    if is_taken {
        return Some(format!("the name {name} is taken; give it another"));
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
        refused(
            "[[contender]]\nname = \"a b\"\ncommand = [\"x\", \"{addr}\"]",
            "letters",
        );
        refused(
            "[[contender]]\nname = \"alpha\"\ncommand = [\"x\", \"{addr}\"]",
            "taken",
        );
        refused("[[contender]]\nname = \"a\"\ncommand = [\"x\"]", "{addr}");
        refused("[[contender]]\nname = \"a\"\ncommand = []", "{addr}");
        let with =
            |rest: &str| format!("[[contender]]\nname = \"a\"\ncommand = [\"x\", \"{{addr}}\"]\n{rest}");
        refused(&with("operations = [\"pong\"]"), "\"pong\" is unknown");
        refused(&with("operations = [\"pi\"]"), "lack ping");
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
