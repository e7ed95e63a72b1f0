//! The tables that answer the questions as text, no wider than 100 columns.

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table as Grid, TableStyle};

use super::compose::{self, Width};
use super::page::{Cell, Mark, Row, Table};
use super::summary::Summary;

const WIDTH: u16 = 100;

/// A line below the headings and no others.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::new('─', '─', '─', '─'));

/// All tables, each with its heading, and what the signs mean.
pub(super) fn text(summary: &Summary<'_>) -> String {
    let tables = summary.results.iter().map(|results| {
        let table = compose::main_table(results, Width::Terminal);
        format!("{}\n{}\n", results.experiment.title, grid(&table))
    });
    let tables: Vec<_> = tables
        .zip(&summary.results)
        .map(|(text, results)| match &*results.answers {
            [_] => text,
            _ => text.replacen('\n', &format!(": {}\n", compose::heading(results)), 1),
        })
        .collect();
    let legend = "medians; * the best; = not to be told from it; † left connections unserved, so not compared;\n\
                  ‡ the load generator may have been the limit; § so few connections were the limit;\n\
                  ◊ more was asked than it could do, so latency is not compared; ¶ its limit was not seen";
    format!("{}\n{legend}\n", tables.join("\n"))
}

fn grid(table: &Table) -> String {
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
        grid.add_row(cells(row, &widths));
    }
    for column in grid.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let lines: Vec<_> = grid.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// Each figure with its signs, which have a width of their own so that the digits stand below each other.
fn cells(row: &Row, widths: &[usize]) -> Vec<String> {
    let figures = row.cells.iter().zip(widths);
    // A space would fall off at the end of a cell: this one does not break, and stays.
    let figures = figures.map(|(cell, &width)| {
        let signs = format!("{:width$}", signs(cell)).replace(' ', "\u{a0}");
        format!("{}{signs}", cell.median)
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
