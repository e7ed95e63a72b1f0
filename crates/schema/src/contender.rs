//! Who takes part: the models of this house, and whatever else speaks the wire.
//!
//! A contender is known as a command to start and an address to load, and by nothing else.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::experiment::Setting;

/// What stands in a command for the address that the server is to listen on.
pub const ADDRESS: &str = "{addr}";

/// A server that takes part: a command that is started afresh for each trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contender {
    /// The key in records, the label in tables.
    pub name: String,
    /// The program and its arguments, with [`ADDRESS`] among them.
    pub command: Vec<String>,
    /// Where it is started, and where a program lies that is named without a path. It is the machine's own affair, and not
    /// written down.
    #[serde(skip)]
    pub folder: PathBuf,
    /// How it is known to be ready.
    pub ready: Ready,
    /// How long it may take until it is, in milliseconds.
    #[serde(default = "ready_within_ms")]
    pub ready_within_ms: u64,
    /// What it can answer.
    pub operations: Vec<String>,
    /// Whether it is a model of this house, and so knows its flags.
    pub house: bool,
}

/// How a server is known to be ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ready {
    /// It prints `listening on HOST:PORT` on stdout. The port may be one that it chose itself.
    Line,
    /// It takes a connection.
    Connect,
    /// Whichever comes first.
    Either,
}

/// How long a server may take to be ready, if nothing else is said.
#[must_use]
pub fn ready_within_ms() -> u64 {
    10_000
}

impl Contender {
    /// Its arguments, to listen on this address and with these flags behind them.
    pub fn arguments<'a>(
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
    #[must_use]
    pub fn takes(&self, setting: &Setting) -> bool {
        let load = setting.load_of(&self.name);
        let can_answer = load.operations().iter().all(|op| self.operations.contains(op));
        let knows_flags = self.house || setting.flags_of(&self.name).next().is_none();
        setting.is_put_to(&self.name) && can_answer && knows_flags
    }
}

/// A contender that does not take part, and why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Its name, or an experiment's key.
    pub name: String,
    /// Why, as the end of a sentence.
    pub reason: String,
}
