//! The tables of a page, and the legend that explains them.

use super::bottleneck::Bottleneck;
use super::page::{Cell, Row as PageRow, Table};
use super::sign::{self, Sign};
use super::standing;
use super::summary::{Answer, Results, Row};
use crate::metric::{Kind, load};

/// How much a table shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    /// What fits into a terminal: the main metrics under short headings.
    Terminal,
    /// The main metrics and the bottleneck.
    Page,
    /// All metrics and the bottleneck.
    Whole,
}

const ERRORS_HEADING: &str = "errors";
const BOTTLENECK_HEADING: &str = "bottleneck";

/// The table that answers the question: a column for each setting, or for each metric if there is only one setting.
pub(crate) fn main_table(results: &Results<'_>, width: Width) -> Table {
    match &*results.answers {
        [answer] => metrics_table(answer, answer.setting.title.clone(), width),
        answers => settings_table(answers, heading(results)),
    }
}

/// What the columns of a table of settings show.
pub(crate) fn heading(results: &Results<'_>) -> String {
    let metric = results.headline_title();
    match &results.experiment.axis {
        Some(axis) => format!("{metric}, by {}", axis.title),
        None => metric,
    }
}

/// The metrics of a setting: models in rows, metrics in columns.
pub(crate) fn metrics_table(answer: &Answer<'_>, caption: String, width: Width) -> Table {
    let metrics = match width {
        Width::Terminal | Width::Page => 0..answer.experiment.main_metrics(),
        Width::Whole => 0..answer.experiment.metric_keys().count(),
    };
    let title = |index| match width {
        Width::Terminal => answer.metric(index).short.to_owned(),
        Width::Page | Width::Whole => answer.metric_title(index),
    };
    let shows_bottleneck = width != Width::Terminal;
    let headings = metrics.clone().map(title);
    let headings = headings
        .chain(answer.shows_errors.then(|| ERRORS_HEADING.to_owned()))
        .chain(shows_bottleneck.then(|| BOTTLENECK_HEADING.to_owned()));
    let rows = answer.rows.iter().map(|row| {
        let values = metrics.clone().map(|index| value_cell(answer, row, index));
        let cells = values
            .chain(answer.shows_errors.then(|| errors_cell(row)))
            .chain(shows_bottleneck.then(|| bottleneck_cell(row)));
        PageRow {
            model: row.model.to_owned(),
            cells: cells.collect(),
        }
    });
    Table {
        caption,
        headings: headings.collect(),
        rows: rows.collect(),
    }
}

/// The headline in all settings: models in rows, settings in columns.
fn settings_table(answers: &[Answer<'_>], caption: String) -> Table {
    let mut models: Vec<_> = answers
        .iter()
        .flat_map(|answer| &answer.rows)
        .map(|row| (row.place, row.model))
        .collect();
    models.sort_unstable();
    models.dedup();
    let shows_errors = answers.iter().any(|answer| answer.shows_errors);
    let headings = answers.iter().map(|answer| answer.setting.title.clone());
    let headings = headings.chain(shows_errors.then(|| ERRORS_HEADING.to_owned()));
    let rows = models.into_iter().map(|(place, model)| {
        let value = |answer: &Answer<'_>| match answer.rows.iter().find(|row| row.place == place) {
            Some(row) => value_cell(answer, row, 0),
            None => empty_cell(),
        };
        let cells = answers.iter().map(value);
        PageRow {
            model: model.to_owned(),
            cells: cells
                .chain(shows_errors.then(|| errors_cell_of_all(answers, place)))
                .collect(),
        }
    });
    Table {
        caption,
        headings: headings.collect(),
        rows: rows.collect(),
    }
}

/// The errors of a model in a setting.
fn errors_cell(row: &Row<'_>) -> Cell {
    Cell {
        median: row.errors.in_a_cell(),
        value: Some(row.errors.failed_share()),
        ..Cell::default()
    }
}

