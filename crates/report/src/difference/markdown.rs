//! A comparison as Markdown, for a comment on a pull request.

mod limited;

use std::cmp::Ordering;
use std::fmt::Write;

use self::limited::{Table, Writer, cut, without_folders};
use super::compared::share_in_words;
use super::cut::at_most;
use super::document::{
    Answer, Change, Compares, Direction, Document, Field, Finding, Remark, RunFacts, Value, Verb,
};
use crate::escape::markdown::text as escaped;
use crate::metric::{self, Kind, Metric};
use crate::numbers::rounded;

/// So many of the values that changed stand in sight, the worst ones. The others are folded.
const SHOWN_MOST: usize = 20;

/// So many characters of the verdict are shown. It may list every experiment.
const VERDICT_MOST: usize = 2000;

/// Renders a comparison: the verdict, what changed, and the rest folded. It is short enough for a comment on GitHub: tables
/// that are too long are cut, with the number of rows that are left out.
#[must_use]
pub fn render(document: &Document) -> String {
    let mut writer = Writer::new(head(document));
    let mut changed: Vec<_> = document
        .values
        .iter()
        .filter(|value| is_shown(document, value))
        .collect();
    changed.sort_by(|one, other| by_badness(one, other));
    let (first, further) = changed.split_at(changed.len().min(SHOWN_MOST));
    writer.add(values(document, "", first));
    writer.add(remarks("New errors, in most trials", true, &document.faults));
    writer.add(remarks("Measured before, and not now", true, &document.gone));
    let title = format!("The next {} of this table", further.len());
    writer.add(values(document, &title, further));
    let mut rest: Vec<_> = document
        .values
        .iter()
        .filter(|value| !is_shown(document, value))
        .collect();
    rest.sort_by(|one, other| by_badness(one, other));
    let mut worse = Vec::new();
    let mut better = Vec::new();
    let mut too_few = Vec::new();
    let mut unchanged = Vec::new();
    for value in rest {
        match (value.finding, value.change) {
            (Some(Finding::TooFew), _) => too_few.push(value),
            (_, Some(Change::Worse)) => worse.push(value),
            (_, Some(Change::Better)) => better.push(value),
            _ => unchanged.push(value),
        }
    }
    better.reverse();
    // Of each value, chance alone lifts the interval above 1 or below it in 2.5 of 100 comparisons.
    let by_chance = document.values.len() as f64 * (1.0 - stats::CONFIDENCE) / 2.0;
    let expected = format!("(expected by chance: about {by_chance:.0})");
    for (title, list) in [
        (
            format!("Worse by the 95 % interval, and not by the verdict {expected}"),
            worse,
        ),
        (format!("Better by the 95 % interval {expected}"), better),
        ("Too few trials to be judged".to_owned(), too_few),
        (unchanged_title(document).to_owned(), unchanged),
    ] {
        writer.add(values(document, &format!("{title}: {}", list.len()), &list));
    }
    writer.add(remarks(
        "New errors, in too few trials for a verdict",
        false,
        &document.seldom_faults,
    ));
    writer.add(remarks("Errors", false, &document.errors));
    writer.add(remarks("Not compared", false, &document.not_compared));
    writer.add(runs(document));
    writer.finish()
}

fn unchanged_title(document: &Document) -> &'static str {
    match document.verb {
        Verb::Diff => "Without a significant difference",
        Verb::Check => "Not shown to be worse",
    }
}

