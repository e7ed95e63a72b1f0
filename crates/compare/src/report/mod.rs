//! What people read, made from the records of a run and nothing else.

mod choices;
mod compose;
mod csv;
pub(crate) mod errors;
mod excerpt;
mod findings;
#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod golden;
mod html;
pub(crate) mod into;
mod limit;
mod limits;
mod markdown;
pub(crate) mod page;
mod plot;
mod plots;
mod ranking;
pub(crate) mod standing;
mod summary;
mod terminal;
#[cfg(test)]
mod tests;

use anyhow::Result;

use crate::folder::{Read, Run};
use crate::output;
use into::Target;
use page::Page;
#[cfg(test)]
use schema::environment::Environment;
use schema::record::Record;
use summary::Summary;

/// Writes all that people read of a run, prints the tables, and says where the rest lies: the page with its pictures among
/// the results, the interactive page and the table of all trials beside the records; and the results in short into a file
/// that has a place for them.
pub(crate) fn write(run: &Run, read: &Read, into: Option<&Target>) -> Result<()> {
    let records = &read.records;
    let summary = Summary::of(&read.environment, records);
    let page = compose::page(&summary, &run.id());
    // A file that can't be written keeps nobody from reading the tables.
    let written = write_files(run, records, &summary, &page, into);
    let tables = terminal::text(&summary);
    let files = match &written {
        Ok(()) => paths(run, into),
        Err(_) => format!("raw records: {}\n", run.records().display()),
    };
    output::print(&format!("{tables}\n{files}"))?;
    written
}

fn write_files(
    run: &Run,
    records: &[Record],
    summary: &Summary<'_>,
    page: &Page,
    into: Option<&Target>,
) -> Result<()> {
    for plot in page.sections.iter().flat_map(|section| &section.plots) {
        run.write_beside_page(&format!("{}.svg", plot.key), &plot::svg::file(plot))?;
    }
    run.write_page(&markdown(page))?;
    run.write_within("report.html", &html::page(page))?;
    run.write_within("trials.csv", &csv(records, &run.id()))?;
    into.map_or(Ok(()), |into| into.write(summary, page, run))
}

/// Where everything was written.
fn paths(run: &Run, into: Option<&Target>) -> String {
    let in_short = into.map_or_else(String::new, |into| {
        format!("in short: {}\n", into.given().display())
    });
    format!(
        "the page: {}\nthe same to look into: {}\nraw records: {}\n{in_short}",
        run.page().display(),
        run.within("report.html").display(),
        run.records().display(),
    )
}

/// The models whose values are not ranked because of errors: a line for each and setting. A run that has any exits with 1.
pub(crate) fn at_fault(read: &Read) -> Vec<String> {
    let summary = Summary::of(&read.environment, &read.records);
    let lines = summary.answers().flat_map(|answer| {
        let rows = answer
            .rows
            .iter()
            .filter(|row| row.is_at_fault(answer.experiment));
        rows.map(|row| {
            format!(
                "{}, {}, {}: {}; it is not ranked",
                row.model,
                answer.experiment.key,
                answer.setting.key,
                row.errors.in_words()
            )
        })
    });
    lines.collect()
}

/// The page of a run of this name.
#[cfg(test)]
pub(crate) fn page(environment: &Environment, records: &[Record], run: &str) -> Page {
    compose::page(&Summary::of(environment, records), run)
}

/// The page as `README.md` of the results. It names a picture for each plot: its key, with `.svg` behind it.
pub(crate) fn markdown(page: &Page) -> String {
    markdown::text(page)
}

/// Every trial as a line of `trials.csv`.
pub(crate) fn csv(records: &[Record], run: &str) -> String {
    csv::text(records, run)
}

/// The tables that answer the questions, no wider than 100 columns.
#[cfg(test)]
pub(crate) fn terminal(environment: &Environment, records: &[Record]) -> String {
    terminal::text(&Summary::of(environment, records))
}
