//! What can be wrong with a journal.

use std::io;
use std::path::PathBuf;

use schema::environment::ROUNDS_READ_MOST;
use schema::record::SCHEMA;
use thiserror::Error;

/// What is wrong with a journal.
#[derive(Debug, Error)]
pub(crate) enum JournalError {
    /// It can't be read or written.
    #[error("can't {what} {path}{}", remedy(what))]
    Io {
        /// What was attempted.
        what: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// It is compressed, and only a plain file can be written to.
    #[error("{path} is compressed; unpack it with gunzip to resume the run")]
    Compressed { path: PathBuf },
    /// It is compressed, and ends before the end of what was compressed.
    #[error(
        "{path} is truncated: it ends in the middle of the compressed data, as after a copy that was interrupted; copy the \
         file again, or measure again"
    )]
    Truncated { path: PathBuf },
    /// It is named as a compressed file, and is none, or was changed.
    #[error("{path} is not a gzip file, or is damaged; restore the file, or measure again")]
    Damaged { path: PathBuf, source: io::Error },
    /// A line is no record.
    #[error("{path}:{line} is not a record; restore the file, or measure again")]
    Line {
        path: PathBuf,
        line: usize,
        source: serde_json::Error,
    },
    /// Written by another version.
    #[error(
        "{path}:{line} has schema {found}, and this program reads {SCHEMA}; use the program that wrote it, or measure again"
    )]
    Schema { path: PathBuf, line: usize, found: u32 },
    /// A round that no run can have. Memory is reserved for as many values of each model.
    #[error(
        "{path}:{line} has the round {round}; at most {ROUNDS_READ_MOST} can be read; restore the file, or measure again"
    )]
    Round {
        path: PathBuf,
        line: usize,
        round: usize,
    },
    /// A trial has two records.
    #[error(
        "{path}:{line} has the trial that {path}:{first} has (trial {trial}), because two processes wrote to this run; remove \
         one of the two lines, or measure again"
    )]
    Doubled {
        path: PathBuf,
        line: usize,
        first: usize,
        trial: usize,
    },
    /// Another process continues the run.
    #[error("{path} is locked: the run continues in {}; wait until it has ended, or end it", describe(*.holder))]
    Locked { path: PathBuf, holder: Option<i32> },
}

/// Where a write fails, the run that stops adds how to continue.
fn remedy(what: &str) -> &'static str {
    match what {
        "open" | "read" => "; restore the file, or measure again",
        _ => "",
    }
}

fn describe(holder: Option<i32>) -> String {
    holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}