/// The verdict, what was compared with what, and what a reader must know.
fn head(document: &Document) -> String {
    let verdict = &document.verdict;
    let mut text = format!(
        "**{}**",
        escaped(&at_most(&document.verdict_line(), VERDICT_MOST))
    );
    if matches!(verdict.result, Answer::Passed | Answer::Failed) {
        text += " With unchanged code on one machine, at most 1 check in 20 fails.";
    }
    text += "\n\n";
    let before = named(&document.runs.before);
    let reference = document.options.reference.as_deref().unwrap_or_default();
    let what = match &document.runs.after {
        Some(after) => format!("Run {}, compared with run {before}.", named(after)),
        None => format!(
            "Run {before}: each model, compared with {}.",
            escaped(&cut(reference))
        ),
    };
    text.push_str(&what);
    let selected = [
        ("models", &document.options.models),
        ("experiments", &document.options.experiments),
        ("metrics", &document.options.metrics),
    ];
    for (what, names) in selected.iter().filter(|(_, names)| !names.is_empty()) {
        let _ = write!(text, " Only these {what}: {}.", escaped(&cut(&names.join(", "))));
    }
    text += "\n";
    for caution in &document.cautions {
        // The names in it are cut already: without its end, a sentence may say the opposite.
        let _ = write!(text, "\n{}\n", escaped(caution));
    }
    text
}

fn named(run: &RunFacts) -> String {
    let commit = match &run.commit {
        Some(hash) => format!(
            " (commit {}{})",
            escaped(&hash.chars().take(12).collect::<String>()),
            if run.uncommitted_changes {
                " with uncommitted changes"
            } else {
                ""
            }
        ),
        None => String::new(),
    };
    format!("{}{commit}", escaped(&cut(&run.name)))
}

/// Whether a value is in the table that is not folded.
fn is_shown(document: &Document, value: &Value) -> bool {
    match document.verb {
        Verb::Diff => value.significant,
        Verb::Check => value.finding == Some(Finding::Worse),
    }
}

/// The worst first. Where neither direction is better, the largest change comes first, after all others.
fn by_badness(one: &Value, other: &Value) -> Ordering {
    let key = |value: &Value| {
        let log = match value.ratio {
            Some(ratio) => ratio.ln(),
            None => f64::INFINITY,
        };
        match value.better {
            Some(Direction::Less) => (0, log),
            Some(Direction::More) => (0, -log),
            None => (1, log.abs()),
        }
    };
    let ((rank, one), (other_rank, other)) = (key(one), key(other));
    rank.cmp(&other_rank).then(other.total_cmp(&one))
}

fn values(document: &Document, title: &str, values: &[&Value]) -> Table {
    let [before, after] = match (document.compares, &document.options.reference) {
        (Compares::ModelsOfARun, Some(reference)) => [escaped(&cut(reference)), "the model".to_owned()],
        _ => ["before".to_owned(), "after".to_owned()],
    };
    let rows = values.iter().map(|value| row(value)).collect();
    Table {
        title: title.to_owned(),
        is_folded: !title.is_empty(),
        headings: vec![
            "model".to_owned(),
            "experiment/setting".to_owned(),
            "metric".to_owned(),
            before,
            after,
            "ratio (95 % interval)".to_owned(),
            "in words".to_owned(),
        ],
        right: 3..6,
        rows,
    }
}

fn row(value: &Value) -> Vec<String> {
    let metric = metric::find(&value.metric);
    let number = |number: Option<f64>, field: Field| match number {
        None if value.infinite.contains(&field) => "never".to_owned(),
        None => "–".to_owned(),
        Some(number) => {
            let number = match metric {
                Some(metric) if value.unit != "×" => metric.format(number),
                _ => rounded(number),
            };
            let unit = if value.unit.is_empty() { "" } else { " " };
            format!("{number}{unit}{}", value.unit)
        }
    };
    let ratio = |number: Option<f64>, field: Field| match number {
        None if value.infinite.contains(&field) => "∞".to_owned(),
        None => "–".to_owned(),
        Some(number) => format!("{number:.3}"),
    };
    let interval = match (value.low, value.high) {
        (None, None) if value.infinite.is_empty() => "too few trials".to_owned(),
        (low, high) => format!("{} to {}", ratio(low, Field::Low), ratio(high, Field::High)),
    };
    let cells = [
        value.model.clone(),
        format!("{}/{}", value.experiment, value.setting),
        value.name.clone(),
        number(value.before, Field::Before),
        number(value.after, Field::After),
        format!("{} ({interval})", ratio(value.ratio, Field::Ratio)),
        metric.map_or_else(String::new, |metric| in_words(value, metric)),
    ];
    cells.iter().map(|cell| escaped(&cut(cell))).collect()
}

