//! Where and how a run was made: `environment.json` beside its records.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::contender::{Contender, LeftOut, LeftOutOf};
use crate::cost::Disturbance;
use crate::cpus::Split;
use crate::experiment::{Experiment, Times};
use crate::record::Measured;

/// Where and how a run was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// The version of this and of the records.
    pub schema: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// What was typed, without the path of the program.
    pub command: Vec<String>,
    /// The version of this program.
    pub version: String,
    /// What it was built from, where that is known.
    pub commit: Option<Commit>,
    /// The profile's name.
    pub profile: String,
    /// The times of each trial.
    #[serde(flatten)]
    pub times: Times,
    /// How often each contender was to be measured in each setting.
    pub rounds: usize,
    /// The seed of the order of the trials.
    pub seed: u64,
    /// The servers that were measured, in the order of the tables.
    pub contenders: Vec<Contender>,
    /// Servers that could not be measured, and why.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
    /// Contenders that take no part in some experiments, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out_of: Vec<LeftOutOf>,
    /// The experiments.
    pub experiments: Vec<Experiment>,
    /// Experiments that this machine can't run, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub experiments_left_out: Vec<LeftOut>,
    /// The cpus of each side.
    pub cpus: Split,
    /// The median round trip of a ping on one connection, between one CPU of each side and with the least server, in
    /// microseconds. Only where an experiment has a bound of latency that depends on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip_us: Option<f64>,
    /// The machine.
    pub machine: Machine,
}

/// A state of the sources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Its hash.
    pub hash: String,
    /// Whether files that git knows had been changed since.
    pub changed: bool,
}

/// The machine, as far as it bears on the results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The CPU's own name.
    pub cpu_model: String,
    /// The cpus that the run might use.
    pub cpus: usize,
    /// All of its memory.
    pub memory_bytes: u64,
    /// The kernel and its version.
    pub kernel: String,
    /// How the clock rate is governed, where the kernel has a say in it.
    pub governor: Option<String>,
    /// Whether it is a virtual machine.
    pub virtualised: bool,
}

/// The highest number of rounds that is read: more than any version could be asked for.
pub const ROUNDS_READ_MOST: usize = 65_535;

impl Environment {
    /// The names of the contenders, in the order of the tables.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        self.contenders.iter().map(|contender| &*contender.name)
    }

    /// The same, and then those of what was left out.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.models().chain(self.left_out.iter().map(|out| &*out.name))
    }

    /// Why a trial is excluded, if it is. In a smoke run none is: it shows whether everything works, and its values are not
    /// quoted.
    #[must_use]
    pub fn exclusion(&self, trial: &Measured) -> Option<Disturbance> {
        trial.exclusion().filter(|_| self.profile != "smoke")
    }

    /// What was typed, for a shell.
    #[must_use]
    pub fn command_line(&self) -> String {
        command_line(&self.command)
    }
}

fn command_line(typed: &[String]) -> String {
    shell_words::join(typed)
}

impl Machine {
    /// The CPU, their number and the kernel.
    #[must_use]
    pub fn describe(&self) -> String {
        let Self {
            cpu_model,
            cpus,
            kernel,
            ..
        } = self;
        format!("{cpu_model}, {cpus} CPUs, {kernel}")
    }
}

impl fmt::Display for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let changes = if self.changed {
            ", with changes that were not committed"
        } else {
            ""
        };
        write!(f, "commit {}{changes}", self.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_given_to_a_shell_again() {
        let typed = ["compare", "run", "--out", "my results/$1", "--seed", "7"];
        assert_eq!(
            command_line(&typed.map(str::to_owned)),
            "compare run --out 'my results/$1' --seed 7"
        );
    }
}
