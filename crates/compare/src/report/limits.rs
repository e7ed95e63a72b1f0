//! What a run could not show, and why: said aloud, so that nobody quotes a figure for more than it is.

mod trials;

use schema::load::{DRIFT_MOST, LATE_SHARE_MOST};

use super::compose::ERRORS;
use super::errors::FAILED_SHARE_MOST;
use super::limit::Limit;
use super::summary::{Row, Summary};
use crate::metric::{Metric, cost, load};
use crate::numbers::{list, rounded};
use schema::cost::{CpuSource, SwitchesOver};
use schema::record::Measured;

/// One of them, if a run hit it.
type Told = fn(&Summary<'_>) -> Option<String>;

/// The limits that this run hit, those that weigh most first.
pub(super) fn of(summary: &Summary<'_>) -> Vec<String> {
    let limits: [Told; 21] = [
        errors,
        cut_short,
        smoke,
        shared_processors,
        few_processors,
        one_processor,
        virtualised,
        changed_sources,
        trials::few_trials,
        left_out,
        trials::failed,
        |summary| Some(trials::excluded(summary)),
        unserved,
        overloaded,
        late,
        drifting,
        client_limited,
        too_few_connections,
        added_up,
        survivors,
        trials::missing,
    ];
    limits.iter().filter_map(|limit| limit(summary)).collect()
}

fn cut_short(summary: &Summary<'_>) -> Option<String> {
    let (unmade, planned) = (summary.unmade, summary.environment.planned().len());
    (unmade > 0).then(|| format!("The run was interrupted: {unmade} of {planned} trials were not made."))
}

fn smoke(summary: &Summary<'_>) -> Option<String> {
    (summary.environment.profile == "smoke").then(|| {
        "The smoke profile proves that everything works. Its windows are too short and its trials too few to be quoted, so \
         nothing is ranked."
            .to_owned()
    })
}

fn shared_processors(summary: &Summary<'_>) -> Option<String> {
    let cpus = &summary.environment.cpus;
    cpus.shared.then(|| {
        format!(
            "Server (processors {}) and load generator (processors {}) took time from each other, since they have a \
             processor or a core in common. Rates and latencies are those of both together.",
            cpus.server, cpus.client
        )
    })
}

/// What models of several processes or threads gain by more processors is seen with some processors only.
pub(super) fn few_processors(summary: &Summary<'_>) -> Option<String> {
    const ENOUGH: usize = 4;
    let cpus = summary.environment.cpus.server.len();
    let kinds: Vec<_> = summary
        .environment
        .models()
        .filter(|name| name.starts_with("prefork"))
        .collect();
    let who = match &*kinds {
        [] => "a model with several workers".to_owned(),
        kinds => list(&quoted(kinds)),
    };
    let had = match cpus {
        1 => "one processor".to_owned(),
        cpus => format!("{cpus} processors"),
    };
    (cpus < ENOUGH).then(|| {
        format!(
            "What {who} would gain by running on more processors can't be concluded from this run: the servers had {had}, so \
             that it shows what several workers cost, and not what they are for."
        )
    })
}

fn one_processor(summary: &Summary<'_>) -> Option<String> {
    (summary.environment.cpus.server.len() < 2).then(|| {
        "On one processor no two threads run at the same time: more workers, threads or event loops show what their \
         switches cost, and an even share of connections between workers has nothing to gain."
            .to_owned()
    })
}

fn virtualised(summary: &Summary<'_>) -> Option<String> {
    summary.environment.machine.virtualised.then(|| {
        "The machine is a virtual one: what its host did meanwhile is seen only as far as it tells of stolen time.".to_owned()
    })
}

fn changed_sources(summary: &Summary<'_>) -> Option<String> {
    let commit = summary.environment.commit.as_ref();
    commit.is_some_and(|commit| commit.changed).then(|| {
        "The sources had changes that were not committed, so the commit alone does not give this run again.".to_owned()
    })
}

fn left_out(summary: &Summary<'_>) -> Option<String> {
    let out: Vec<_> = summary
        .environment
        .left_out
        .iter()
        .chain(&summary.environment.experiments_left_out)
        .map(|out| format!("`{}` ({})", out.name, out.reason))
        .collect();
    (!out.is_empty()).then(|| format!("Left out: {}.", list(&out)))
}

/// Who has errors, and where.
pub(super) fn errors(summary: &Summary<'_>) -> Option<String> {
    let models = places(summary, |row| {
        (row.errors.any()).then(|| format!("{} ({})", plain_name(row), row.errors.in_words()))
    });
    (!models.is_empty()).then(|| {
        format!(
            "**Errors** ({ERRORS}): {}. Latencies leave out the requests that failed. A model is not ranked where more than \
             {:.0} % failed.",
            models.join("; "),
            FAILED_SHARE_MOST * 100.0
        )
    })
}

fn unserved(summary: &Summary<'_>) -> Option<String> {
    let models = places(summary, |row| row.left_unserved().then(|| plain_name(row)));
    (!models.is_empty()).then(|| {
        format!(
            "Some connections were never served (†). Latency and cost are those of the others, and are not ranked: a request \
             on a connection that is never served is in no percentile. {}.",
            models.join("; ")
        )
    })
}

fn overloaded(summary: &Summary<'_>) -> Option<String> {
    let models = places(summary, |row| row.is_overloaded().then(|| plain_name(row)));
    (!models.is_empty()).then(|| {
        format!(
            "Overloaded (◊): over 1 % of the requests that fell due were never sent. Latencies then grow for as long as the load \
             lasts, so they depend on the length of the window, and are not ranked. {}.",
            models.join("; ")
        )
    })
}

/// The rows most of whose trials have more than this of a figure, in experiments with an open loop and not overloaded.
fn beyond(summary: &Summary<'_>, metric: &Metric, most: f64) -> Vec<String> {
    places(summary, |row| {
        let is_beyond = row
            .estimate(metric)
            .is_some_and(|share| share.median.abs() > most);
        (is_beyond && !row.is_overloaded()).then(|| plain_name(row))
    })
}

fn late(summary: &Summary<'_>) -> Option<String> {
    let models = beyond(summary, &load::LATE_SHARE, LATE_SHARE_MOST);
    (!models.is_empty()).then(|| {
        format!(
            "In most trials over {} % of the requests left later than a tenth of the median latency after they were due, \
             because no connection was free or the load generator was late itself. Latency counts that, from when they were \
             due. {}.",
            rounded(LATE_SHARE_MOST * 100.0),
            models.join("; ")
        )
    })
}

fn drifting(summary: &Summary<'_>) -> Option<String> {
    let models = beyond(summary, &load::DRIFT, DRIFT_MOST);
    (!models.is_empty()).then(|| {
        format!(
            "The median latency of the last third of the window was over {} % off that of the first in most trials, so that \
             a longer window would have another figure. {}.",
            rounded(DRIFT_MOST * 100.0),
            models.join("; ")
        )
    })
}

fn client_limited(summary: &Summary<'_>) -> Option<String> {
    let models = places(summary, |row| {
        (row.limit == Limit::Client).then(|| plain_name(row))
    });
    (!models.is_empty()).then(|| {
        format!(
            "Load generator saturated (‡): rates and latencies may be those of the load generator. CPU time per request is not \
             bounded by it. {}.",
            models.join("; ")
        )
    })
}

fn too_few_connections(summary: &Summary<'_>) -> Option<String> {
    let models = places(summary, |row| {
        (row.limit == Limit::Connections).then(|| plain_name(row))
    });
    (!models.is_empty()).then(|| {
        format!(
            "Latency-bound (§): neither side was busy, and more connections would raise the rate. Such a rate shows how long a \
             round trip takes, not how much a server can do. {}.",
            models.join("; ")
        )
    })
}

fn added_up(summary: &Summary<'_>) -> Option<String> {
    let trials = || summary.rows().flat_map(|row| &row.kept);
    let from_proc = trials()
        .filter(|(_, trial)| trial.spent.source == CpuSource::Proc)
        .count();
    (from_proc > 0).then(|| {
        format!(
            "In {from_proc} of {} trials CPU time was added up from /proc, since no control group could be made: what a \
             process spent that ended and was not waited for within the window is missing.",
            trials().count()
        )
    })
}

fn survivors(summary: &Summary<'_>) -> Option<String> {
    let is_shown = |key: &str| {
        let mut experiments = summary.results.iter().map(|results| results.experiment);
        experiments.any(|experiment| experiment.figure_keys().any(|shown| shown == key))
    };
    let models = places(summary, |row| {
        let over_life = |trial: &Measured| trial.spent.switches_over != SwitchesOver::Window;
        row.kept
            .iter()
            .map(|(_, trial)| *trial)
            .any(over_life)
            .then(|| plain_name(row))
    });
    (!models.is_empty() && is_shown(cost::SWITCHES.key)).then(|| {
        format!(
            "Threads or processes ended within the window, or were too many to look at within it, so context switches are \
             those of the server's whole life by the replies of that time. {}.",
            models.join("; ")
        )
    })
}

/// What there is to say of rows, by experiment and setting.
fn places(summary: &Summary<'_>, of: impl Fn(&Row<'_>) -> Option<String>) -> Vec<String> {
    let mut places = Vec::new();
    for results in &summary.results {
        for answer in &results.answers {
            let rows: Vec<_> = answer.rows.iter().filter_map(&of).collect();
            if rows.is_empty() {
                continue;
            }
            let title = &results.experiment.title;
            places.push(match &*results.answers {
                [_] => format!("{title}: {}", list(&rows)),
                _ => format!("{title}, {}: {}", answer.name(), list(&rows)),
            });
        }
    }
    places
}

