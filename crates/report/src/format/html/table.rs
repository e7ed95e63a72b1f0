//! A table of values.

use maud::{Markup, html};

use super::swatch::{Model, swatch};
use crate::escape::markup::{Shown, marked, plain};
use crate::page::{Cell, Mark, Table};

/// A table with a model in each row.
pub(super) fn render(table: &Table, models: &[Model<'_>]) -> Markup {
    let place = |name: &str| models.iter().find(|(model, _)| *model == name)?.1;
    html! {
        div.wide tabindex="0" role="group" aria-label=(Shown(&plain(&table.caption))) {
            table.sortable {
                caption { span { (marked(&table.caption)) } }
                thead {
                    tr {
                        @for heading in std::iter::once("model").chain(table.headings.iter().map(String::as_str)) {
                            th scope="col" { (marked(heading)) }
                        }
                    }
                }
                tbody {
                    "\n"
                    @for row in &table.rows {
                        tr data-series=(Shown(&row.model)) {
                            th scope="row" { (swatch(place(&row.model))) (Shown(&row.model)) }
                            @for cell in &row.cells {
                                (value(cell))
                            }
                        }
                        "\n"
                    }
                }
            }
        }
    }
}

fn value(cell: &Cell) -> Markup {
    let value = cell.value.filter(|value| value.is_finite()).map(short);
    let (class, word) = match cell.mark {
        Mark::None => (None, None),
        Mark::Best => (Some("best"), Some("best")),
        Mark::Tied => (Some("tied"), Some("tied")),
        Mark::AllTied => (None, Some("tied")),
    };
    html! {
        td class=[class] data-value=[value] {
            @if let Some(word) = word {
                span.mark { (word) } " "
            }
            (Shown(&cell.median))
            @for below in cell.interval.iter().chain(&cell.note) {
                small { (Shown(below)) }
            }
        }
    }
}

/// A number to sort by, with more digits than are shown, and not with all of them: a page has thousands.
fn short(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}
