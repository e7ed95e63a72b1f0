//! An experiment as it stands in a TOML file.
//!
//! `[load]` has what all settings have in common, and a setting's own `load` is laid over it. What a `[[where]]` gives is
//! laid over both, for the servers that it names by their capabilities.

use schema::capability::{Capability, one_or_more};
use schema::experiment::{Axis, Case, Experiment, Load, Method, Setting, Theory, Workload};
use serde::Deserialize;
use stats::theory::Queue;
use toml::{Table, Value};

use super::checks;
use super::error::ExperimentError;
use crate::load;
use report::metric;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    key: String,
    title: String,
    question: String,
    setup: String,
    expected: Option<String>,
    #[serde(default = "one_load")]
    method: Method,
    headline: String,
    headline_name: Option<String>,
    #[serde(default)]
    metrics: Vec<String>,
    #[serde(default)]
    more_metrics: Vec<String>,
    #[serde(default)]
    plots: Vec<String>,
    axis: Option<Axis>,
    #[serde(default)]
    theory: Vec<Theory>,
    max_rounds: Option<usize>,
    window_ms: Option<u64>,
    #[serde(default = "all_profiles")]
    profiles: Vec<String>,
    #[serde(default, deserialize_with = "one_or_more")]
    needs: Vec<Capability>,
    models: Option<Vec<String>>,
    #[serde(default)]
    flags: Vec<String>,
    workers: Option<u16>,
    accept: Option<String>,
    #[serde(default)]
    load: Table,
    #[serde(default, rename = "where")]
    cases: Vec<CaseEntry>,
    #[serde(default, rename = "setting")]
    settings: Vec<SettingEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseEntry {
    #[serde(default, deserialize_with = "one_or_more")]
    has: Vec<Capability>,
    models: Option<Vec<String>>,
    load: Option<Table>,
    workers: Option<u16>,
    accept: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingEntry {
    key: String,
    title: String,
    x: Option<f64>,
    panel: Option<String>,
    #[serde(default, deserialize_with = "one_or_more")]
    needs: Vec<Capability>,
    models: Option<Vec<String>>,
    flags: Option<Vec<String>>,
    workers: Option<u16>,
    accept: Option<String>,
    profiles: Option<Vec<String>>,
    window_ms: Option<u64>,
    #[serde(default)]
    load: Table,
    workload: Option<Workload>,
}

fn one_load() -> Method {
    Method::Load
}

/// The profiles of an experiment that names none: a user asks for a file by its path, with any profile.
fn all_profiles() -> Vec<String> {
    ["smoke", "quick", "standard", "full"].map(str::to_owned).to_vec()
}

/// Reads an experiment.
pub(crate) fn parse(text: &str) -> Result<Experiment, ExperimentError> {
    let file: File = toml::from_str(text)
        .map_err(|error| ExperimentError::Form(error.to_string().trim_end().to_owned()))?;
    for key in std::iter::once(&file.headline)
        .chain(&file.metrics)
        .chain(&file.more_metrics)
    {
        known("metric", key, metric::ALL.iter().map(|metric| metric.key))?;
    }
    for theory in &file.theory {
        Queue::named(&theory.queue, theory.servers)
            .map_err(|error| ExperimentError::Experiment(error.to_string()))?;
    }
    let keys: Vec<_> = file.settings.iter().map(|entry| &*entry.key).collect();
    if keys.is_empty() {
        return Err(ExperimentError::Experiment(
            "it has no [[setting]]; give one or more".to_owned(),
        ));
    }
    let mut later = keys.iter().enumerate();
    if let Some((_, twice)) = later.find(|(index, key)| keys[..*index].contains(key)) {
        return Err(ExperimentError::Experiment(format!(
            "two settings have the key {twice:?}; give each its own"
        )));
    }
    let settings = file.settings.iter().map(|entry| setting(&file, entry));
    let experiment = Experiment {
        settings: settings.collect::<Result<_, _>>()?,
        key: file.key,
        title: file.title,
        question: file.question,
        setup: file.setup,
        expected: file.expected,
        method: file.method,
        headline: file.headline,
        headline_name: file.headline_name,
        metrics: file.metrics,
        more_metrics: file.more_metrics,
        plots: file.plots,
        axis: file.axis,
        theory: file.theory,
        max_rounds: file.max_rounds,
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
        known: names.collect::<Vec<_>>().join(", "),
    })
}

