//! The page as Markdown: `README.md` of the results.

use std::fmt::{self, Write};

use crate::escape::markdown::{block, comment, link, marked, text as escaped};

use crate::conclusions::Choice;
use crate::page::{Cell, Mark, Page, Section, Table};
use crate::sign;

/// How the comment begins by which a page is known to be written by `compare`.
pub const PAGE_MARK: &str = "<!-- Written by `compare report`";

/// Renders a page. It refers to a picture for each plot: its key with `.svg`.
#[must_use]
pub fn render(page: &Page) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, page);
    text
}

fn write(text: &mut String, page: &Page) -> fmt::Result {
    let run = &page.run;
    writeln!(text, "# {}\n", marked(&page.title))?;
    writeln!(
        text,
        "{PAGE_MARK} from runs/{}/records.jsonl. Change the program, not this page. -->\n",
        comment(run)
    )?;
    for paragraph in &page.introduction {
        writeln!(text, "{}\n", marked(paragraph))?;
    }
    if !(page.choices.is_empty() && page.open.is_empty()) {
        writeln!(text, "## In short\n")?;
        write_choices(text, &page.choices)?;
        write_lines(text, &page.open)?;
    }
    for section in &page.sections {
        write_section(text, section)?;
    }
    write_list(text, "What this run cannot show", &page.caveats)?;
    let metrics: Vec<_> = page
        .metrics
        .iter()
        .map(|(name, meaning)| format!("**{name}**: {meaning}."))
        .collect();
    write_list(text, "What the metrics mean", &metrics)?;
    write_list(text, "The machine", &page.machine)?;
    write_list(text, "The run", &page.method)?;
    writeln!(text, "{}", block("", &[&page.command]))
}

fn write_list(text: &mut String, title: &str, lines: &[String]) -> fmt::Result {
    writeln!(text, "## {title}\n")?;
    write_lines(text, lines)
}

/// Writes which model for which work.
pub(super) fn write_choices(text: &mut String, choices: &[Choice]) -> fmt::Result {
    if choices.is_empty() {
        return Ok(());
    }
    writeln!(text, "| {} |", Choice::HEADINGS.join(" | "))?;
    writeln!(text, "|{}", "---|".repeat(Choice::HEADINGS.len()))?;
    for choice in choices {
        let cells = choice.cells().map(|cell| marked(&cell));
        writeln!(text, "| {} |", cells.join(" | "))?;
    }
    writeln!(text)
}

pub(super) fn write_lines(text: &mut String, lines: &[String]) -> fmt::Result {
    if lines.is_empty() {
        return Ok(());
    }
    for line in lines {
        writeln!(text, "- {}", marked(line))?;
    }
    writeln!(text)
}

fn write_section(text: &mut String, section: &Section) -> fmt::Result {
    writeln!(
        text,
        "## {}\n\n**{}** {}\n",
        marked(&section.title),
        marked(&section.question),
        marked(&section.setup)
    )?;
    writeln!(text, "{}\n", marked(&section.finding))?;
    for plot in &section.plots {
        let file = format!("{}.svg", plot.key);
        writeln!(text, "![{}]({})\n", marked(&plot.title), link(file.as_ref()))?;
    }
    writeln!(text, "{}:\n", marked(&section.table.caption))?;
    write_table(text, &section.table)?;
    if !section.details.is_empty() {
        writeln!(text, "<details>\n<summary>All metrics</summary>\n")?;
        for table in &section.details {
            writeln!(text, "{}:\n", marked(&table.caption))?;
            write_table(text, table)?;
        }
        writeln!(text, "</details>\n")?;
    }
    if let Some(expected) = &section.expected {
        writeln!(text, "Expected: {}\n", marked(expected))?;
    }
    Ok(())
}

/// Writes a table, and an empty line after it.
pub(super) fn write_table(text: &mut String, table: &Table) -> fmt::Result {
    let headings: Vec<_> = table.headings.iter().map(|heading| marked(heading)).collect();
    writeln!(text, "| model | {} |", headings.join(" | "))?;
    writeln!(text, "|---|{}", "--:|".repeat(headings.len()))?;
    for row in &table.rows {
        let cells: Vec<_> = row.cells.iter().map(cell).collect();
        writeln!(text, "| {} | {} |", escaped(&row.model), cells.join(" | "))?;
    }
    writeln!(text)
}

fn cell(cell: &Cell) -> String {
    let median = match cell.mark {
        Mark::None => escaped(&cell.median),
        Mark::Best => format!("**{}**", escaped(&cell.median)),
        Mark::Tied | Mark::AllTied => format!("{} ≈", escaped(&cell.median)),
    };
    let signs = match &*cell.signs {
        [] => String::new(),
        signs => format!(" {}", sign::symbols(signs)),
    };
    let below = cell.interval.iter().chain(&cell.note);
    let below: Vec<_> = below
        .map(|text| format!("<br><sub>{}</sub>", escaped(text)))
        .collect();
    format!("{median}{}{}", escaped(&signs), below.concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::Sign;

    #[test]
    fn the_best_is_bold_and_ties_have_a_sign() {
        let best = Cell {
            median: "6.40".to_owned(),
            interval: Some("6.30–6.50".to_owned()),
            mark: Mark::Best,
            signs: vec![Sign::LoadGeneratorSaturated],
            ..Cell::default()
        };
        assert_eq!(cell(&best), "**6.40** ‡<br><sub>6.30–6.50</sub>");
        let tied = Cell {
            interval: None,
            mark: Mark::Tied,
            signs: Vec::new(),
            ..best
        };
        assert_eq!(cell(&tied), "6.40 ≈");
    }
}
