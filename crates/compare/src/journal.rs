//! `records.jsonl`: a line for each trial, on disk before the next trial begins. It can be read with `gzip` around it too.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use serde_json::Value;
use thiserror::Error;

use crate::cut;
use crate::lock::{Lock, Refused};
use schema::environment::ROUNDS_READ_MOST;
use schema::record::{Record, SCHEMA};

/// A journal that is being written.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    /// Held for as long as the run goes on.
    _lock: Lock,
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
    /// It is compressed, and only a plain file can be written to.
    #[error("{path} is compressed; unpack it with gunzip to resume the run")]
    Compressed { path: PathBuf },
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
    /// A round that no run has. As many values are kept for each model.
    #[error(
        "{path}:{line} has the round {round}; at most {ROUNDS_READ_MOST} can be read, so restore the file, or measure again"
    )]
    Round {
        path: PathBuf,
        line: usize,
        round: usize,
    },
    /// A trial is there twice.
    #[error(
        "{path}:{line} has the trial that {path}:{first} has (trial {trial}); two processes wrote to this run, so remove one \
         of the two lines, or measure again"
    )]
    Doubled {
        path: PathBuf,
        line: usize,
        first: usize,
        trial: usize,
    },
    /// The run goes on in another process.
    #[error("{path} is locked: the run goes on in {}; wait until it has ended, or end it", describe(*.holder))]
    Locked { path: PathBuf, holder: Option<i32> },
}

