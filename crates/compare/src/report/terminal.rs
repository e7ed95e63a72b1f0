//! The tables as text, no wider than 100 columns.

use comfy_table::{CellAlignment, LineStyle, Table as Grid, TableStyle};

use super::columns::{self, RATE, SERVED};
use super::summary::{Row, Summary, Table};

/// All tables, each with its heading, and what the marks mean.
pub(super) fn tables(summary: &Summary<'_>) -> String {
    let tables: Vec<_> = summary.tables.iter().map(table).collect();
    let legend = "medians; * the best, or not to be told from it; † left connections unserved, so not compared;\n\
                  ‡ the client may have been the limit";
    format!("{}\n{legend}\n", tables.join("\n"))
}

/// A line below the headings and no others.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::new('─', '─', '─', '─'));

fn table(table: &Table<'_>) -> String {
    let mut grid = Grid::new();
    grid.load_style(STYLE);
    let headings = columns::ALL.iter().map(|column| column.short);
    grid.set_header(std::iter::once("").chain(headings));
    let widths: Vec<usize> = (0..columns::ALL.len())
        .map(|index| {
            table
                .rows
                .iter()
                .map(|row| marks(row, index).chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    for row in &table.rows {
        grid.add_row(cells(row, &widths));
    }
    for column in grid.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let lines: Vec<_> = grid.lines().map(|line| line.trim_end().to_owned()).collect();
    format!("{}\n{}\n", table.setting.title, lines.join("\n"))
}

/// Each figure with its marks, which have a width of their own so that the digits stand below each other.
fn cells(row: &Row<'_>, widths: &[usize]) -> Vec<String> {
    let figures = columns::ALL.iter().zip(&row.cells).zip(widths).enumerate();
    let figures = figures.map(|(index, ((column, cell), &width))| {
        let figure = cell
            .spread
            .map_or("–".to_owned(), |spread| (column.write)(spread.median));
        format!("{figure}{:width$}", marks(row, index))
    });
    std::iter::once(row.model.to_owned()).chain(figures).collect()
}

fn marks(row: &Row<'_>, index: usize) -> String {
    let mut marks = String::new();
    if row.cells[index].best {
        marks.push('*');
    }
    if index == SERVED && row.left_unserved() {
        marks.push('†');
    }
    if index == RATE && row.client_limited() {
        marks.push('‡');
    }
    marks
}
