//! The page of a run, composed from its summary.

use crate::escape::code;
use schema::contender::Contender;
use schema::cost::CpuSource;
use schema::cpus::CpuSet;
use schema::environment::{Commit, Environment};

use super::caveats;
use super::conclusions;
use super::grid;
use super::page::{Page, Section};
use super::plots;
use super::setup;
use super::summary::{Results, Summary};
use super::tables::{Width, main_table, metrics_table, reading, short_table};
use crate::metric::{self, Metric};
use crate::numbers::{counted, rounded};
use schema::plan::REPEATS_MOST;

/// Composes the page of a run with this name.
#[must_use]
pub fn page(summary: &Summary<'_>, run: &str) -> Page {
    let contenders = &summary.environment.contenders;
    let sections = summary.results.iter();
    let sections = sections.map(|results| section(results, contenders));
    Page {
        traces: Vec::new(),
        title: "What each server model costs".to_owned(),
        run: run.to_owned(),
        introduction: vec![introduction(summary)],
        reading: vec![reading()],
        decision: conclusions::decision(summary),
        grid: grid::grid(summary),
        sections: sections.collect(),
        limits: caveats::limits(summary),
        caveats: caveats::caveats(summary),
        summary: in_short(summary, run),
        metrics: meanings(summary),
        machine: machine(summary.environment),
        method: method(summary, run),
        command: summary.environment.command_line(),
    }
}

/// What was measured, on which machine, and what a value is.
pub(crate) fn introduction(summary: &Summary<'_>) -> String {
    let environment = summary.environment;
    let machine = &environment.machine;
    let virtual_or_not = if machine.virtualised { "virtual " } else { "" };
    format!(
        "{} of {}: {} on a {virtual_or_not}machine ({}; servers on {}, load generator on {}). \
         Values are medians, with 95 % intervals in the plots. Bold: none is significantly better, and \
         another is worse. Tied: no significant difference.{}",
        counted(summary.results.len(), "experiment", "experiments"),
        counted(environment.models().count(), "model", "models"),
        counted(summary.trials, "trial", "trials"),
        machine.cpu_model,
        cpus(&environment.cpus.server),
        cpus(&environment.cpus.client),
        workers(&environment.contenders),
    )
}

/// How many workers models with a fixed set of them have by default on this machine, as they described themselves.
fn workers(contenders: &[Contender]) -> String {
    let numbers = contenders.iter().filter_map(|contender| {
        let workers = contender.capabilities.workers?;
        Some(format!("{} {}", code(&contender.name), workers.default))
    });
    let numbers: Vec<_> = numbers.collect();
    match &*numbers {
        [] => String::new(),
        numbers => format!(" Workers unless noted: {}.", numbers.join(", ")),
    }
}

fn cpus(cpus: &CpuSet) -> String {
    match cpus.len() {
        1 => format!("CPU {cpus}"),
        _ => format!("CPUs {cpus}"),
    }
}

/// The run in short: what made it, what was left out of it, and where its files are.
fn in_short(summary: &Summary<'_>, run: &str) -> Vec<String> {
    let environment = summary.environment;
    let commit = environment
        .commit
        .as_ref()
        .map_or_else(|| "from an unknown commit".to_owned(), commit);
    let mut lines = vec![format!(
        "{}, {commit}, {} GiB of memory, {}.",
        environment.started_at.strftime("%Y-%m-%d"),
        rounded(environment.machine.memory_bytes as f64 / (1u64 << 30) as f64),
        environment.machine.kernel,
    )];
    lines.extend(caveats::of_run(summary));
    lines.push(format!(
        "`runs/{run}/report.html` has all metrics and the method."
    ));
    lines
}

fn section(results: &Results<'_>, contenders: &[Contender]) -> Section {
    let experiment = results.experiment;
    let details = match &*results.answers {
        // The main table shows all metrics already.
        [_] if experiment.more_metrics.is_empty() => Vec::new(),
        answers => answers
            .iter()
            .map(|answer| metrics_table(answer, answer.name(), Width::Whole))
            .collect(),
    };
    Section {
        key: experiment.key.clone(),
        title: experiment.title.clone(),
        question: experiment.question.clone(),
        setup: setup::text(results),
        expected: experiment.expected.clone(),
        meaning: conclusions::meaning(results),
        findings: conclusions::findings(results),
        caveats: caveats::section_caveats(results),
        short: short_table(results),
        table: main_table(results, Width::Page),
        details,
        plots: plots::plots(results, contenders),
    }
}

