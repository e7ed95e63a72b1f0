//! The flag for contenders beside the built-in models.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use schema::name;

use super::Usage;
use super::models::Discovered;
use crate::contender::{Contender, file};

/// Where further contenders are described.
#[derive(Args)]
pub(crate) struct ContendersFlag {
    /// TOML file of further servers to measure beside the models
    #[arg(long, value_name = "FILE")]
    contenders: Option<PathBuf>,
}

impl ContendersFlag {
    /// The servers of the file. Those that have to be built have a folder each below `built`.
    pub(crate) fn read(&self, discovered: &Discovered, built: &Path) -> Result<Vec<Contender>> {
        let Some(path) = &self.contenders else {
            return Ok(Vec::new());
        };
        let models = discovered.descriptions().iter();
        let taken: Vec<_> = models.map(|model| model.name.clone()).collect();
        let read = file::read(path, &taken);
        let mut contenders = read.map_err(|error| Usage(format!("{:#}", anyhow::Error::from(error))))?;
        for contender in &mut contenders {
            contender.built = built.join(name::file_part(&contender.name));
        }
        Ok(contenders)
    }
}
