//! Caveats about the run as a whole: its machine, its profile, and what did not take part.

use super::limits::CPUS_ENOUGH;
use super::trials::failed;
use crate::escape::code;
use crate::numbers::{counted, list};
use crate::summary::Summary;

/// What limits the run as a whole, in short: nothing about single values.
pub(crate) fn shown(summary: &Summary<'_>) -> Vec<String> {
    const SHOWN: [fn(&Summary<'_>) -> Option<String>; 7] = [
        interrupted,
        smoke,
        shared_cpus,
        changed_sources,
        left_out,
        left_out_of,
        failed,
    ];
    SHOWN.iter().filter_map(|caveat| caveat(summary)).collect()
}

pub(super) fn interrupted(summary: &Summary<'_>) -> Option<String> {
    let unmade = summary.unmade;
    (unmade > 0).then(|| {
        format!(
            "The run was interrupted: {unmade} of {} trials were not made.",
            summary.planned
        )
    })
}

pub(super) fn smoke(summary: &Summary<'_>) -> Option<String> {
    (summary.environment.profile == "smoke").then(|| {
        "The smoke profile only shows that everything works. Its windows are too short and its trials too few for results, so \
         nothing is ranked."
            .to_owned()
    })
}

pub(super) fn shared_cpus(summary: &Summary<'_>) -> Option<String> {
    let cpus = &summary.environment.cpus;
    cpus.shared.then(|| {
        format!(
            "Server (CPUs {}) and load generator (CPUs {}) share a CPU or a core, and took time from each other. Rates and \
             latencies are those of both together.",
            cpus.server, cpus.client
        )
    })
}

/// Several workers show their gain on several CPUs only.
pub(super) fn few_cpus(summary: &Summary<'_>) -> Option<String> {
    let cpus = summary.environment.cpus.server.len();
    (cpus < CPUS_ENOUGH).then(|| {
        format!(
            "The servers had {}. The run shows what several workers cost, and not what they gain on more CPUs.",
            counted(cpus, "CPU", "CPUs")
        )
    })
}

pub(super) fn one_cpu(summary: &Summary<'_>) -> Option<String> {
    (summary.environment.cpus.server.len() < 2).then(|| {
        "On one CPU no two threads run at the same time. More workers, threads or event loops only add switches there, and an \
         even share of connections between workers gains nothing."
            .to_owned()
    })
}

pub(super) fn virtual_machine(summary: &Summary<'_>) -> Option<String> {
    summary.environment.machine.virtualised.then(|| {
        "The machine is virtual. What its host did meanwhile shows only in the stolen time that the host reports.".to_owned()
    })
}

pub(super) fn changed_sources(summary: &Summary<'_>) -> Option<String> {
    let commit = summary.environment.commit.as_ref();
    commit.is_some_and(|commit| commit.changed).then(|| {
        "The sources had uncommitted changes, so the commit alone does not reproduce this run.".to_owned()
    })
}

pub(super) fn left_out(summary: &Summary<'_>) -> Option<String> {
    let out: Vec<_> = summary
        .environment
        .left_out
        .iter()
        .chain(&summary.environment.experiments_left_out)
        .map(|out| format!("{} ({})", code(&out.name), out.reason))
        .collect();
    (!out.is_empty()).then(|| format!("Left out: {}.", list(&out)))
}

/// Contenders that take part in a part of the run only.
pub(super) fn left_out_of(summary: &Summary<'_>) -> Option<String> {
    let out: Vec<_> = summary
        .environment
        .left_out_of
        .iter()
        .map(|out| {
            let places: Vec<_> = out.experiments.iter().map(|place| format!("`{place}`")).collect();
            format!("{} of {} ({})", code(&out.name), list(&places), out.reason)
        })
        .collect();
    (!out.is_empty()).then(|| format!("Left out of single experiments: {}.", out.join("; ")))
}