fn describe(holder: Option<i32>) -> String {
    holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

impl Journal {
    /// An empty journal at this path, where there must be none.
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

    /// The journal of a run that goes on, with the records that it has. A last line that was cut off is cut away.
    pub(crate) fn resume(path: PathBuf) -> Result<(Self, Vec<Record>), JournalError> {
        let io = |what| {
            let path = path.clone();
            move |source| JournalError::Io { what, path, source }
        };
        if is_compressed(&path) {
            return Err(JournalError::Compressed { path });
        }
        let file = OpenOptions::new().append(true).open(&path).map_err(io("open"))?;
        // Before it is read: what another process writes meanwhile would be cut off.
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

    /// Writes a record down. It is one write, so that a process that is killed leaves whole lines, or at worst a last one
    /// that is cut.
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

/// The records of a journal. What a last line holds that was cut off, by a kill or a full disk, is left out: that trial
/// was never wholly written.
pub(crate) fn read(path: &Path) -> Result<Vec<Record>, JournalError> {
    let bytes = bytes(path).map_err(|source| JournalError::Io {
        what: "read",
        path: path.to_owned(),
        source,
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

/// Up to the last end of a line. Bytes and no text, since a line may be cut within a character.
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
    Lock::of(file, path).map_err(|refused| {
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
    cut::cut_all(&mut stored);
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

/// What is read of a record before the rest is trusted.
#[derive(serde::Deserialize)]
struct Version {
    schema: u32,
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fs;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use schema::record::Outcome;

    use super::*;

    fn failed(trial: usize) -> Record {
        Record {
            schema: SCHEMA,
            trial,
            round: 1,
            experiment: "request-cost".to_owned(),
            setting: "1".to_owned(),
            model: "async".to_owned(),
            started_at: jiff::Timestamp::UNIX_EPOCH,
            // What stands in most reasons: more than one byte that is one character.
            outcome: Outcome::Failed("2 × wrong_value".to_owned()),
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
    fn a_trial_that_is_there_twice_is_refused() {
        let (_folder, path) = written(&[failed(1), failed(2), failed(1)]);
        let message = read(&path).unwrap_err().to_string();
        for part in ["records.jsonl:3 has", "records.jsonl:1 has (trial 1)"] {
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn a_journal_is_locked_while_it_is_written() {
        let (_folder, path) = written(&[failed(1)]);
        let (journal, _) = Journal::resume(path.clone()).unwrap();
        let refused = Journal::resume(path.clone()).unwrap_err();
        assert!(matches!(refused, JournalError::Locked { .. }), "{refused}");
        drop(journal);
        assert!(Journal::resume(path).is_ok());
    }

    #[test]
    fn what_was_written_is_read() {
        let (_folder, path) = written(&[failed(1), failed(2)]);
        assert_eq!(read(&path).unwrap(), [failed(1), failed(2)]);
    }

    #[test]
    fn a_compressed_journal_is_read_and_not_resumed() {
        let (folder, plain) = written(&[failed(1), failed(2)]);
        let path = folder.path().join("records.jsonl.gz");
        let mut packed = GzEncoder::new(File::create(&path).unwrap(), Compression::best());
        packed.write_all(&fs::read(plain).unwrap()).unwrap();
        packed.finish().unwrap();
        assert_eq!(read(&path).unwrap(), [failed(1), failed(2)]);
        let refused = Journal::resume(path.clone()).unwrap_err();
        assert!(matches!(refused, JournalError::Compressed { .. }), "{refused}");

        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert!(matches!(read(&path), Err(JournalError::Io { .. })));
    }

    #[test]
    fn a_journal_cut_at_any_place_keeps_all_whole_lines_and_goes_on_behind_them() {
        let (_folder, path) = written(&[failed(1), failed(2)]);
        let whole = fs::read(&path).unwrap();
        let first = whole.iter().position(|&byte| byte == b'\n').unwrap() + 1;
        for end in 0..whole.len() {
            let kept = if end < first { vec![] } else { vec![failed(1)] };
            fs::write(&path, &whole[..end]).unwrap();
            assert_eq!(read(&path).unwrap(), kept, "cut after {end} bytes");
            let (_, records) = Journal::resume(path.clone()).unwrap();
            assert_eq!(records, kept, "cut after {end} bytes");
            let left = if end < first { 0 } else { first };
            assert_eq!(fs::read(&path).unwrap(), &whole[..left], "cut after {end} bytes");
        }
    }

    #[test]
    fn a_whole_line_that_is_no_text_is_told_with_its_place() {
        let (_folder, path) = written(&[failed(1)]);
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend(b"{\"schema\":3,\"model\":\"\xff\"}\n");
        fs::write(&path, bytes).unwrap();
        assert!(matches!(read(&path), Err(JournalError::Line { line: 2, .. })));
    }

    #[test]
    fn a_line_that_is_no_record_is_told_with_its_place() {
        let (_folder, path) = written(&[failed(1)]);
        let whole = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{whole}{{\"schema\":3}}\n{whole}")).unwrap();
        let message = format!("{:#}", anyhow::Error::from(read(&path).unwrap_err()));
        assert!(
            message.contains("records.jsonl:2") && message.contains("missing field"),
            "{message}"
        );
    }

    #[test]
    fn a_round_that_no_run_has_is_refused() {
        let round = |round| Record { round, ..failed(2) };
        let (_folder, path) = written(&[failed(1), round(ROUNDS_READ_MOST)]);
        assert_eq!(read(&path).unwrap().len(), 2);
        for high in [ROUNDS_READ_MOST + 1, 10_000_000_000_000_000_000] {
            let (_folder, path) = written(&[failed(1), round(high)]);
            let message = read(&path).unwrap_err().to_string();
            assert!(
                message.contains(&format!("records.jsonl:2 has the round {high}; at most")),
                "{message}"
            );
        }
    }

    #[test]
    fn a_journal_of_another_version_is_refused() {
        let (_folder, path) = written(&[failed(1)]);
        let whole = fs::read_to_string(&path).unwrap();
        fs::write(&path, whole.replace("\"schema\":3", "\"schema\":7")).unwrap();
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

    /// A journal on a disk that is full, where the system has one for tests.
    pub(crate) fn full() -> Option<Journal> {
        let file = OpenOptions::new().append(true).open("/dev/full").ok()?;
        Some(Journal {
            path: "/dev/full".into(),
            file,
            _lock: Lock::none(),
        })
    }

    #[test]
    fn a_full_disk_is_an_error_and_not_a_lost_record() {
        let Some(mut journal) = full() else {
            return;
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
