//! Who takes part in a run: the built-in models, and whatever else speaks the wire.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::capability::Capabilities;

/// What stands in a command for the address that the server listens on.
pub const ADDRESS: &str = "{addr}";

/// What stands in a command for the folder that the build fills.
pub const BUILT: &str = "{built}";

/// A server that takes part: a command that is started afresh for each trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contender {
    /// The key in records, and the label in tables.
    pub name: String,
    /// The command that builds its program before the run, with [`BUILT`] in it; none if there is nothing to build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<Vec<String>>,
    /// The program and its arguments, with [`ADDRESS`] among them.
    pub command: Vec<String>,
    /// Where it is started, and where a program lies that is given without a path. It differs between machines, so it is
    /// not recorded.
    #[serde(skip)]
    pub folder: PathBuf,
    /// The folder that its build fills, which stands in place of [`BUILT`]. It is temporary, so it is not recorded.
    #[serde(skip)]
    pub built: PathBuf,
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
    /// Its program, as its command has it: a path, or a name that the system finds.
    #[must_use]
    pub fn program(&self) -> String {
        self.with_folder(&self.command[0])
    }

    /// The program that builds it and its arguments, if there is something to build.
    #[must_use]
    pub fn build_command(&self) -> Option<Vec<String>> {
        let build = self.build.as_ref()?;
        Some(build.iter().map(|argument| self.with_folder(argument)).collect())
    }

    /// An argument with the folder of its build.
    fn with_folder(&self, argument: &str) -> String {
        argument.replace(BUILT, &self.built.to_string_lossy())
    }

    /// Its arguments, to listen on this address, followed by these flags.
    pub fn arguments<'a>(
        &'a self,
        address: &'a str,
        flags: &'a [String],
    ) -> impl Iterator<Item = String> + 'a {
        let arguments = self.command[1..].iter();
        arguments
            .map(move |argument| self.with_folder(argument).replace(ADDRESS, address))
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
    /// Whether it can't run on this machine, which is no fault of it: it is not installed, or it reported so when it started.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unavailable: bool,
    /// Whether it was asked for by its name.
    #[serde(default, skip_serializing_if = "is_false")]
    pub named: bool,
}

impl LeftOut {
    /// What is left out for this reason, which is a fault of it.
    #[must_use]
    pub fn faulty(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            reason: reason.into(),
            unavailable: false,
            named: false,
        }
    }

    /// Whether the run has succeeded without it: it can't run here, and nobody named it.
    #[must_use]
    pub fn is_excused(&self) -> bool {
        self.unavailable && !self.named
    }
}

/// A contender that takes no part in some experiments of a run, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOutOf {
    /// Its name.
    pub name: String,
    /// The keys of the experiments, or `EXPERIMENT/SETTING` if it takes part in other settings.
    pub experiments: Vec<String>,
    /// Why, as the end of a sentence.
    pub reason: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}
