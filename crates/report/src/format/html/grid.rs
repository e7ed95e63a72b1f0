//! The grid of workloads and models, with the weights that put the models in order.

use maud::{Markup, html};

use super::section;
use super::swatch::swatch;
use crate::escape::markup::{Shown, marked, plain};
use crate::grid::RATIOS;
use crate::page::{Grid, GridCell, GridRow, Interval, Mark};
use crate::score::{self, Placed};

pub(super) fn render(grid: &Grid) -> Markup {
    if grid.rows.is_empty() {
        return html! {};
    }
    let placed = score::order(grid, &vec![1.0; grid.rows.len()]);
    let models: Vec<_> = placed.iter().map(|placed| placed.column).collect();
    html! {
        section #grid {
            h2 #grid-title { "Every model, every workload" }
            p {
                "A cell shows how far a model is from the best of its row: " b { "1.55 ×" } " is 1.55 times as much time or \
                 memory, or a rate that is 1.55 times lower. " b { "Tied" } " models show no significant difference. Words \
                 stand where there is no ratio. " (RATIOS)
            }
            (ordering(grid, &placed))
            div #workloads .wide tabindex="0" role="group" aria-labelledby="grid-title" {
                table.grid.many[models.len() > COLUMNS_WIDE] {
                    thead {
                        tr {
                            th scope="col" { "workload" }
                            th.weight scope="col" data-script hidden { "weight" }
                            @for &column in &models {
                                th scope="col" data-series=(Shown(name(grid, column))) data-column=(column) {
                                    (swatch(Some(grid.models[column].1))) (Shown(name(grid, column)))
                                }
                            }
                        }
                    }
                    tbody {
                        @for row in &grid.rows {
                            "\n"
                            (workload(row, grid, &models))
                        }
                    }
                }
            }
        }
    }
}

/// More columns are narrow.
const COLUMNS_WIDE: usize = 8;

fn name(grid: &Grid, column: usize) -> &str {
    &grid.models[column].0
}

/// The order of the models with all weights 1. The script writes the same for other weights.
fn ordering(grid: &Grid, placed: &[Placed]) -> Markup {
    let rows = grid.rows.len();
    let has_order = score::has_order(grid);
    html! {
        div.ordering {
            h3 #order-title { "Order, all workloads alike" }
            p.quiet {
                "The weighted geometric mean of a model’s ratios, with an interval from theirs. Where intervals overlap, models \
                 are tied. A model that is not ranked in a workload comes after those that are. "
                span #order-counted { @if has_order { "Counted: " (rows) " of " (rows) " workloads." } }
            }
            p.quiet data-script hidden { "Set the weight of each workload in the grid from 0 (does not count) to 5." }
            ol #order {
                @if has_order {
                    @for (index, one) in placed.iter().enumerate() {
                        (entry(grid, placed, index, *one))
                    }
                } @else {
                    li { (NO_ORDER) }
                }
            }
            p.buttons data-script hidden {
                button #no-weights type="button" { "All weights 0" }
                button #reset type="button" { "Reset" }
                button #copy type="button" { "Copy link" }
                input #link type="text" readonly hidden aria-label="Link to the page as it is set";
            }
            p #order-status .unseen role="status" {}
        }
    }
}

/// What stands in the place of an order, as of a smoke run. The script writes the same.
pub(super) const NO_ORDER: &str = "No order: no model is ranked in these workloads.";

fn entry(grid: &Grid, placed: &[Placed], index: usize, one: Placed) -> Markup {
    let rank = (0..=index)
        .rev()
        .find(|&index| !placed[index].is_tied)
        .unwrap_or(0)
        + 1;
    let is_tied = one.is_tied || placed.get(index + 1).is_some_and(|next| next.is_tied);
    let missing: Vec<_> = missing(grid, one.column).collect();
    html! {
        li {
            span.rank { (rank) "." }
            span.name { (swatch(Some(grid.models[one.column].1))) (Shown(name(grid, one.column))) }
            @if let Some(score) = one.score {
                (range(score, reach(placed)))
                span.score {
                    b { (digits(score.middle)) " ×" }
                    " "
                    small { (digits(score.low)) "–" (digits(score.high)) }
                }
            }
            @if is_tied { span.tied-word { "tied" } }
            @if !missing.is_empty() {
                small.missing { "not ranked in " (missing.len()) " of " (grid.rows.len()) ": " (Shown(&missing.join("; "))) }
            }
        }
        "\n"
    }
}

