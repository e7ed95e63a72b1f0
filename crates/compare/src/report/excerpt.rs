//! The results in short, for a page that is about more than them: `README.md` of the repository.

use std::fmt::{self, Write};
use std::path::Path;

use crate::escape::markdown::{block, comment, link, marked, text as escaped};

use super::choices;
use super::compose::{self, Width};
use super::markdown;
use super::summary::{Answer, Summary};

/// The experiment and the setting whose figures are shown; where a run has not asked that, those of its first.
const SHOWN: (&str, &str) = ("request-cost", "64");
/// The experiment whose picture is shown beside.
const BESIDE: &str = "past-capacity";

/// Where things lie, as seen from the folder of the file that the text is for.
pub(super) struct Places<'a> {
    /// The file itself.
    pub(super) file: &'a Path,
    /// The run's folder.
    pub(super) run: &'a Path,
    /// The folder with the whole page and its pictures.
    pub(super) results: &'a Path,
    /// The keys of the pictures that are there.
    pub(super) pictures: &'a [String],
}

/// The text, in Markdown. It begins and ends with an empty line.
pub(super) fn text(summary: &Summary<'_>, run: &str, places: &Places<'_>) -> String {
    let mut text = String::new();
    write(&mut text, summary, run, places).expect("writing to a string can't fail");
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
    markdown::write_choices(text, &choices::of(summary))?;
    markdown::write_lines(text, &choices::open(summary))?;
    if let Some(answer) = shown(summary) {
        writeln!(text, "{}\n", marked(&caption(summary, answer)))?;
        let table = compose::figures_table(answer, answer.name(), Width::Page);
        markdown::write_table(text, &table)?;
        for paragraph in compose::legend([&table]) {
            writeln!(text, "{}\n", marked(&paragraph))?;
        }
        for (title, key) in pictures(summary, answer, places) {
            let picture = places.results.join(format!("{key}.svg"));
            writeln!(text, "![{}]({})\n", marked(title), link(&picture))?;
        }
    }
    writeln!(
        text,
        "[{}]({}) has all of this run: {}, and what it could not show. The run was made by the first of these, and \
         what stands here by the second:\n",
        escaped(&page.to_string_lossy()),
        link(&page),
        compose::counted(summary.results.len(), "question", "questions")
    )?;
    writeln!(
        text,
        "{}\n",
        block("sh", &[&summary.environment.command_line(), &again])
    )
}

/// The setting whose figures are shown.
fn shown<'r, 'a>(summary: &'r Summary<'a>) -> Option<&'r Answer<'a>> {
    let is_shown = |answer: &&Answer<'_>| (&*answer.experiment.key, &*answer.setting.key) == SHOWN;
    summary
        .answers()
        .find(is_shown)
        .or_else(|| summary.answers().next())
}

/// What the table is of: the setting, how many trials, and the machine.
fn caption(summary: &Summary<'_>, answer: &Answer<'_>) -> String {
    let environment = summary.environment;
    let kept = answer
        .rows
        .iter()
        .map(|row| row.kept.len())
        .filter(|&kept| kept > 0);
    let trials = match (kept.clone().min(), kept.max()) {
        (Some(least), Some(most)) if least < most => format!("{least} to {most} trials"),
        (_, most) => compose::counted(most.unwrap_or(0), "trial", "trials"),
    };
    let machine = compose::machine(environment);
    format!(
        "**{}**, {}. {} The profile was `{}`, with {trials} of each model that count. The machine: {}.",
        answer.experiment.title,
        answer.name(),
        answer.experiment.setup,
        environment.profile,
        machine.join("; ")
    )
}

/// Title and key of each picture that is shown.
fn pictures<'a>(
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
        .filter(|experiment| places.pictures.contains(&experiment.key))
        .map(|experiment| (&*experiment.title, &*experiment.key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_run_without_the_shown_experiment_shows_its_first_and_one_without_trials_no_table() {
        let (mut environment, records) = fixture::run();
        environment
            .experiments
            .retain(|experiment| experiment.key != SHOWN.0);
        let summary = Summary::of(&environment, &records);
        let answer = shown(&summary).unwrap();
        assert_eq!(answer.experiment.key, environment.experiments[0].key);

        environment.experiments.clear();
        let places = Places {
            file: "README.md".as_ref(),
            run: "results/runs/a".as_ref(),
            results: "results".as_ref(),
            pictures: &[],
        };
        let text = text(&Summary::of(&environment, &[]), "a", &places);
        assert!(
            !text.contains("| model |") && text.contains("--into README.md"),
            "{text}"
        );
    }
}
