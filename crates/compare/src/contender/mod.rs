//! Who takes part: the models of this house, and whatever else speaks the wire.
//!
//! A contender is known as a command to start and an address to load, and by nothing else.

pub(crate) mod file;
pub(crate) mod models;
pub(crate) mod verify;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::experiment::Setting;
use models::Model;

/// What stands in a command for the address that the server is to listen on.
pub(crate) const ADDRESS: &str = "{addr}";

/// A server that takes part: a command that is started afresh for each trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Contender {
    /// The key in records, the label in tables.
    pub(crate) name: String,
    /// The program and its arguments, with [`ADDRESS`] among them.
    pub(crate) command: Vec<String>,
    /// Where it is started, and where a program lies that is named without a path. It is the machine's own affair, and not
    /// written down.
    #[serde(skip)]
    pub(crate) folder: PathBuf,
    /// How it is known to be ready.
    pub(crate) ready: Ready,
    /// How long it may take until it is, in milliseconds.
    #[serde(default = "ready_within_ms")]
    pub(crate) ready_within_ms: u64,
    /// What it can answer.
    pub(crate) operations: Vec<String>,
    /// Whether it is a model of this house, and so knows its flags.
    pub(crate) house: bool,
}

/// How a server is known to be ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Ready {
    /// It prints `listening on HOST:PORT` on stdout. The port may be one that it chose itself.
    Line,
    /// It takes a connection.
    Connect,
    /// Whichever comes first.
    Either,
}

/// How long a server may take to be ready, if nothing else is said.
fn ready_within_ms() -> u64 {
    10_000
}

impl Contender {
    /// A model of this house, whose program lies in this folder.
    pub(crate) fn of(model: Model, folder: &Path) -> Self {
        Self {
            name: model.name.to_owned(),
            command: vec![
                format!("server-{}", model.name),
                "--listen".to_owned(),
                ADDRESS.to_owned(),
            ],
            folder: folder.to_owned(),
            ready: Ready::Line,
            ready_within_ms: ready_within_ms(),
            operations: models::OPERATIONS.map(str::to_owned).to_vec(),
            house: true,
        }
    }

    /// The program: that of its folder if it lies there, else what the system finds by its name.
    pub(crate) fn program(&self) -> PathBuf {
        let name = &self.command[0];
        let here = self.folder.join(name);
        if here.is_file() { here } else { PathBuf::from(name) }
    }

    /// Its arguments, to listen on this address and with these flags behind them.
    pub(crate) fn arguments<'a>(
        &'a self,
        address: &'a str,
        flags: &'a [String],
    ) -> impl Iterator<Item = String> + 'a {
        let arguments = self.command[1..].iter();
        arguments
            .map(move |argument| argument.replace(ADDRESS, address))
            .chain(flags.iter().cloned())
    }

    /// Whether a setting is put to it: it is not left out there, it can answer what is asked, and it knows the flags.
    pub(crate) fn takes(&self, setting: &Setting) -> bool {
        let load = setting.load_of(&self.name);
        let can_answer = load.operations().iter().all(|op| self.operations.contains(op));
        let knows_flags = self.house || setting.flags_of(&self.name).next().is_none();
        setting.is_put_to(&self.name) && can_answer && knows_flags
    }
}

/// A contender that does not take part, and why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeftOut {
    pub(crate) name: String,
    pub(crate) reason: String,
}
