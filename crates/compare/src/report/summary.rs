//! The figures of a run: a table for each setting, a row for each model.

use super::columns::{self, Better, Column};
use super::limits;
use crate::environment::Environment;
use crate::experiments::Setting;
use crate::record::{Measured, Outcome, Record};
use crate::stats::Spread;

/// A client thread that was busy for more than this share of the window may have been what held the rate down.
pub(super) const CLIENT_BUSY: f64 = 0.9;

/// The figures of a run.
#[derive(Debug)]
pub(crate) struct Summary<'a> {
    pub(super) environment: &'a Environment,
    /// In the order of the experiments.
    pub(super) tables: Vec<Table<'a>>,
    /// What the figures can't show, a sentence or two each.
    pub(super) limits: Vec<String>,
    /// How many trials were made.
    pub(super) trials: usize,
}

/// What the models did in a setting.
#[derive(Debug)]
pub(super) struct Table<'a> {
    pub(super) setting: &'a Setting,
    /// What it is to answer.
    pub(super) question: &'a str,
    /// In the order of the run's list of models.
    pub(super) rows: Vec<Row<'a>>,
}

/// What a model did in a setting.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) model: &'a str,
    /// The trials that were measured.
    pub(super) measured: Vec<&'a Measured>,
    /// Why others were not.
    pub(super) failed: Vec<&'a str>,
    /// One for each of [`columns::ALL`].
    pub(super) cells: Vec<Cell>,
}

/// A figure.
#[derive(Debug)]
pub(super) struct Cell {
    /// Over the trials that have it.
    pub(super) spread: Option<Spread>,
    /// Whether it is the best of its column, or can't be told from the best.
    pub(super) best: bool,
}

impl<'a> Summary<'a> {
    pub(crate) fn of(environment: &'a Environment, records: &'a [Record]) -> Self {
        let settings = environment.experiments.iter().flat_map(|experiment| {
            experiment
                .settings
                .iter()
                .map(|setting| (&*experiment.question, setting))
        });
        let tables: Vec<_> = settings
            .map(|(question, setting)| Table::of(question, setting, &environment.models, records))
            .collect();
        let limits = limits::of(environment, &tables, records.len());
        Self {
            environment,
            tables,
            limits,
            trials: records.len(),
        }
    }
}

impl<'a> Table<'a> {
    fn of(question: &'a str, setting: &'a Setting, models: &'a [String], records: &'a [Record]) -> Self {
        let here = || records.iter().filter(|record| record.setting == setting.key);
        let mut rows: Vec<_> = models
            .iter()
            .map(|model| Row::of(model, here().filter(|record| record.model == *model)))
            .collect();
        for (index, column) in columns::ALL.iter().enumerate() {
            mark_best(&mut rows, index, column);
        }
        Self {
            setting,
            question,
            rows,
        }
    }

    /// The models whose row is so.
    pub(super) fn models_that(&self, is: impl Fn(&Row<'a>) -> bool) -> Vec<&'a str> {
        self.rows
            .iter()
            .filter(|row| is(row))
            .map(|row| row.model)
            .collect()
    }
}

/// Marks the best figure of a column, and all that overlap with it. A model that left connections unserved did less than
/// it was asked to, and is not compared.
fn mark_best(rows: &mut [Row<'_>], index: usize, column: &Column) {
    let compared = |row: &Row<'_>| {
        if row.left_unserved() {
            None
        } else {
            row.cells[index].spread
        }
    };
    let spreads = rows.iter().filter_map(compared);
    let best = match column.better {
        Better::More => spreads.max_by(|a, b| a.median.total_cmp(&b.median)),
        Better::Less => spreads.min_by(|a, b| a.median.total_cmp(&b.median)),
        Better::Neither => None,
    };
    let Some(best) = best else { return };
    for row in rows {
        row.cells[index].best = compared(row).is_some_and(|spread| spread.overlaps(&best));
    }
}

impl<'a> Row<'a> {
    fn of(model: &'a str, records: impl Iterator<Item = &'a Record>) -> Self {
        let (mut measured, mut failed) = (Vec::new(), Vec::new());
        for record in records {
            match &record.outcome {
                Outcome::Measured(figures) => measured.push(&**figures),
                Outcome::Failed(reason) => failed.push(&**reason),
            }
        }
        let cell = |column: &Column| Cell {
            spread: Spread::of(measured.iter().filter_map(|trial| (column.of)(trial))),
            best: false,
        };
        Self {
            model,
            cells: columns::ALL.iter().map(cell).collect(),
            measured,
            failed,
        }
    }

    /// Whether some connection was never served, in any of the trials.
    pub(super) fn left_unserved(&self) -> bool {
        self.measured
            .iter()
            .any(|trial| trial.load.connections.served < trial.load.connections.asked)
    }

    /// Whether the client may have been what held the rate down.
    pub(super) fn client_limited(&self) -> bool {
        Spread::of(self.measured.iter().map(|trial| trial.load.client.busy))
            .is_some_and(|busy| busy.median > CLIENT_BUSY)
    }
}
