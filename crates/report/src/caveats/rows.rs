//! Caveats about values: what failed, what was overloaded, what limited the rate, and how costs were measured.

use schema::cost::{CpuSource, SwitchesOver};
use schema::load::{DRIFT_MOST, LATE_SHARE_MOST};

use super::places::{name, places, where_rows};
use crate::bottleneck::Bottleneck;
use crate::errors::FAILED_SHARE_MOST;
use crate::metric::{Metric, cost, load};
use crate::numbers::rounded;
use crate::summary::{Row, Summary};
use schema::record::Measured;

/// Which models have errors, and where.
pub(crate) fn errors(summary: &Summary<'_>) -> Option<String> {
    let models = places(summary, |row| {
        (row.errors.any()).then(|| format!("{} ({})", name(row), row.errors.in_words()))
    });
    (!models.is_empty()).then(|| {
        format!(
            "**Errors**: {}. Latencies leave out the requests that failed. A model is not ranked where more than {:.0} % failed.",
            models.join("; "),
            FAILED_SHARE_MOST * 100.0
        )
    })
}

pub(super) fn never_served(summary: &Summary<'_>) -> Option<String> {
    let models = where_rows(summary, Row::has_never_served);
    (!models.is_empty()).then(|| {
        format!(
            "Some connections were never served. Latency and cost are those of the others, and are not ranked: no \
             percentile has a request on a connection that is never served. {}.",
            models.join("; ")
        )
    })
}

pub(super) fn overloaded(summary: &Summary<'_>) -> Option<String> {
    let models = where_rows(summary, Row::is_overloaded);
    (!models.is_empty()).then(|| {
        format!(
            "Overloaded: over 1 % of the requests that were due were never sent. Latencies then grow with the window, and \
             are not ranked. {}.",
            models.join("; ")
        )
    })
}

/// Where the median of a metric is beyond a bound, in an open loop that is not overloaded.
fn beyond(summary: &Summary<'_>, metric: &Metric, most: f64) -> Vec<String> {
    where_rows(summary, |row| {
        let is_beyond = row
            .estimate(metric)
            .is_some_and(|share| share.median.abs() > most);
        is_beyond && !row.is_overloaded()
    })
}

pub(super) fn late(summary: &Summary<'_>) -> Option<String> {
    let models = beyond(summary, &load::LATE_SHARE, LATE_SHARE_MOST);
    (!models.is_empty()).then(|| {
        format!(
            "In most trials over {} % of the requests were sent late, by more than a tenth of the median latency. No connection \
             was free, or the load generator was slow. Latency counts from when a request was due, and includes the delay. {}.",
            rounded(LATE_SHARE_MOST * 100.0),
            models.join("; ")
        )
    })
}

pub(super) fn drifting(summary: &Summary<'_>) -> Option<String> {
    let models = beyond(summary, &load::DRIFT, DRIFT_MOST);
    (!models.is_empty()).then(|| {
        format!(
            "In most trials the median latency changed by over {} % from the first third of the window to the last. A longer \
             window would give another value. {}.",
            rounded(DRIFT_MOST * 100.0),
            models.join("; ")
        )
    })
}

pub(super) fn load_generator_saturated(summary: &Summary<'_>) -> Option<String> {
    let models = where_rows(summary, |row| row.bottleneck == Bottleneck::LoadGenerator);
    (!models.is_empty()).then(|| {
        format!(
            "Load generator saturated: rates and latencies may be those of the load generator. CPU time per request is not \
             affected. {}.",
            models.join("; ")
        )
    })
}

pub(super) fn latency_bound(summary: &Summary<'_>) -> Option<String> {
    let models = where_rows(summary, |row| row.bottleneck == Bottleneck::Latency);
    (!models.is_empty()).then(|| {
        format!(
            "Latency-bound: neither side was busy, and more connections would raise the rate. Such a rate shows how long a \
             round trip takes, not how much a server can do. {}.",
            models.join("; ")
        )
    })
}

pub(super) fn cpu_time_from_proc(summary: &Summary<'_>) -> Option<String> {
    let trials = || summary.rows().flat_map(|row| &row.kept);
    let from_proc = trials()
        .filter(|(_, trial)| trial.spent.source == CpuSource::Proc)
        .count();
    (from_proc > 0).then(|| {
        format!(
            "In {from_proc} of {} trials CPU time was read from /proc, because no control group could be made. It lacks the \
             time of processes that ended within the window without being waited for.",
            trials().count()
        )
    })
}

pub(super) fn switches_of_whole_life(summary: &Summary<'_>) -> Option<String> {
    let mut experiments = summary.results.iter().map(|results| results.experiment);
    let is_shown =
        experiments.any(|experiment| experiment.metric_keys().any(|key| key == cost::SWITCHES.key));
    let over_life = |trial: &Measured| trial.spent.switches_over != SwitchesOver::Window;
    let models = where_rows(summary, |row| row.kept.iter().any(|(_, trial)| over_life(trial)));
    (!models.is_empty() && is_shown).then(|| {
        format!(
            "Threads or processes ended within the window, or were too many to read. Context switches are then those of the \
             server's whole life, divided by the replies of that time. {}.",
            models.join("; ")
        )
    })
}
