//! Writes what people read of a run: files among the results and beside the records, and tables on stdout.

use anyhow::Result;
use report::{Page, Recorded, Summary};
use schema::record::Record;

use crate::folder::Run;
use crate::into::Target;
use crate::output;
use crate::traces::Folder;

/// Writes all files of a run, and prints its tables and where the files are. `into` are files of
/// the user that get results too.
pub(crate) fn write(run: &Run, recorded: &Recorded, into: &[Target]) -> Result<()> {
    let records = &recorded.records;
    let summary = Summary::build(&recorded.environment, records);
    let mut page = report::page(&summary, &run.id());
    let models = recorded.environment.contenders.iter();
    let models: Vec<_> = models.map(|contender| &*contender.name).collect();
    page.traces = Folder::in_results(run.page_in()).read(&models);
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
    use schema::environment::Environment;
    use schema::experiment::Method;
    use schema::load::{Part, Within};
    use schema::plan::Planned;
    use schema::record::{KillResult, Measured, Outcome, Record, SCHEMA, SearchResult};

    use super::*;
    use crate::contender::samples;
    use crate::environment::tests::environment;
    use crate::experiment::shipped;

    /// The record of a planned trial that was measured.
    fn record(environment: &Environment, index: usize, planned: &Planned<'_>, trial: Measured) -> Record {
        Record {
            schema: SCHEMA,
            trial: index + 1,
            round: planned.round,
            experiment: planned.experiment.key.clone(),
            setting: planned.setting.key.clone(),
            model: planned.contender.name.clone(),
            started_at: environment.started_at,
            outcome: Outcome::Measured(Box::new(trial)),
        }
    }

    #[test]
    fn every_shipped_experiment_has_a_section_and_a_narrow_table() {
        let mut environment = environment();
        environment.experiments = shipped::all();
        environment.contenders = samples::contenders();
        let planned = environment.planned();
        let records: Vec<_> = planned
            .iter()
            .enumerate()
            .map(|(index, planned)| record(&environment, index, planned, Measured::example()))
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

    /// The most words of the page of a standard run: what a reader takes in within ten minutes.
    const WORDS_MOST: usize = 1800;

    /// How many words a page has: whatever has a letter or a digit and stands between spaces, bars of tables, or tags.
    fn words(page: &str) -> usize {
        let mut text = String::new();
        let mut is_in_tag = false;
        for character in page.chars() {
            match character {
                '<' => is_in_tag = true,
                '>' if is_in_tag => {
                    is_in_tag = false;
                    text.push(' ');
                }
                _ if is_in_tag => {}
                '|' => text.push(' '),
                other => text.push(other),
            }
        }
        let words = text.split_whitespace();
        words.filter(|word| word.contains(char::is_alphanumeric)).count()
    }

    /// A trial in which each model needs another amount of everything, and differs from round to round.
    fn differing(planned: &Planned<'_>, place: usize, number: usize) -> Measured {
        let load = planned.load();
        let noise = 1.0 + 0.01 * (number * 7919 % 11) as f64;
        let factor = (1.0 + place as f64) * noise;
        let mut trial = Measured::example();
        trial.spent.user_us *= factor;
        trial.spent.system_us *= factor;
        trial.peak.memory_bytes = (trial.peak.memory_bytes as f64 * factor) as u64;
        trial.load.throughput_per_s /= factor;
        trial.load.connections.asked = load.connections as u64;
        trial.load.connections.opened = load.connections as u64;
        let served = planned.contender.capabilities.serves_at_most(None);
        let served = served.map_or(load.connections, |most| most.min(load.connections));
        trial.load.connections.served = served as u64;
        let scaled = |latency: Option<f64>| latency.map(|latency| latency * factor);
        if let Some(latency) = &mut trial.load.latency_us {
            latency.count = 1_000_000;
            latency.mean *= factor;
            latency.p50 = scaled(latency.p50);
            latency.p90 = scaled(latency.p90);
            latency.p99 = scaled(latency.p99.or(Some(latency.max)));
            latency.p999 = scaled(Some(latency.max));
            let part = Part {
                latency_us: Some(*latency),
                op: "ping".to_owned(),
            };
            trial.load.parts = vec![part];
        }
        let requests = &mut trial.load.requests;
        requests.planned = 10_000_000;
        requests.sent = requests.planned;
        requests.ok = requests.planned;
        trial.load.within = Some(Within {
            bound_us: 400.0,
            ok: (requests.ok as f64 / factor) as u64,
        });
        match planned.experiment.method {
            Method::RateUnderBound { .. } => {
                trial.search = Some(SearchResult {
                    best_rate_per_s: Some(100_000.0 / factor),
                    beyond_reach: place == 0,
                    tried: Vec::new(),
                });
            }
            Method::KillWorker => {
                trial.kill = Some(KillResult {
                    lost: place as u64,
                    recovery_ms: Some(30.0 * factor),
                    lowest_rate_share: 0.8 / factor,
                });
            }
            Method::Load | Method::SystemCalls => {}
        }
        trial
    }

    #[test]
    fn the_page_of_a_standard_run_is_short() {
        let mut environment = environment();
        let shipped = shipped::all().into_iter();
        environment.experiments = shipped.filter_map(|one| one.within("standard")).collect();
        environment.contenders = samples::twelve();
        environment.profile = "standard".to_owned();
        let planned = environment.planned();
        let records = planned.iter().enumerate().map(|(index, planned)| {
            let mut contenders = environment.contenders.iter();
            let place = contenders.position(|contender| contender.name == planned.contender.name);
            let trial = differing(planned, place.expect("it is one of them"), index);
            record(&environment, index, planned, trial)
        });
        let records: Vec<_> = records.collect();
        let summary = Summary::build(&environment, &records);
        let page = report::markdown(&report::page(&summary, "20260102T030405Z"));
        let tables = report::terminal(&summary);
        for line in tables.lines() {
            assert!(line.chars().count() <= 100, "wider than a terminal: {line}");
        }
        assert!(
            tables.contains("- A new connection per request: beta ("),
            "{tables}"
        );
        let count = words(&page);
        println!(
            "{count} words, {} by white space",
            page.split_whitespace().count()
        );
        assert!(count <= WORDS_MOST, "{count} words:\n{page}");
        assert!(page.split_whitespace().count() <= WORDS_MOST);
        // Twelve columns do not fit a page. Each workload lists every model once.
        let (_, grid) = page
            .split_once("|workload|best, or tied for best|")
            .expect("the page has lists");
        let rows: Vec<_> = grid
            .lines()
            .skip(2)
            .take_while(|line| line.starts_with('|'))
            .collect();
        assert!(rows.len() >= 12, "{rows:?}");
        for row in rows {
            let (_, models) = row.split_once("</sub>").expect("a workload has its metric");
            for name in samples::NAMES.iter().chain(&samples::FURTHER) {
                let words = models.split(|one: char| !one.is_alphanumeric());
                assert_eq!(words.filter(|word| word == name).count(), 1, "{name}: {row}");
            }
        }
        let signs = ['†', '‡', '§', '◊', '¶', '✗', '≈', '★'];
        assert!(!page.contains(signs), "{page}");
        for misread in ["close to call", "first operation", "worst", "furthest"] {
            assert!(!page.contains(misread), "{misread}:\n{page}");
        }
        assert!(page.matches("\n- **").count() >= 5, "{page}");
    }
}
