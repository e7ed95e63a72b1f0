//! What a server can do, as experiments ask for it: never by a model's name.

use std::fmt;
use std::str::FromStr;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;

use crate::model::{BlockHolds, CrashLoses, Description, Lineage, Serves, WaitHolds, WorkerKind, Workers};

/// A property that a server has or lacks.
///
/// The set is closed. In files each has the name that [`fmt::Display`] gives; [`NAMES`] lists them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Capability {
    /// It serves this many connections at the same time.
    Serves(Serves),
    /// It serves more than one connection at the same time.
    Concurrent,
    /// It has a fixed set of workers, whose number `--workers` sets.
    Workers,
    /// It has no fixed set of workers.
    NoWorkers,
    /// Its workers are these.
    WorkersAre(WorkerKind),
    /// A `sleep` occupies this.
    WaitHolds(WaitHolds),
    /// A `block` stops this.
    BlockHolds(BlockHolds),
    /// The death of whoever serves a connection loses this.
    CrashLoses(CrashLoses),
    /// The death of whoever serves a connection leaves other connections unharmed.
    IsolatedCrash,
    /// The number of its processes does not grow with the number of connections.
    BoundedProcesses,
    /// Its flag `--accept` takes this value.
    Accept(String),
    /// It takes `--tally FILE`.
    Tally,
}

/// The names of all capabilities.
pub const NAMES: &str = "serves:one, serves:workers, serves:many, concurrent, workers, worker-processes, worker-threads, \
     no-workers, wait-holds:thread, wait-holds:nothing, block-holds:connection, block-holds:loop, block-holds:everything, \
     crash-loses:connection, crash-loses:worker, crash-loses:everything, isolated-crash, bounded-processes, tally, accept:VALUE";

/// A name that no capability has.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("capability {name:?} is unknown; use one of {NAMES}")]
pub struct UnknownCapability {
    name: String,
}

impl FromStr for Capability {
    type Err = UnknownCapability;

    fn from_str(name: &str) -> Result<Self, UnknownCapability> {
        Ok(match name {
            "serves:one" => Self::Serves(Serves::One),
            "serves:workers" => Self::Serves(Serves::Workers),
            "serves:many" => Self::Serves(Serves::Many),
            "concurrent" => Self::Concurrent,
            "workers" => Self::Workers,
            "no-workers" => Self::NoWorkers,
            "worker-processes" => Self::WorkersAre(WorkerKind::Processes),
            "worker-threads" => Self::WorkersAre(WorkerKind::Threads),
            "wait-holds:thread" => Self::WaitHolds(WaitHolds::Thread),
            "wait-holds:nothing" => Self::WaitHolds(WaitHolds::Nothing),
            "block-holds:connection" => Self::BlockHolds(BlockHolds::Connection),
            "block-holds:loop" => Self::BlockHolds(BlockHolds::Loop),
            "block-holds:everything" => Self::BlockHolds(BlockHolds::Everything),
            "crash-loses:connection" => Self::CrashLoses(CrashLoses::Connection),
            "crash-loses:worker" => Self::CrashLoses(CrashLoses::Worker),
            "crash-loses:everything" => Self::CrashLoses(CrashLoses::Everything),
            "isolated-crash" => Self::IsolatedCrash,
            "bounded-processes" => Self::BoundedProcesses,
            "tally" => Self::Tally,
            _ => match name.strip_prefix("accept:").filter(|value| !value.is_empty()) {
                Some(value) => Self::Accept(value.to_owned()),
                None => {
                    return Err(UnknownCapability {
                        name: name.to_owned(),
                    });
                }
            },
        })
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Serves(Serves::One) => "serves:one",
            Self::Serves(Serves::Workers) => "serves:workers",
            Self::Serves(Serves::Many) => "serves:many",
            Self::Concurrent => "concurrent",
            Self::Workers => "workers",
            Self::NoWorkers => "no-workers",
            Self::WorkersAre(WorkerKind::Processes) => "worker-processes",
            Self::WorkersAre(WorkerKind::Threads) => "worker-threads",
            Self::WaitHolds(WaitHolds::Thread) => "wait-holds:thread",
            Self::WaitHolds(WaitHolds::Nothing) => "wait-holds:nothing",
            Self::BlockHolds(BlockHolds::Connection) => "block-holds:connection",
            Self::BlockHolds(BlockHolds::Loop) => "block-holds:loop",
            Self::BlockHolds(BlockHolds::Everything) => "block-holds:everything",
            Self::CrashLoses(CrashLoses::Connection) => "crash-loses:connection",
            Self::CrashLoses(CrashLoses::Worker) => "crash-loses:worker",
            Self::CrashLoses(CrashLoses::Everything) => "crash-loses:everything",
            Self::IsolatedCrash => "isolated-crash",
            Self::BoundedProcesses => "bounded-processes",
            Self::Tally => "tally",
            Self::Accept(value) => return write!(f, "accept:{value}"),
        })
    }
}

