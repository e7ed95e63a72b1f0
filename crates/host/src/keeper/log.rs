//! A server's output in a file. Of a very long one, the file has the beginning, the end, and the number of bytes in between.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How much of the beginning is kept. It is written as it comes, so it takes no memory.
pub(super) const HEAD_BYTES_MOST: usize = 16 << 20;
/// How much of the end is kept.
pub(super) const TAIL_BYTES_MOST: usize = 64 << 10;
/// How much of one line is examined. The file has all of it, within its own limits.
const LINE_BYTES_MOST: usize = 4 << 10;

/// Which of a server's two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

/// Keeps what a server prints, in bounded space.
#[derive(Debug)]
pub(super) struct Log {
    /// None where nothing is to be kept.
    path: Option<PathBuf>,
    /// From the first byte on.
    file: Option<File>,
    head_bytes: usize,
    /// What came after the head, without what was dropped.
    tail: VecDeque<u8>,
    dropped_bytes: u64,
    /// Which stream wrote last, and whether it ended a line.
    last: Option<(Stream, bool)>,
    unkept: Option<String>,
}

impl Log {
    pub(super) fn new(path: Option<PathBuf>) -> Self {
        Self {
            path,
            file: None,
            head_bytes: 0,
            tail: VecDeque::new(),
            dropped_bytes: 0,
            last: None,
            unkept: None,
        }
    }

    /// Keeps a block. If the other stream's line is not ended, a new line begins.
    pub(super) fn write(&mut self, stream: Stream, block: &[u8]) {
        let Some(&end) = block.last() else { return };
        if self.last.is_some_and(|(last, ended)| last != stream && !ended) {
            self.keep(b"\n");
        }
        self.last = Some((stream, end == b'\n'));
        self.keep(block);
    }

    /// Writes the end of the output, and returns why some of it could not be kept, if so.
    pub(super) fn finish(&mut self) -> Option<String> {
        let tail: Vec<u8> = self.tail.drain(..).collect();
        if self.dropped_bytes > 0 {
            let note = format!("\n[compare: {} bytes were cut out here]\n", self.dropped_bytes);
            self.append(note.as_bytes());
        }
        self.append(&tail);
        self.unkept.take()
    }

    fn keep(&mut self, block: &[u8]) {
        let room = (HEAD_BYTES_MOST - self.head_bytes).min(block.len());
        let (head, rest) = block.split_at(room);
        self.head_bytes += room;
        self.append(head);
        self.tail.extend(rest);
        let over = self.tail.len().saturating_sub(TAIL_BYTES_MOST);
        self.tail.drain(..over);
        self.dropped_bytes += over as u64;
    }

    /// A server must not wait for a full disk: what can't be written is dropped, and the reason is kept.
    fn append(&mut self, bytes: &[u8]) {
        let Some(path) = &self.path else { return };
        if bytes.is_empty() || self.unkept.is_some() {
            return;
        }
        let mut write = || -> io::Result<()> {
            let file = match &mut self.file {
                Some(file) => file,
                None => self.file.insert(create(path)?),
            };
            file.write_all(bytes)
        };
        if let Err(error) = write() {
            self.unkept = Some(format!("can't write {}: {error}", path.display()));
        }
    }
}

fn create(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    File::create(path)
}

/// Finds the lines in a stream of blocks. Of a long line it keeps the beginning.
#[derive(Debug, Default)]
pub(super) struct Lines {
    current: Vec<u8>,
    /// The last whole line that was not empty.
    last: Vec<u8>,
}

impl Lines {
    /// Takes a block, and passes on each line that ends in it.
    pub(super) fn take(&mut self, block: &[u8], mut show: impl FnMut(&str)) {
        for piece in block.split_inclusive(|&byte| byte == b'\n') {
            let (text, ended) = match piece {
                [text @ .., b'\n'] => (text, true),
                text => (text, false),
            };
            let room = LINE_BYTES_MOST.saturating_sub(self.current.len());
            self.current.extend_from_slice(&text[..text.len().min(room)]);
            if ended {
                show(&String::from_utf8_lossy(&self.current));
                if !self.current.trim_ascii().is_empty() {
                    std::mem::swap(&mut self.last, &mut self.current);
                }
                self.current.clear();
            }
        }
    }

    /// The last line that is not empty, even if it is incomplete.
    pub(super) fn last(&self) -> Option<String> {
        let lines = [&self.current, &self.last];
        let last = lines.into_iter().find(|line| !line.trim_ascii().is_empty())?;
        Some(String::from_utf8_lossy(last.trim_ascii()).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(write: impl FnOnce(&mut Log)) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("output/one.log");
        let mut log = Log::new(Some(path.clone()));
        write(&mut log);
        assert_eq!(log.finish(), None);
        fs::read(path).unwrap_or_default()
    }

    #[test]
    fn both_streams_are_kept_and_lines_are_not_mixed() {
        let text = kept(|log| {
            log.write(Stream::Stdout, b"half a");
            log.write(Stream::Stderr, b"other\n");
            log.write(Stream::Stdout, b" line\n");
        });
        assert_eq!(text, b"half a\nother\n line\n");
    }

    #[test]
    fn a_long_output_keeps_its_beginning_and_its_end() {
        const BLOCKS: usize = 300;
        let text = kept(|log| {
            log.write(Stream::Stdout, b"first\n");
            for _ in 0..BLOCKS {
                log.write(Stream::Stdout, &vec![b'x'; 64 << 10]);
            }
            log.write(Stream::Stderr, b"last words\n");
        });
        let text = String::from_utf8(text).unwrap();
        assert!(text.starts_with("first\n") && text.ends_with("\nlast words\n"));
        let all = 6 + BLOCKS * (64 << 10) + 12;
        let cut = all - HEAD_BYTES_MOST - TAIL_BYTES_MOST;
        assert!(text.contains(&format!("[compare: {cut} bytes were cut out here]")));
        assert!(text.len() < HEAD_BYTES_MOST + TAIL_BYTES_MOST + 100);
    }

    #[test]
    fn an_output_of_megabytes_is_kept_whole() {
        let block = vec![b'x'; 1 << 20];
        let text = kept(|log| {
            for _ in 0..16 {
                log.write(Stream::Stdout, &block);
            }
            log.write(Stream::Stdout, b"last words\n");
        });
        assert_eq!(text.len(), (16 << 20) + 11);
        assert!(text.ends_with(b"xlast words\n"));
    }

    #[test]
    fn nothing_printed_leaves_no_file() {
        assert!(kept(|_| ()).is_empty());
    }

    #[test]
    fn lines_are_found_across_blocks_and_cut() {
        let mut lines = Lines::default();
        let mut seen = Vec::new();
        for block in [&b"one\ntw"[..], b"o\n", b"\xff\n\n", &[b'y'; 9000], b"\nend"] {
            lines.take(block, |line| seen.push(line.to_owned()));
        }
        assert_eq!(seen[..4], ["one", "two", "\u{fffd}", ""]);
        assert_eq!(seen[4].len(), LINE_BYTES_MOST);
        assert_eq!(lines.last().as_deref(), Some("end"));
    }
}
