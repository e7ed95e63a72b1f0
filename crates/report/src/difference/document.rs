//! What a comparison found, as one document: JSON for programs, and the source of its Markdown.
//!
//! docs/COMPARING.md describes every field for readers.

use std::fmt::Write;

use schema::environment::Machine;
use schema::text::unseen::is_unseen;
use serde::{Deserialize, Serialize};

/// The version of [`Document`].
pub const SCHEMA: u32 = 1;

/// What `compare diff` or `compare check` found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Which command found it.
    pub verb: Verb,
    /// What was compared with what.
    pub compares: Compares,
    /// What came of it.
    pub verdict: Outcome,
    /// The runs.
    pub runs: Runs,
    /// What was selected, and how it was compared.
    pub options: Options,
    /// What a reader must know before the values.
    pub cautions: Vec<String>,
    /// Every value that was compared, in the order of the run.
    pub values: Vec<Value>,
    /// What models did wrong in most trials, and never before. Only a check looks for it.
    pub faults: Vec<Remark>,
    /// The same in too few trials for a verdict.
    pub seldom_faults: Vec<Remark>,
    /// What was measured before, and is not now.
    pub gone: Vec<Remark>,
    /// Where requests failed.
    pub errors: Vec<Remark>,
    /// What was not compared, and why.
    pub not_compared: Vec<Remark>,
}

/// A command that compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// `compare diff`.
    Diff,
    /// `compare check`.
    Check,
}

/// What is compared with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compares {
    /// The values of two runs.
    Runs,
    /// The values of two runs, as multiples of those of the reference in the same round.
    RunsByReference,
    /// The models of one run with its reference.
    ModelsOfARun,
}

/// The answer, and what it rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The answer.
    pub result: Answer,
    /// The same in words.
    pub words: String,
    /// How many values were compared.
    pub values: usize,
    /// How many of them are worse: in a check by its verdict, in a diff significantly.
    pub worse: usize,
    /// How many are significantly better.
    pub better: usize,
    /// How many differ significantly in a metric of which neither more nor less is better.
    pub other: usize,
    /// How many could not be judged, because they have too few trials.
    pub too_few: usize,
    /// How many significant differences chance alone explains. A check has none to expect.
    pub expected_by_chance: Option<f64>,
}

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// A diff has no verdict.
    Compared,
    /// Nothing got worse, as far as these trials show.
    Passed,
    /// Something got worse.
    Failed,
    /// There is nothing to judge.
    NotJudged,
}

/// The runs that were compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Runs {
    /// The earlier one, or the only one.
    pub before: RunFacts,
    /// The later one.
    pub after: Option<RunFacts>,
}

/// Which run it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFacts {
    /// The name of its folder.
    pub name: String,
    /// When it began.
    pub started_at: String,
    /// The commit of its programs, where that is known.
    pub commit: Option<String>,
    /// Whether files had been changed since that commit.
    pub uncommitted_changes: bool,
    /// Its profile.
    pub profile: String,
    /// How often each model was to be measured in each setting.
    pub rounds: usize,
    /// The machine.
    pub machine: Machine,
}

/// How it was compared. An empty list means everything.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// The model that the others were compared by.
    pub reference: Option<String>,
    /// Only these models.
    pub models: Vec<String>,
    /// Only these experiments.
    pub experiments: Vec<String>,
    /// Only these metrics.
    pub metrics: Vec<String>,
    /// How much worse a value may become, as a share. Only in a check.
    pub max_regression: Option<f64>,
}

/// A value before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Value {
    /// The model.
    pub model: String,
    /// The experiment's key.
    pub experiment: String,
    /// The setting's key.
    pub setting: String,
    /// The metric's key.
    pub metric: String,
    /// What the experiment calls the metric.
    pub name: String,
    /// The unit of `before` and `after`; empty for plain numbers, `×` for multiples of the reference's value.
    pub unit: String,
    /// Which direction is better; null if neither is.
    pub better: Option<Direction>,
    /// The median before. Within one run: that of the reference.
    pub before: Option<f64>,
    /// The median after. Within one run: that of the model.
    pub after: Option<f64>,
    /// The second, divided by the first.
    pub ratio: Option<f64>,
    /// The lower end of its 95 % interval; null if there are too few trials for one.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// Which of these five are infinite, and therefore null.
    pub infinite: Vec<Field>,
    /// Whether the interval leaves 1 out.
    pub significant: bool,
    /// Whether a significant difference is good or bad; null without one, and where neither direction is better.
    pub change: Option<Change>,
    /// The verdict of a check.
    pub finding: Option<Finding>,
    /// How many trials have the value.
    pub trials: TrialCounts,
}

/// A direction of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Less is better.
    Less,
    /// More is better.
    More,
}

/// A number that can be infinite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the field of this name")]
pub enum Field {
    Before,
    After,
    Ratio,
    Low,
    High,
}

/// Whether a change is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// In the bad direction.
    Worse,
    /// In the good direction.
    Better,
}

/// The verdict of a check on a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// Worse by more than is allowed.
    Worse,
    /// Not shown to be worse.
    NotShown,
    /// Too few trials to be judged.
    TooFew,
}

/// Numbers of trials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialCounts {
    /// In the earlier run.
    pub before: usize,
    /// In the later run.
    pub after: usize,
}

/// A remark about a model in a setting, or about more than that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// The model; null: all of them.
    pub model: Option<String>,
    /// The experiment's key; null: all of them.
    pub experiment: Option<String>,
    /// The setting's key; null: all of them.
    pub setting: Option<String>,
    /// The remark.
    pub what: String,
}

impl Document {
    /// The verdict in one line.
    #[must_use]
    pub fn verdict_line(&self) -> String {
        let what = match self.verdict.result {
            Answer::Compared => "compare diff",
            Answer::Passed => "compare check passed",
            Answer::Failed => "compare check failed",
            Answer::NotJudged => "compare check has no verdict",
        };
        format!("{what}: {}", self.verdict.words)
    }

    /// The document as JSON, with a newline at its end. Characters that nobody sees are written as their codes.
    ///
    /// # Panics
    /// Never: everything in a document can be written as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let json = serde_json::to_string_pretty(self).expect("a document can be written as JSON");
        let mut text = String::with_capacity(json.len() + 1);
        let mut units = [0; 2];
        // Line ends are the only such characters outside of strings.
        for character in json.chars() {
            if is_unseen(character) && character != '\n' {
                let codes = character.encode_utf16(&mut units).iter();
                for code in codes {
                    let _ = write!(text, "\\u{code:04x}");
                }
            } else {
                text.push(character);
            }
        }
        text.push('\n');
        text
    }
}