impl TryFrom<String> for Capability {
    type Error = UnknownCapability;

    fn try_from(name: String) -> Result<Self, UnknownCapability> {
        name.parse()
    }
}

impl From<Capability> for String {
    fn from(capability: Capability) -> Self {
        capability.to_string()
    }
}

impl Capability {
    /// The key of a contenders file that states whether a server has it.
    #[must_use]
    pub fn key(&self) -> &'static str {
        match self {
            Self::Serves(_) | Self::Concurrent => "serves",
            Self::Workers | Self::NoWorkers | Self::WorkersAre(_) => "workers",
            Self::WaitHolds(_) => "wait_holds",
            Self::BlockHolds(_) => "block_holds",
            Self::CrashLoses(_) | Self::IsolatedCrash | Self::BoundedProcesses => "crash_loses",
            Self::Accept(_) => "accept",
            Self::Tally => "tally",
        }
    }
}

/// Reads one capability, or a list of them: `needs = "workers"`, `needs = ["workers", "tally"]`.
///
/// # Errors
///
/// If it is neither, or a name is unknown.
pub fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Capability>, D::Error> {
    /// Not an untagged enum, whose errors would not name the unknown one.
    struct Names;

    impl<'de> Visitor<'de> for Names {
        type Value = Vec<Capability>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a capability or a list of them")
        }

        fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Self::Value, E> {
            Ok(vec![name.parse().map_err(E::custom)?])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Self::Value, A::Error> {
            let mut capabilities = Vec::new();
            while let Some(capability) = names.next_element()? {
                capabilities.push(capability);
            }
            Ok(capabilities)
        }
    }

    deserializer.deserialize_any(Names)
}

/// What is known of a server: all of it where the server described itself, else what a contenders file has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Capabilities {
    /// What it is, in a line.
    pub summary: Option<String>,
    /// Where the design comes from.
    pub lineage: Option<Lineage>,
    /// How many connections it serves at the same time.
    pub serves: Option<Serves>,
    /// Its workers. Without them it has none if `serves` is known; else nothing is known of them.
    pub workers: Option<Workers>,
    /// What a `sleep` occupies.
    pub wait_holds: Option<WaitHolds>,
    /// What a `block` stops.
    pub block_holds: Option<BlockHolds>,
    /// What is lost when the process or thread that serves a connection dies.
    pub crash_loses: Option<CrashLoses>,
    /// The values that `--accept` takes.
    pub accept: Option<Vec<String>>,
    /// Whether it takes `--tally FILE`.
    pub tally: Option<bool>,
}

impl From<Description> for Capabilities {
    fn from(description: Description) -> Self {
        Self {
            summary: Some(description.summary),
            lineage: Some(description.lineage),
            serves: Some(description.serves),
            workers: description.workers,
            wait_holds: Some(description.wait_holds),
            block_holds: Some(description.block_holds),
            crash_loses: Some(description.crash_loses),
            accept: Some(description.accept),
            tally: Some(description.tally),
        }
    }
}

