//! Conditions that differ between two runs, so that their values are not comparable.

use serde_json::Value;

use crate::numbers::rounded;
use schema::contender::Contender;
use schema::environment::Environment;
use schema::experiment::{Excluded, Experiment, Setting};

/// What differs for all trials of two runs. By a reference, the CPUs may be others if there are as many: what a CPU does to
/// all models alike cancels in the ratio.
pub(super) fn whole_run(before: &Environment, after: &Environment, by_reference: bool) -> Option<String> {
    let times =
        |run: &Environment| format!("{:?} after a warm-up of {:?}", run.times.window, run.times.warmup);
    if before.times != after.times {
        return Some(format!(
            "trials measured {} before, {} now; give both the same --profile",
            times(before),
            times(after)
        ));
    }
    let cpus = |run: &Environment| {
        format!(
            "servers on CPUs {} and the load generator on CPUs {}",
            run.cpus.server, run.cpus.client
        )
    };
    let number = |run: &Environment| (run.cpus.server.len(), run.cpus.client.len(), run.cpus.shared);
    let same = before.cpus == after.cpus || by_reference && number(before) == number(after);
    (!same).then(|| {
        format!(
            "{} before, {} now; give both the same --server-cpus and --client-cpus",
            cpus(before),
            cpus(after)
        )
    })
}

/// What differs for all trials of an experiment.
pub(super) fn experiment(before: &Experiment, after: &Experiment) -> Option<String> {
    (before.method != after.method).then(|| {
        format!(
            "method: {} before, {} now",
            json(&before.method),
            json(&after.method)
        )
    })
}

/// A setting with a contender of the same run.
pub(super) type Asked<'a> = (&'a Setting, &'a Contender);

/// What differs for a setting with this model.
pub(super) fn setting(earlier: Asked<'_>, later: Asked<'_>) -> Option<String> {
    let ((before, _), (after, contender)) = (earlier, later);
    if let Some(reason @ (Excluded::NotNamed | Excluded::Lacks(_) | Excluded::Unknown(_))) =
        after.excludes(contender)
    {
        return Some(format!("the later run did not measure this model: {reason}"));
    }
    if before.window_ms != after.window_ms {
        let window = |setting: &Setting| {
            setting
                .window_ms
                .map_or_else(|| "that of the profile".to_owned(), |ms| format!("{ms} ms"))
        };
        return Some(format!(
            "window: {} before, {} now",
            window(before),
            window(after)
        ));
    }
    let flags = |(setting, contender): Asked<'_>| match setting.flags_for(contender).join(" ") {
        none if none.is_empty() => "none".to_owned(),
        flags => flags,
    };
    if flags(earlier) != flags(later) {
        return Some(format!("flags: {} before, {} now", flags(earlier), flags(later)));
    }
    let load = |(setting, contender): Asked<'_>| setting.load_for(contender);
    (load(earlier) != load(later))
        .then(|| fields(&json(&load(earlier)), &json(&load(later)), ["before", "now"]))
}

/// What differs for a metric that counts replies within a bound of latency. The bound depends on the round trip, which each run
/// measures anew: with a shorter one, the same replies are no longer in time. Bounds that look the same when rounded are.
pub(super) fn bound(before_us: Option<f64>, after_us: Option<f64>) -> Option<String> {
    let [before, after] = [before_us?, after_us?].map(rounded);
    (before != after).then(|| format!("bound {before} µs before, {after} µs now"))
}

pub(super) fn json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).expect("everything in an environment can be written as JSON")
}

/// The fields that differ between two loads.
pub(super) fn fields(before: &Value, after: &Value, sides: [&str; 2]) -> String {
    let entries = |load: &Value| load.as_object().cloned().unwrap_or_default();
    let (before, after) = (entries(before), entries(after));
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    let differing = names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name));
    let changes = differing.map(|name| {
        let [before, after] = [&before, &after].map(|load| {
            load.get(name)
                .map_or_else(|| "nothing".to_owned(), Value::to_string)
        });
        let [first, second] = sides;
        format!("{name}: {before} {first}, {after} {second}")
    });
    changes.collect::<Vec<_>>().join("; ")
}
