//! The results in short, for a part of another page such as the `README.md` of a repository.

use std::fmt::{self, Write};
use std::path::Path;

use crate::escape::markdown::{block, comment, link, marked, text as escaped};

use super::markdown;
use crate::numbers::counted;
use crate::summary::Summary;
use crate::{compose, conclusions, grid};

/// The experiment whose plot is shown. A run without it shows that of its first.
const SHOWN: &str = "request-cost";

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
    writeln!(text, "{}\n", marked(&compose::introduction(summary)))?;
    markdown::write_decision(text, "### ", &conclusions::decision(summary))?;
    markdown::write_grid(text, "### ", &grid::grid(summary))?;
    if let Some((title, key)) = plot(summary, places) {
        let file = places.results.join(format!("{key}.svg"));
        writeln!(text, "![{}]({})\n", marked(title), link(&file))?;
    }
    writeln!(
        text,
        "[{}]({}) has {} and what the run can’t show. Run {} and this part were made by:\n",
        escaped(&page.to_string_lossy()),
        link(&page),
        counted(summary.results.len(), "experiment", "experiments"),
        escaped(run)
    )?;
    writeln!(
        text,
        "{}\n",
        block("sh", &[&summary.environment.command_line(), &again])
    )
}

/// Title and key of the plot that is shown, if there is one.
fn plot<'p>(summary: &Summary<'p>, places: &Places<'p>) -> Option<(&'p str, &'p str)> {
    let experiments = || summary.results.iter().map(|results| results.experiment);
    let shown = experiments().find(|experiment| experiment.key == SHOWN);
    let shown = shown.or_else(|| experiments().next())?;
    let key = places.plots.iter().find(|key| **key == shown.key)?;
    Some((&shown.title, key))
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
            .retain(|experiment| experiment.key != SHOWN);
        let plots = ["rate-under-bound".to_owned()];
        let mut places = Places {
            file: "README.md".as_ref(),
            run: "results/runs/a".as_ref(),
            results: "results".as_ref(),
            plots: &plots,
        };
        let text = render(&fixture::summary(&environment, &records), "a", &places);
        assert!(text.contains("(results/rate-under-bound.svg)"), "{text}");

        environment.experiments.clear();
        places.plots = &[];
        let text = render(&fixture::summary(&environment, &[]), "a", &places);
        assert!(
            !text.contains("|workload|") && !text.contains(".svg") && text.contains("--into README.md"),
            "{text}"
        );
    }
}
