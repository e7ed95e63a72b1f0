//! A file that a result goes to.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};

use super::{Usage, print};

/// A file that a result goes to, or stdout.
pub(crate) enum Output<'a> {
    Stdout,
    File(File, &'a Path),
}

impl<'a> Output<'a> {
    /// Makes sure that the file of this flag can be written. What it holds is left until there is something better.
    pub(crate) fn open(flag: &str, path: &'a Path) -> Result<Self, Usage> {
        if path.as_os_str() == "-" {
            return Ok(Self::Stdout);
        }
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path);
        file.map(|file| Self::File(file, path))
            .map_err(|error| Usage(format!("{flag} {} can't be written: {error}", path.display())))
    }

    /// Writes all of it.
    pub(crate) fn write(self, text: &str) -> Result<()> {
        let Self::File(mut file, path) = self else {
            return print(text);
        };
        let fault = || format!("can't write {}", path.display());
        // Only a plain file has a length to cut; a device or a pipe refuses.
        if file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            file.set_len(0).with_context(fault)?;
        }
        file.write_all(text.as_bytes()).with_context(fault)
    }
}