impl Capabilities {
    /// Whether the server has it; none if that is unknown.
    #[must_use]
    pub fn has(&self, capability: &Capability) -> Option<bool> {
        let has_workers = || match self.workers {
            Some(_) => Some(true),
            None => self.serves.map(|_| false),
        };
        match capability {
            Capability::Serves(serves) => Some(self.serves? == *serves),
            Capability::Concurrent => Some(self.serves? != Serves::One),
            Capability::Workers => has_workers(),
            Capability::NoWorkers => has_workers().map(|has| !has),
            Capability::WorkersAre(kind) => match self.workers {
                Some(workers) => Some(workers.kind == *kind),
                None => has_workers(),
            },
            Capability::WaitHolds(what) => Some(self.wait_holds? == *what),
            Capability::BlockHolds(what) => Some(self.block_holds? == *what),
            Capability::CrashLoses(what) => Some(self.crash_loses? == *what),
            Capability::IsolatedCrash => Some(self.crash_loses? != CrashLoses::Everything),
            Capability::BoundedProcesses => {
                let is_bounded = self.workers.is_some() || self.crash_loses? != CrashLoses::Connection;
                Some(is_bounded)
            }
            Capability::Accept(value) => Some(self.accept.as_ref()?.contains(value)),
            Capability::Tally => self.tally,
        }
    }

    /// Whether it is known to have all of these.
    #[must_use]
    pub fn has_all(&self, capabilities: &[Capability]) -> bool {
        capabilities
            .iter()
            .all(|capability| self.has(capability) == Some(true))
    }

    /// How many connections it serves at the same time with so many workers, or with its default number; none if there
    /// is no such limit, or it is unknown.
    #[must_use]
    pub fn serves_at_most(&self, workers: Option<u16>) -> Option<usize> {
        match self.serves? {
            Serves::One => Some(1),
            Serves::Many => None,
            Serves::Workers => {
                let count = workers.or_else(|| Some(self.workers?.default));
                count.map(usize::from)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        NAMES
            .split(',')
            .map(|name| name.trim().replace("VALUE", "queue"))
            .collect()
    }

    #[test]
    fn every_listed_name_is_read_and_written() {
        for name in names() {
            let capability: Capability = name.parse().unwrap();
            assert_eq!(capability.to_string(), name);
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        for name in ["worker-proceses", "serves", "accept:", ""] {
            let message = name.parse::<Capability>().unwrap_err().to_string();
            assert!(
                message.contains(&format!("{name:?}")) && message.contains("isolated-crash"),
                "{message}"
            );
        }
    }

    #[test]
    fn nothing_is_known_of_a_server_without_description() {
        let unknown = Capabilities::default();
        for name in names() {
            assert_eq!(unknown.has(&name.parse().unwrap()), None, "{name}");
        }
        assert_eq!(unknown.serves_at_most(Some(4)), None);
    }

    #[test]
    fn a_server_that_gives_serves_without_workers_has_none() {
        let known = Capabilities {
            serves: Some(Serves::Many),
            ..Capabilities::default()
        };
        for (name, expected) in [
            ("serves:many", true),
            ("concurrent", true),
            ("workers", false),
            ("no-workers", true),
            ("worker-processes", false),
        ] {
            assert_eq!(known.has(&name.parse().unwrap()), Some(expected), "{name}");
        }
    }

    #[test]
    fn a_worker_per_connection_bounds_the_connections_served() {
        let workers = Workers {
            kind: WorkerKind::Processes,
            default: 10,
        };
        let with = |serves| Capabilities {
            serves: Some(serves),
            workers: Some(workers),
            ..Capabilities::default()
        };
        assert_eq!(with(Serves::Workers).serves_at_most(None), Some(10));
        assert_eq!(with(Serves::Workers).serves_at_most(Some(3)), Some(3));
        assert_eq!(with(Serves::One).serves_at_most(Some(3)), Some(1));
        assert_eq!(with(Serves::Many).serves_at_most(Some(3)), None);
    }
}
