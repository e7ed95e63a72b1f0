//! Tables within the length of a comment.

use std::fmt::Write;
use std::ops::Range;

use crate::difference::cut::at_most;

/// GitHub refuses a comment of more than 65,536 characters. This counts bytes, which are at least as many.
pub(super) const LENGTH_MOST: usize = 65_000;

/// How much of a text a cell shows.
const CELL_MOST: usize = 300;

/// A table under a title.
#[derive(Debug)]
pub(super) struct Table {
    /// Empty: the table stands alone.
    pub(super) title: String,
    pub(super) is_folded: bool,
    pub(super) headings: Vec<String>,
    /// The columns with numbers.
    pub(super) right: Range<usize>,
    pub(super) rows: Vec<Vec<String>>,
}

/// A text that stays below the limit.
pub(super) struct Writer {
    head: String,
    /// The most important one first.
    tables: Vec<Table>,
}

impl Writer {
    pub(super) fn new(head: String) -> Self {
        Self {
            head,
            tables: Vec::new(),
        }
    }

    /// Adds a table, unless it is empty.
    pub(super) fn add(&mut self, table: Table) {
        if !table.rows.is_empty() {
            self.tables.push(table);
        }
    }

    /// The text. Rows that have no room are left out. Tables in sight get room first, and then the short ones, so that a
    /// long table does not crowd out others.
    pub(super) fn finish(self) -> String {
        let frames = self.tables.iter().map(Table::frame_length);
        let mut room = LENGTH_MOST.saturating_sub(self.head.len() + frames.sum::<usize>());
        let mut order: Vec<usize> = (0..self.tables.len()).collect();
        order.sort_by_key(|&table| {
            let table = &self.tables[table];
            (
                table.is_folded,
                if table.is_folded { table.lengths().sum() } else { 0 },
            )
        });
        let mut rows = vec![0; self.tables.len()];
        for table in order {
            for length in self.tables[table].lengths() {
                if length > room {
                    break;
                }
                rows[table] += 1;
                room -= length;
            }
        }
        let tables = self.tables.iter().zip(rows);
        let rendered = tables.map(|(table, rows)| table.render(rows));
        self.head + &rendered.collect::<String>()
    }
}

impl Table {
    /// What it takes at most, without its rows.
    fn frame_length(&self) -> usize {
        self.render(0).len() + self.heading().len()
    }

    /// The length of each row.
    fn lengths(&self) -> impl Iterator<Item = usize> {
        self.rows.iter().map(|row| line(row).len())
    }

    fn heading(&self) -> String {
        let columns = 0..self.headings.len();
        let rule = columns.map(|column| {
            if self.right.contains(&column) {
                "--:"
            } else {
                "---"
            }
        });
        let rule = rule.collect::<Vec<_>>().join("|");
        format!("{}|{rule}|\n", line(&self.headings))
    }

    /// The table with this many of its rows.
    fn render(&self, rows: usize) -> String {
        let mut text = String::from("\n");
        if self.is_folded {
            let _ = write!(text, "<details>\n<summary>{}</summary>\n\n", self.title);
        } else if !self.title.is_empty() {
            let _ = write!(text, "{}:\n\n", self.title);
        }
        if rows > 0 {
            text += &self.heading();
        }
        for row in &self.rows[..rows] {
            text += &line(row);
        }
        let left_out = self.rows.len() - rows;
        if left_out > 0 {
            let _ = write!(
                text,
                "\nRows left out: {left_out} of {}, because a comment has a limit. The option --json writes all of them.\n",
                self.rows.len()
            );
        }
        if self.is_folded {
            text += "\n</details>\n";
        }
        text
    }
}

fn line(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// The text as a cell shows it, cut if it is long.
pub(super) fn cut(text: &str) -> String {
    at_most(text, CELL_MOST)
}

/// The text with only the last part of each absolute path, which is nobody's business but that of the machine.
pub(super) fn without_folders(text: &str) -> String {
    let is_end = |c: char| c.is_whitespace() || "\"'`,;()<>|".contains(c);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (word, behind) = rest.split_at(rest.find(is_end).unwrap_or(rest.len()));
        // A flag may have a path behind its `=`.
        let (before, path) = word.split_at(word.find("=/").map_or(0, |at| at + 1));
        out.push_str(before);
        let name = path.rsplit('/').find(|part| !part.is_empty());
        match name.filter(|_| path.starts_with('/') && path.matches('/').count() > 1) {
            Some(name) => out.extend(["…/", name]),
            None => out.push_str(path),
        }
        let end = behind.chars().next().map_or(0, char::len_utf8);
        out.push_str(&behind[..end]);
        rest = &behind[end..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_paths_lose_their_folders() {
        for (given, expected) in [
            (
                "can't start /home/me/target/server-x: no such file",
                "can't start …/server-x: no such file",
            ),
            (
                "\"/a/b c\" --log=/var/log/x.log, (/tmp/y/)",
                "\"…/b c\" --log=…/x.log, (…/y)",
            ),
            (
                "before: 9,000 requests/s / 2; a/b /x",
                "before: 9,000 requests/s / 2; a/b /x",
            ),
            ("https://example.org/a/b", "https://example.org/a/b"),
            ("", ""),
        ] {
            assert_eq!(without_folders(given), expected);
        }
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        assert_eq!(cut("kurz"), "kurz");
        let long = cut(&"é".repeat(1000));
        assert_eq!(long.chars().count(), CELL_MOST + 1);
    }
}