/// The errors of a model in all settings, with the name of each setting that has some.
fn errors_cell_of_all(answers: &[Answer<'_>], place: usize) -> Cell {
    let rows = answers.iter().flat_map(|answer| {
        let own = answer.rows.iter().filter(move |row| row.place == place);
        own.map(move |row| (answer, row))
    });
    let with_errors = rows.filter(|(_, row)| row.errors.any());
    let named: Vec<_> = with_errors
        .clone()
        .map(|(answer, row)| format!("{}: {}", answer.setting.title, row.errors.in_a_cell()))
        .collect();
    let worst = with_errors.map(|(_, row)| row.errors.failed_share());
    Cell {
        median: if named.is_empty() {
            "0 %".to_owned()
        } else {
            named.join("; ")
        },
        value: Some(worst.fold(0.0, f64::max)),
        ..Cell::default()
    }
}

fn bottleneck_cell(row: &Row<'_>) -> Cell {
    if row.kept.is_empty() {
        return empty_cell();
    }
    Cell {
        median: row.bottleneck.name().to_owned(),
        ..Cell::default()
    }
}

fn empty_cell() -> Cell {
    Cell {
        median: "–".to_owned(),
        ..Cell::default()
    }
}

/// The value of a row in this place of the experiment's metrics.
fn value_cell(answer: &Answer<'_>, row: &Row<'_>, index: usize) -> Cell {
    let metric = answer.metric(index);
    let value = row.values[index];
    let note = standing::note(value.standing);
    let Some(estimate) = value.estimate else {
        return Cell { note, ..empty_cell() };
    };
    let [median, low, high] =
        [estimate.median, estimate.low, estimate.high].map(|value| metric.format(value));
    Cell {
        interval: (low != high && note.is_none()).then(|| format!("{low}–{high}")),
        note,
        median,
        value: Some(estimate.median),
        mark: answer.mark(row, index),
        signs: signs(answer, row, index),
    }
}

fn signs(answer: &Answer<'_>, row: &Row<'_>, index: usize) -> Vec<Sign> {
    let metric = answer.metric(index);
    let mut signs = Vec::new();
    if row.errors.any() {
        signs.push(Sign::Errors);
    }
    if row.is_overloaded() && metric.is_latency {
        signs.push(Sign::Overloaded);
    }
    let is_affected = index == 0 || *metric == load::SERVED || metric.better.is_some();
    let is_compared = index > 0 && row.values[index].standing.is_ok();
    if row.has_never_served() && is_affected && !is_compared {
        signs.push(Sign::NeverServed);
    }
    let is_bounded = match row.bottleneck {
        // More connections would raise a rate, but not a latency.
        Bottleneck::Latency => metric.kind == Kind::Rate,
        _ => metric.is_latency || metric.kind == Kind::Rate,
    };
    // A model that never served some connections has a sign already that explains why it is not busy.
    let is_explained = row.bottleneck == Bottleneck::Unknown && row.has_never_served();
    if is_bounded && !is_explained {
        signs.extend(Sign::from_bottleneck(row.bottleneck));
    }
    signs
}

/// How to read tables: a paragraph about values, and one about the signs that are there.
pub(crate) fn legend<'t>(tables: impl IntoIterator<Item = &'t Table>) -> Vec<String> {
    let values = "A value is the median of its trials. Below it is its 95 % confidence interval. **Bold** is the best of its \
                  column. ≈ is tied with the best: these trials show no significant difference, which does not mean that there \
                  is none. `2 of 7 trials` means too few trials: the value is not ranked. All other values are significantly \
                  worse, by the trials of the same rounds, or not ranked."
        .to_owned();
    let rows = tables.into_iter().flat_map(|table| &table.rows);
    let used: Vec<Sign> = rows
        .flat_map(|row| &row.cells)
        .flat_map(|cell| cell.signs.iter().copied())
        .collect();
    let signs: Vec<_> = sign::ALL
        .iter()
        .filter(|sign| used.contains(sign))
        .map(|sign| format!("{} {}", sign.symbol(), sign.meaning()))
        .collect();
    let signs = (!signs.is_empty()).then(|| signs.join(" "));
    std::iter::once(values).chain(signs).collect()
}