/// The metrics that the tables show, with their meanings.
fn meanings(summary: &Summary<'_>) -> Vec<(String, String)> {
    let is_shown = |metric: &&&Metric| {
        let mut experiments = summary.results.iter().map(|results| results.experiment);
        experiments.any(|experiment| experiment.metric_keys().any(|key| key == metric.key))
    };
    let shown = metric::ALL.iter().filter(is_shown);
    shown
        .map(|metric| {
            (
                metric.title_with(&names(summary, metric)),
                metric.meaning.to_owned(),
            )
        })
        .collect()
}

/// What experiments call a metric, and its own name if one of them does not give it another.
fn names(summary: &Summary<'_>, metric: &Metric) -> String {
    let mut names: Vec<&str> = Vec::new();
    for answer in summary.answers() {
        for (index, _) in answer.experiment.metric_keys().enumerate() {
            let name = answer.metric_name(index);
            if answer.metric(index) == metric && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names.join("; ")
}

/// The machine, in lines: its CPUs, its memory and kernel, and which CPUs each side had.
pub(crate) fn machine(environment: &Environment) -> Vec<String> {
    let machine = &environment.machine;
    let kind = if machine.virtualised {
        "virtual"
    } else {
        "not virtual"
    };
    let governor = machine.governor.as_deref().unwrap_or("unknown");
    let round_trip = environment.round_trip_us.map(|us| {
        format!(
            "round trip of a ping on one connection to a server that does nothing else: {} µs",
            rounded(us)
        )
    });
    let lines = [
        format!(
            "{}, {}, {kind}; frequency governor: {governor}",
            machine.cpu_model,
            counted(machine.cpus, "CPU", "CPUs")
        ),
        format!(
            "{} GiB of memory; {}",
            rounded(machine.memory_bytes as f64 / (1u64 << 30) as f64),
            machine.kernel
        ),
        format!(
            "servers on CPUs {}, load generator on CPUs {}",
            environment.cpus.server, environment.cpus.client
        ),
    ];
    lines.into_iter().chain(round_trip).collect()
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
            "profile `{}`: {}; each trial measured for {:?} after a warm-up of {:?}, unless its experiment differs; the models \
             of each round in random order, from seed {}",
            environment.profile,
            counted(environment.rounds, "round", "rounds"),
            times.window,
            times.warmup,
            environment.seed
        ),
        "confidence intervals: of the median, from ordered trials (Hettmansperger and Sheather 1986); minimum to maximum where \
         there are fewer than 6"
            .to_owned(),
        "comparisons: each model with the best of its column, by the ratios of the same rounds (Hodges and Lehmann 1963); a \
         chance of 5 % per column to call a model worse that is not (Hsu 1984, Holm 1979)"
            .to_owned(),
        format!(
            "excluded trials: each is repeated after the others of its round, at most {REPEATS_MOST} times"
        ),
        format!("CPU time: {}", cpu_source(summary)),
        format!(
            "raw records: `runs/{run}/records.jsonl` (`.gz` if compressed), one trial per line; `compare report` writes this page \
             from them, and `trials.csv` with the metrics of each trial"
        ),
    ]
}

fn cpu_source(summary: &Summary<'_>) -> &'static str {
    let mut trials = summary.rows().flat_map(|row| &row.kept).peekable();
    if trials.peek().is_none() {
        "not measured"
    } else if trials.all(|(_, trial)| trial.spent.source == CpuSource::Cgroup) {
        "from a control group for each server, which counts all its processes"
    } else {
        "added up from /proc, at least in part"
    }
}

fn commit(commit: &Commit) -> String {
    let changes = if commit.changed {
        ", with uncommitted changes"
    } else {
        ""
    };
    format!("commit {}{changes}", commit.hash)
}
