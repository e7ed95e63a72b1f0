//! Writes what people read of a run: files among the results and beside the records, and tables on stdout.

use anyhow::Result;
use report::{Page, Recorded, Summary};
use schema::record::Record;

use crate::folder::Run;
use crate::into::Target;
use crate::output;

/// Writes all files of a run, and prints its tables and where the files are. `into` are files of
/// the user that get results too.
pub(crate) fn write(run: &Run, recorded: &Recorded, into: &[Target]) -> Result<()> {
    let records = &recorded.records;
    let summary = Summary::build(&recorded.environment, records);
    let page = report::page(&summary, &run.id());
    // A file that cannot be written must not hide the tables.
    let written = write_files(run, records, &summary, &page, into);
    let tables = report::terminal(&summary);
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
    into: &[Target],
) -> Result<()> {
    for plot in page.plots() {
        run.write_beside_page(&format!("{}.svg", plot.key()), &report::svg(plot))?;
    }
    run.write_page(&report::markdown(page))?;
    run.write_within("report.html", &report::html(page))?;
    run.write_within("trials.csv", &report::csv(records, &run.id()))?;
    into.iter().try_for_each(|into| into.write(summary, page, run))
}

/// Where everything was written.
fn paths(run: &Run, into: &[Target]) -> String {
    let into = into
        .iter()
        .map(|into| format!("also in: {}\n", into.given().display()));
    let into: String = into.collect();
    format!(
        "page: {}\ninteractive page: {}\nraw records: {}\n{into}",
        run.page().display(),
        run.within("report.html").display(),
        run.records().display(),
    )
}

#[cfg(test)]
mod tests {
    use schema::record::{Measured, Outcome, Record, SCHEMA};

    use super::*;
    use crate::contender::samples;
    use crate::environment::tests::environment;
    use crate::experiment::shipped;

    #[test]
    fn every_shipped_experiment_has_a_section_and_a_narrow_table() {
        let mut environment = environment();
        environment.experiments = shipped::all();
        environment.contenders = samples::contenders();
        let planned = environment.planned();
        let records: Vec<_> = planned
            .iter()
            .enumerate()
            .map(|(index, planned)| Record {
                schema: SCHEMA,
                trial: index + 1,
                round: planned.round,
                experiment: planned.experiment.key.clone(),
                setting: planned.setting.key.clone(),
                model: planned.contender.name.clone(),
                started_at: environment.started_at,
                outcome: Outcome::Measured(Box::new(Measured::example())),
            })
            .collect();
        let summary = Summary::build(&environment, &records);
        let page = report::markdown(&report::page(&summary, "20260102T030405Z"));
        let tables = report::terminal(&summary);
        for experiment in &environment.experiments {
            let heading = format!("\n## {}\n", experiment.title);
            assert_eq!(page.matches(&heading).count(), 1, "{heading}");
            assert!(tables.contains(&*experiment.title), "{}", experiment.title);
        }
        for line in tables.lines() {
            assert!(line.chars().count() <= 100, "wider than a terminal: {line}");
        }
    }
}
