//! A run's figures put onto a page.

use super::choices;
use super::findings;
use super::limit::Limit;
use super::limits;
use super::numbers::{count, list, rounded};
use super::page::{Cell, Mark, Page, Row as PageRow, Section, Table};
use super::plots;
use super::summary::{Answer, Results, Row, Summary};
use crate::costs::CpuSource;
use crate::environment::{Commit, Environment};
use crate::figures::{self, Better, Figure};
use crate::statistics::Standing;

/// Figures that count things, and are told whole.
const COUNTS: [&str; 5] = ["served", "processes", "threads", "major_faults", "lost_requests"];
pub(super) fn page(summary: &Summary<'_>, run: &str) -> Page {
    let environment = summary.environment;
    Page {
        title: "What each server model costs".to_owned(),
        run: run.to_owned(),
        introduction: introduction(summary),
        choices: choices::of(summary),
        open: choices::open(summary),
        sections: summary.results.iter().map(section).collect(),
        limits: limits::of(summary),
        figures: meanings(summary),
        machine: machine(environment),
        method: method(summary, run),
        command: environment.command_line(),
    }
}

fn introduction(summary: &Summary<'_>) -> Vec<String> {
    let models: Vec<_> = summary
        .environment
        .models()
        .map(|model| format!("`{model}`"))
        .collect();
    let asked = format!(
        "{} put to {}: {} trials, each with a server that was started for it alone.",
        counted(summary.results.len(), "question", "questions"),
        list(&models),
        count(summary.trials as f64)
    );
    std::iter::once(asked).chain(legend()).collect()
}

/// How to read a table: a paragraph on its figures, and one on the signs behind them.
pub(super) fn legend() -> [String; 2] {
    [
        "A figure is the median of its trials, and below it stands the interval that holds the true median in 95 of 100 \
         such runs. **Bold** is the best of its column. ≈ is not to be told from the best by this run: they may well \
         differ, but these trials don't show it. What has neither is surely worse, by comparing the trials of each round, \
         or is no merit, or is not compared."
            .to_owned(),
        "Signs behind a figure say what it was limited by. † left connections unserved, so that latency and cost are not \
         compared. ‡ the load generator was at its limit, and the server may not have been. § neither side was busy: each \
         connection waited for its reply, and more connections would have had more. ◊ more was asked than it could do, so \
         that its latencies grow with the window and are not compared. ¶ its limit was not seen. A rate without ‡, § or ¶ is \
         that of a server whose processors were busy, or all that was asked for."
            .to_owned(),
    ]
}

fn section(results: &Results<'_>) -> Section {
    let experiment = results.experiment;
    let details = match &*results.answers {
        // Then the main table has it all.
        [_] if experiment.more.is_empty() => Vec::new(),
        answers => answers
            .iter()
            .map(|answer| figures_table(answer, answer.name(), Width::Whole))
            .collect(),
    };
    Section {
        key: experiment.key.clone(),
        title: experiment.title.clone(),
        question: experiment.question.clone(),
        setup: experiment.setup.clone(),
        expected: experiment.expected.clone(),
        finding: findings::of(results),
        table: main_table(results, Width::Page),
        details,
        plots: plots::of(results),
    }
}

/// How much a table shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    /// What fits into a terminal: short headings.
    Terminal,
    /// The same figures, with what the limit was.
    Page,
    /// All figures, with what the limit was.
    Whole,
}

/// The table that answers the question: a column for each setting, or for each figure if there is only one setting.
pub(super) fn main_table(results: &Results<'_>, width: Width) -> Table {
    match &*results.answers {
        [answer] => figures_table(answer, answer.setting.title.clone(), width),
        answers => settings_table(answers, heading(results)),
    }
}

/// What the columns of a table of settings have.
pub(super) fn heading(results: &Results<'_>) -> String {
    let figure = figures::named(&results.experiment.headline).title;
    match &results.experiment.axis {
        Some(axis) => format!("{figure}, by {}", axis.title),
        None => figure.to_owned(),
    }
}

