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
    /// Which model for which work.
    pub(crate) choices: Vec<Choice>,
    /// What was too close to call, and what can't be told: a sentence each.
    pub(crate) open: Vec<String>,
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

/// Which model for a work.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Choice {
    /// The experiment's.
    pub(crate) title: String,
    /// The setting, or a stretch of them; none where the experiment has only one.
    pub(crate) settings: Vec<String>,
    /// By what figure.
    pub(crate) merit: String,
    pub(crate) best: String,
    /// The best one's figure in each setting of the stretch.
    pub(crate) figures: Vec<String>,
    /// Who is tied with it.
    pub(crate) tied: Vec<String>,
    /// The worst of those that are significantly worse.
    pub(crate) worst: String,
    /// How many times as much, or as little, it had in each setting of the stretch.
    pub(crate) factors: Vec<String>,
}

impl Choice {
    /// The headings of a table of choices.
    pub(crate) const HEADINGS: [&str; 5] = ["work", "by", "best", "tied with it", "worst"];

    /// Whether the same is to be said of another setting.
    pub(crate) fn answers_like(&self, other: &Self) -> bool {
        (&self.best, &self.tied, &self.worst) == (&other.best, &other.tied, &other.worst)
    }

    /// Makes it that of the next settings too.
    pub(crate) fn append(&mut self, next: Self) {
        self.settings.extend(next.settings);
        self.figures.extend(next.figures);
        self.factors.extend(next.factors);
    }

    /// Its cells.
    pub(crate) fn cells(&self) -> [String; 5] {
        let stretch = |values: &[String]| match values {
            [first, .., last] if first != last => format!("{first} to {last}"),
            [first, ..] => first.clone(),
            [] => String::new(),
        };
        [
            match &*stretch(&self.settings) {
                "" => self.title.clone(),
                settings => format!("{}, {settings}", self.title),
            },
            self.merit.clone(),
            format!("**{}** {}", self.best, stretch(&self.figures)),
            match &*self.tied {
                [] => "–".to_owned(),
                tied => tied.join(", "),
            },
            format!("{} {}", self.worst, stretch(&self.factors)),
        ]
    }
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
    /// Why the value is not ranked, such as `2 of 7 trials`.
    pub(crate) note: Option<String>,
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
    /// No significant difference from the best.
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
