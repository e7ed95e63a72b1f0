//! `records.jsonl`: a line for each trial, on disk before the next trial begins.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;
use thiserror::Error;

use crate::record::{Record, SCHEMA};
use crate::stored;

/// A journal that is being written.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
}

/// What is wrong with a journal.
#[derive(Debug, Error)]
pub(crate) enum JournalError {
    /// It can't be read or written.
    #[error("can't {what} {path}")]
    Io {
        /// What was attempted.
        what: &'static str,
        path: PathBuf,
        source: io::Error,
    },
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
}

impl Journal {
    /// An empty journal at this path, where there must be none.
    pub(crate) fn create(path: PathBuf) -> Result<Self, JournalError> {
        let file = OpenOptions::new().append(true).create_new(true).open(&path);
        match file {
            Ok(file) => Ok(Self { path, file }),
            Err(source) => Err(JournalError::Io {
                what: "create",
                path,
                source,
            }),
        }
    }

    /// The journal of a run that goes on, with the records that it has. A last line that was cut off is cut away.
    pub(crate) fn resume(path: PathBuf) -> Result<(Self, Vec<Record>), JournalError> {
        let records = read(&path)?;
        let io = |what| {
            let path = path.clone();
            move |source| JournalError::Io { what, path, source }
        };
        let text = std::fs::read(&path).map_err(io("read"))?;
        let whole = text
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |last| last + 1);
        let file = OpenOptions::new().append(true).open(&path).map_err(io("open"))?;
        file.set_len(whole as u64).map_err(io("cut the last line of"))?;
        Ok((Self { path, file }, records))
    }

    /// Writes a record down. It is one write, so that a process that is killed leaves whole lines, or at worst a last one
    /// that is cut.
    pub(crate) fn append(&mut self, record: &Record) -> Result<(), JournalError> {
        let value = serde_json::to_value(record).expect("a record can be written as JSON");
        let mut line = serde_json::to_vec(&stored::short(value)).expect("a value can be written as JSON");
        line.push(b'\n');
        self.file.write_all(&line).map_err(|source| JournalError::Io {
            what: "write to",
            path: self.path.clone(),
            source,
        })
    }
}

/// The records of a journal. What a last line holds that was cut off, by a kill or a full disk, is left out: that trial
/// was never wholly written.
pub(crate) fn read(path: &Path) -> Result<Vec<Record>, JournalError> {
    let text = std::fs::read_to_string(path).map_err(|source| JournalError::Io {
        what: "read",
        path: path.to_owned(),
        source,
    })?;
    let mut records = Vec::new();
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let line_number = index + 1;
        let Some(line) = line.strip_suffix('\n') else {
            break;
        };
        if line.trim().is_empty() {
            continue;
        }
        let fault = |source| JournalError::Line {
            path: path.to_owned(),
            line: line_number,
            source,
        };
        let version: Version = serde_json::from_str(line).map_err(fault)?;
        if version.schema != SCHEMA {
            return Err(JournalError::Schema {
                path: path.to_owned(),
                line: line_number,
                found: version.schema,
            });
        }
        let stored: Value = serde_json::from_str(line).map_err(fault)?;
        records.push(serde_json::from_value(stored::whole(stored)).map_err(fault)?);
    }
    Ok(records)
}

/// What is read of a record before the rest is trusted.
#[derive(serde::Deserialize)]
struct Version {
    schema: u32,
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::record::Outcome;

    fn failed(trial: usize) -> Record {
        Record {
            schema: SCHEMA,
            trial,
            round: 1,
            experiment: "request-cost".to_owned(),
            setting: "1".to_owned(),
            model: "async".to_owned(),
            started_at: jiff::Timestamp::UNIX_EPOCH,
            outcome: Outcome::Failed("it did not start".to_owned()),
        }
    }

    fn written(records: &[Record]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.jsonl");
        let mut journal = Journal::create(path.clone()).unwrap();
        for record in records {
            journal.append(record).unwrap();
        }
        (folder, path)
    }

    #[test]
    fn what_was_written_is_read() {
        let (_folder, path) = written(&[failed(1), failed(2)]);
        assert_eq!(read(&path).unwrap(), [failed(1), failed(2)]);
    }

    #[test]
    fn a_journal_cut_at_any_place_keeps_all_whole_lines() {
        let (_folder, path) = written(&[failed(1), failed(2)]);
        let whole = fs::read(&path).unwrap();
        let first = whole.iter().position(|&byte| byte == b'\n').unwrap() + 1;
        for end in first..whole.len() {
            fs::write(&path, &whole[..end]).unwrap();
            assert_eq!(read(&path).unwrap(), [failed(1)], "cut after {end} bytes");
        }
    }

    #[test]
    fn a_line_that_is_no_record_is_told_with_its_place() {
        let (_folder, path) = written(&[failed(1)]);
        let whole = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{whole}{{\"schema\":2}}\n{whole}")).unwrap();
        let message = format!("{:#}", anyhow::Error::from(read(&path).unwrap_err()));
        assert!(
            message.contains("records.jsonl:2") && message.contains("missing field"),
            "{message}"
        );
    }

    #[test]
    fn a_journal_of_another_version_is_refused() {
        let (_folder, path) = written(&[failed(1)]);
        let whole = fs::read_to_string(&path).unwrap();
        fs::write(&path, whole.replace("\"schema\":2", "\"schema\":7")).unwrap();
        assert!(matches!(
            read(&path),
            Err(JournalError::Schema {
                line: 1,
                found: 7,
                ..
            })
        ));
    }

    #[test]
    fn a_run_goes_on_behind_its_last_whole_line() {
        let (_folder, path) = written(&[failed(1), failed(2)]);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 9]).unwrap();
        let (mut journal, records) = Journal::resume(path.clone()).unwrap();
        assert_eq!(records, [failed(1)]);
        journal.append(&failed(2)).unwrap();
        assert_eq!(fs::read(&path).unwrap(), whole);
    }

    #[test]
    fn a_journal_is_never_written_over() {
        let (_folder, path) = written(&[failed(1)]);
        assert!(Journal::create(path).is_err());
    }

    #[test]
    fn a_full_disk_is_an_error_and_not_a_lost_record() {
        let Ok(file) = OpenOptions::new().append(true).open("/dev/full") else {
            return;
        };
        let mut journal = Journal {
            path: "/dev/full".into(),
            file,
        };
        let message = format!(
            "{:#}",
            anyhow::Error::from(journal.append(&failed(1)).unwrap_err())
        );
        assert!(
            message.contains("/dev/full") && message.contains("No space left"),
            "{message}"
        );
    }
}
