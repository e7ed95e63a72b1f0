//! A run that is continued: nothing may have changed that its trials depend on.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use anyhow::Result;

use super::verified::rebuilt;
use super::{Begun, Flags};
use crate::cmd::models::Asked;
use crate::cmd::{Usage, unreadable};
use crate::environment;
use crate::folder::Run;
use crate::journal::Journal;
use schema::environment::{Commit, Environment};

impl Flags {
    /// A run that is continued.
    pub(super) fn resumed(&self, folder: &Path, built: &Path, cancel: &AtomicBool) -> Result<Option<Begun>> {
        let run = Run::open(folder).map_err(|error| Usage(error.to_string()))?;
        let mut environment = environment::read_whole(&run.environment()).map_err(unreadable)?;
        let machine = environment::this_machine(self.places.split()?.1)?;
        if machine != environment.machine {
            return Err(Usage(format!(
                "{} was begun on another machine ({}); continue it there, or begin a new run",
                folder.display(),
                environment.machine.cpu_model
            ))
            .into());
        }
        same_sources(
            folder,
            environment.commit.as_ref(),
            environment::commit().as_ref(),
        )?;
        self.find_programs(&mut environment, built)?;
        if !rebuilt(&environment.contenders, &run, cancel)? {
            return Ok(None);
        }
        let (journal, before) = Journal::resume(run.records()).map_err(unreadable)?;
        Ok(Some((environment, run, journal, before)))
    }

    /// Finds the programs again, whose folders are not recorded. None of them may describe itself otherwise than before.
    fn find_programs(&self, environment: &mut Environment, built: &Path) -> Result<()> {
        let discovered = self.places.servers.discover_on(&environment.cpus.server)?;
        let built_in = environment
            .contenders
            .iter()
            .filter(|contender| contender.built_in);
        let names: Vec<_> = built_in
            .map(|contender| Asked::Named(contender.name.clone()))
            .collect();
        for name in names.iter().filter_map(Asked::name) {
            discovered.check(name)?;
        }
        // No names would ask for all models.
        let mut known = match &names[..] {
            [] => Vec::new(),
            names => discovered.asked(names, Vec::new())?.0,
        };
        known.extend(self.contenders.read(&discovered, built)?);
        for contender in &mut environment.contenders {
            let found = known.iter().find(|known| known.name == contender.name);
            let found = found.ok_or_else(|| {
                Usage(format!(
                    "the run has a contender {}; give the file that it is in with --contenders",
                    contender.name
                ))
            })?;
            if found.capabilities != contender.capabilities {
                return Err(Usage(format!(
                    "{} describes itself otherwise than when the run began; restore it, or begin a new run",
                    contender.name
                ))
                .into());
            }
            contender.folder.clone_from(&found.folder);
            contender.built.clone_from(&found.built);
        }
        Ok(())
    }
}

/// Servers of other sources may differ. If either commit is unknown, this can't be checked.
fn same_sources(folder: &Path, run: Option<&Commit>, now: Option<&Commit>) -> Result<(), Usage> {
    match run.zip(now) {
        Some((run, now)) if run != now => Err(Usage(format!(
            "{} was begun with the sources at {run}, and these are at {now}, so the servers may differ; go back to that \
             commit, or begin a new run",
            folder.display()
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_continued_with_unchanged_sources_only() {
        let at = |hash: &str, changed| Commit {
            hash: hash.to_owned(),
            changed,
        };
        let folder = Path::new("results/runs/a");
        let refused = same_sources(folder, Some(&at("1234", false)), Some(&at("5678", true)));
        let message = refused.unwrap_err().to_string();
        for expected in ["results/runs/a", "commit 1234,", "commit 5678, with changes"] {
            assert!(message.contains(expected), "{expected}: {message}");
        }
        assert!(same_sources(folder, Some(&at("1234", false)), Some(&at("1234", true))).is_err());
        for (run, now) in [
            (Some(at("1234", true)), Some(at("1234", true))),
            (None, Some(at("1234", false))),
            (Some(at("1234", false)), None),
        ] {
            assert!(same_sources(folder, run.as_ref(), now.as_ref()).is_ok());
        }
    }
}
