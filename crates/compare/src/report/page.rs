//! The report as a page of no format: what it says and in which order. [`markdown`](mod@super::markdown) and
//! [`html`](super::html) put it into theirs.

/// A page.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Page {
    pub(crate) title: String,
    /// The name of the run that it is made of.
    pub(crate) run: String,
    /// What was measured and how to read it, a paragraph each. Marks: `**bold**` and `` `code` `` as in Markdown.
    pub(crate) introduction: Vec<String>,
    /// Which model for which work, and what was too close to call: a sentence each.
    pub(crate) summary: Vec<String>,
    /// A part for each experiment.
    pub(crate) sections: Vec<Section>,
    /// What the run could not show, and why: a sentence each.
    pub(crate) limits: Vec<String>,
    /// What the figures mean: name and meaning.
    pub(crate) figures: Vec<(String, String)>,
    /// The machine, a line each.
    pub(crate) machine: Vec<String>,
    /// How it was measured, a line each.
    pub(crate) method: Vec<String>,
    /// What was typed.
    pub(crate) command: String,
}

/// What came of an experiment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Section {
    pub(crate) key: String,
    pub(crate) title: String,
    pub(crate) question: String,
    pub(crate) setup: String,
    pub(crate) expected: Option<String>,
    /// One sentence or two, with the figures that they rest on.
    pub(crate) finding: String,
    /// The figure that answers the question: models in rows, settings in columns.
    pub(crate) table: Table,
    /// All figures, a table for each setting.
    pub(crate) details: Vec<Table>,
    pub(crate) plots: Vec<Plot>,
}

/// A table with a model in each row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table {
    pub(crate) caption: String,
    /// Without that of the models' names.
    pub(crate) headings: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) model: String,
    pub(crate) cells: Vec<Cell>,
}

/// A figure in a table.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Cell {
    /// The median as it is written; `–` where there is none.
    pub(crate) median: String,
    /// Its 95 % interval as it is written, if there is one.
    pub(crate) interval: Option<String>,
    /// What to sort by.
    pub(crate) value: Option<f64>,
    pub(crate) mark: Mark,
    /// Signs behind the figure that the introduction explains: what was the limit, who was left unserved.
    pub(crate) signs: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Mark {
    #[default]
    None,
    /// The best of its column.
    Best,
    /// Not to be told from the best.
    Tied,
}

/// A picture of figures: a line for each model, with an interval at each point.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plot {
    /// Its file's name without the ending, and its id in a page.
    pub(crate) key: String,
    pub(crate) title: String,
    pub(crate) x: Scale,
    pub(crate) y: Scale,
    pub(crate) series: Vec<Series>,
}

/// An axis of a plot.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scale {
    pub(crate) title: String,
    pub(crate) logarithmic: bool,
    /// Where it has names: the settings of an experiment without an axis of its own, at 0, 1, 2, …
    pub(crate) names: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    /// The model's place among all models of the run, by which it has its colour in all plots.
    pub(crate) place: usize,
    pub(crate) model: String,
    /// Whether this is what theory expects, and not what was measured.
    pub(crate) theory: bool,
    pub(crate) points: Vec<Point>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
    /// The ends of its 95 % interval.
    pub(crate) low: f64,
    pub(crate) high: f64,
}
