//! The tables that answer the questions as text, no wider than 100 columns.

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table as Grid, TableStyle};

use super::compose::{self, Width};
use super::page::{Cell, Mark, Row, Table};
use super::summary::Summary;
use stats::trials_needed;

const WIDTH: u16 = 100;

/// A line below the headings and no others.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::new('─', '─', '─', '─'));

/// All tables, each with its heading, and what the signs mean.
pub(super) fn text(summary: &Summary<'_>) -> String {
    let notes = summary.environment.rounds >= least_needed(summary);
    let tables = summary.results.iter().map(|results| {
        let table = compose::main_table(results, Width::Terminal);
        format!("{}\n{}\n", results.experiment.title, grid(&table, notes))
    });
    let tables: Vec<_> = tables
        .zip(&summary.results)
        .map(|(text, results)| match &*results.answers {
            [_] => text,
            _ => text.replacen('\n', &format!(": {}\n", compose::heading(results)), 1),
        })
        .collect();
    let legend = "medians; * the best; = tied with the best; ✗ requests failed (see errors; not ranked above 1 %);\n\
                  † some connections never served, not ranked; ‡ load generator saturated; § latency-bound;\n\
                  ◊ overloaded, latency not ranked; ¶ bottleneck unknown";
    format!("{}\n{}{legend}\n", tables.join("\n"), too_few(summary))
}

/// A line for a run whose plan has fewer rounds than any comparison needs, in place of a note in each cell.
fn too_few(summary: &Summary<'_>) -> String {
    match summary.environment.rounds {
        rounds if rounds < least_needed(summary) => {
            let trials = compose::counted(rounds, "trial", "trials");
            format!("{trials} of each model: nothing is ranked, which takes 6 or more\n")
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

/// Each figure with its signs, which have a width of their own so that the digits stand below each other.
///
/// Below a value stands why it is not ranked, if `notes` are wanted.
fn cells(row: &Row, widths: &[usize], notes: bool) -> Vec<String> {
    let figures = row.cells.iter().zip(widths);
    // A space would fall off at the end of a cell: this one does not break, and stays.
    let figures = figures.map(|(cell, &width)| {
        let signs = format!("{:width$}", signs(cell)).replace(' ', "\u{a0}");
        let note = cell.note.as_ref().filter(|_| notes);
        let note = note.map_or_else(String::new, |note| format!("\n{note}"));
        format!("{}{signs}{note}", cell.median)
    });
    std::iter::once(row.model.clone()).chain(figures).collect()
}

fn signs(cell: &Cell) -> String {
    let mark = match cell.mark {
        Mark::None => "",
        Mark::Best => "*",
        Mark::Tied => "=",
    };
    format!("{mark}{}", cell.signs)
}
