//! The main tables as text, at most 100 columns wide.

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table as Grid, TableStyle};

use crate::numbers::counted;
use crate::page::{Cell, Mark, Row, Table};
use crate::sign;
use crate::summary::Summary;
use crate::tables::{Width, heading, main_table};
use stats::trials_needed;

const WIDTH: u16 = 100;

/// One line, below the headings.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::new('─', '─', '─', '─'));

/// Renders the main tables, each with its heading, and the meaning of the signs.
#[must_use]
pub fn render(summary: &Summary<'_>) -> String {
    let notes = summary.environment.rounds >= least_needed(summary);
    let tables = summary.results.iter().map(|results| {
        let table = main_table(results, Width::Terminal);
        format!("{}\n{}\n", results.experiment.title, grid(&table, notes))
    });
    let tables: Vec<_> = tables
        .zip(&summary.results)
        .map(|(text, results)| match &*results.answers {
            [_] => text,
            _ => text.replacen('\n', &format!(": {}\n", heading(results)), 1),
        })
        .collect();
    format!("{}\n{}{}\n", tables.join("\n"), too_few(summary), legend())
}

/// The meaning of the signs, in lines that fit.
fn legend() -> String {
    let signs = sign::ALL.iter();
    let signs = signs.map(|sign| format!("{} {}", sign.symbol(), sign.in_short()));
    let parts = ["medians", "* the best", "= tied with the best"].map(str::to_owned);
    let mut lines: Vec<String> = Vec::new();
    for part in parts.into_iter().chain(signs) {
        match lines.last_mut() {
            Some(line) if line.chars().count() + part.chars().count() + 3 <= usize::from(WIDTH) => {
                line.push_str("; ");
                line.push_str(&part);
            }
            Some(line) => {
                line.push(';');
                lines.push(part);
            }
            None => lines.push(part),
        }
    }
    lines.join("\n")
}

/// A line for a run that has fewer rounds than a comparison needs, in place of a note in each cell.
fn too_few(summary: &Summary<'_>) -> String {
    match summary.environment.rounds {
        rounds if rounds < least_needed(summary) => {
            let trials = counted(rounds, "trial", "trials");
            format!("{trials} of each model: nothing is ranked; a comparison needs 6 or more\n")
        }
        _ => String::new(),
    }
}

/// How many rounds a comparison of all models needs.
fn least_needed(summary: &Summary<'_>) -> usize {
    match summary.environment.contenders.len() {
        0 => 0,
        models => trials_needed(models),
    }
}

fn grid(table: &Table, notes: bool) -> String {
    let mut grid = Grid::new();
    grid.load_style(STYLE);
    grid.set_content_arrangement(ContentArrangement::Dynamic);
    grid.set_width(WIDTH);
    grid.set_header(std::iter::once("").chain(table.headings.iter().map(|heading| &**heading)));
    let width = |index| {
        let signs = table
            .rows
            .iter()
            .map(|row| signs(&row.cells[index]).chars().count());
        signs.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..table.headings.len()).map(width).collect();
    for row in &table.rows {
        grid.add_row(cells(row, &widths, notes));
    }
    for column in grid.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let lines: Vec<_> = grid.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// Each value with its signs, which are padded so that digits align. With `notes`, why a value is not ranked is below it.
fn cells(row: &Row, widths: &[usize], notes: bool) -> Vec<String> {
    let values = row.cells.iter().zip(widths);
    // Spaces at the end of a cell would be trimmed. Non-breaking ones stay.
    let values = values.map(|(cell, &width)| {
        let signs = format!("{:width$}", signs(cell)).replace(' ', "\u{a0}");
        let note = cell.note.as_ref().filter(|_| notes);
        let note = note.map_or_else(String::new, |note| format!("\n{note}"));
        format!("{}{signs}{note}", cell.median)
    });
    std::iter::once(row.model.clone()).chain(values).collect()
}

fn signs(cell: &Cell) -> String {
    let mark = match cell.mark {
        Mark::None => "",
        Mark::Best => "*",
        Mark::Tied | Mark::AllTied => "=",
    };
    format!("{mark}{}", sign::symbols(&cell.signs))
}
