//! An experiment as it stands in a TOML file.
//!
//! What all settings have in common is said once, in `[load]`; a setting's own `load` is laid over it, and over that what
//! `[only.MODEL]` says of a model.

use std::collections::BTreeMap;

use serde::Deserialize;
use thiserror::Error;
use toml::{Table, Value};

use schema::experiment::{Axis, Experiment, Load, Method, Only, Setting, Theory};
use stats::theory::Queue;

use super::checks;
use crate::metric;

/// What is wrong with an experiment's file.
#[derive(Debug, Error)]
pub(crate) enum ExperimentError {
    /// It is not TOML, or not of this form; where and why.
    #[error("{0}")]
    Form(String),
    /// A name that means nothing.
    #[error("there is no {what} `{name}`; choose from {among}")]
    Unknown {
        what: &'static str,
        name: String,
        among: String,
    },
    /// A setting that can't be.
    #[error("setting `{setting}`: {reason}")]
    Setting { setting: String, reason: String },
    /// Something that can't be, in no one setting.
    #[error("{0}")]
    Experiment(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    key: String,
    title: String,
    question: String,
    setup: String,
    expected: Option<String>,
    #[serde(default = "load")]
    method: Method,
    headline: String,
    #[serde(default)]
    figures: Vec<String>,
    #[serde(default)]
    more: Vec<String>,
    axis: Option<Axis>,
    #[serde(default)]
    theory: Vec<Theory>,
    rounds_most: Option<usize>,
    window_ms: Option<u64>,
    #[serde(default = "all_profiles")]
    profiles: Vec<String>,
    models: Option<Vec<String>>,
    #[serde(default)]
    flags: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    load: Table,
    #[serde(default)]
    only: BTreeMap<String, Table>,
    #[serde(default)]
    setting: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    key: String,
    title: String,
    x: Option<f64>,
    models: Option<Vec<String>>,
    flags: Option<BTreeMap<String, Vec<String>>>,
    profiles: Option<Vec<String>>,
    window_ms: Option<u64>,
    #[serde(default)]
    load: Table,
}

fn load() -> Method {
    Method::Load
}

/// The profiles that an experiment which names none is part of: a user's own file is asked for by name.
fn all_profiles() -> Vec<String> {
    ["smoke", "quick", "standard", "full"].map(str::to_owned).to_vec()
}

/// Reads an experiment.
pub(crate) fn parse(text: &str) -> Result<Experiment, ExperimentError> {
    let file: File = toml::from_str(text)
        .map_err(|error| ExperimentError::Form(error.to_string().trim_end().to_owned()))?;
    for key in std::iter::once(&file.headline)
        .chain(&file.figures)
        .chain(&file.more)
    {
        known("metric", key, metric::ALL.iter().map(|metric| metric.key))?;
    }
    for theory in &file.theory {
        Queue::named(&theory.queue, theory.servers)
            .map_err(|error| ExperimentError::Experiment(error.to_string()))?;
    }
    let keys: Vec<_> = file.setting.iter().map(|entry| &*entry.key).collect();
    if keys.is_empty() {
        return Err(ExperimentError::Experiment(
            "it has no [[setting]]; give one or more".to_owned(),
        ));
    }
    if let Some(twice) = keys
        .iter()
        .enumerate()
        .find(|(index, key)| keys[..*index].contains(key))
    {
        return Err(ExperimentError::Experiment(format!(
            "two settings are called `{}`",
            twice.1
        )));
    }
    let settings = file.setting.iter().map(|entry| setting(&file, entry));
    let experiment = Experiment {
        settings: settings.collect::<Result<_, _>>()?,
        key: file.key,
        title: file.title,
        question: file.question,
        setup: file.setup,
        expected: file.expected,
        method: file.method,
        headline: file.headline,
        figures: file.figures,
        more: file.more,
        axis: file.axis,
        theory: file.theory,
        rounds_most: file.rounds_most,
        profiles: file.profiles,
    };
    checks::check(&experiment)?;
    Ok(experiment)
}

fn known(
    what: &'static str,
    name: &str,
    names: impl Iterator<Item = &'static str> + Clone,
) -> Result<(), ExperimentError> {
    if names.clone().any(|known| known == name) {
        return Ok(());
    }
    Err(ExperimentError::Unknown {
        what,
        name: name.to_owned(),
        among: names.collect::<Vec<_>>().join(", "),
    })
}

fn setting(file: &File, entry: &Entry) -> Result<Setting, ExperimentError> {
    let read = |table: Table| -> Result<Load, ExperimentError> {
        let fault = |reason: String| ExperimentError::Setting {
            setting: entry.key.clone(),
            reason,
        };
        let load = Value::Table(table).try_into::<Load>();
        let load = load.map_err(|error| fault(error.to_string().trim_end().to_owned()))?;
        crate::load::work(&load).map_err(fault)?;
        Ok(load)
    };
    let common = laid_over(file.load.clone(), &entry.load);
    let only = file.only.iter().map(|(model, own)| {
        Ok(Only {
            model: model.clone(),
            load: read(laid_over(common.clone(), own))?,
        })
    });
    Ok(Setting {
        only: only.collect::<Result<_, ExperimentError>>()?,
        load: read(common)?,
        key: entry.key.clone(),
        title: entry.title.clone(),
        x: entry.x,
        models: entry.models.clone().or_else(|| file.models.clone()),
        flags: entry.flags.clone().unwrap_or_else(|| file.flags.clone()),
        profiles: entry.profiles.clone().unwrap_or_else(|| file.profiles.clone()),
        window_ms: entry.window_ms.or(file.window_ms),
    })
}

fn laid_over(mut below: Table, above: &Table) -> Table {
    below.extend(above.clone());
    below
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = r#"
        key = "mine"
        title = "Mine"
        question = "What of mine?"
        setup = "as it is"
        headline = "p99_us"
    "#;

    fn refused(rest: &str) -> String {
        parse(&format!("{LEAST}{rest}")).unwrap_err().to_string()
    }

    #[test]
    fn a_settings_load_is_laid_over_the_common_one_and_a_models_own_over_both() {
        let rest = r#"
            [load]
            connections = 8
            op = "spin"
            params = 100
            [only.single]
            connections = 1
            [[setting]]
            key = "half"
            title = "half"
            load = { capacity = 0.5 }
        "#;
        let setting = &parse(&format!("{LEAST}{rest}")).unwrap().settings[0];
        let load = setting.load_of("async");
        assert_eq!(
            (load.connections, load.capacity, &*load.op),
            (8, Some(0.5), "spin")
        );
        let own = setting.load_of("single");
        assert_eq!((own.connections, own.capacity, &*own.op), (1, Some(0.5), "spin"));
    }

    #[test]
    fn a_mistake_is_told_with_what_to_do_about_it() {
        let setting = "[[setting]]\nkey = \"a\"\ntitle = \"a\"\n";
        assert!(refused("").contains("[[setting]]"));
        assert!(refused(&format!("{setting}{setting}")).contains("two settings are called `a`"));
        assert!(
            refused("figures = [\"speed\"]").contains("p99_us"),
            "it names the figures there are"
        );
        assert!(refused("[[settings]]").contains("settings"));
        let bad_load = refused(&format!("{setting}load = {{ conections = 3 }}"));
        assert!(
            bad_load.contains("setting `a`") && bad_load.contains("conections"),
            "{bad_load}"
        );
        let bad_op = refused(&format!("{setting}load = {{ op = \"pong\" }}"));
        assert!(
            bad_op.contains("setting `a`") && bad_op.contains("pong"),
            "{bad_op}"
        );
    }

    #[test]
    fn a_mix_of_operations_can_be_asked_for() {
        let rest = r#"
            [[setting]]
            key = "a"
            title = "a"
            [[setting.load.operation]]
            op = "ping"
            weight = 99
            [[setting.load.operation]]
            op = "spin"
            times = { distribution = "constant", value = 20 }
        "#;
        let experiment = parse(&format!("{LEAST}{rest}")).unwrap();
        assert_eq!(experiment.settings[0].load.operations(), ["ping", "spin"]);
    }
}