/// What changed, in words: `worse: slower`. Nothing if the difference is not significant.
fn in_words(value: &Value, metric: &Metric) -> String {
    if !value.significant {
        return String::new();
    }
    let more = value.ratio.is_none_or(|ratio| ratio > 1.0);
    let [if_more, if_less] = match metric.kind {
        Kind::Time if metric.key.ends_with("_per_request") => ["costlier", "cheaper"],
        Kind::Time => ["slower", "faster"],
        Kind::Rate => ["faster", "slower"],
        Kind::Memory => ["more memory", "less memory"],
        Kind::Count | Kind::CountPerRequest => ["more", "fewer"],
        Kind::Share | Kind::Ratio => ["higher", "lower"],
    };
    let word = if more { if_more } else { if_less };
    match value.change {
        Some(Change::Worse) => format!("worse: {word}"),
        Some(Change::Better) => format!("better: {word}"),
        None => word.to_owned(),
    }
}

fn remarks(title: &str, is_open: bool, remarks: &[Remark]) -> Table {
    let place = |remark: &Remark| match (&remark.experiment, &remark.setting) {
        (None, _) => "everything".to_owned(),
        (Some(experiment), None) => experiment.clone(),
        (Some(experiment), Some(setting)) => format!("{experiment}/{setting}"),
    };
    let row = |remark: &Remark| {
        let model = remark.model.as_deref().unwrap_or("all").to_owned();
        let cells = [model, place(remark), without_folders(&remark.what)];
        cells.iter().map(|cell| escaped(&cut(cell))).collect()
    };
    Table {
        title: if is_open {
            title.to_owned()
        } else {
            format!("{title}: {}", remarks.len())
        },
        is_folded: !is_open,
        headings: ["model", "experiment/setting", ""].map(str::to_owned).to_vec(),
        right: 0..0,
        rows: remarks.iter().map(row).collect(),
    }
}

/// What was compared with what.
fn runs(document: &Document) -> Table {
    let runs: Vec<_> = std::iter::once(&document.runs.before)
        .chain(&document.runs.after)
        .collect();
    let row = |what: &str, fact: &dyn Fn(&RunFacts) -> String| {
        let facts = runs.iter().map(|run| escaped(&cut(&fact(run))));
        std::iter::once(what.to_owned()).chain(facts).collect()
    };
    let commit = |run: &RunFacts| {
        let hash = run.commit.as_deref().unwrap_or("unknown");
        let changes = if run.uncommitted_changes {
            ", with uncommitted changes"
        } else {
            ""
        };
        format!("{hash}{changes}")
    };
    let mut rows = vec![
        row("run", &|run| run.name.clone()),
        row("begun", &|run| run.started_at.clone()),
        row("commit", &commit),
        row("machine", &|run| run.machine.describe()),
        row("profile", &|run| run.profile.clone()),
        row("rounds", &|run| run.rounds.to_string()),
    ];
    let columns: &[&str] = match &document.runs.after {
        Some(_) => &["", "before", "after"],
        None => &["", "the run"],
    };
    let headings: Vec<_> = columns.iter().map(|&heading| heading.to_owned()).collect();
    if let Some(allowed) = document.options.max_regression {
        let mut allowed = vec!["may be worse by".to_owned(), share_in_words(allowed)];
        allowed.resize(headings.len(), String::new());
        rows.push(allowed);
    }
    Table {
        title: "What was compared".to_owned(),
        is_folded: true,
        right: 0..0,
        headings,
        rows,
    }
}
