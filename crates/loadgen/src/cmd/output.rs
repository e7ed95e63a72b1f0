//! A file that a result goes to.

use std::fs::{File, Metadata, OpenOptions};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result};

use super::{Usage, print};

/// A file that a result goes to, or stdout.
pub(crate) enum Output<'a> {
    Stdout,
    File(File, &'a Path),
}

impl<'a> Output<'a> {
    /// Makes sure that the file of this flag, if one was given, can be written. What it holds is left until there is
    /// something better.
    pub(crate) fn open_if_asked(flag: &str, path: Option<&'a Path>) -> Result<Option<Self>, Usage> {
        path.map(|path| Self::open(flag, path)).transpose()
    }

    fn open(flag: &str, path: &'a Path) -> Result<Self, Usage> {
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

    /// Whether what is written to both ends up in one place, and one of them is lost or runs into the other.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Stdout, Self::Stdout) => true,
            (Self::File(one, _), Self::File(other, _)) => {
                let of = |file: &File| file.metadata().ok().filter(Metadata::is_file);
                of(one)
                    .zip(of(other))
                    .is_some_and(|(one, other)| (one.dev(), one.ino()) == (other.dev(), other.ino()))
            }
            _ => false,
        }
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
