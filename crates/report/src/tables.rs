//! The tables of a page, and how to read them.

use super::page::{Cell, Mark, Row as PageRow, Table};
use super::summary::{Answer, Results, Row};
use crate::remark;
use crate::standing::Reason;
use schema::experiment::Method;

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
        answers => settings_table(answers, heading(results), width),
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
        let values = metrics.clone().map(|index| match width {
            Width::Terminal if index > 0 => Cell {
                note: None,
                mark: Mark::None,
                ..value_cell(answer, row, index)
            },
            Width::Terminal => noted_in_short(answer, row, index),
            Width::Page | Width::Whole => value_cell(answer, row, index),
        });
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

/// The most settings of a small table.
const SETTINGS_MOST: usize = 2;

/// A small table: the headline in the settings that matter most. The heading of its first column is its caption. Plots show
/// the intervals.
pub(crate) fn short_table(results: &Results<'_>) -> Table {
    let answers = shown_answers(results);
    let (caption, headings, columns): (_, Vec<_>, Vec<_>) = match &*answers {
        [answer] => {
            // What a kill loses is in the sentence above the table.
            let is_kill = results.experiment.method == Method::KillWorker;
            let workload = answer.setting.workload.as_ref().filter(|_| !is_kill);
            let further = workload
                .map(|workload| answer.index_of(workload))
                .filter(|&index| index > 0);
            let columns: Vec<_> = std::iter::once(0)
                .chain(further)
                .map(|index| (*answer, index))
                .collect();
            let titles = columns.iter().map(|(answer, index)| answer.metric_title(*index));
            ("model".to_owned(), titles.collect(), columns)
        }
        answers => (
            results.headline_title(),
            answers.iter().map(|answer| answer.name()).collect(),
            answers.iter().map(|answer| (*answer, 0)).collect(),
        ),
    };
    let rows = models(&answers).into_iter().map(|(place, model)| PageRow {
        model: model.to_owned(),
        cells: columns
            .iter()
            .map(
                |(answer, index)| match answer.rows.iter().find(|row| row.place == place) {
                    Some(row) => short_cell(answer, row, *index),
                    None => empty_cell(),
                },
            )
            .collect(),
    });
    Table {
        caption,
        headings,
        rows: rows.collect(),
    }
}

/// The settings that a small table shows: those that stand for workloads, and the first one. Without workloads the first and
/// the last on an axis, or those with the most models.
pub(crate) fn shown_answers<'r, 'a>(results: &'r Results<'a>) -> Vec<&'r Answer<'a>> {
    let answers: Vec<_> = results.answers.iter().collect();
    if answers.len() <= SETTINGS_MOST {
        return answers;
    }
    let last = answers.len() - 1;
    let workloads: Vec<_> = (0..=last)
        .filter(|&index| answers[index].setting.workload.is_some())
        .collect();
    let mut shown = match &*workloads {
        [.., before, workload] => vec![*before, *workload],
        [0] => vec![0, last],
        [workload] => vec![0, *workload],
        [] if results.experiment.axis.is_some() => vec![0, last],
        [] => {
            let mut by_models: Vec<_> = (0..=last).collect();
            by_models.sort_by_key(|&index| std::cmp::Reverse(answers[index].rows.len()));
            by_models.truncate(SETTINGS_MOST);
            by_models
        }
    };
    shown.sort_unstable();
    shown.into_iter().map(|index| answers[index]).collect()
}

/// A value. If it is not ranked, the reason is in its place.
fn short_cell(answer: &Answer<'_>, row: &Row<'_>, index: usize) -> Cell {
    let cell = value_cell(answer, row, index);
    let reason = row.values[index].standing.err();
    match reason.and_then(|reason| remark::in_short(row, reason)) {
        // Few trials are something all the same.
        Some(words) if matches!(reason, Some(Reason::TooFew { .. })) => Cell {
            interval: None,
            note: Some(words),
            ..cell
        },
        Some(words) => Cell {
            median: words,
            ..Cell::default()
        },
        None => Cell {
            note: None,
            interval: None,
            ..cell
        },
    }
}

/// A value with the reason why it is not ranked in short, and without any other note.
fn noted_in_short(answer: &Answer<'_>, row: &Row<'_>, index: usize) -> Cell {
    let reason = row.values[index].standing.err();
    Cell {
        note: reason.and_then(|reason| remark::in_short(row, reason)),
        ..value_cell(answer, row, index)
    }
}

/// The models of these settings, with their places among all contenders.
fn models<'a>(answers: &[&Answer<'a>]) -> Vec<(usize, &'a str)> {
    let rows = answers.iter().flat_map(|answer| &answer.rows);
    let mut models: Vec<_> = rows.map(|row| (row.place, row.model)).collect();
    models.sort_unstable();
    models.dedup();
    models
}

/// The headline in all settings: models in rows, settings in columns.
fn settings_table(answers: &[Answer<'_>], caption: String, width: Width) -> Table {
    let models = models(&answers.iter().collect::<Vec<_>>());
    let shows_errors = answers.iter().any(|answer| answer.shows_errors);
    let headings = answers.iter().map(|answer| answer.setting.title.clone());
    let headings = headings.chain(shows_errors.then(|| ERRORS_HEADING.to_owned()));
    let rows = models.into_iter().map(|(place, model)| {
        let value = |answer: &Answer<'_>| match answer.rows.iter().find(|row| row.place == place) {
            Some(row) if width == Width::Terminal => noted_in_short(answer, row, 0),
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
    let note = remark::note(row, metric, value.standing);
    let Some(estimate) = value.estimate else {
        return Cell { note, ..empty_cell() };
    };
    let [median, low, high] =
        [estimate.median, estimate.low, estimate.high].map(|value| metric.format(value));
    Cell {
        interval: (low != high).then(|| format!("{low}–{high}")),
        note,
        median: format!("{}{median}", remark::at_least([row], metric)),
        value: Some(estimate.median),
        mark: answer.mark(row, index),
    }
}

/// How to read tables of values.
pub(crate) fn reading() -> String {
    "A value is the median of its trials. Below it is its 95 % confidence interval. The best of a column is significantly better \
     than all others. Values that are tied show no significant difference from the best, which does not mean that there is none. \
     All other values are significantly worse, by the trials of the same rounds, or not ranked for the reason that stands below \
     them. A value with “≥” or “client-bound” is limited by the load generator: the server may do better."
        .to_owned()
}
