//! A file of somebody's own that gets results of a run: in short, or what its experiments found.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Result;
use report::excerpt::{self, Places};
use report::frame::{Fault, Frames, Part};
use report::{Page, Summary};
use schema::environment::Environment;
use thiserror::Error;

use crate::experiment::shipped;
use crate::folder::{self, Run};

/// A file with places for results.
#[derive(Debug)]
pub(crate) struct Target {
    /// As it was given.
    given: PathBuf,
    /// Where it is, with symbolic links resolved.
    path: PathBuf,
    frames: Frames,
}

/// Why results can't go into a file.
#[derive(Debug, Error)]
pub(crate) enum IntoError {
    /// It does not exist, or is no text.
    #[error("can't read {}: {source}; --into needs a text file with the markers that --help shows", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// Its markers are wrong.
    #[error("{}: {fault}", path.display())]
    Markers { path: PathBuf, fault: Fault },
    /// A marker asks for what the run does not have.
    #[error("{}: the run has no experiment {key:?}, which a marker names; use one of {known}", path.display())]
    Unknown {
        path: PathBuf,
        key: String,
        known: String,
    },
}

impl Target {
    /// Finds the places, and writes nothing yet.
    pub(crate) fn open(file: &Path) -> Result<Self, IntoError> {
        let fault = |source| IntoError::Read {
            path: file.to_owned(),
            source,
        };
        let path = file.canonicalize().map_err(fault)?;
        let text = fs::read_to_string(&path).map_err(fault)?;
        let frames = Frames::find(&text).map_err(|fault| IntoError::Markers {
            path: file.to_owned(),
            fault,
        })?;
        Ok(Self {
            given: file.to_owned(),
            path,
            frames,
        })
    }

    /// Checks that the run or this program has the experiments that the markers name. One that the run lacks was not measured.
    pub(crate) fn check(&self, environment: &Environment) -> Result<(), IntoError> {
        let keys = || environment.experiments.iter().map(|experiment| &*experiment.key);
        let mut named = self.frames.parts().filter_map(|part| match part {
            Part::Found(key) => Some(key),
            Part::Results => None,
        });
        let shipped = shipped::all();
        let is_known = |key: &str| {
            let own = shipped.iter().map(|experiment| &*experiment.key);
            keys().chain(own).any(|known| known == key)
        };
        match named.find(|key| !is_known(key)) {
            None => Ok(()),
            Some(key) => Err(IntoError::Unknown {
                path: self.given.clone(),
                key: key.clone(),
                known: keys().collect::<Vec<_>>().join(", "),
            }),
        }
    }

    /// As it was given.
    pub(crate) fn given(&self) -> &Path {
        &self.given
    }

    /// Writes what the markers ask for. The page and its plots must have been written.
    pub(crate) fn write(&self, summary: &Summary<'_>, page: &Page, run: &Run) -> Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let file = self.path.file_name().unwrap_or(self.path.as_os_str());
        let text = self.frames.filled(|part| match part {
            Part::Results => self.in_short(summary, page, run),
            Part::Found(key) => {
                report::found(page, key).unwrap_or_else(|| format!("\nNot measured (run {}).\n\n", run.id()))
            }
        });
        folder::write_whole(folder, file.as_ref(), &text)
    }

    fn in_short(&self, summary: &Summary<'_>, page: &Page, run: &Run) -> String {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let file = self.path.file_name().unwrap_or(self.path.as_os_str());
        let [results, of_run] = [run.page_in(), run.path()].map(|path| {
            let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
            from(folder, &path)
        });
        let plots: Vec<_> = page
            .plots()
            .map(|plot| plot.key().to_owned())
            .filter(|key| folder.join(&results).join(format!("{key}.svg")).is_file())
            .collect();
        let places = Places {
            file: file.as_ref(),
            run: &of_run,
            results: &results,
            plots: &plots,
        };
        excerpt::render(summary, &run.id(), &places)
    }
}

/// The relative path from a folder to a path, both absolute.
fn from(folder: &Path, path: &Path) -> PathBuf {
    let shared = folder
        .components()
        .zip(path.components())
        .take_while(|(one, other)| one == other)
        .count();
    let up = folder.components().skip(shared).map(|_| Path::new(".."));
    let down = path.components().skip(shared);
    up.chain(down.map(|step| Path::new(step.as_os_str()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_relative_to_a_folder() {
        for (folder, path, way) in [
            ("/a", "/a/results", "results"),
            ("/a/docs", "/a/results/runs/b", "../results/runs/b"),
            ("/", "/a", "a"),
            ("/a/b", "/c", "../../c"),
        ] {
            assert_eq!(from(folder.as_ref(), path.as_ref()), Path::new(way));
        }
    }
}
