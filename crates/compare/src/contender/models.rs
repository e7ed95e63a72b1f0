//! The six models of this house, and how any server is started.

/// A server model of this house.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Model {
    /// The key in records, the label in tables: its crate's name without `server-`.
    pub(crate) name: &'static str,
    /// What it is, in a line.
    pub(crate) what: &'static str,
}

/// In the order of the tutorial that they come from.
pub(crate) const ALL: [Model; 6] = [
    Model {
        name: "single",
        what: "one blocking thread: one connection at a time",
    },
    Model {
        name: "thread",
        what: "a thread for each connection",
    },
    Model {
        name: "fork",
        what: "a process for each connection",
    },
    Model {
        name: "prefork",
        what: "a fixed set of processes, each with one connection at a time",
    },
    Model {
        name: "async",
        what: "one event loop for all connections",
    },
    Model {
        name: "prefork-async",
        what: "a fixed set of processes, an event loop in each",
    },
];

/// What the models of this house can answer.
pub(crate) const OPERATIONS: [&str; 6] = ["ping", "pi", "spin", "sleep", "block", "blob"];

/// The model of this name, for a list of them on the command line.
pub(crate) fn named(name: &str) -> Result<Model, String> {
    let found = ALL.into_iter().find(|model| model.name == name);
    found.ok_or_else(|| {
        format!(
            "there is no such model; choose from {}",
            ALL.map(|model| model.name).join(", ")
        )
    })
}
