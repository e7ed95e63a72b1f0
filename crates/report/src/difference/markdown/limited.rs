//! Tables within the length of a comment.

use std::fmt::Write;
use std::ops::Range;

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

    /// The text. Rows that have no room are left out, the last ones first.
    pub(super) fn finish(self) -> String {
        let frames = self.tables.iter().map(Table::frame_length);
        let mut room = LENGTH_MOST.saturating_sub(self.head.len() + frames.sum::<usize>());
        let mut text = self.head;
        for table in &self.tables {
            let lengths = table.rows.iter().map(|row| line(row).len());
            let fit = lengths
                .scan(0, |sum, length| {
                    *sum += length;
                    Some(*sum)
                })
                .take_while(|sum| *sum <= room);
            let (rows, length) = fit.fold((0, 0), |(rows, _), sum| (rows + 1, sum));
            room -= length;
            text += &table.render(rows);
        }
        text
    }
}

impl Table {
    /// What it takes at most, without its rows.
    fn frame_length(&self) -> usize {
        self.render(0).len() + self.heading().len()
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
    match text.char_indices().nth(CELL_MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