/// The highest end of an interval in the order: the end of the scale of [`range`].
fn reach(placed: &[Placed]) -> f64 {
    let ends = placed
        .iter()
        .filter_map(|placed| placed.score)
        .map(|score| score.high);
    ends.filter(|end| end.is_finite()).fold(1.1, f64::max)
}

/// A score and its interval as a drawing, on a logarithmic scale from 1 to the reach.
fn range(score: Interval, reach: f64) -> Markup {
    let place = |ratio: f64| (ratio.ln() / reach.ln() * 100.0).clamp(0.0, 100.0);
    let [middle, low, high] = [score.middle, score.low, score.high].map(place);
    html! {
        span.range aria-hidden="true" {
            i style={ "left:" (format!("{low:.2}")) "%;width:" (format!("{:.2}", high - low)) "%" } {}
            b style={ "left:" (format!("{middle:.2}")) "%" } {}
        }
    }
}

/// The workloads in which a model has no ratio, though another has one.
fn missing(grid: &Grid, column: usize) -> impl Iterator<Item = String> {
    let ranked = |cell: &GridCell| score::counted(cell).is_some();
    let rows = grid.rows.iter().filter(move |row| row.cells.iter().any(ranked));
    rows.filter(move |row| !row.cells.get(column).is_some_and(ranked))
        .map(|row| plain(&row.title))
}

/// A score with three digits, as the script writes it.
pub(super) fn digits(score: f64) -> String {
    let digits = match score {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{score:.digits$}")
}

fn workload(row: &GridRow, grid: &Grid, models: &[usize]) -> Markup {
    html! {
        tr data-workload=(Shown(&row.key)) data-experiment=(Shown(&row.experiment)) data-title=(Shown(&plain(&row.title))) {
            th scope="row" {
                a href={ "#" (Shown(&section::id(&row.experiment))) } { (marked(&row.title)) }
                small { (marked(&row.metric)) }
            }
            td.weight data-script hidden {
                input type="range" min="0" max="5" step="1" value="1" autocomplete="off" data-weight=(Shown(&row.key))
                    aria-label={ "Weight of " (Shown(&plain(&row.title))) };
                output { "1" }
            }
            @for &column in models {
                @if let Some(cell) = row.cells.get(column) { (value(name(grid, column), cell)) }
            }
        }
    }
}

fn value(model: &str, cell: &GridCell) -> Markup {
    let class = match (cell.mark, cell.ratio) {
        (Mark::Best, _) => "best",
        (Mark::Tied, _) => "tied",
        (Mark::AllTied, _) => "alike",
        (Mark::None, Some(ratio)) => heat(ratio.middle),
        (Mark::None, None) => "words",
    };
    let ratio = score::counted(cell).map(|ratio| format!("{} {} {}", ratio.middle, ratio.low, ratio.high));
    html! {
        td class=(class) data-series=(Shown(model)) data-ratio=[ratio] {
            (marked(&cell.text))
            @if let Some(value) = cell.value.as_ref().filter(|value| !has_number(&cell.text, value)) {
                small { (Shown(value)) }
            }
        }
    }
}

/// Whether a cell's text has the number of its value already, as in `client-bound ≥ 118,000/s`.
fn has_number(text: &str, value: &str) -> bool {
    let mut words = value
        .split(' ')
        .filter(|word| word.contains(|letter: char| letter.is_ascii_digit()));
    words
        .next()
        .is_some_and(|number| text.split([' ', '/']).any(|word| word == number))
}

/// How dark a cell is: the further from the best, the darker. Its text is the same in words.
fn heat(ratio: f64) -> &'static str {
    match ratio {
        ..1.25 => "h1",
        ..2.0 => "h2",
        ..5.0 => "h3",
        ..20.0 => "h4",
        _ => "h5",
    }
}
