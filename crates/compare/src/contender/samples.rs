//! Descriptions of the common kinds of servers, under invented names: six of the article, and six further ones.

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

/// Threads that serve a connection each; a loop with threads for handlers that block; loops in threads, and in processes that
/// get connections from another; tasks on a runtime; a loop on completions.
pub(crate) const FURTHER: [&str; 6] = ["eta", "theta", "iota", "kappa", "lambda", "mu"];

/// Their descriptions, in the order of [`FURTHER`].
pub(crate) fn further() -> Vec<Description> {
    use BlockHolds::{Connection, Loop};
    use CrashLoses::{Everything, Worker};
    use Serves::Many;
    use WaitHolds::{Nothing, Thread};
    use WorkerKind::{Processes, Threads};
    let none: &[&str] = &[];
    let kinds = [
        (
            Serves::Workers,
            Some((Threads, 200)),
            Thread,
            Connection,
            Everything,
            &["queue", "shared"][..],
        ),
        (Many, Some((Threads, 4)), Nothing, Connection, Everything, none),
        (
            Many,
            Some((Threads, 1)),
            Nothing,
            Loop,
            Everything,
            &["deal", "reuseport", "shared"],
        ),
        (Many, Some((Processes, 1)), Nothing, Loop, Worker, none),
        (Many, Some((Threads, 1)), Nothing, Connection, Everything, none),
        (Many, None, Nothing, Loop, Everything, none),
    ];
    let described = FURTHER.iter().zip(kinds);
    let described = described.map(
        |(name, (serves, workers, wait_holds, block_holds, crash_loses, accept))| Description {
            schema: SCHEMA,
            name: (*name).to_owned(),
            summary: format!("what {name} is"),
            lineage: Lineage::Further,
            serves,
            workers: workers.map(|(kind, default)| Workers { kind, default }),
            wait_holds,
            block_holds,
            crash_loses,
            accept: accept.iter().map(|value| (*value).to_owned()).collect(),
            // Those that serve connections in their workers.
            tally: workers.is_some() && block_holds != Connection || serves == Serves::Workers,
        },
    );
    described.collect()
}

/// The models of the article as contenders.
pub(crate) fn contenders() -> Vec<Contender> {
    of_descriptions(descriptions())
}

/// All twelve as contenders.
pub(crate) fn twelve() -> Vec<Contender> {
    of_descriptions([descriptions(), further()].concat())
}

fn of_descriptions(descriptions: Vec<Description>) -> Vec<Contender> {
    let descriptions = descriptions.into_iter();
    let contenders = descriptions.map(|description| built_in(description, Path::new("bin")));
    contenders.collect()
}
