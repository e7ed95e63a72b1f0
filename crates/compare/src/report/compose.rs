//! A run's figures put onto a page.

use super::choices;
use super::findings;
use super::limit::Limit;
use super::limits;
use super::page::{Cell, Mark, Page, Row as PageRow, Section, Table};
use super::plots;
use super::standing::Standing;
use super::summary::{Answer, Results, Row, Summary};
use crate::metric::{self, Kind, Metric, load};
use crate::numbers::{count, list, rounded};
use crate::runner::REPEATS_MOST;
use schema::cost::CpuSource;
use schema::environment::{Commit, Environment};

pub(super) fn page(summary: &Summary<'_>, run: &str) -> Page {
    let environment = summary.environment;
    let sections: Vec<_> = summary.results.iter().map(section).collect();
    Page {
        title: "What each server model costs".to_owned(),
        run: run.to_owned(),
        introduction: introduction(summary, &sections),
        choices: choices::of(summary),
        open: choices::open(summary),
        sections,
        limits: limits::of(summary),
        figures: meanings(summary),
        machine: machine(environment),
        method: method(summary, run),
        command: environment.command_line(),
    }
}

fn introduction(summary: &Summary<'_>, sections: &[Section]) -> Vec<String> {
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
    let tables = sections
        .iter()
        .flat_map(|section| std::iter::once(&section.table).chain(&section.details));
    std::iter::once(asked).chain(legend(tables)).collect()
}

/// How to read a table: a paragraph on its values, and one on the signs behind them, if there are any.
pub(super) fn legend<'t>(tables: impl IntoIterator<Item = &'t Table>) -> Vec<String> {
    let values = "A value is the median of its trials. Below it stands the interval that holds the true median in 95 of 100 \
                  such runs. **Bold** is the best of its column. ≈ is tied with the best: these trials show no significant \
                  difference, which is not to say that there is none. `2 of 7 trials` stands for too few trials: the value is \
                  not ranked. What has none of these is significantly worse by the trials of the same rounds, or not ranked."
        .to_owned();
    let mut used: Vec<char> = Vec::new();
    for cell in tables
        .into_iter()
        .flat_map(|table| &table.rows)
        .flat_map(|row| &row.cells)
    {
        used.extend(cell.signs.chars());
    }
    let signs: Vec<_> = SIGNS
        .iter()
        .filter(|(sign, _)| used.contains(sign))
        .map(|(sign, meaning)| format!("{sign} {meaning}"))
        .collect();
    let signs = (!signs.is_empty()).then(|| signs.join(" "));
    std::iter::once(values).chain(signs).collect()
}

/// The signs behind a value, and what each means.
const SIGNS: [(char, &str); 6] = [
    (
        ERRORS,
        "Requests failed, or the server did something else wrong: see the column “errors”. Where more than 1 % failed, the \
         model is not ranked.",
    ),
    (
        '†',
        "Some connections were never served: latency and cost are not ranked.",
    ),
    ('‡', "Load generator saturated: the server may be faster."),
    (
        '§',
        "Latency-bound: neither side was busy, more connections would raise the rate.",
    ),
    (
        '◊',
        "Overloaded: offered load exceeded capacity. Latencies grow with the window and are not ranked.",
    ),
    ('¶', "Bottleneck unknown."),
];

/// The sign of a model that has errors.
pub(super) const ERRORS: char = '✗';

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
    let metric = metric::named(&results.experiment.headline).title();
    match &results.experiment.axis {
        Some(axis) => format!("{metric}, by {}", axis.title),
        None => metric,
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
    let shows_errors = answers.iter().any(|answer| answer.shows_errors);
    let errors = shows_errors.then(|| ERRORS_HEADING.to_owned());
    let headings = answers.iter().map(|answer| answer.setting.title.clone());
    Table {
        caption,
        headings: headings.chain(errors).collect(),
        rows: models
            .into_iter()
            .map(|(place, model)| PageRow {
                model: model.to_owned(),
                cells: of(place)
                    .chain(shows_errors.then(|| errors_of_all(answers, place)))
                    .collect(),
            })
            .collect(),
    }
}

