//! The page as Markdown: `README.md` of the results. It holds what a reader needs to choose, in at most 1,800 words.
//! Everything else is in the HTML page.

use std::fmt::{self, Write};

use crate::escape::markdown::{block, comment, link, marked, text as escaped};
use crate::grid::RATIOS;
use crate::page::{Cell, DecisionLine, Grid, GridCell, GridRow, Mark, Page, RowList, Section, Table};
use crate::score;

/// How the comment begins by which a page is known to be written by `compare`.
pub const PAGE_MARK: &str = "<!-- Written by `compare report`";

/// A grid of more models does not fit the width of a page. The models of each workload are a list then.
const COLUMNS_MOST: usize = 8;

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
    write_decision(text, "## ", &page.decision)?;
    write_grid(text, "## ", &page.grid)?;
    for section in &page.sections {
        write_section(text, section, page.grid.models.len() > COLUMNS_MOST)?;
    }
    writeln!(text, "## What this run can’t show\n")?;
    write_lines(text, &page.limits)?;
    writeln!(text, "## The run\n")?;
    write_lines(text, &page.summary)?;
    writeln!(text, "{}", block("sh", &[&page.command]))
}

/// Writes which model in which situation, if the run shows any.
pub(super) fn write_decision(text: &mut String, level: &str, lines: &[DecisionLine]) -> fmt::Result {
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(text, "{level}Which model to choose\n")?;
    for line in lines {
        writeln!(text, "- **{}:** {}", marked(&line.when), marked(&line.choice))?;
    }
    writeln!(text)
}

/// Writes workloads and models, if the run has any workload.
pub(super) fn write_grid(text: &mut String, level: &str, grid: &Grid) -> fmt::Result {
    if grid.rows.is_empty() {
        return Ok(());
    }
    if !score::has_order(grid) {
        writeln!(text, "{level}Values by workload\n\nNothing is ranked.\n")?;
        return write_values(text, &grid.rows);
    }
    writeln!(
        text,
        "{level}How many times worse than the best\n\n2 ×: twice the time, cost or memory, or half the rate. {RATIOS}\n"
    )?;
    if grid.models.len() > COLUMNS_MOST {
        return write_lists(text, &grid.rows);
    }
    write!(text, "|workload|best value|")?;
    for (model, _) in &grid.models {
        write!(text, "{}|", escaped(model))?;
    }
    writeln!(text, "\n|---|---|{}", "---|".repeat(grid.models.len()))?;
    for row in &grid.rows {
        let best = row.best.as_deref().map_or_else(|| "–".to_owned(), escaped);
        write!(
            text,
            "|{}<br><sub>{}</sub>|{best}|",
            marked(&row.title),
            marked(&row.metric)
        )?;
        for cell in &row.cells {
            write!(text, "{}|", grid_cell(cell))?;
        }
        writeln!(text)?;
    }
    writeln!(text)
}

/// Writes a row for each workload, with the values of its models. At most one of them is comparable.
fn write_values(text: &mut String, rows: &[GridRow]) -> fmt::Result {
    writeln!(text, "|workload|values|\n|---|---|")?;
    for row in rows {
        let (title, metric) = (marked(&row.title), marked(&row.metric));
        let only = row.best.as_ref().map(|_| best(row));
        let has_others = !(row.list.others.is_empty() && row.list.unranked.is_empty());
        let others = has_others.then(|| others(&row.list));
        let values: Vec<_> = only.into_iter().chain(others).collect();
        writeln!(text, "|{title}<br><sub>{metric}</sub>|{}|", values.join("; "))?;
    }
    writeln!(text)
}

/// Writes a row for each workload, with the models from the best to the last.
fn write_lists(text: &mut String, rows: &[GridRow]) -> fmt::Result {
    writeln!(
        text,
        "|workload|best, or tied for best|others, how many times worse|\n|---|---|---|"
    )?;
    for row in rows {
        let list = &row.list;
        let metric = std::iter::once(&row.metric).chain(&list.notes);
        let metric: Vec<_> = metric.map(|words| marked(words)).collect();
        writeln!(
            text,
            "|{}<br><sub>{}</sub>|{}|{}|",
            marked(&row.title),
            metric.join("; "),
            best(row),
            others(list)
        )?;
    }
    writeln!(text)
}

