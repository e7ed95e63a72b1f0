//! What workers report of themselves when they end, by the flag `--tally`.

use std::fs;

use schema::record::WorkerTally;
use tempfile::NamedTempFile;

use crate::fault::Fault;

/// The file that a server's workers write into.
#[derive(Debug)]
pub(super) struct Tally(NamedTempFile);

impl Tally {
    pub(super) fn create() -> Result<Self, Fault> {
        let file = meter::temporary_file().map_err(Fault::own("can't make a file for its workers"))?;
        Ok(Self(file))
    }

    /// The flags by which a server knows of it.
    pub(super) fn flags(&self) -> [String; 2] {
        ["--tally".to_owned(), self.0.path().display().to_string()]
    }

    /// What the workers reported, once the server is gone.
    pub(super) fn read(&self) -> Result<Vec<WorkerTally>, Fault> {
        let text =
            fs::read_to_string(self.0.path()).map_err(Fault::own("can't read what its workers reported"))?;
        let mut workers = text
            .lines()
            .map(serde_json::from_str::<WorkerTally>)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| format!("its workers reported something else than what they served: {error}"))?;
        workers.sort_by_key(|worker| (worker.worker, worker.pid));
        Ok(workers)
    }
}