fn settings_table(answers: &[Answer<'_>], caption: String) -> Table {
    let mut models: Vec<_> = answers
        .iter()
        .flat_map(|answer| &answer.rows)
        .map(|row| (row.place, row.model))
        .collect();
    models.sort_unstable();
    models.dedup();
    let of = |place: usize| {
        answers.iter().map(
            move |answer| match answer.rows.iter().find(|row| row.place == place) {
                Some(row) => cell(answer, row, 0),
                None => nothing(),
            },
        )
    };
    Table {
        caption,
        headings: answers
            .iter()
            .map(|answer| answer.setting.title.clone())
            .collect(),
        rows: models
            .into_iter()
            .map(|(place, model)| PageRow {
                model: model.to_owned(),
                cells: of(place).collect(),
            })
            .collect(),
    }
}

/// The figures of a setting: models in rows, figures in columns.
pub(super) fn figures_table(answer: &Answer<'_>, caption: String, width: Width) -> Table {
    let figures = match width {
        Width::Terminal | Width::Page => 0..answer.experiment.main_figures(),
        Width::Whole => 0..answer.experiment.figure_keys().count(),
    };
    let title = |figure: &Figure| match width {
        Width::Terminal => figure.short.to_owned(),
        Width::Page | Width::Whole => figure.title.to_owned(),
    };
    let limit = (width != Width::Terminal).then(|| "limit".to_owned());
    let headings = figures.clone().map(|index| title(answer.figure(index)));
    let rows = answer.rows.iter().map(|row| {
        let limit = (width != Width::Terminal).then(|| limit_of(row));
        let cells = figures.clone().map(|index| cell(answer, row, index));
        PageRow {
            model: row.model.to_owned(),
            cells: cells.chain(limit).collect(),
        }
    });
    Table {
        caption,
        headings: headings.chain(limit).collect(),
        rows: rows.collect(),
    }
}

fn limit_of(row: &Row<'_>) -> Cell {
    if row.kept.is_empty() {
        return nothing();
    }
    Cell {
        median: row.limit.name().to_owned(),
        ..Cell::default()
    }
}

fn nothing() -> Cell {
    Cell {
        median: "–".to_owned(),
        ..Cell::default()
    }
}

fn cell(answer: &Answer<'_>, row: &Row<'_>, index: usize) -> Cell {
    let figure = answer.figure(index);
    let figured = row.figures[index];
    let Some(estimate) = figured.estimate else {
        return nothing();
    };
    let [median, low, high] =
        [estimate.median, estimate.low, estimate.high].map(|value| written(figure, value));
    let alone = answer.compared(index) < 2;
    let mut signs = String::new();
    if row.is_overloaded() && figure.is_latency() {
        signs.push('◊');
    }
    let bears_on_it = index == 0 || figure.key == "served" || figure.better != Better::Neither;
    let is_compared = index > 0 && figured.standing.is_some();
    if row.left_unserved() && bears_on_it && !is_compared {
        signs.push('†');
    }
    // How many connections there are bounds a rate, while it is no fault of a latency.
    let bounds_it = match row.limit {
        Limit::Connections => figure.key == "throughput_per_s",
        // By these one can't tell a server from its client.
        _ => figure.is_latency() || ["throughput_per_s", "rate_under_bound_per_s"].contains(&figure.key),
    };
    // Why a model that leaves connections unserved is not busy needs no other sign.
    if bounds_it && !(row.limit == Limit::Neither && row.left_unserved()) {
        signs.push_str(row.limit.sign());
    }
    Cell {
        interval: (low != high).then(|| format!("{low}–{high}")),
        median,
        value: Some(estimate.median),
        mark: match figured.standing {
            Some(Standing::Best) if !alone => Mark::Best,
            Some(Standing::Tied) => Mark::Tied,
            _ => Mark::None,
        },
        signs,
    }
}

/// A figure as people read it.
pub(super) fn written(figure: &Figure, value: f64) -> String {
    if COUNTS.contains(&figure.key) {
        count(value)
    } else {
        rounded(value)
    }
}

/// What a figure is called in a sentence, and what it is told in.
pub(super) fn unit(figure: &Figure) -> (&'static str, Option<&'static str>) {
    match figure.title.rsplit_once(", ") {
        Some((name, unit)) if !unit.starts_with("by ") => (name, Some(unit)),
        _ => (figure.title, None),
    }
}

/// Those that the tables show, in the order of all.
fn meanings(summary: &Summary<'_>) -> Vec<(String, String)> {
    let is_shown = |figure: &&Figure| {
        let mut experiments = summary.results.iter().map(|results| results.experiment);
        experiments.any(|experiment| experiment.figure_keys().any(|key| key == figure.key))
    };
    let shown = figures::ALL.iter().filter(is_shown);
    shown
        .map(|figure| (figure.title.to_owned(), figure.meaning.to_owned()))
        .collect()
}

/// The machine, a line each: its processors, its memory and kernel, and who ran where.
pub(super) fn machine(environment: &Environment) -> Vec<String> {
    let machine = &environment.machine;
    let kind = if machine.virtualised {
        "virtualised"
    } else {
        "not virtualised"
    };
    let governor = machine.governor.as_deref().unwrap_or("none to be seen");
    vec![
        format!(
            "{}, {}, {kind}; governor: {governor}",
            machine.cpu_model,
            counted(machine.processors, "processor", "processors")
        ),
        format!(
            "{} GiB of memory; {}",
            rounded(machine.memory_bytes as f64 / (1u64 << 30) as f64),
            machine.kernel
        ),
        format!(
            "servers on processors {}, load from {}",
            environment.cpus.server, environment.cpus.client
        ),
    ]
}

fn method(summary: &Summary<'_>, run: &str) -> Vec<String> {
    let environment = summary.environment;
    let times = environment.times;
    vec![
        format!(
            "{} (version {}), {}",
            environment.started_at.strftime("%Y-%m-%d %H:%M UTC"),
            environment.version,
            environment.commit.as_ref().map_or_else(|| "from an unknown commit".to_owned(), commit)
        ),
        format!(
            "profile `{}`: {}, each trial measured for {:?} after a warm-up of {:?} where its experiment says nothing else; \
             the models of each round in an order drawn from seed {}",
            environment.profile,
            counted(environment.rounds, "round", "rounds"),
            times.window,
            times.warmup,
            environment.seed
        ),
        "intervals: of the median, from ordered trials (Hettmansperger and Sheather 1986); from the least to the most where \
         there are fewer than 6"
            .to_owned(),
        "comparisons: each model with the best of its column, by the ratios of the same rounds (Hodges and Lehmann 1963); a \
         chance of 5 % in a column to call one worse that is as good as any (Hsu 1984, Holm 1979)"
            .to_owned(),
        format!("CPU time: {}", cpu_source(summary)),
        format!("raw records: `runs/{run}/records.jsonl`, a line for each trial; `compare report` makes this page of them again, and \
             `trials.csv` with most figures of each trial under their names"),
    ]
}

fn cpu_source(summary: &Summary<'_>) -> &'static str {
    let mut trials = summary.rows().flat_map(|row| &row.kept).peekable();
    if trials.peek().is_none() {
        "not measured"
    } else if trials.all(|(_, trial)| trial.spent.source == CpuSource::Cgroup) {
        "the account of a control group for each server, in which everything is that ran in it"
    } else {
        "added up from /proc, at least in part"
    }
}

fn commit(commit: &Commit) -> String {
    let changes = if commit.changed {
        ", with changes that were not committed"
    } else {
        ""
    };
    format!("commit {}{changes}", commit.hash)
}

pub(super) fn counted(number: usize, one: &str, many: &str) -> String {
    format!(
        "{} {}",
        count(number as f64),
        if number == 1 { one } else { many }
    )
}
