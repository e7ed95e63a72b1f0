//! Journals that are whole, cut off, compressed, of another version, or no journals.

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
        model: "alpha".to_owned(),
        started_at: jiff::Timestamp::UNIX_EPOCH,
        // Most reasons have such a character, which is more than one byte.
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
fn a_trial_with_two_records_is_refused() {
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
    assert!(matches!(read(&path), Err(JournalError::Truncated { .. })));
}

#[test]
fn a_journal_cut_anywhere_continues_after_its_whole_lines() {
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
fn a_line_that_is_no_text_is_refused_by_number() {
    let (_folder, path) = written(&[failed(1)]);
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend(b"{\"schema\":3,\"model\":\"\xff\"}\n");
    fs::write(&path, bytes).unwrap();
    assert!(matches!(read(&path), Err(JournalError::Line { line: 2, .. })));
}

#[test]
fn a_line_that_is_no_record_is_refused_by_number() {
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
fn a_round_beyond_all_runs_is_refused() {
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
fn a_run_continues_after_its_last_whole_line() {
    let (_folder, path) = written(&[failed(1), failed(2)]);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 9]).unwrap();
    let (mut journal, records) = Journal::resume(path.clone()).unwrap();
    assert_eq!(records, [failed(1)]);
    journal.append(&failed(2)).unwrap();
    assert_eq!(fs::read(&path).unwrap(), whole);
}

#[test]
fn a_journal_is_never_overwritten() {
    let (_folder, path) = written(&[failed(1)]);
    assert!(Journal::create(path).is_err());
}

/// A journal on a full disk, where the system has one for tests.
pub(crate) fn full() -> Option<Journal> {
    let file = OpenOptions::new().append(true).open("/dev/full").ok()?;
    Some(Journal {
        path: "/dev/full".into(),
        file,
        _lock: Lock::none(),
    })
}

#[test]
fn a_full_disk_is_an_error() {
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