fn quoted(models: &[&str]) -> Vec<String> {
    models.iter().map(|model| format!("`{model}`")).collect()
}

fn plain_name(row: &Row<'_>) -> String {
    format!("`{}`", row.model)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contender::LeftOut;
    use crate::report::fixture;

    #[test]
    fn how_many_trials_were_excluded_is_always_shown() {
        let (environment, mut records) = fixture::run();
        records.retain(|record| match &record.outcome {
            schema::record::Outcome::Measured(trial) => trial.exclusion().is_none(),
            schema::record::Outcome::Failed(_) => true,
        });
        let limits = of(&Summary::of(&environment, &records));
        assert!(
            limits.iter().any(|limit| limit.starts_with("0 of ")),
            "{limits:#?}"
        );
    }

    #[test]
    fn an_experiment_that_could_not_be_asked_is_told_with_the_reason() {
        let (mut environment, records) = fixture::run();
        environment.experiments_left_out = vec![LeftOut {
            name: "system-calls".to_owned(),
            reason: "there is no strace".to_owned(),
        }];
        let told = left_out(&Summary::of(&environment, &records)).unwrap();
        assert!(told.contains("`system-calls` (there is no strace)"), "{told}");
    }

    #[test]
    fn nothing_is_said_of_processors_where_there_are_enough() {
        let (mut environment, records) = fixture::run();
        environment.cpus.server = "0-3".parse().unwrap();
        let summary = Summary::of(&environment, &records);
        assert_eq!(few_processors(&summary), None);
        assert_eq!(one_processor(&summary), None);
    }
}
