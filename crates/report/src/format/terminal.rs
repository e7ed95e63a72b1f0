//! The decision, the grid and the main tables as text, at most 100 columns wide.

use comfy_table::{
    CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, Table as Frame, TableStyle,
};

use crate::numbers::counted;
use crate::page::{DecisionLine, Grid, GridRow, Mark, Table};
use crate::summary::Summary;
use crate::tables::{Width, heading, main_table};
use crate::{conclusions, grid, score};
use stats::trials_needed;

const WIDTH: u16 = 100;

/// Columns of more models do not fit.
const MODELS_MOST: usize = 8;

/// The width of the workloads, so that six models have room beside them.
const TITLES_MOST: u16 = 14;

/// One line, below the headings.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::new('─', '─', '─', '─'));

/// Renders which model to choose, how far each is from the best, and the main tables.
#[must_use]
pub fn render(summary: &Summary<'_>) -> String {
    // With too few trials, each cell would have the same note. A smoke run has none of these.
    let notes = is_smoke(summary) || summary.environment.rounds >= least_needed(summary);
    let tables = summary.results.iter().map(|results| {
        let table = main_table(results, Width::Terminal);
        let title = &results.experiment.title;
        let title = match &*results.answers {
            [_] => title.clone(),
            _ => format!("{title}: {}", heading(results)),
        };
        format!("{title}\n{}\n", values(&table, notes))
    });
    let parts = [
        decision(&conclusions::decision(summary)),
        workloads(&grid::grid(summary)),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().chain(tables).collect();
    format!("{}\n{}", parts.join("\n"), footer(summary))
}

/// Which model in which situation; none if the run shows none.
fn decision(lines: &[DecisionLine]) -> Option<String> {
    if lines.is_empty() {
        return None;
    }
    let mut text = "Which model to choose\n".to_owned();
    for line in lines {
        let plain = format!("{}: {}", line.when, line.choice)
            .replace("**", "")
            .replace('`', "");
        text += &wrapped(&plain);
    }
    Some(text)
}

/// A sentence in lines that fit, the first after a dash.
fn wrapped(text: &str) -> String {
    let mut lines = vec!["-".to_owned()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().expect("there is always one");
        if last.chars().count() + 1 + word.chars().count() <= usize::from(WIDTH) {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(format!("  {word}"));
        }
    }
    lines.join("\n") + "\n"
}

/// Workloads and models; none if the run has no workload.
fn workloads(grid: &Grid) -> Option<String> {
    if grid.rows.is_empty() {
        return None;
    }
    let is_ranked = score::has_order(grid);
    let title = if is_ranked {
        "How many times worse than the best"
    } else {
        "Values by workload"
    };
    if !is_ranked || grid.models.len() > MODELS_MOST {
        let lines = grid.rows.iter().map(list);
        return Some(format!("{title}\n{}", lines.collect::<String>()));
    }
    let headings = grid.models.iter().map(|(model, _)| model.clone());
    let mut frame = frame(std::iter::once("best value".to_owned()).chain(headings));
    for row in &grid.rows {
        let best = row
            .best
            .as_ref()
            .map_or_else(String::new, |best| format!("\n{best}"));
        let cells = row.cells.iter().map(|cell| cell.text.clone());
        frame.add_row(std::iter::once(format!("{}{best}", row.title)).chain(cells));
    }
    for column in frame.column_iter_mut() {
        column.set_padding((1, 0));
    }
    if let Some(titles) = frame.column_mut(0) {
        titles.set_constraint(ColumnConstraint::UpperBoundary(comfy_table::Width::Fixed(
            TITLES_MOST,
        )));
    }
    Some(format!("{title}\n{}\n", text(&mut frame)))
}

/// The models of a workload from the best to the last.
fn list(row: &GridRow) -> String {
    let list = &row.list;
    let best = match &row.best {
        Some(_) if let Some(models) = &list.undecided => models.clone(),
        Some(value) => format!("{} ({value})", list.best.join(", ")),
        None => String::new(),
    };
    let unranked = list
        .unranked
        .iter()
        .map(|(reason, models)| format!("{reason}: {}", models.join(", ")));
    let groups = [best, list.others.join(", ")].into_iter().chain(unranked);
    let groups: Vec<_> = groups.filter(|group| !group.is_empty()).collect();
    wrapped(&format!("{}: {}", row.title, groups.join("; ")))
}

/// What a value is, and whether there are too few to rank.
fn footer(summary: &Summary<'_>) -> String {
    let (rounds, needed) = (summary.environment.rounds, least_needed(summary));
    if rounds < needed {
        let trials = counted(rounds, "trial", "trials");
        return format!(
            "Values are medians. {trials} of each model: nothing is ranked; a comparison needs {needed} or more\n"
        );
    }
    if is_smoke(summary) {
        return "Values are medians. A smoke run ranks nothing\n".to_owned();
    }
    "Values are medians. “best”: significantly better than all others.\n\
     “tied”: no significant difference from the best.\n"
        .to_owned()
}

fn is_smoke(summary: &Summary<'_>) -> bool {
    summary.environment.profile == "smoke"
}

/// How many rounds a comparison of all models needs.
fn least_needed(summary: &Summary<'_>) -> usize {
    match summary.environment.contenders.len() {
        0 => 0,
        models => trials_needed(models),
    }
}

/// A table of values: with `notes`, what limits a value is below it.
fn values(table: &Table, notes: bool) -> String {
    let mut frame = frame(std::iter::once(String::new()).chain(table.headings.iter().cloned()));
    for row in &table.rows {
        let cells = row.cells.iter().map(|cell| {
            let mark = match cell.mark {
                Mark::None | Mark::AllTied => None,
                Mark::Best => Some("best"),
                Mark::Tied => Some("tied"),
            };
            let note = cell.note.as_deref().filter(|_| notes);
            let mark = mark.map_or_else(String::new, |mark| format!(" {mark}"));
            let note = note.map_or_else(String::new, |note| format!("\n{note}"));
            format!("{}{mark}{note}", cell.median)
        });
        frame.add_row(std::iter::once(row.model.clone()).chain(cells));
    }
    text(&mut frame)
}

fn frame(headings: impl Iterator<Item = String>) -> Frame {
    let mut frame = Frame::new();
    frame.load_style(STYLE);
    frame.set_content_arrangement(ContentArrangement::Dynamic);
    frame.set_width(WIDTH);
    frame.set_header(headings);
    frame
}

/// The lines of a table, with its numbers on the right.
fn text(frame: &mut Frame) -> String {
    for column in frame.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let lines: Vec<_> = frame.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use schema::environment::Environment;

    #[test]
    fn the_footer_names_the_trials_that_a_comparison_needs() {
        let mut environment = fixture::environment();
        assert_eq!(environment.contenders.len(), 6);
        environment.rounds = 6;
        let shown = |environment: &Environment| footer(&fixture::summary(environment, &[]));
        assert_eq!(
            shown(&environment),
            "Values are medians. 6 trials of each model: nothing is ranked; a comparison needs 7 or more\n"
        );
        environment.rounds = 7;
        assert!(shown(&environment).contains("“tied”: no significant difference from the best"));
    }

    #[test]
    fn a_smoke_run_shows_values_without_notes_on_trials() {
        let (mut environment, mut records) = fixture::run();
        environment.profile = "smoke".to_owned();
        for rounds in [6, 1] {
            environment.rounds = rounds;
            records.retain(|record| record.round <= rounds);
            let summary = fixture::summary(&environment, &records);
            for text in [
                render(&summary),
                crate::markdown(&crate::page(&summary, "20260102T030405Z")),
            ] {
                assert!(text.contains("Values by workload"), "{text}");
                assert!(text.contains("overloaded"), "{text}");
                for words in [
                    "times worse",
                    "(1 of 6 trials)",
                    "(5 of 6 trials)",
                    "<sub>1 of 6 trials",
                ] {
                    assert!(!text.contains(words), "{words}: {text}");
                }
            }
        }
    }
}
