//! What a run could not show, and why: said aloud, so that nobody quotes a figure for more than it is.

use std::collections::BTreeMap;

use super::limit::Limit;
use super::numbers::{list, rounded};
use super::summary::{Row, Summary};
use crate::costs::{CpuSource, SwitchesOver};
use crate::figures;
use crate::record::Measured;

/// One of them, if a run hit it.
type Told = fn(&Summary<'_>) -> Option<String>;

/// The limits that this run hit, those that weigh most first.
pub(super) fn of(summary: &Summary<'_>) -> Vec<String> {
    let limits: [Told; 17] = [
        cut_short,
        smoke,
        shared_processors,
        few_processors,
        one_processor,
        virtualised,
        changed_sources,
        few_trials,
        left_out,
        failed,
        |summary| Some(set_aside(summary)),
        unserved,
        client_limited,
        too_few_connections,
        added_up,
        survivors,
        missing,
    ];
    limits.iter().filter_map(|limit| limit(summary)).collect()
}

fn cut_short(summary: &Summary<'_>) -> Option<String> {
    let (unmade, planned) = (summary.unmade, summary.environment.planned().len());
    (unmade > 0).then(|| format!("The run was cut short: {unmade} of {planned} trials were not made."))
}

fn smoke(summary: &Summary<'_>) -> Option<String> {
    (summary.environment.profile == "smoke").then(|| {
        "The smoke profile proves that everything works; its windows are too short and its trials too few to be quoted."
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

fn few_trials(summary: &Summary<'_>) -> Option<String> {
    let mut few = Vec::new();
    for answer in summary.answers() {
        let kept = answer
            .rows
            .iter()
            .map(|row| row.kept.len())
            .filter(|&kept| kept > 0);
        let enough = enough_trials(kept.clone().count());
        if let Some(least) = kept.min().filter(|&least| least < enough) {
            few.push(format!(
                "{}, {} ({least} of {enough})",
                answer.experiment.title,
                answer.name()
            ));
        }
    }
    (!few.is_empty()).then(|| {
        format!(
            "Some models have too few trials to be told from the best at all, however far they are from it, so that ≈ says \
             nothing of them: {}.",
            few.join("; ")
        )
    })
}

/// How many trials it takes of each of so many models to tell any from the best: a chance of 5 % shared out among all but
/// the best, and no more than 2.5 % for one, is reached when one has less in all of n rounds, by a chance of 2⁻ⁿ.
fn enough_trials(models: usize) -> usize {
    let others = models.saturating_sub(1).max(2);
    (others as f64 / 0.05).log2().ceil() as usize
}

fn left_out(summary: &Summary<'_>) -> Option<String> {
    let out: Vec<_> = summary
        .environment
        .left_out
        .iter()
        .map(|out| format!("`{}` ({})", out.name, out.reason))
        .collect();
    (!out.is_empty()).then(|| format!("Left out: {}.", list(&out)))
}

fn failed(summary: &Summary<'_>) -> Option<String> {
    let failed = places(summary, |row| {
        let first = row.failed.first()?;
        Some(format!(
            "`{}` in {} of {} ({first})",
            row.model,
            row.failed.len(),
            row.trials()
        ))
    });
    (!failed.is_empty()).then(|| {
        format!(
            "Trials failed, each with the reason of the first: {}.",
            failed.join("; ")
        )
    })
}

fn set_aside(summary: &Summary<'_>) -> String {
    let all: usize = summary.rows().map(Row::trials).sum();
    let reasons: Vec<_> = summary.rows().flat_map(|row| &row.set_aside).collect();
    let aside = reasons.len();
    let were = if aside == 1 { "was" } else { "were" };
    let sentence = format!(
        "{aside} of {all} trials {were} set aside for what else went on on the machine, by a rule that was fixed before and \
         looks at no rate and no latency"
    );
    if aside == 0 {
        return format!("{sentence}.");
    }
    // How many there were of each reason, and the most that it came to.
    let mut kinds: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
    for reason in reasons {
        let (count, most) = kinds.entry(reason.of_what).or_default();
        *count += 1;
        *most = most.max(reason.share);
    }
    let kinds: Vec<_> = kinds
        .into_iter()
        .map(|(of_what, (count, most))| {
            format!("{count} because up to {} % {of_what}", rounded(most * 100.0))
        })
        .collect();
    format!(
        "{sentence}: {}. Each of them was made once more; `trials.csv` has the reason of each.",
        list(&kinds)
    )
}

fn unserved(summary: &Summary<'_>) -> Option<String> {
    let models = places(summary, |row| row.left_unserved().then(|| name(row)));
    (!models.is_empty()).then(|| {
        format!(
            "Connections were left unserved (†). Latency and cost are those of the connections that were served, and not \
             compared; a request on the others had no answer before the trial ended, and counts in no percentile. {}.",
            models.join("; ")
        )
    })
}

fn client_limited(summary: &Summary<'_>) -> Option<String> {
    let models = places(summary, |row| (row.limit == Limit::Client).then(|| name(row)));
    (!models.is_empty()).then(|| {
        format!(
            "The load generator was at its own limit (‡), so that rates and latencies may be its and not the server's. CPU \
             time per request is not bounded by it. {}.",
            models.join("; ")
        )
    })
}

fn too_few_connections(summary: &Summary<'_>) -> Option<String> {
    let models = places(summary, |row| {
        (row.limit == Limit::Connections).then(|| name(row))
    });
    (!models.is_empty()).then(|| {
        format!(
            "Neither side was busy (§): each connection waited for its reply, and more connections would have had more \
             replies. Such a rate says how long a round trip takes, not how much a server can do. {}.",
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
        let over_life = |trial: &Measured| trial.spent.switches_over == SwitchesOver::Survivors;
        row.kept
            .iter()
            .map(|(_, trial)| *trial)
            .any(over_life)
            .then(|| name(row))
    });
    (!models.is_empty() && is_shown("switches_per_request")).then(|| {
        format!(
            "Threads or processes ended within the window, so context switches are those of the server's whole life by the \
             replies of that time. {}.",
            models.join("; ")
        )
    })
}

/// A figure that some trials have and others not is the median of those that have it.
fn missing(summary: &Summary<'_>) -> Option<String> {
    let mut missing: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for answer in summary.answers() {
        for (index, key) in answer.experiment.figure_keys().enumerate() {
            let rows = answer.rows.iter().filter_map(|row| {
                let has = row.figures[index].estimate.map_or(0, |estimate| estimate.trials);
                let without = row.kept.len() - has;
                match (has, without) {
                    (_, 0) => None,
                    (0, _) => Some(name(row)),
                    _ => Some(format!("{} in {without} of {}", name(row), row.kept.len())),
                }
            });
            let rows: Vec<_> = rows.collect();
            if !rows.is_empty() {
                let place = format!(
                    "{}, {} ({})",
                    answer.experiment.title,
                    answer.name(),
                    rows.join(", ")
                );
                missing.entry(key).or_default().push(place);
            }
        }
    }
    let missing: Vec<_> = missing
        .into_iter()
        .map(|(key, places)| format!("{}: {}", figures::named(key).title, places.join("; ")))
        .collect();
    (!missing.is_empty()).then(|| {
        format!(
            "Some trials do not have a figure, which is then the median of the others: too few replies for a percentile, \
             none at all, or a rate that did not come back. {}.",
            missing.join(". ")
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

fn name(row: &Row<'_>) -> String {
    format!("`{}`", row.model)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn how_many_trials_were_set_aside_is_told_even_if_none_were() {
        let (environment, mut records) = fixture::run();
        records.retain(|record| match &record.outcome {
            crate::record::Outcome::Measured(trial) => trial.set_aside().is_none(),
            crate::record::Outcome::Failed(_) => true,
        });
        let limits = of(&Summary::of(&environment, &records));
        assert!(
            limits.iter().any(|limit| limit.starts_with("0 of ")),
            "{limits:#?}"
        );
    }

    #[test]
    fn the_more_models_the_more_trials_it_takes() {
        assert_eq!([2, 3, 4, 5, 6, 9].map(enough_trials), [6, 6, 6, 7, 7, 8]);
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
