//! What a model is, as its page states it, and as `--describe` prints it.

use std::num::NonZeroU16;

use schema::model::{self, Description};
pub use schema::model::{BlockHolds, CrashLoses, Lineage, Serves, WaitHolds, WorkerKind};

/// A server model. Each page has one constant of this type; help, defaults and `--describe` come from it.
///
/// Tests and experiments choose models by these properties, never by name.
#[derive(Debug, Clone, Copy)]
pub struct Model {
    /// The crate's name without `server-`.
    pub name: &'static str,
    /// What it is, as a noun phrase that fits one line.
    pub summary: &'static str,
    /// Where the design comes from.
    pub lineage: Lineage,
    /// How many connections it serves at the same time.
    pub serves: Serves,
    /// Its workers, if it has a fixed set of them.
    pub workers: Option<Workers>,
    /// What a `sleep` occupies while it lasts.
    pub wait_holds: WaitHolds,
    /// What a `block` stops.
    pub block_holds: BlockHolds,
    /// What is lost when the process or thread that serves a connection dies.
    pub crash_loses: CrashLoses,
    /// The values that `--accept` takes; empty without that flag.
    pub accept: &'static [&'static str],
    /// Whether it takes `--tally FILE`.
    pub tally: bool,
}

/// A fixed set of workers.
#[derive(Debug, Clone, Copy)]
pub struct Workers {
    /// What a worker is.
    pub kind: WorkerKind,
    /// How many there are without `--workers`.
    pub default: DefaultWorkers,
}

/// How many workers there are without `--workers`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultWorkers {
    /// This many on every machine.
    Fixed(u16),
    /// One for each CPU that the server may use.
    Cpus,
}

impl DefaultWorkers {
    /// The number on this machine.
    #[must_use]
    pub fn count(self) -> NonZeroU16 {
        let count = match self {
            Self::Fixed(count) => Some(count),
            Self::Cpus => std::thread::available_parallelism()
                .ok()
                .and_then(|count| u16::try_from(count.get()).ok()),
        };
        count.and_then(NonZeroU16::new).unwrap_or(NonZeroU16::MIN)
    }
}

impl Model {
    /// The default of `--workers` on this machine; 1 for a model without workers.
    #[must_use]
    pub fn default_workers(&self) -> NonZeroU16 {
        self.workers
            .map_or(NonZeroU16::MIN, |workers| workers.default.count())
    }

    /// The program's name.
    #[must_use]
    pub fn program(&self) -> String {
        format!("server-{}", self.name)
    }

    /// What `--describe` prints.
    #[must_use]
    pub fn description(&self) -> Description {
        Description {
            schema: model::SCHEMA,
            name: self.name.to_owned(),
            summary: self.summary.to_owned(),
            lineage: self.lineage,
            serves: self.serves,
            workers: self.workers.map(|workers| model::Workers {
                kind: workers.kind,
                default: workers.default.count().get(),
            }),
            wait_holds: self.wait_holds,
            block_holds: self.block_holds,
            crash_loses: self.crash_loses,
            accept: self.accept.iter().map(ToString::to_string).collect(),
            tally: self.tally,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const MODEL: Model = Model {
        name: "alpha",
        summary: "a fixed set of threads",
        lineage: Lineage::Further,
        serves: Serves::Workers,
        workers: Some(Workers {
            kind: WorkerKind::Threads,
            default: DefaultWorkers::Fixed(7),
        }),
        wait_holds: WaitHolds::Thread,
        block_holds: BlockHolds::Connection,
        crash_loses: CrashLoses::Everything,
        accept: &["queue", "shared"],
        tally: true,
    };

    fn json_of(model: &Model) -> Value {
        serde_json::to_value(model.description()).unwrap()
    }

    #[test]
    fn a_description_has_the_documented_fields() {
        let documented = json!({
            "schema": 1, "name": "alpha", "summary": "a fixed set of threads", "lineage": "further",
            "serves": "workers", "workers": { "kind": "threads", "default": 7 },
            "wait_holds": "thread", "block_holds": "connection", "crash_loses": "everything",
            "accept": ["queue", "shared"], "tally": true,
        });
        assert_eq!(json_of(&MODEL), documented);
        let without = Model {
            workers: None,
            ..MODEL
        };
        assert_eq!(json_of(&without)["workers"], Value::Null);
    }

    #[test]
    fn a_description_names_the_workers_of_this_machine() {
        let workers = Workers {
            kind: WorkerKind::Processes,
            default: DefaultWorkers::Cpus,
        };
        let model = Model {
            workers: Some(workers),
            ..MODEL
        };
        let cpus = std::thread::available_parallelism().unwrap().get();
        assert_eq!(json_of(&model)["workers"]["default"], cpus);
        assert_eq!(usize::from(model.default_workers().get()), cpus);
    }
}
