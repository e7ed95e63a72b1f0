//! Faults of an experiment, found when its file is read and not by one failed trial after another.
//!
//! Names of models are not checked here: which there are depends on the servers found and on the file of contenders.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use schema::experiment::{Experiment, Load, Method, Setting};
use schema::name::{NAMES, is_name};

use super::error::ExperimentError;
use super::on_cpus::RATE;
use crate::profile;
use report::metric::{self, Samples};

/// What is wrong with an experiment: what, where, and what to do about it.
pub(super) fn check(experiment: &Experiment) -> Result<(), ExperimentError> {
    whole(experiment).map_err(ExperimentError::Experiment)?;
    for setting in &experiment.settings {
        let fault = |reason| ExperimentError::Setting {
            setting: setting.key.clone(),
            reason,
        };
        one(experiment, setting).map_err(fault)?;
    }
    Ok(())
}

fn whole(experiment: &Experiment) -> Result<(), String> {
    key(&experiment.key)?;
    profiles(&experiment.profiles)?;
    let rounds = experiment.max_rounds.map(|rounds| rounds as u64);
    within("max_rounds", rounds, 1, profile::ROUNDS_MOST.into())?;
    if let Method::RateUnderBound { p99_ms } = experiment.method {
        within("p99_ms", Some(p99_ms), 1, WINDOW_MOST_MS)?;
    }
    // Each value of a plot can be looked up in a table.
    let shown = || experiment.metric_keys().take(experiment.main_metrics());
    let mut plots = experiment.plots.iter();
    plots.try_for_each(|name| known("plots", "metric of the experiment", name, shown()))?;
    if experiment.axis.is_none() && experiment.settings.iter().any(|setting| setting.panel.is_some()) {
        return Err("it has a panel, but no axis, which the settings of a panel share; give axis".to_owned());
    }
    let keys = || experiment.settings.iter().map(|setting| &*setting.key);
    let mut of_theory = experiment.theory.iter().flat_map(|theory| &theory.settings);
    of_theory.try_for_each(|name| known("settings of a [[theory]]", "setting", name, keys()))
}

fn one(experiment: &Experiment, setting: &Setting) -> Result<(), String> {
    key(&setting.key)?;
    profiles(&setting.profiles)?;
    within("window_ms", setting.window_ms, 1, WINDOW_MOST_MS)?;
    if let Some(x) = setting.x.filter(|x| !x.is_finite()) {
        return Err(format!("its x is {x}; give a number"));
    }
    workers(setting.workers)?;
    workload(experiment, setting)?;
    titles(setting)?;
    // A setting with a rate for each CPU has its place when the CPUs are known.
    let has_place = setting.x.is_some() || setting.load.rate_per_s_per_cpu.is_some();
    if let Some(axis) = experiment.axis.as_ref().filter(|_| !has_place) {
        return Err(format!(
            "it has no x, its place on the axis {:?}; give it one, or leave the axis out",
            axis.title
        ));
    }
    load(&setting.load)?;
    headline(experiment, setting, &setting.load)?;
    for (index, case) in setting.cases.iter().enumerate() {
        let fault = |reason| format!("[[where]] number {}: {reason}", index + 1);
        if case.has.is_empty() && case.models.is_none() {
            return Err(fault("it does not limit whom it applies to; give has".to_owned()));
        }
        workers(case.workers).map_err(fault)?;
        if let Some(own) = &case.load {
            load(own).map_err(fault)?;
            headline(experiment, setting, own).map_err(fault)?;
        }
    }
    Ok(())
}

/// The most lines of a decision. A reader who chooses a server does not keep more in mind.
const DECISIONS_MOST: u8 = 5;

/// Checks the metric and the line of the workload that a setting stands for.
fn workload(experiment: &Experiment, setting: &Setting) -> Result<(), String> {
    let Some(workload) = &setting.workload else {
        return Ok(());
    };
    if let Some(metric) = &workload.metric {
        known(
            "the metric of its workload",
            "metric of the experiment",
            metric,
            experiment.metric_keys(),
        )?;
    }
    match &workload.decision {
        Some(decision) if !(1..=DECISIONS_MOST).contains(&decision.order) => Err(format!(
            "the order of its decision is {}; give a number from 1 to {DECISIONS_MOST}",
            decision.order
        )),
        _ => Ok(()),
    }
}

/// Checks that a rate is known where a title has its place.
fn titles(setting: &Setting) -> Result<(), String> {
    let workload = setting.workload.iter().map(|workload| &workload.title);
    let has_place = |title: &String| title.contains(RATE);
    if setting.load.known_rate_per_s().is_none() && workload.chain([&setting.title]).any(has_place) {
        return Err(format!(
            "{RATE} is in a title, but its rate is not known beforehand; give rate_per_s_per_cpu or rate_per_s"
        ));
    }
    Ok(())
}

fn workers(count: Option<u16>) -> Result<(), String> {
    not_zero("workers", count == Some(0))
}

