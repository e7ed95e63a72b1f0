//! The report as a page without a format: what it contains, and in which order. The formats are made from it.

use schema::trace::Trace;

use super::plot::Plot;
pub(crate) use super::standing::Mark;

/// A page.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// What the kernel recorded of models while they served a few requests. The records of a run do not have it.
    pub traces: Vec<Trace>,
    pub(crate) title: String,
    /// The name of the run.
    pub(crate) run: String,
    /// What was measured, in a paragraph. Like all texts of a page it may contain `**bold**` and `` `code` ``.
    pub(crate) introduction: Vec<String>,
    /// How to read the tables, in paragraphs.
    pub(crate) reading: Vec<String>,
    /// Which model in which situation: at most five lines.
    pub(crate) decision: Vec<DecisionLine>,
    /// Workloads and models.
    pub(crate) grid: Grid,
    /// One for each experiment.
    pub(crate) sections: Vec<Section>,
    /// What no reader can conclude from the run: a sentence each.
    pub(crate) limits: Vec<String>,
    /// What limits its values, with all places: a sentence each.
    pub(crate) caveats: Vec<String>,
    /// The run in short, a line each: what made it, what was left out of it, and where its files are.
    pub(crate) summary: Vec<String>,
    /// What the metrics mean: name and meaning.
    pub(crate) metrics: Vec<(String, String)>,
    /// The machine, a line each.
    pub(crate) machine: Vec<String>,
    /// How it was measured, a line each.
    pub(crate) method: Vec<String>,
    /// The command that made the run.
    pub(crate) command: String,
}

/// A line of the decision.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DecisionLine {
    /// The situation: `Handlers that block their thread`.
    pub(crate) when: String,
    /// The models to choose, and the value that this rests on, in a sentence.
    pub(crate) choice: String,
}

/// The workloads of a run, and how far each model is from the best in each of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Grid {
    /// The columns, in the order of the run, each with the place that gives it its colour.
    pub(crate) models: Vec<(String, usize)>,
    pub(crate) rows: Vec<GridRow>,
}

/// A workload.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GridRow {
    /// Experiment and setting: `request-cost/64`.
    pub(crate) key: String,
    /// The key of its experiment, whose section explains it.
    pub(crate) experiment: String,
    pub(crate) title: String,
    /// The name of the metric that ranks the models.
    pub(crate) metric: String,
    /// The value of the best, with its unit; none if no model is ranked.
    pub(crate) best: Option<String>,
    /// One for each model of the grid, in its order.
    pub(crate) cells: Vec<GridCell>,
    /// The same as a list.
    pub(crate) list: RowList,
}

/// The models of a workload from the best to the last.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct RowList {
    /// The best, and then those that are tied with it, from the best median.
    pub(crate) best: Vec<String>,
    /// Whether another model is worse than these.
    pub(crate) is_distinct: bool,
    /// In place of the best: the number and the values of all ranked models, if none is worse than another and some may be far
    /// apart.
    pub(crate) undecided: Option<String>,
    /// The others that have a ratio or a value, each with it, from the next best.
    pub(crate) others: Vec<String>,
    /// Those without, by the reason. Before them, those that are tied with the best and may be far from it.
    pub(crate) unranked: Vec<(String, Vec<String>)>,
    /// What differs between the models of the row.
    pub(crate) notes: Vec<String>,
}

impl RowList {
    /// Adds a model that has no rank, for this reason.
    pub(crate) fn add_unranked(&mut self, reason: &str, model: &str) {
        match self.unranked.iter_mut().find(|(words, _)| words == reason) {
            Some((_, models)) => models.push(model.to_owned()),
            None => self.unranked.push((reason.to_owned(), vec![model.to_owned()])),
        }
    }
}

/// A model in a workload.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct GridCell {
    /// What the cell shows: `best`, `tied`, `1.55 ×`, or in words why there is no ratio.
    pub(crate) text: String,
    pub(crate) mark: Mark,
    /// How many times as much as the best's the value is, or the other way round where more is better: 1 and more. None if
    /// the model is not ranked.
    pub(crate) ratio: Option<Interval>,
    /// The value with its unit, if there is one.
    pub(crate) value: Option<String>,
}

/// A ratio with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Interval {
    pub(crate) middle: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// The part of an experiment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Section {
    pub(crate) key: String,
    pub(crate) title: String,
    pub(crate) question: String,
    pub(crate) setup: String,
    pub(crate) expected: Option<String>,
    /// What it found, in one sentence.
    pub(crate) meaning: String,
    /// What else it found: an item for each setting, then for errors and for theory. One item if there is one setting.
    pub(crate) findings: Vec<String>,
    /// What limits its conclusions, a sentence each.
    pub(crate) caveats: Vec<String>,
    /// A small table of the settings that matter most. Its caption is the heading of its first column.
    pub(crate) short: Table,
    /// The table that answers the question.
    pub(crate) table: Table,
    /// All metrics, a table for each setting.
    pub(crate) details: Vec<Table>,
    pub(crate) plots: Vec<Plot>,
}

impl Page {
    /// All plots, in the order of the page.
    pub fn plots(&self) -> impl Iterator<Item = &Plot> {
        self.sections.iter().flat_map(|section| &section.plots)
    }
}

impl Section {
    /// Its main table and the others.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &Table> {
        std::iter::once(&self.table).chain(&self.details)
    }
}

/// A table with a model in each row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table {
    pub(crate) caption: String,
    /// Without the heading of the models' names.
    pub(crate) headings: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) model: String,
    pub(crate) cells: Vec<Cell>,
}

/// A value in a table.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Cell {
    /// The median as it is written; `–` where there is none.
    pub(crate) median: String,
    /// Its 95 % interval as it is written, if there is one.
    pub(crate) interval: Option<String>,
    /// Why the value is not ranked, or how far it may be trusted: `2 of 7 trials`, `client-bound`.
    pub(crate) note: Option<String>,
    /// The number to sort by.
    pub(crate) value: Option<f64>,
    pub(crate) mark: Mark,
}
