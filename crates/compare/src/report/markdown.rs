//! The page as Markdown: `README.md` of the results.

use std::fmt::{self, Write};

use super::page::{Cell, Choice, Mark, Page, Section, Table};

pub(super) fn text(page: &Page) -> String {
    let mut text = String::new();
    write(&mut text, page).expect("writing to a string can't fail");
    text
}

fn write(text: &mut String, page: &Page) -> fmt::Result {
    let run = &page.run;
    writeln!(text, "# {}\n", page.title)?;
    writeln!(
        text,
        "<!-- Written by `compare report` from runs/{run}/records.jsonl. Change the program, not this page. -->\n"
    )?;
    for paragraph in &page.introduction {
        writeln!(text, "{paragraph}\n")?;
    }
    if !(page.choices.is_empty() && page.open.is_empty()) {
        writeln!(text, "## In short\n")?;
        write_choices(text, &page.choices)?;
        write_lines(text, &page.open)?;
    }
    for section in &page.sections {
        write_section(text, section)?;
    }
    write_list(text, "What this run could not show", &page.limits)?;
    let figures: Vec<_> = page
        .figures
        .iter()
        .map(|(name, meaning)| format!("**{name}**: {meaning}."))
        .collect();
    write_list(text, "What the figures mean", &figures)?;
    write_list(text, "The machine", &page.machine)?;
    write_list(text, "The run", &page.method)?;
    writeln!(text, "```\n{}\n```", page.command)
}

fn write_list(text: &mut String, title: &str, lines: &[String]) -> fmt::Result {
    writeln!(text, "## {title}\n")?;
    write_lines(text, lines)
}

/// Which model for which work.
pub(super) fn write_choices(text: &mut String, choices: &[Choice]) -> fmt::Result {
    if choices.is_empty() {
        return Ok(());
    }
    writeln!(text, "| {} |", Choice::HEADINGS.join(" | "))?;
    writeln!(text, "|{}", "---|".repeat(Choice::HEADINGS.len()))?;
    for choice in choices {
        let cells = choice.cells().map(|cell| escaped(&cell));
        writeln!(text, "| {} |", cells.join(" | "))?;
    }
    writeln!(text)
}

pub(super) fn write_lines(text: &mut String, lines: &[String]) -> fmt::Result {
    if lines.is_empty() {
        return Ok(());
    }
    for line in lines {
        writeln!(text, "- {line}")?;
    }
    writeln!(text)
}

fn write_section(text: &mut String, section: &Section) -> fmt::Result {
    writeln!(
        text,
        "## {}\n\n**{}** {}\n",
        section.title, section.question, section.setup
    )?;
    writeln!(text, "{}\n", section.finding)?;
    for plot in &section.plots {
        writeln!(text, "![{}]({}.svg)\n", plot.title, plot.key)?;
    }
    writeln!(text, "{}:\n", section.table.caption)?;
    write_table(text, &section.table)?;
    if !section.details.is_empty() {
        writeln!(text, "<details>\n<summary>All figures</summary>\n")?;
        for table in &section.details {
            writeln!(text, "{}:\n", table.caption)?;
            write_table(text, table)?;
        }
        writeln!(text, "</details>\n")?;
    }
    if let Some(expected) = &section.expected {
        writeln!(text, "Expected: {expected}\n")?;
    }
    Ok(())
}

/// A table, and an empty line behind it.
pub(super) fn write_table(text: &mut String, table: &Table) -> fmt::Result {
    let headings: Vec<_> = table.headings.iter().map(|heading| escaped(heading)).collect();
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
        Mark::None => cell.median.clone(),
        Mark::Best => format!("**{}**", cell.median),
        Mark::Tied => format!("{} ≈", cell.median),
    };
    let signs = match &*cell.signs {
        "" => String::new(),
        signs => format!(" {signs}"),
    };
    let below = cell.interval.iter().chain(&cell.note);
    let below: Vec<_> = below.map(|text| format!("<br><sub>{text}</sub>")).collect();
    let below = below.concat();
    escaped(&format!("{median}{signs}{below}"))
}

/// A bar would end the cell.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_bold_and_what_is_tied_with_it_has_a_sign() {
        let best = Cell {
            median: "6.40".to_owned(),
            interval: Some("6.30–6.50".to_owned()),
            mark: Mark::Best,
            signs: "‡".to_owned(),
            ..Cell::default()
        };
        assert_eq!(cell(&best), "**6.40** ‡<br><sub>6.30–6.50</sub>");
        let tied = Cell {
            interval: None,
            mark: Mark::Tied,
            signs: String::new(),
            ..best
        };
        assert_eq!(cell(&tied), "6.40 ≈");
    }

    #[test]
    fn a_bar_in_a_name_does_not_end_its_cell() {
        assert_eq!(escaped("a|b"), "a\\|b");
    }
}
