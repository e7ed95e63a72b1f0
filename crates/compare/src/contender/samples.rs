//! Descriptions of the six common kinds of servers, under invented names.

use std::path::Path;

use schema::model::{
    BlockHolds, CrashLoses, Description, Lineage, SCHEMA, Serves, WaitHolds, WorkerKind, Workers,
};

use super::{Contender, built_in};

/// One connection at a time; a thread, a process, a ready process for each; one event loop, one in each process.
pub(crate) const NAMES: [&str; 6] = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"];

/// Their descriptions, in the order of [`NAMES`].
pub(crate) fn descriptions() -> Vec<Description> {
    use BlockHolds::{Connection, Everything, Loop};
    use Serves::{Many, One};
    use WaitHolds::{Nothing, Thread};
    let kinds = [
        (One, None, Thread, Everything, CrashLoses::Everything),
        (Many, None, Thread, Connection, CrashLoses::Everything),
        (Many, None, Thread, Connection, CrashLoses::Connection),
        (
            Serves::Workers,
            Some(10),
            Thread,
            Connection,
            CrashLoses::Connection,
        ),
        (Many, None, Nothing, Loop, CrashLoses::Everything),
        (Many, Some(2), Nothing, Loop, CrashLoses::Worker),
    ];
    let described = NAMES.iter().zip(kinds);
    let described = described.map(
        |(name, (serves, workers, wait_holds, block_holds, crash_loses))| Description {
            schema: SCHEMA,
            name: (*name).to_owned(),
            summary: format!("what {name} is"),
            lineage: Lineage::Article,
            serves,
            workers: workers.map(|default| Workers {
                kind: WorkerKind::Processes,
                default,
            }),
            wait_holds,
            block_holds,
            crash_loses,
            accept: match workers {
                Some(_) => vec!["shared".to_owned(), "reuseport".to_owned()],
                None => Vec::new(),
            },
            tally: workers.is_some(),
        },
    );
    described.collect()
}

/// They as contenders.
pub(crate) fn contenders() -> Vec<Contender> {
    let descriptions = descriptions().into_iter();
    let contenders = descriptions.map(|description| built_in(description, Path::new("bin")));
    contenders.collect()
}
