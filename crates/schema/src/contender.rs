//! Who takes part in a run: the built-in models, and whatever else speaks the wire.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::capability::Capabilities;

/// What stands in a command for the address that the server listens on.
pub const ADDRESS: &str = "{addr}";

/// A server that takes part: a command that is started afresh for each trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contender {
    /// The key in records, and the label in tables.
    pub name: String,
    /// The program and its arguments, with [`ADDRESS`] among them.
    pub command: Vec<String>,
    /// Where it is started, and where a program lies that is given without a path. It differs between machines, so it is
    /// not recorded.
    #[serde(skip)]
    pub folder: PathBuf,
    /// How to notice that it is ready.
    pub ready: Ready,
    /// How long it may take until it is ready, in milliseconds.
    #[serde(default = "ready_within_ms")]
    pub ready_within_ms: u64,
    /// The operations that it answers.
    pub operations: Vec<String>,
    /// Whether it is a built-in model, which takes the flags that all of them share.
    pub built_in: bool,
    /// What is known of it.
    #[serde(default)]
    pub capabilities: Capabilities,
}

/// How to notice that a server is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ready {
    /// It prints `listening on HOST:PORT` on stdout. The port may be one that it chose itself.
    Line,
    /// It accepts a connection.
    Connect,
    /// Whichever comes first.
    Either,
}

/// How long a server may take to be ready unless its file gives another time.
#[must_use]
pub fn ready_within_ms() -> u64 {
    10_000
}

impl Contender {
    /// Its arguments, to listen on this address, followed by these flags.
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

    /// Whether it has one of these names. Without a list it is meant too.
    #[must_use]
    pub fn is_among(&self, names: Option<&[String]>) -> bool {
        names.is_none_or(|names| names.contains(&self.name))
    }
}

/// A contender or an experiment that takes no part in a run, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Its name, or an experiment's key.
    pub name: String,
    /// Why, as the end of a sentence.
    pub reason: String,
}
