//! `compare list`: the models and the experiments, a line each.

use std::process::ExitCode;

use anyhow::Result;

use crate::contender::models;
use crate::experiment::shipped;
use crate::output;
use crate::profile;

pub(crate) fn run() -> Result<ExitCode> {
    output::print(&text())?;
    Ok(ExitCode::SUCCESS)
}

fn text() -> String {
    let section = |title: &str, lines: Vec<(&str, String)>| {
        let width = lines.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
        let lines: Vec<_> = lines
            .iter()
            .map(|(key, what)| format!("  {key:width$}  {what}\n"))
            .collect();
        format!("{title}\n{}", lines.concat())
    };
    let models = models::ALL
        .iter()
        .map(|model| (model.name, model.what.to_owned()));
    let experiments = shipped::all();
    let questions = experiments
        .iter()
        .map(|experiment| (&*experiment.key, experiment.question.clone()));
    let profiles = profile::ALL
        .iter()
        .map(|profile| (profile.name, profile.to_string()));
    [
        section("models", models.collect()),
        section("experiments", questions.collect()),
        section("profiles", profiles.collect()),
    ]
    .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_experiment_and_profile_has_its_line() {
        let text = text();
        for name in [
            "prefork-async",
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
        assert!(text.lines().all(|line| line.len() <= 110), "{text}");
    }
}