fn setting(file: &File, entry: &SettingEntry) -> Result<Setting, ExperimentError> {
    let read = |table: Table| -> Result<Load, ExperimentError> {
        let fault = |reason: String| ExperimentError::Setting {
            setting: entry.key.clone(),
            reason,
        };
        let load = Value::Table(table).try_into::<Load>();
        let load = load.map_err(|error| fault(error.to_string().trim_end().to_owned()))?;
        load::work(&load).map_err(fault)?;
        Ok(load)
    };
    let common = laid_over(file.load.clone(), &entry.load);
    let cases = file.cases.iter().map(|case| {
        let own = case.load.as_ref();
        let own = own.map(|own| read(laid_over(common.clone(), own)));
        Ok(Case {
            has: case.has.clone(),
            models: case.models.clone(),
            load: own.transpose()?,
            workers: case.workers,
            accept: case.accept.clone(),
        })
    });
    let cases = cases.collect::<Result<_, ExperimentError>>()?;
    Ok(Setting {
        cases,
        load: read(common)?,
        key: entry.key.clone(),
        title: entry.title.clone(),
        x: entry.x,
        panel: entry.panel.clone(),
        needs: file.needs.iter().chain(&entry.needs).cloned().collect(),
        models: entry.models.clone().or_else(|| file.models.clone()),
        flags: entry.flags.clone().unwrap_or_else(|| file.flags.clone()),
        workers: entry.workers.or(file.workers),
        accept: entry.accept.clone().or_else(|| file.accept.clone()),
        profiles: entry.profiles.clone().unwrap_or_else(|| file.profiles.clone()),
        window_ms: entry.window_ms.or(file.window_ms),
        workload: entry.workload.clone(),
    })
}

fn laid_over(mut below: Table, above: &Table) -> Table {
    below.extend(above.clone());
    below
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contender::samples;

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
    fn loads_are_laid_over_each_other() {
        let rest = r#"
            [load]
            connections = 8
            op = "spin"
            params = 100
            [[where]]
            has = ["block-holds:loop", "no-workers"]
            load = { connections = 4 }
            [[setting]]
            key = "half"
            title = "half"
            load = { capacity = 0.5 }
        "#;
        let setting = &parse(&format!("{LEAST}{rest}")).unwrap().settings[0];
        let contenders = samples::contenders();
        let connections: Vec<_> = contenders
            .iter()
            .map(|contender| {
                let load = setting.load_for(contender);
                assert_eq!((load.capacity, &*load.op), (Some(0.5), "spin"));
                load.connections
            })
            .collect();
        assert_eq!(connections, [8, 8, 8, 8, 4, 8]);
    }

    #[test]
    fn a_mistake_is_reported_with_its_remedy() {
        let setting = "[[setting]]\nkey = \"a\"\ntitle = \"a\"\n";
        assert!(refused("").contains("[[setting]]"));
        assert!(refused(&format!("{setting}{setting}")).contains("two settings have the key \"a\""));
        assert!(
            refused("metrics = [\"speed\"]").contains("p99_us"),
            "it lists the known metrics"
        );
        assert!(refused("[[settings]]").contains("settings"));
        let needs = refused(&format!("needs = \"worker-proceses\"\n{setting}"));
        assert!(
            needs.contains("\"worker-proceses\" is unknown") && needs.contains("worker-processes"),
            "{needs}"
        );
        let bad_load = refused(&format!("{setting}load = {{ conections = 3 }}"));
        assert!(
            bad_load.contains("setting \"a\"") && bad_load.contains("conections"),
            "{bad_load}"
        );
        let bad_op = refused(&format!("{setting}load = {{ op = \"pong\" }}"));
        assert!(
            bad_op.contains("setting \"a\"") && bad_op.contains("pong"),
            "{bad_op}"
        );
    }

    #[test]
    fn a_setting_may_stand_for_a_workload() {
        let rest = |workload: &str| {
            format!(
                "[[setting]]\nkey = \"a\"\ntitle = \"a\"\n[setting.workload]\ntitle = \"mine\"\n{workload}"
            )
        };
        let text = rest("decision = { order = 2, when = \"It is mine\" }");
        let experiment = parse(&format!("{LEAST}{text}")).unwrap();
        let workload = experiment.settings[0].workload.as_ref().unwrap();
        assert_eq!(workload.decision.as_ref().map(|line| line.order), Some(2));
        let unknown = refused(&rest("metric = \"mean_us\""));
        assert!(
            unknown.contains("mean_us") && unknown.contains("use one of p99_us"),
            "{unknown}"
        );
        let sixth = refused(&rest("decision = { order = 6, when = \"\" }"));
        assert!(sixth.contains("from 1 to 5"), "{sixth}");
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
