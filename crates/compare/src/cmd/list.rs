//! `compare list`: the models, the experiments and the profiles.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use schema::model::{BlockHolds, CrashLoses, Description, Lineage, Serves, WaitHolds, WorkerKind};

use super::models::ServersFlag;
use crate::experiment::shipped;
use crate::output;
use crate::profile;
use report::escape::markdown;

/// List the models, the experiments with the question that each answers, and the profiles
#[derive(Args)]
pub(crate) struct Flags {
    /// Print only the models, as a Markdown table
    #[arg(long, conflicts_with = "json")]
    markdown: bool,

    /// Print only the models, as a JSON array of what they report with --describe
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    servers: ServersFlag,
}

pub(crate) fn run(flags: &Flags) -> Result<ExitCode> {
    let discovered = flags.servers.discover()?;
    let models = discovered.descriptions();
    let text = if flags.markdown {
        table(models)
    } else if flags.json {
        let mut json = serde_json::to_string_pretty(models).expect("descriptions can be written as JSON");
        json.push('\n');
        json
    } else {
        text(models)
    };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn text(models: &[Description]) -> String {
    let section = |title: &str, lines: Vec<(&str, String)>| {
        let width = lines.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
        let lines: Vec<_> = lines
            .iter()
            .map(|(key, text)| format!("  {key:width$}  {text}\n"))
            .collect();
        format!("{title}\n{}", lines.concat())
    };
    let summaries = |lineage: Lineage| -> Vec<_> {
        let models = models.iter().filter(|model| model.lineage == lineage);
        models
            .map(|model| (&*model.name, model.summary.clone()))
            .collect()
    };
    let groups = [
        (
            "models of the article (--models article)",
            summaries(Lineage::Article),
        ),
        ("further models (--models further)", summaries(Lineage::Further)),
    ];
    let mut groups: Vec<_> = groups
        .into_iter()
        .filter(|(_, models)| !models.is_empty())
        .map(|(title, models)| section(title, models))
        .collect();
    if groups.is_empty() {
        let advice = "give the folder of the server-* programs with --servers";
        groups.push(section("models", vec![("none", advice.to_owned())]));
    }
    let experiments = shipped::all();
    let questions = experiments
        .iter()
        .map(|experiment| (&*experiment.key, experiment.question.clone()));
    let profiles = profile::ALL
        .iter()
        .map(|profile| (profile.name, profile.to_string()));
    groups.extend([
        section("experiments", questions.collect()),
        section("profiles", profiles.collect()),
    ]);
    groups.join("\n")
}

/// The models with what they report of themselves, but no number that depends on the machine.
fn table(models: &[Description]) -> String {
    const HEADINGS: [&str; 7] = [
        "model",
        "what it is",
        "serves at once",
        "workers",
        "a `sleep` holds",
        "a `block` stops",
        "a crash loses",
    ];
    let row = |cells: [String; 7]| format!("| {} |\n", cells.join(" | "));
    let heading = row(HEADINGS.map(str::to_owned));
    let rule = row(HEADINGS.map(|_| "---".to_owned())).replace(' ', "");
    let rows = models.iter().map(|model| {
        row([
            format!("`{}`", model.name),
            markdown::text(&model.summary),
            serves(model.serves).to_owned(),
            workers(model).to_owned(),
            wait_holds(model.wait_holds).to_owned(),
            block_stops(model.block_holds).to_owned(),
            crash_loses(model.crash_loses).to_owned(),
        ])
    });
    heading + &rule + &rows.collect::<String>()
}

fn serves(serves: Serves) -> &'static str {
    match serves {
        Serves::One => "one connection; the others wait",
        Serves::Workers => "one connection per worker; the others wait",
        Serves::Many => "many connections",
    }
}

fn workers(model: &Description) -> &'static str {
    match model.workers.map(|workers| workers.kind) {
        Some(WorkerKind::Processes) => "processes",
        Some(WorkerKind::Threads) => "threads",
        // Where a `sleep` holds the thread that serves a connection, many connections have a thread or process each.
        None if model.serves == Serves::Many && model.wait_holds == WaitHolds::Thread => "one per connection",
        None => "none",
    }
}

fn wait_holds(what: WaitHolds) -> &'static str {
    match what {
        WaitHolds::Thread => "a thread or process",
        WaitHolds::Nothing => "no thread",
    }
}

fn block_stops(what: BlockHolds) -> &'static str {
    match what {
        BlockHolds::Connection => "its connection",
        BlockHolds::Loop => "the connections of its loop",
        BlockHolds::Everything => "all connections",
    }
}

fn crash_loses(what: CrashLoses) -> &'static str {
    match what {
        CrashLoses::Connection => "one connection",
        CrashLoses::Worker => "the connections of a worker",
        CrashLoses::Everything => "all connections",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contender::samples;

    #[test]
    fn every_model_experiment_and_profile_has_its_line() {
        let text = text(&[samples::descriptions(), samples::further()].concat());
        for name in [
            "models of the article",
            "further models",
            "mu",
            "alpha",
            "zeta",
            "request-cost",
            "connection-cost",
            "smoke",
            "quick",
        ] {
            assert!(
                text.lines().any(|line| line.trim_start().starts_with(name)),
                "{name}:\n{text}"
            );
        }
        assert!(text.lines().all(|line| line.chars().count() <= 110), "{text}");
    }

    #[test]
    fn without_models_the_list_shows_what_to_do() {
        assert!(text(&[]).contains("--servers"));
    }

    #[test]
    fn the_table_has_a_row_per_model() {
        let table = table(&[samples::descriptions(), samples::further()].concat());
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines.len(), 2 + samples::NAMES.len() + samples::FURTHER.len());
        assert_eq!(lines[1], "|---|---|---|---|---|---|---|");
        let workers = lines[2..]
            .iter()
            .map(|line| line.split(" | ").nth(3).expect("it has workers"));
        let expected = [
            "none",
            "one per connection",
            "one per connection",
            "processes",
            "none",
            "processes",
            "threads",
            "threads",
            "threads",
            "processes",
            "threads",
            "none",
        ];
        assert!(workers.eq(expected), "{table}");
        assert_eq!(
            lines[5],
            "| `delta` | what delta is | one connection per worker; the others wait | processes | a thread or process | its connection | one connection |"
        );
    }
}