/// Checks that trials have the headline. If it is a quantile and the offered rate is known beforehand, enough samples must lie
/// beyond it. A smoke run reports no values to rely on, so its windows may be shorter.
fn headline(experiment: &Experiment, setting: &Setting, load: &Load) -> Result<(), String> {
    let metric = metric::named(&experiment.headline);
    if !metric.source.is_in(experiment.method, load) {
        return Err(format!(
            "its headline is {}, which none of its trials would have; it needs {}, or use another headline",
            metric.key,
            metric.source.needs()
        ));
    }
    let Some((quantile, rate_per_s)) = metric.quantile.zip(load.known_rate_per_s()) else {
        return Ok(());
    };
    let rate_per_s = match quantile.samples {
        Samples::Replies => rate_per_s,
        Samples::FirstOperation => rate_per_s * load.share_of_first_operation(),
        Samples::Connections => return Ok(()),
    };
    let own = Duration::from_millis(setting.window_ms.unwrap_or(0));
    let windows = profile::ALL
        .iter()
        .filter(|profile| profile.name != "smoke" && setting.profiles.iter().any(|name| name == profile.name))
        .map(|profile| profile.times.with_window(own).window);
    let Some(window) = windows.min() else {
        return Ok(());
    };
    let samples = rate_per_s * window.as_secs_f64();
    if quantile.has_enough(samples) {
        return Ok(());
    }
    let needed_s = quantile.beyond_least() / quantile.beyond(rate_per_s);
    Err(format!(
        "its headline is {}, but only {:.0} of the {samples:.0} samples of a window of {window:?} lie beyond it, and {:.0} are \
         needed; set window_ms to {:.0} or more, or use a lower quantile",
        metric.key,
        quantile.beyond(samples).floor(),
        quantile.beyond_least(),
        (needed_s * 1e3).ceil()
    ))
}

fn key(key: &str) -> Result<(), String> {
    if is_name(key) {
        return Ok(());
    }
    Err(format!(
        "its key is {key:?}, which file names contain: use {NAMES}"
    ))
}

fn profiles(names: &[String]) -> Result<(), String> {
    let all = || profile::ALL.iter().map(|profile| profile.name);
    names
        .iter()
        .try_for_each(|name| known("profiles", "profile", name, all()))
}

fn load(load: &Load) -> Result<(), String> {
    not_zero("connections", load.connections == 0)?;
    not_zero("pipeline", load.pipeline == 0)?;
    not_zero("requests_per_connection", load.requests_per_connection == Some(0))?;
    for (name, value, unit) in [
        ("rate_per_s", load.rate_per_s, "requests/s"),
        ("rate_per_s_per_cpu", load.rate_per_s_per_cpu, "requests/s"),
        ("capacity", load.capacity, "a share such as 0.7"),
        ("capacity_per_s", load.capacity_per_s, "requests/s"),
        ("within_times", load.within_times, "a number such as 10"),
    ] {
        if let Some(value) = value.filter(|value| !(value.is_finite() && *value > 0.0)) {
            return Err(format!("{name} is {value}; give {unit}, more than 0"));
        }
    }
    if load.rate_per_s.is_some() && load.capacity.is_some() {
        return Err(
            "it has rate_per_s and capacity, a share of the server's own rate; give one of them".to_owned(),
        );
    }
    if load.rate_per_s_per_cpu.is_some() && (load.rate_per_s.is_some() || load.capacity.is_some()) {
        return Err(
            "it has rate_per_s_per_cpu and another rate, rate_per_s or capacity; give one of them".to_owned(),
        );
    }
    if load.within_times.is_some() && crate::load::work(load)?.mean_time_us().is_none() {
        return Err(
            "it has within_times, but the time that its work takes is unknown; use ping, spin, sleep, block or work".to_owned(),
        );
    }
    if load.capacity_per_s.is_some() && load.capacity.is_none() {
        return Err(
            "it has capacity_per_s, but no capacity, the share of it that is offered; give both".to_owned(),
        );
    }
    if let Some(share) = load.capacity.filter(|&share| share > CAPACITY_MOST) {
        return Err(format!(
            "capacity is {share}; give a share such as 0.7, at most {CAPACITY_MOST}"
        ));
    }
    // The load generator checks the rest. Any address will do for that.
    let asked = load
        .known_rate_per_s()
        .map_or_else(|| load.closed(), |rate| load.at(rate));
    let plan = crate::load::plan(&asked, SocketAddr::from((Ipv4Addr::LOCALHOST, 1)), None, 1)?;
    plan.check().map_err(|error| error.to_string())
}

/// The longest window, and the longest bound of a latency: an hour.
const WINDOW_MOST_MS: u64 = 3_600_000;
/// The highest offered rate, as a share of capacity.
const CAPACITY_MOST: f64 = 10.0;

fn within(name: &str, value: Option<u64>, least: u64, most: u64) -> Result<(), String> {
    match value.filter(|value| !(least..=most).contains(value)) {
        Some(value) if value < least => Err(format!("{name} is {value}; give at least {least}")),
        Some(value) => Err(format!("{name} is {value}; give at most {most}")),
        None => Ok(()),
    }
}

fn not_zero(name: &str, is_zero: bool) -> Result<(), String> {
    if is_zero {
        return Err(format!("{name} is 0; give at least 1"));
    }
    Ok(())
}

fn known<'a>(
    place: &str,
    what: &str,
    name: &str,
    names: impl Iterator<Item = &'a str> + Clone,
) -> Result<(), String> {
    if names.clone().any(|known| known == name) {
        return Ok(());
    }
    Err(format!(
        "{place}: {what} {name:?} is unknown; use one of {}",
        names.collect::<Vec<_>>().join(", ")
    ))
}

#[cfg(test)]
mod tests;
