//! What people read, made from the records of a run and nothing else.
//!
//! [`summary`] makes figures of the records, [`limits`] says what they can't show, and the others put both into words: a
//! file for each format.

mod columns;
mod limits;
mod markdown;
mod numbers;
mod summary;
mod terminal;

use std::io::{self, ErrorKind, Write};

use anyhow::Result;

use crate::environment::Environment;
use crate::folder::Run;
use crate::journal;
use summary::Summary;

/// Writes the page of a run, prints its tables, and says where the rest lies.
pub(crate) fn write(run: &Run) -> Result<()> {
    let environment = Environment::read(&run.environment())?;
    let records = journal::read(&run.records())?;
    let summary = Summary::of(&environment, &records);
    run.write_page(&markdown::page(&summary, &run.id()))?;
    let text = format!(
        "{}\nthe page: {}\n",
        terminal::tables(&summary),
        run.page().display()
    );
    match io::stdout().write_all(text.as_bytes()) {
        // A reader such as `head` has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}
