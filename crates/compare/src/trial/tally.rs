//! What workers tell of themselves when they end: `--tally` of the prefork kinds.

use std::fs;

use tempfile::NamedTempFile;

use crate::fault::Fault;
use crate::plan::Planned;
use schema::record::WorkerTally;

/// The file that the workers of a trial's server write into.
#[derive(Debug)]
pub(crate) struct File(NamedTempFile);

impl File {
    /// One for this trial, if its server has workers that tell.
    pub(crate) fn of(trial: Planned<'_>) -> Result<Option<Self>, Fault> {
        if trial.contender.capabilities.tally != Some(true) {
            return Ok(None);
        }
        let file = meter::temporary_file().map_err(Fault::own("can't make a file for its workers"))?;
        Ok(Some(Self(file)))
    }

    /// The flags by which a server knows of it.
    pub(crate) fn flags(&self) -> [String; 2] {
        ["--tally".to_owned(), self.0.path().display().to_string()]
    }

    /// What the workers told, once the server is gone.
    pub(crate) fn read(&self) -> Result<Vec<WorkerTally>, Fault> {
        let text =
            fs::read_to_string(self.0.path()).map_err(Fault::own("can't read what its workers told"))?;
        let mut workers = text
            .lines()
            .map(serde_json::from_str::<WorkerTally>)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| format!("its workers told something else than what they served: {error}"))?;
        workers.sort_by_key(|worker| (worker.worker, worker.pid));
        Ok(workers)
    }
}
