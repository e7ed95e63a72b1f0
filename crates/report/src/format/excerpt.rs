//! The results in short, for a part of another page such as the `README.md` of a repository.

use std::fmt::{self, Write};
use std::path::Path;

use crate::escape::markdown::{block, comment, link, marked, text as escaped};

use super::markdown;
use crate::compose;
use crate::numbers::counted;
use crate::summary::{Answer, Summary};
use crate::tables::{Width, legend, metrics_table};

/// The experiment and the setting that are shown. A run without them shows its first.
const SHOWN: (&str, &str) = ("request-cost", "64");
/// A further experiment whose plot is shown.
const BESIDE: &str = "past-capacity";

/// Paths, relative to the folder of the file that the text is for.
pub struct Places<'a> {
    /// The file itself.
    pub file: &'a Path,
    /// The run's folder.
    pub run: &'a Path,
    /// The folder with the whole page and its plots.
    pub results: &'a Path,
    /// The keys of the plots that are there.
    pub plots: &'a [String],
}

/// Renders the text, in Markdown. It begins and ends with an empty line.
#[must_use]
pub fn render(summary: &Summary<'_>, run: &str, places: &Places<'_>) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, summary, run, places);
    text
}

fn write(text: &mut String, summary: &Summary<'_>, run: &str, places: &Places<'_>) -> fmt::Result {
    let again = format!(
        "compare report {} --into {}",
        shell_words::quote(&places.run.to_string_lossy()),
        shell_words::quote(&places.file.to_string_lossy())
    );
    let page = places.results.join("README.md");
    writeln!(
        text,
        "\n<!-- Written by `{}` from the run's records. Change the program, not this part. -->\n",
        comment(&again)
    )?;
    writeln!(text, "Which model for which work, by run {}:\n", escaped(run))?;
    let (choices, open) = compose::in_short(summary);
    markdown::write_choices(text, &choices)?;
    markdown::write_lines(text, &open)?;
    if let Some(answer) = shown(summary) {
        writeln!(text, "{}\n", marked(&caption(summary, answer)))?;
        let table = metrics_table(answer, answer.name(), Width::Page);
        markdown::write_table(text, &table)?;
        for paragraph in legend([&table]) {
            writeln!(text, "{}\n", marked(&paragraph))?;
        }
        for (title, key) in plots(summary, answer, places) {
            let file = places.results.join(format!("{key}.svg"));
            writeln!(text, "![{}]({})\n", marked(title), link(&file))?;
        }
    }
    writeln!(
        text,
        "[{}]({}) has the whole run: {}, and what it cannot show. The first of these commands made the run, and the second wrote \
         this part:\n",
        escaped(&page.to_string_lossy()),
        link(&page),
        counted(summary.results.len(), "question", "questions")
    )?;
    writeln!(
        text,
        "{}\n",
        block("sh", &[&summary.environment.command_line(), &again])
    )
}

/// The setting that is shown.
fn shown<'r, 'a>(summary: &'r Summary<'a>) -> Option<&'r Answer<'a>> {
    let is_shown = |answer: &&Answer<'_>| (&*answer.experiment.key, &*answer.setting.key) == SHOWN;
    summary
        .answers()
        .find(is_shown)
        .or_else(|| summary.answers().next())
}

/// The caption of the table: the setting, how many trials, and the machine.
fn caption(summary: &Summary<'_>, answer: &Answer<'_>) -> String {
    let environment = summary.environment;
    let kept = answer
        .rows
        .iter()
        .map(|row| row.kept.len())
        .filter(|&kept| kept > 0);
    let trials = match (kept.clone().min(), kept.max()) {
        (Some(least), Some(most)) if least < most => format!("{least} to {most} trials"),
        (_, most) => counted(most.unwrap_or(0), "trial", "trials"),
    };
    let machine = compose::machine(environment);
    format!(
        "**{}**, {}. {} Profile `{}`, {trials} of each model. Machine: {}.",
        answer.experiment.title,
        answer.name(),
        answer.experiment.setup,
        environment.profile,
        machine.join("; ")
    )
}

/// Title and key of each plot that is shown.
fn plots<'a>(
    summary: &Summary<'a>,
    answer: &Answer<'a>,
    places: &Places<'_>,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let own = answer.experiment;
    let beside = summary
        .results
        .iter()
        .map(|results| results.experiment)
        .find(|experiment| experiment.key == BESIDE && experiment.key != own.key);
    std::iter::once(own)
        .chain(beside)
        .filter(|experiment| places.plots.contains(&experiment.key))
        .map(|experiment| (&*experiment.title, &*experiment.key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn a_run_without_the_shown_experiment_shows_its_first() {
        let (mut environment, records) = fixture::run();
        environment
            .experiments
            .retain(|experiment| experiment.key != SHOWN.0);
        let summary = fixture::summary(&environment, &records);
        let answer = shown(&summary).unwrap();
        assert_eq!(answer.experiment.key, environment.experiments[0].key);

        environment.experiments.clear();
        let places = Places {
            file: "README.md".as_ref(),
            run: "results/runs/a".as_ref(),
            results: "results".as_ref(),
            plots: &[],
        };
        let text = render(&fixture::summary(&environment, &[]), "a", &places);
        assert!(
            !text.contains("| model |") && text.contains("--into README.md"),
            "{text}"
        );
    }
}
