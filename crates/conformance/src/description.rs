//! What a server's `--describe` prints, parsed here and not by the servers' own code.

use std::fmt::Debug;

use serde_json::Value;

/// A server's own description: the suite chooses the cases by it, and tests that it is true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Description {
    pub(crate) name: String,
    pub(crate) summary: String,
    pub(crate) lineage: Lineage,
    pub(crate) serves: Serves,
    pub(crate) workers: Option<Workers>,
    pub(crate) wait_holds: WaitHolds,
    pub(crate) block_holds: BlockHolds,
    pub(crate) crash_loses: CrashLoses,
    pub(crate) accept: Vec<String>,
    pub(crate) tally: bool,
}

/// Where the design comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lineage {
    Article,
    Further,
}

/// How many connections it serves at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Serves {
    One,
    Workers,
    Many,
}

/// A fixed set of workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Workers {
    pub(crate) kind: WorkerKind,
    pub(crate) default: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WorkerKind {
    Processes,
    Threads,
}

/// What a `sleep` occupies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WaitHolds {
    Thread,
    Nothing,
}

/// What a `block` stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlockHolds {
    Connection,
    Loop,
    Everything,
}

/// What is lost when the process that serves a connection dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CrashLoses {
    Connection,
    Worker,
    Everything,
}

impl Description {
    /// Reads the one JSON object that `--describe` prints. The error names the field.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let fields: Value =
            serde_json::from_str(text).map_err(|error| format!("not one JSON object: {error}: {text:?}"))?;
        if !fields.is_object() {
            return Err(format!("not a JSON object: {text:?}"));
        }
        if fields["schema"] != 1 {
            return Err(wrong("schema", &fields["schema"], &[1]));
        }
        Ok(Self {
            name: string(&fields, "name")?,
            summary: string(&fields, "summary")?,
            lineage: choice(
                &fields,
                "lineage",
                &[("article", Lineage::Article), ("further", Lineage::Further)],
            )?,
            serves: choice(
                &fields,
                "serves",
                &[
                    ("one", Serves::One),
                    ("workers", Serves::Workers),
                    ("many", Serves::Many),
                ],
            )?,
            workers: workers(&fields)?,
            wait_holds: choice(
                &fields,
                "wait_holds",
                &[("thread", WaitHolds::Thread), ("nothing", WaitHolds::Nothing)],
            )?,
            block_holds: choice(
                &fields,
                "block_holds",
                &[
                    ("connection", BlockHolds::Connection),
                    ("loop", BlockHolds::Loop),
                    ("everything", BlockHolds::Everything),
                ],
            )?,
            crash_loses: choice(
                &fields,
                "crash_loses",
                &[
                    ("connection", CrashLoses::Connection),
                    ("worker", CrashLoses::Worker),
                    ("everything", CrashLoses::Everything),
                ],
            )?,
            accept: strings(&fields, "accept")?,
            tally: fields["tally"]
                .as_bool()
                .ok_or_else(|| wrong("tally", &fields["tally"], &[false, true]))?,
        })
    }
}

fn workers(fields: &Value) -> Result<Option<Workers>, String> {
    let Some(workers) = fields.get("workers") else {
        return Err("the field workers is missing; it may be null".to_owned());
    };
    if workers.is_null() {
        return Ok(None);
    }
    let kind = choice(
        workers,
        "kind",
        &[
            ("processes", WorkerKind::Processes),
            ("threads", WorkerKind::Threads),
        ],
    )?;
    let default = workers["default"]
        .as_u64()
        .and_then(|count| usize::try_from(count).ok());
    match default {
        Some(default) if default > 0 => Ok(Some(Workers { kind, default })),
        _ => Err(format!(
            "the field default of workers is {}; expected a number above 0",
            workers["default"]
        )),
    }
}

fn choice<T: Copy>(fields: &Value, name: &str, choices: &[(&str, T)]) -> Result<T, String> {
    let found = choices.iter().find(|(text, _)| fields[name] == *text);
    found.map(|(_, choice)| *choice).ok_or_else(|| {
        let texts: Vec<_> = choices.iter().map(|(text, _)| text).collect();
        wrong(name, &fields[name], &texts)
    })
}

fn string(fields: &Value, name: &str) -> Result<String, String> {
    match fields[name].as_str() {
        Some(text) if !text.is_empty() => Ok(text.to_owned()),
        _ => Err(format!(
            "the field {name} is {}; expected some text",
            fields[name]
        )),
    }
}

fn strings(fields: &Value, name: &str) -> Result<Vec<String>, String> {
    let texts = fields[name].as_array().map(|values| {
        values
            .iter()
            .map(|value| value.as_str().map(str::to_owned))
            .collect()
    });
    texts
        .flatten()
        .ok_or_else(|| format!("the field {name} is {}; expected a list of texts", fields[name]))
}

fn wrong(name: &str, found: &Value, expected: &[impl Debug]) -> String {
    format!("the field {name} is {found}; expected one of {expected:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALPHA: &str = r#"{"schema": 1, "name": "alpha", "summary": "a model", "lineage": "further", "serves": "workers",
        "workers": {"kind": "threads", "default": 4}, "wait_holds": "thread", "block_holds": "connection",
        "crash_loses": "everything", "accept": ["queue", "shared"], "tally": false}"#;

    #[test]
    fn a_description_is_read() {
        let alpha = Description::parse(ALPHA).expect("it is complete");
        assert_eq!(alpha.name, "alpha");
        assert_eq!(alpha.serves, Serves::Workers);
        let workers = Workers {
            kind: WorkerKind::Threads,
            default: 4,
        };
        assert_eq!(alpha.workers, Some(workers));
        assert_eq!(alpha.accept, ["queue", "shared"]);
        assert!(!alpha.tally);
    }

    #[test]
    fn a_wrong_or_missing_field_is_named() {
        for (right, wrong, named) in [
            (r#""schema": 1"#, r#""schema": 2"#, "schema"),
            (r#""alpha""#, r#""""#, "name"),
            (r#""workers","#, r#""several","#, "serves"),
            (r#""threads""#, r#""fibres""#, "kind"),
            (r#""default": 4"#, r#""default": 0"#, "default"),
            (r#""wait_holds""#, r#""waits""#, "wait_holds"),
            (r#"["queue", "shared"]"#, "[1]", "accept"),
            (r#""tally": false"#, r#""tally": null"#, "tally"),
            (r#""workers": {"kind": "threads", "default": 4}, "#, "", "workers"),
        ] {
            let error = Description::parse(&ALPHA.replace(right, wrong)).expect_err(wrong);
            assert!(error.contains(named), "{wrong}: {error}");
        }
        Description::parse("[]").expect_err("a list is no object");
        Description::parse("{}{}").expect_err("two objects are not one");
    }
}
