//! `records.jsonl`: a line for each trial, on disk before the next trial begins. It is also read when compressed by gzip.

mod error;

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use schema::environment::ROUNDS_READ_MOST;
use schema::record::{Record, SCHEMA};
use serde_json::Value;

pub(crate) use self::error::JournalError;
use crate::lock::{Lock, Refused};
use schema::text;

/// A journal that is being written.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    /// Held for as long as the run lasts.
    _lock: Lock,
}

impl Journal {
    /// Creates an empty journal at this path, where there must be no file.
    pub(crate) fn create(path: PathBuf) -> Result<Self, JournalError> {
        let file = OpenOptions::new().append(true).create_new(true).open(&path);
        let file = file.map_err(|source| JournalError::Io {
            what: "create",
            path: path.clone(),
            source,
        })?;
        let lock = lock(&file, &path)?;
        Ok(Self {
            path,
            file,
            _lock: lock,
        })
    }

    /// Opens the journal of a run that continues, with its records. An incomplete last line is removed.
    pub(crate) fn resume(path: PathBuf) -> Result<(Self, Vec<Record>), JournalError> {
        let io = |what| {
            let path = path.clone();
            move |source| JournalError::Io { what, path, source }
        };
        if is_compressed(&path) {
            return Err(JournalError::Compressed { path });
        }
        let file = OpenOptions::new().append(true).open(&path).map_err(io("open"))?;
        // Before it is read: what another process writes meanwhile would be removed.
        let lock = lock(&file, &path)?;
        let bytes = std::fs::read(&path).map_err(io("read"))?;
        let whole = whole_lines(&bytes);
        let records = records(whole, &path)?;
        file.set_len(whole.len() as u64)
            .map_err(io("cut the last line of"))?;
        let journal = Self {
            path,
            file,
            _lock: lock,
        };
        Ok((journal, records))
    }

    /// Writes a record. It is one write, so that a process that is killed leaves whole lines, and at worst an incomplete last
    /// one.
    pub(crate) fn append(&mut self, record: &Record) -> Result<(), JournalError> {
        let mut line = serde_json::to_vec(record).expect("a record can be written as JSON");
        line.push(b'\n');
        self.file.write_all(&line).map_err(|source| JournalError::Io {
            what: "write to",
            path: self.path.clone(),
            source,
        })
    }
}

/// The records of a journal. An incomplete last line, left by a kill or a full disk, is ignored: its trial was never written.
pub(crate) fn read(path: &Path) -> Result<Vec<Record>, JournalError> {
    let bytes = bytes(path).map_err(|source| {
        let path = path.to_owned();
        match source.kind() {
            ErrorKind::UnexpectedEof if is_compressed(&path) => JournalError::Truncated { path },
            ErrorKind::InvalidInput | ErrorKind::InvalidData if is_compressed(&path) => {
                JournalError::Damaged { path, source }
            }
            _ => JournalError::Io {
                what: "read",
                path,
                source,
            },
        }
    })?;
    records(whole_lines(&bytes), path)
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    if !is_compressed(path) {
        return std::fs::read(path);
    }
    let mut bytes = Vec::new();
    MultiGzDecoder::new(File::open(path)?).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn is_compressed(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "gz")
}

/// Everything up to the last end of a line. These are bytes and not text, since a line may end within a character.
fn whole_lines(bytes: &[u8]) -> &[u8] {
    let last = bytes.iter().rposition(|&byte| byte == b'\n');
    &bytes[..last.map_or(0, |last| last + 1)]
}

/// The records in these lines, of the journal at this path.
fn records(lines: &[u8], path: &Path) -> Result<Vec<Record>, JournalError> {
    let mut records = Vec::new();
    // The line of each trial.
    let mut seen = HashMap::new();
    for (index, line) in lines.split(|&byte| byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let record = record(line, path, index + 1)?;
        if let Some(first) = seen.insert(record.trial, index + 1) {
            return Err(JournalError::Doubled {
                path: path.to_owned(),
                line: index + 1,
                first,
                trial: record.trial,
            });
        }
        records.push(record);
    }
    Ok(records)
}

fn lock(file: &File, path: &Path) -> Result<Lock, JournalError> {
    Lock::take(file, path).map_err(|refused| {
        let path = path.to_owned();
        match refused {
            Refused::Held(holder) => JournalError::Locked { path, holder },
            Refused::Io(source) => JournalError::Io {
                what: "open",
                path,
                source,
            },
        }
    })
}

fn record(line: &[u8], path: &Path, number: usize) -> Result<Record, JournalError> {
    let fault = |source| JournalError::Line {
        path: path.to_owned(),
        line: number,
        source,
    };
    let version: Version = serde_json::from_slice(line).map_err(fault)?;
    if version.schema != SCHEMA {
        return Err(JournalError::Schema {
            path: path.to_owned(),
            line: number,
            found: version.schema,
        });
    }
    let mut stored: Value = serde_json::from_slice(line).map_err(fault)?;
    text::cut_all(&mut stored);
    let record: Record = serde_json::from_value(stored).map_err(fault)?;
    if record.round > ROUNDS_READ_MOST {
        return Err(JournalError::Round {
            path: path.to_owned(),
            line: number,
            round: record.round,
        });
    }
    Ok(record)
}

/// What is read of a record before anything else.
#[derive(serde::Deserialize)]
struct Version {
    schema: u32,
}

#[cfg(test)]
pub(crate) mod tests;