/// The best models from the best median, and its value.
fn best(row: &GridRow) -> String {
    let Some(value) = &row.best else {
        return "–".to_owned();
    };
    if let Some(models) = &row.list.undecided {
        return escaped(models);
    }
    let names: Vec<_> = row.list.best.iter().map(|name| escaped(name)).collect();
    let names = names.join(", ");
    let names = if row.list.is_distinct {
        format!("**{names}**")
    } else {
        names
    };
    format!("{names} ({})", escaped(value))
}

/// The other models: those with a ratio, and then those without, by the reason.
fn others(list: &RowList) -> String {
    let reasons = list
        .unranked
        .iter()
        .map(|(reason, models)| format!("{reason}: {}", models.join(", ")));
    let groups: Vec<_> = (!list.others.is_empty())
        .then(|| list.others.join(", "))
        .into_iter()
        .chain(reasons)
        .map(|group| escaped(&group))
        .collect();
    match &*groups {
        [] => "–".to_owned(),
        groups => groups.join("; "),
    }
}

fn grid_cell(cell: &GridCell) -> String {
    bold(&escaped(&cell.text), cell.mark)
}

/// The best is bold, and so is what is tied with it, if something else is worse.
fn bold(text: &str, mark: Mark) -> String {
    match mark {
        Mark::Best | Mark::Tied => format!("**{text}**"),
        Mark::AllTied | Mark::None => text.to_owned(),
    }
}

fn write_lines(text: &mut String, lines: &[String]) -> fmt::Result {
    if lines.is_empty() {
        return Ok(());
    }
    for line in lines {
        writeln!(text, "- {}", marked(line))?;
    }
    writeln!(text)
}

/// With many models, a table would be long, and would repeat the values that bars have beside them.
fn write_section(text: &mut String, section: &Section, has_many_models: bool) -> fmt::Result {
    writeln!(
        text,
        "## {}\n\n**{}** {}\n",
        marked(&section.title),
        marked(&section.question),
        marked(&section.meaning)
    )?;
    for plot in &section.plots {
        let file = format!("{}.svg", plot.key);
        // Without a table, the title is what stands for the picture.
        let words = if has_many_models { &plot.title } else { &plot.key };
        writeln!(text, "![{}]({})\n", marked(words), link(file.as_ref()))?;
    }
    if !has_many_models || section.plots.is_empty() {
        write_table(text, &section.short)?;
    }
    write_lines(text, &section.caveats)
}

/// Writes a table, and an empty line after it.
fn write_table(text: &mut String, table: &Table) -> fmt::Result {
    let headings: Vec<_> = table.headings.iter().map(|heading| marked(heading)).collect();
    writeln!(text, "|{}|{}|", marked(&table.caption), headings.join("|"))?;
    writeln!(text, "|---|{}", "--:|".repeat(headings.len()))?;
    for row in &table.rows {
        let cells: Vec<_> = row.cells.iter().map(cell).collect();
        writeln!(text, "|{}|{}|", escaped(&row.model), cells.join("|"))?;
    }
    writeln!(text)
}

fn cell(cell: &Cell) -> String {
    let median = bold(&escaped(&cell.median), cell.mark);
    let below = cell.interval.iter().chain(&cell.note);
    let below: Vec<_> = below
        .map(|text| format!("<br><sub>{}</sub>", escaped(text)))
        .collect();
    format!("{median}{}", below.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_better_than_another_is_bold() {
        let best = Cell {
            median: "6.40".to_owned(),
            interval: Some("6.30–6.50".to_owned()),
            mark: Mark::Best,
            ..Cell::default()
        };
        assert_eq!(cell(&best), "**6.40**<br><sub>6.30–6.50</sub>");
        let marked = |mark| {
            cell(&Cell {
                mark,
                interval: None,
                ..best.clone()
            })
        };
        assert_eq!(marked(Mark::Tied), "**6.40**");
        assert_eq!(marked(Mark::AllTied), "6.40");
        assert_eq!(marked(Mark::None), "6.40");
    }
}
