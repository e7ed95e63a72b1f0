//! What was asked otherwise in one run than in the other, so that their figures are not of the same thing.

use serde_json::Value;

use crate::experiment::{Experiment, Setting};
use schema::environment::Environment;

/// What is otherwise in all trials of two runs.
pub(super) fn whole_run(before: &Environment, after: &Environment) -> Option<String> {
    let times =
        |run: &Environment| format!("{:?} after a warm-up of {:?}", run.times.window, run.times.warmup);
    if before.times != after.times {
        return Some(format!(
            "a trial measured {} before, and {} now; give both the same --profile",
            times(before),
            times(after)
        ));
    }
    let cpus = |run: &Environment| {
        format!(
            "servers on processors {} and the load on {}",
            run.cpus.server, run.cpus.client
        )
    };
    (before.cpus != after.cpus).then(|| {
        format!(
            "{} before, and {} now; give both the same --server-cpus and --client-cpus",
            cpus(before),
            cpus(after)
        )
    })
}

/// What is otherwise in all trials of an experiment.
pub(super) fn experiment(before: &Experiment, after: &Experiment) -> Option<String> {
    (before.method != after.method).then(|| {
        format!(
            "its method was {}, and is {} now",
            json(&before.method),
            json(&after.method)
        )
    })
}

/// What is otherwise in a setting, as it was put to this model.
pub(super) fn setting(before: &Setting, after: &Setting, model: &str) -> Option<String> {
    if !after.is_put_to(model) {
        return Some("the later run did not put it to this model".to_owned());
    }
    if before.window_ms != after.window_ms {
        let window = |setting: &Setting| {
            setting
                .window_ms
                .map_or_else(|| "as the profile has it".to_owned(), |ms| format!("{ms} ms"))
        };
        return Some(format!(
            "its window was {}, and is {} now",
            window(before),
            window(after)
        ));
    }
    if !before.flags_of(model).eq(after.flags_of(model)) {
        let flags = |setting: &Setting| match setting.flags_of(model).collect::<Vec<_>>().join(" ") {
            none if none.is_empty() => "none".to_owned(),
            flags => flags,
        };
        return Some(format!("flags: {} before, {} now", flags(before), flags(after)));
    }
    let (before, after) = (before.load_of(model), after.load_of(model));
    (before != after).then(|| fields(&json(before), &json(after)))
}

fn json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).expect("what stands in the environment can be written as JSON")
}

/// The fields that two loads differ in.
fn fields(before: &Value, after: &Value) -> String {
    let of = |load: &Value| load.as_object().cloned().unwrap_or_default();
    let (before, after) = (of(before), of(after));
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    let differing = names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name));
    let told = differing.map(|name| {
        let [before, after] = [&before, &after].map(|load| {
            load.get(name)
                .map_or_else(|| "nothing".to_owned(), Value::to_string)
        });
        format!("{name}: {before} before, {after} now")
    });
    told.collect::<Vec<_>>().join("; ")
}
