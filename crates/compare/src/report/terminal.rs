//! The tables as text, no wider than 100 columns.

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, Table as Grid};

use super::columns::{self, RATE, SERVED};
use super::summary::{Row, Summary, Table};

/// All tables, each with its heading, and what the marks mean.
pub(super) fn tables(summary: &Summary<'_>) -> String {
    let tables: Vec<_> = summary.tables.iter().map(table).collect();
    let legend = "medians; * the best, or not to be told from it; † left connections unserved, and is not compared; \
                  ‡ the client\nmay have been the limit";
    format!("{}\n{legend}\n", tables.join("\n"))
}

fn table(table: &Table<'_>) -> String {
    let mut grid = Grid::new();
    grid.load_style(UTF8_HORIZONTAL_ONLY);
    let headings = columns::ALL.iter().map(|column| column.short);
    grid.set_header(std::iter::once("").chain(headings));
    for row in &table.rows {
        grid.add_row(cells(row));
    }
    for column in grid.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("{}\n{grid}\n", table.setting.title)
}

fn cells(row: &Row<'_>) -> Vec<String> {
    let mut cells = vec![row.model.to_owned()];
    for (index, (column, cell)) in columns::ALL.iter().zip(&row.cells).enumerate() {
        let Some(spread) = cell.spread else {
            cells.push("–".to_owned());
            continue;
        };
        let mut text = (column.write)(spread.median);
        if cell.best {
            text.push('*');
        }
        if index == SERVED && row.left_unserved() {
            text.push('†');
        }
        if index == RATE && row.client_limited() {
            text.push('‡');
        }
        cells.push(text);
    }
    cells
}