const ERRORS_HEADING: &str = "errors";

/// The errors of a model in a setting.
fn errors_of(row: &Row<'_>) -> Cell {
    Cell {
        median: row.errors.in_a_cell(),
        value: Some(row.errors.failed_share()),
        ..Cell::default()
    }
}

/// The errors of a model in all settings, each setting that has some named.
fn errors_of_all(answers: &[Answer<'_>], place: usize) -> Cell {
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

/// The figures of a setting: models in rows, figures in columns.
pub(super) fn figures_table(answer: &Answer<'_>, caption: String, width: Width) -> Table {
    let figures = match width {
        Width::Terminal | Width::Page => 0..answer.experiment.main_figures(),
        Width::Whole => 0..answer.experiment.figure_keys().count(),
    };
    let title = |figure: &Metric| match width {
        Width::Terminal => figure.short.to_owned(),
        Width::Page | Width::Whole => figure.title(),
    };
    let limit = (width != Width::Terminal).then(|| "limit".to_owned());
    let errors = answer.shows_errors.then(|| ERRORS_HEADING.to_owned());
    let headings = figures.clone().map(|index| title(answer.figure(index)));
    let rows = answer.rows.iter().map(|row| {
        let limit = (width != Width::Terminal).then(|| limit_of(row));
        let errors = answer.shows_errors.then(|| errors_of(row));
        let cells = figures.clone().map(|index| cell(answer, row, index));
        PageRow {
            model: row.model.to_owned(),
            cells: cells.chain(errors).chain(limit).collect(),
        }
    });
    Table {
        caption,
        headings: headings.chain(errors).chain(limit).collect(),
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
    let note = figured.standing.note();
    let Some(estimate) = figured.estimate else {
        return Cell { note, ..nothing() };
    };
    let [median, low, high] =
        [estimate.median, estimate.low, estimate.high].map(|value| figure.format(value));
    let mut signs = String::new();
    if row.errors.any() {
        signs.push(ERRORS);
    }
    if row.is_overloaded() && figure.is_latency {
        signs.push('◊');
    }
    let bears_on_it = index == 0 || *figure == load::SERVED || figure.better.is_some();
    let is_compared = index > 0 && figured.standing.is_ranked();
    if row.left_unserved() && bears_on_it && !is_compared {
        signs.push('†');
    }
    // How many connections there are bounds a rate, while it is no fault of a latency.
    let bounds_it = match row.limit {
        Limit::Connections => figure.kind == Kind::Rate,
        // By these one can't tell a server from its client.
        _ => figure.is_latency || figure.kind == Kind::Rate,
    };
    // Why a model that leaves connections unserved is not busy needs no other sign.
    if bounds_it && !(row.limit == Limit::Neither && row.left_unserved()) {
        signs.push_str(row.limit.sign());
    }
    Cell {
        interval: (low != high && note.is_none()).then(|| format!("{low}–{high}")),
        note,
        median,
        value: Some(estimate.median),
        mark: match figured.standing {
            Standing::Best => Mark::Best,
            Standing::Tied => Mark::Tied,
            _ => Mark::None,
        },
        signs,
    }
}

/// Those that the tables show, in the order of all.
fn meanings(summary: &Summary<'_>) -> Vec<(String, String)> {
    let is_shown = |figure: &&&Metric| {
        let mut experiments = summary.results.iter().map(|results| results.experiment);
        experiments.any(|experiment| experiment.figure_keys().any(|key| key == figure.key))
    };
    let shown = metric::ALL.iter().filter(is_shown);
    shown
        .map(|figure| (figure.title(), figure.meaning.to_owned()))
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
            counted(machine.cpus, "processor", "processors")
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
        format!(
            "excluded trials: each is repeated after the others of its round, {REPEATS_MOST} times at most"
        ),
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
