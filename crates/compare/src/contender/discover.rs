//! Finding the built-in models: programs called `server-NAME` in one folder, each of which describes itself.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use schema::contender::LeftOut;
use schema::model::{BlockHolds, CrashLoses, Description, Lineage, SCHEMA, Serves, WaitHolds};
use schema::name::is_name;
use serde::Deserialize;

use super::PROGRAM_PREFIX;

/// How long a program may take to describe itself. It takes milliseconds, but the machine may be busy.
const WITHIN: Duration = Duration::from_secs(10);
/// A description that is longer is none.
const LENGTH_MOST: u64 = 64 << 10;

/// What was found in a folder.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The models that described themselves, in the order of all lists, tables and colours.
    pub(crate) models: Vec<Description>,
    /// The programs that did not, and why.
    pub(crate) faulty: Vec<LeftOut>,
}

/// Asks every program called `server-NAME` in this folder to describe itself.
pub(crate) fn in_folder(folder: &Path) -> Result<Found> {
    describe_all(folder, WITHIN)
}

/// The folder in which the servers are expected when nobody gives one: that of this program, or of the link that it was
/// started by if only that one has servers.
pub(crate) fn beside_this_program() -> Result<PathBuf> {
    let program = env::current_exe().context("can't find the folder of this program")?;
    let own = program.parent().unwrap_or(Path::new("/")).to_owned();
    if has_servers(&own) {
        return Ok(own);
    }
    let linked = folder_of_command(env::args_os().next().as_deref(), env::var_os("PATH").as_deref());
    Ok(linked.filter(|folder| has_servers(folder)).unwrap_or(own))
}

/// The folder of a program by what was typed to start it.
fn folder_of_command(typed: Option<&OsStr>, path: Option<&OsStr>) -> Option<PathBuf> {
    let typed = Path::new(typed?);
    if typed.components().count() > 1 {
        return typed.parent().map(Path::to_owned);
    }
    let mut folders = env::split_paths(path?);
    folders.find(|folder| is_program(&folder.join(typed)))
}

fn has_servers(folder: &Path) -> bool {
    programs(folder).is_ok_and(|programs| !programs.is_empty())
}

/// The models' names with their programs in a folder, in the order of the names. Links to programs are programs.
fn programs(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut programs = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(OsStr::to_str);
        let name = name.and_then(|name| name.strip_prefix(PROGRAM_PREFIX));
        if let Some(name) = name.filter(|name| is_name(name) && is_program(&path)) {
            programs.push((name.to_owned(), path));
        }
    }
    programs.sort();
    Ok(programs)
}

fn is_program(path: &Path) -> bool {
    const EXECUTABLE: u32 = 0o111;
    path.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & EXECUTABLE != 0)
}

fn describe_all(folder: &Path, within: Duration) -> Result<Found> {
    let programs = programs(folder).with_context(|| format!("can't list {}", folder.display()))?;
    // All are started before the first one is waited for.
    let asked: Vec<_> = programs
        .into_iter()
        .map(|(name, program)| (name, Asked::start(&program)))
        .collect();
    let until = Instant::now() + within;
    let mut found = Found::default();
    for (name, asked) in asked {
        let answer = asked.and_then(|asked| asked.answer(until, within));
        match answer.and_then(|text| description(&name, &text)) {
            Ok(description) => found.models.push(description),
            Err(reason) => found
                .faulty
                .push(LeftOut::faulty(format!("{PROGRAM_PREFIX}{name}"), reason)),
        }
    }
    found.models.sort_by_cached_key(place);
    Ok(found)
}

/// A program that was asked to describe itself.
struct Asked {
    child: Child,
    /// What it prints, once that is whole.
    printed: Receiver<io::Result<Vec<u8>>>,
}

impl Asked {
    fn start(program: &Path) -> Result<Self, String> {
        let mut command = Command::new(program);
        command
            .arg("--describe")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0);
        let mut child = command
            .spawn()
            .map_err(|error| format!("it can't be started: {error}"))?;
        let stdout = child.stdout.take().expect("its stdout is a pipe");
        let (sender, printed) = mpsc::channel();
        thread::spawn(move || {
            let mut text = Vec::new();
            let read = stdout.take(LENGTH_MOST).read_to_end(&mut text);
            let _ = sender.send(read.map(|_| text));
        });
        Ok(Self { child, printed })
    }

    /// What it printed, if it ended well and in time. Ends it, with whatever it has started.
    fn answer(mut self, until: Instant, within: Duration) -> Result<Vec<u8>, String> {
        let left = until.saturating_duration_since(Instant::now());
        let printed = self.printed.recv_timeout(left);
        let too_much = matches!(&printed, Ok(Ok(text)) if text.len() as u64 >= LENGTH_MOST);
        let succeeded = match printed {
            Ok(_) if !too_much => wait(&mut self.child, until),
            _ => None,
        };
        end(&mut self.child);
        match (printed, succeeded) {
            _ if too_much => {
                Err("what it prints for --describe is no description: it is too long".to_owned())
            }
            (Ok(Ok(text)), Some(true)) => Ok(text),
            (Ok(Err(error)), _) => Err(format!("what it prints for --describe can't be read: {error}")),
            (_, Some(_)) => Err("it fails with --describe; build it from the same sources".to_owned()),
            (_, None) => Err(format!(
                "it does not answer --describe within {within:?}; remove it, or build it from the same sources"
            )),
        }
    }
}

/// Whether the child ended with 0; none if it does not end in time.
fn wait(child: &mut Child, until: Instant) -> Option<bool> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status.success()),
            Ok(None) if Instant::now() < until => thread::sleep(Duration::from_millis(1)),
            _ => return None,
        }
    }
}

/// Ends a program and whatever it has started in its process group.
fn end(child: &mut Child) {
    if let Ok(group) = i32::try_from(child.id()) {
        // It may be gone.
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
    let _ = child.wait();
}

/// The schema is read before the rest, which another version may have in another form.
#[derive(Deserialize)]
struct Version {
    schema: u32,
}

fn description(name: &str, text: &[u8]) -> Result<Description, String> {
    let unreadable = |error: serde_json::Error| {
        format!("what it prints for --describe is no description of a server: {error}")
    };
    let version: Version = serde_json::from_slice(text).map_err(unreadable)?;
    if version.schema != SCHEMA {
        return Err(format!(
            "its description has schema {}, and this program reads {SCHEMA}; build both from the same sources",
            version.schema
        ));
    }
    let description: Description = serde_json::from_slice(text).map_err(unreadable)?;
    if description.name != name {
        return Err(format!(
            "it describes itself as {:?}; rename the program to {PROGRAM_PREFIX}NAME with that name",
            description.name
        ));
    }
    Ok(description)
}

/// A model's place in all lists, tables and colours: those of the article first; blocking servers before event loops; then
/// by how many connections they serve.
///
/// The article goes on from one thread to workers. The further models go on from there, so those without workers come last.
/// Among these loops that run handlers themselves come before those that have others for it. Then less is lost in a crash.
fn place(model: &Description) -> impl Ord + use<> {
    let is_further = model.lineage == Lineage::Further;
    (
        is_further,
        model.wait_holds == WaitHolds::Nothing,
        match model.serves {
            Serves::One => 0,
            Serves::Many => 1,
            Serves::Workers => 2,
        },
        model.workers.is_some() != is_further,
        model.block_holds == BlockHolds::Connection,
        match model.crash_loses {
            CrashLoses::Everything => 0,
            CrashLoses::Worker => 1,
            CrashLoses::Connection => 2,
        },
        model.name.clone(),
    )
}

#[cfg(test)]
mod tests;
