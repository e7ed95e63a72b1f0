//! What a run could not show, and why: said aloud, so that nobody quotes a figure for more than it is.

use super::numbers::{list, rounded};
use super::summary::{CLIENT_BUSY, Row, Table};
use crate::environment::Environment;
use crate::record::Measured;
use crate::stats::Spread;

/// A virtual processor that was taken away for more than this share of a window may have changed its figures.
const STOLEN_SHARE: f64 = 0.01;
/// With fewer processors for the servers than this, more workers can't do more than one.
const SCALING_CPUS: usize = 2;

/// The limits that this run hit, those that weigh most first.
pub(super) fn of(environment: &Environment, tables: &[Table<'_>], trials: usize) -> Vec<String> {
    let of_the_run = [
        cut_short(environment, trials),
        smoke(environment),
        shared_processors(environment),
        one_processor(environment),
        changed_sources(environment),
    ];
    let of_a_table = [failed, unserved, client_limited, stolen, thin_tails];
    let of_tables = of_a_table
        .iter()
        .flat_map(|limit| tables.iter().filter_map(limit));
    of_the_run.into_iter().flatten().chain(of_tables).collect()
}

fn cut_short(environment: &Environment, trials: usize) -> Option<String> {
    let planned = environment.planned();
    (trials < planned).then(|| format!("The run was cut short: {trials} of {planned} trials were made."))
}

fn smoke(environment: &Environment) -> Option<String> {
    (environment.profile == "smoke")
        .then(|| "The smoke profile proves that everything works; its windows are too short and its trials too few to be quoted.".to_owned())
}

fn shared_processors(environment: &Environment) -> Option<String> {
    let cpus = &environment.cpus;
    cpus.shared.then(|| {
        format!(
            "Server (processors {}) and client (processors {}) took time from each other, since they have a processor or a core in common.",
            cpus.server, cpus.client
        )
    })
}

fn one_processor(environment: &Environment) -> Option<String> {
    let cpus = environment.cpus.server.len();
    (cpus < SCALING_CPUS).then(|| {
        "The servers had one processor. What threads and processes gain by running at the same time can't be seen here: \
         `prefork-async` runs one event loop by default and so does what `async` does, and `thread`, `fork` and \
         `prefork` show what their switches cost and not what more processors give them."
            .to_owned()
    })
}

fn changed_sources(environment: &Environment) -> Option<String> {
    let changed = environment.commit.as_ref().is_some_and(|commit| commit.changed);
    changed.then(|| "The sources had changes that were not committed, so the commit alone does not give this run again.".to_owned())
}

fn failed(table: &Table<'_>) -> Option<String> {
    let sentences: Vec<_> = table
        .rows
        .iter()
        .filter_map(|row| {
            let first = row.failed.first()?;
            let trials = row.failed.len() + row.measured.len();
            Some(format!(
                "`{}` failed in {} of {trials} trials (the first: {first})",
                row.model,
                row.failed.len()
            ))
        })
        .collect();
    (!sentences.is_empty()).then(|| format!("{}: {}.", table.setting.title, sentences.join("; ")))
}

fn unserved(table: &Table<'_>) -> Option<String> {
    let models = table.models_that(Row::left_unserved);
    (!models.is_empty()).then(|| {
        format!(
            "{}: {} left connections unserved (†). Their latency is that of the connections they served; a request on \
             the others had no answer before the run ended, and counts in no percentile. They are not compared with the rest.",
            table.setting.title,
            list(&quoted(&models))
        )
    })
}

fn client_limited(table: &Table<'_>) -> Option<String> {
    let models = table.models_that(Row::client_limited);
    (!models.is_empty()).then(|| {
        format!(
            "{}: the client was busy for more than {:.0} % of the time against {} (‡), so their requests/s and latencies \
             may be the client's limit and not the server's. CPU per request is not bounded by the client.",
            table.setting.title,
            CLIENT_BUSY * 100.0,
            list(&quoted(&models))
        )
    })
}

fn stolen(table: &Table<'_>) -> Option<String> {
    let trials = table.rows.iter().flat_map(|row| &row.measured);
    let shares: Vec<f64> = trials.filter_map(|trial| trial.stolen_share).collect();
    let hit = shares.iter().filter(|&&share| share > STOLEN_SHARE).count();
    let most = Spread::of(shares.iter().copied())?.most;
    (hit > 0).then(|| {
        format!(
            "{}: in {hit} of {} trials the hypervisor took more than {:.0} % of the processors' time (at most {} %).",
            table.setting.title,
            shares.len(),
            STOLEN_SHARE * 100.0,
            rounded(most * 100.0)
        )
    })
}

fn thin_tails(table: &Table<'_>) -> Option<String> {
    let thin = |row: &Row<'_>| {
        let no_p99 = |trial: &&Measured| trial.load.latency_us.is_none_or(|latency| latency.p99.is_none());
        row.measured.iter().any(no_p99)
    };
    let models = table.models_that(thin);
    (!models.is_empty()).then(|| {
        format!(
            "{}: {} had too few replies in some trials for a p99, which is told from 1,000 on.",
            table.setting.title,
            list(&quoted(&models))
        )
    })
}

fn quoted(models: &[&str]) -> Vec<String> {
    models.iter().map(|model| format!("`{model}`")).collect()
}
