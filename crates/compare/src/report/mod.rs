//! What people read, made from the records of a run and nothing else.

mod bottleneck;
mod caveats;
mod compose;
mod conclusions;
mod csv;
pub(crate) mod errors;
mod excerpt;
#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod golden;
mod html;
pub(crate) mod into;
mod markdown;
pub(crate) mod markup;
pub(crate) mod page;
mod plot;
mod plots;
mod sign;
pub(crate) mod standing;
mod summary;
mod tables;
mod terminal;
#[cfg(test)]
mod tests;

use anyhow::Result;

use crate::folder::{Read, Run};
use crate::output;
use into::Target;
use page::Page;
use schema::plan;
use schema::record::Record;
use summary::{Progress, Summary};

/// Writes all that people read of a run, prints the tables, and says where the rest lies: the page with its pictures among
/// the results, the interactive page and the table of all trials beside the records; and the results in short into a file
/// that has a place for them.
pub(crate) fn write(run: &Run, read: &Read, into: Option<&Target>) -> Result<()> {
    let records = &read.records;
    let summary = summary(read);
    let page = compose::page(&summary, &run.id());
    // A file that can't be written keeps nobody from reading the tables.
    let written = write_files(run, records, &summary, &page, into);
    let tables = terminal::render(&summary);
    let files = match &written {
        Ok(()) => paths(run, into),
        Err(_) => format!("raw records: {}\n", run.records().display()),
    };
    output::print(&format!("{tables}\n{files}"))?;
    written
}

fn summary(read: &Read) -> Summary<'_> {
    let progress = Progress {
        planned: read.environment.planned().len(),
        made: plan::made(&read.records),
    };
    Summary::build(&read.environment, &read.records, progress)
}

fn write_files(
    run: &Run,
    records: &[Record],
    summary: &Summary<'_>,
    page: &Page,
    into: Option<&Target>,
) -> Result<()> {
    for plot in page.plots() {
        run.write_beside_page(&format!("{}.svg", plot.key), &plot::svg::file(plot))?;
    }
    run.write_page(&markdown::render(page))?;
    run.write_within("report.html", &html::render(page))?;
    run.write_within("trials.csv", &csv::render(records, &run.id()))?;
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
    let summary = summary(read);
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
