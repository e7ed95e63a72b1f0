//! How a record is stored: as JSON, without what goes without saying.
//!
//! All trials of a run are kept, and in most of what could be written of a trial there are names and zeros. So figures that
//! always come together are a list, and a figure that is as usual is left out; [`GROUPS`] says which and how, and
//! docs/METHODOLOGY.md says it to readers. Nothing is lost but digits: [`whole`] gives again what [`short`] was given, to
//! six digits.
//!
//! This knows a record as JSON, and nothing of what its figures mean.

use serde_json::{Map, Number, Value};

/// Figures that stand together.
struct Group {
    /// Where in what was measured, with a `*` for each item of a list.
    path: &'static str,
    form: Form,
    /// In the order of a list, with what each usually is. What [`Usual::As`] names stands before it.
    figures: &'static [(&'static str, Usual)],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Each under its name, without those that are as usual. Others may stand beside them.
    Named,
    /// All of them without names, cut off where the rest is as usual.
    Listed,
}

/// What a figure is where nothing is written.
#[derive(Clone, Copy)]
enum Usual {
    /// It is always written.
    Nothing,
    Null,
    Count(u64),
    Flag(bool),
    Word(&'static str),
    /// What another one is: of the same group by its name, or from elsewhere by its place, which begins with a slash.
    As(&'static str),
}

use Form::{Listed, Named};
use Usual::{As, Count, Flag, Nothing, Null, Word};

const QUANTILES: &[(&str, Usual)] = &[
    ("count", Nothing),
    ("min", Nothing),
    ("mean", Nothing),
    ("max", Nothing),
    ("p50", Null),
    ("p90", Null),
    ("p99", Null),
    ("p999", Null),
    ("p9999", Null),
];

/// All groups. One that another refers to stands before it.
const GROUPS: &[Group] = &[
    Group::new(
        "spent",
        Listed,
        &[
            ("seconds", Nothing),
            ("user_us", Nothing),
            ("system_us", Nothing),
            ("voluntary_switches", Count(0)),
            ("involuntary_switches", Count(0)),
            ("minor_faults", Count(0)),
            ("major_faults", Count(0)),
            ("ended_threads", Count(0)),
            ("switches_over", Word("window")),
            ("source", Word("cgroup")),
        ],
    ),
    Group::new(
        "life",
        Listed,
        &[
            ("voluntary_switches", Nothing),
            ("involuntary_switches", Nothing),
            ("replies", Nothing),
        ],
    ),
    Group::new(
        "at_ready",
        Listed,
        &[
            ("memory_bytes", Nothing),
            ("processes", Count(1)),
            ("threads", As("processes")),
        ],
    ),
    Group::new(
        "peak",
        Listed,
        &[
            ("memory_bytes", Nothing),
            ("processes", As("/at_ready/processes")),
            ("threads", As("processes")),
        ],
    ),
    Group::new(
        "interference",
        Listed,
        &[
            ("stolen_share", Count(0)),
            ("client_wait_share", Count(0)),
            ("foreign_share", Count(0)),
            ("client_foreign_share", Count(0)),
            ("psi_some_share", Count(0)),
            ("client_involuntary", Count(0)),
            ("server_involuntary", As("/spent/involuntary_switches")),
            ("shared_processors", Flag(false)),
        ],
    ),
    Group::new(
        "load",
        Named,
        &[
            ("loop", Word("closed")),
            ("stopped_answering", Flag(false)),
            ("unserved_timeouts", Count(0)),
        ],
    ),
    Group::new(
        "load/requests",
        Named,
        &[
            ("planned", Nothing),
            ("unsent", Count(0)),
            ("sent", As("planned")),
            ("ok", As("sent")),
            ("wrong", Count(0)),
            ("error", Count(0)),
            ("timeout", Count(0)),
            ("reset", Count(0)),
            ("in_flight", Count(0)),
        ],
    ),
    Group::new(
        "load/connections",
        Named,
        &[
            ("asked", Nothing),
            ("opened", As("asked")),
            ("failed", Count(0)),
            ("served", As("opened")),
            ("reconnects", Count(0)),
        ],
    ),
    Group::new("load/latency_us", Listed, QUANTILES),
    Group::new("load/service_us", Listed, QUANTILES),
    Group::new("load/lateness_us", Listed, QUANTILES),
    Group::new("load/connecting_us", Listed, QUANTILES),
    Group::new("load/parts/*/latency_us", Listed, QUANTILES),
    Group::new(
        "load/fairness",
        Listed,
        &[
            ("jain", Nothing),
            ("least_served", Nothing),
            ("most_served", As("least_served")),
        ],
    ),
    Group::new("load/client", Named, &[("threads", Count(1))]),
    Group::new(
        "load/checks",
        Named,
        &[("accounting", Flag(true)), ("client_limited", Flag(false))],
    ),
    Group::new(
        "load/checks/little",
        Listed,
        &[("l", Nothing), ("lambda_w", As("l")), ("error", Count(0))],
    ),
    Group::new(
        "load/checks/arrivals",
        Listed,
        &[
            ("gaps", Nothing),
            ("anderson_darling", Nothing),
            ("lag1", Nothing),
        ],
    ),
    Group::new(
        "load/checks/drift",
        Listed,
        &[("first_p50_us", Nothing), ("last_p50_us", Nothing)],
    ),
    Group::new(
        "load/intervals/*",
        Listed,
        &[
            ("t_s", Nothing),
            ("ok", Nothing),
            ("failed", Count(0)),
            ("p50_us", Null),
            ("p99_us", Null),
        ],
    ),
    Group::new(
        "workers/*",
        Listed,
        &[
            ("worker", Nothing),
            ("pid", Nothing),
            ("connections", Nothing),
            ("requests", Nothing),
        ],
    ),
    Group::new(
        "search/tried/*",
        Listed,
        &[
            ("rate_per_s", Nothing),
            ("p99_us", Nothing),
            ("kept", Flag(true)),
            ("client_limited", Flag(false)),
        ],
    ),
];

/// A record that was written as JSON in full, as it is stored.
pub(crate) fn short(record: Value) -> Value {
    let mut record = tidy(record);
    if let Some(measured) = record.get_mut("measured") {
        let full = measured.clone();
        for group in GROUPS {
            each(measured, group.path, &mut |place| group.shorten(place, &full));
        }
    }
    record
}

/// A stored record in full. What is not stored as it should be stays as it is, and is no record then.
pub(crate) fn whole(mut record: Value) -> Value {
    if let Some(measured) = record.get_mut("measured") {
        for group in GROUPS {
            let so_far = measured.clone();
            each(measured, group.path, &mut |place| group.complete(place, &so_far));
        }
    }
    record
}

/// With six significant digits: no clock here and no histogram is as good as that.
pub(crate) fn significant(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

/// Without what is null, and with six digits of each number that is no count, of which no more than six behind the point: a
/// millionth of a share or of a microsecond is nothing.
fn tidy(value: Value) -> Value {
    const WHOLE_BELOW: f64 = 1e15;
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key, tidy(value)))
            .collect(),
        Value::Array(values) => values.into_iter().map(tidy).collect(),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            None => Value::Number(number),
            Some(float) => {
                let mut float = significant(float);
                if float.abs() < 1.0 {
                    float = (float * 1e6).round() / 1e6;
                }
                if float.fract() == 0.0 && float.abs() < WHOLE_BELOW {
                    Number::from(float as i64).into()
                } else {
                    Number::from_f64(float).map_or(Value::Null, Value::Number)
                }
            }
        },
        other => other,
    }
}

/// Does this in each place that a path leads to.
fn each(value: &mut Value, path: &str, change: &mut dyn FnMut(&mut Value)) {
    let (step, rest) = path
        .split_once('/')
        .map_or((path, None), |(step, rest)| (step, Some(rest)));
    let places: Vec<&mut Value> = match (step, value) {
        ("*", Value::Array(items)) => items.iter_mut().collect(),
        (_, Value::Object(fields)) => fields.get_mut(step).into_iter().collect(),
        _ => Vec::new(),
    };
    for place in places {
        match rest {
            Some(rest) => each(place, rest, change),
            None => change(place),
        }
    }
}

impl Group {
    const fn new(path: &'static str, form: Form, figures: &'static [(&'static str, Usual)]) -> Self {
        Self { path, form, figures }
    }

    fn shorten(&self, place: &mut Value, measured: &Value) {
        let Value::Object(fields) = place else {
            return;
        };
        let is_usual = |(name, usual): &(&str, Usual)| {
            let value = fields.get(*name).unwrap_or(&Value::Null);
            usual.of(fields, measured).as_ref() == Some(value)
        };
        match self.form {
            Named => {
                let figures = self.figures.iter();
                let (usual, told): (Vec<&(&str, Usual)>, Vec<_>) =
                    figures.partition(|figure| is_usual(figure));
                for (name, _) in usual {
                    fields.remove(*name);
                }
                for (name, _) in told {
                    // What is null, and usually is not.
                    fields.entry(*name).or_insert(Value::Null);
                }
            }
            Listed => {
                let told = self.figures.iter().rposition(|figure| !is_usual(figure));
                let told = &self.figures[..told.map_or(0, |last| last + 1)];
                let values = told
                    .iter()
                    .map(|(name, _)| fields.get(*name).cloned().unwrap_or_default());
                *place = values.collect();
            }
        }
    }

    fn complete(&self, place: &mut Value, measured: &Value) {
        let mut fields = match (self.form, place.take()) {
            (Named, Value::Object(fields)) => fields,
            (Listed, Value::Array(values)) if values.len() <= self.figures.len() => {
                let names = self.figures.iter().map(|(name, _)| (*name).to_owned());
                names.zip(values).collect()
            }
            (_, other) => {
                *place = other;
                return;
            }
        };
        for (name, usual) in self.figures {
            if let (false, Some(value)) = (fields.contains_key(*name), usual.of(&fields, measured)) {
                fields.insert((*name).to_owned(), value);
            }
        }
        *place = Value::Object(fields);
    }
}

impl Usual {
    /// Of a figure in a group of these.
    fn of(self, group: &Map<String, Value>, measured: &Value) -> Option<Value> {
        match self {
            Nothing => None,
            Null => Some(Value::Null),
            Count(count) => Some(count.into()),
            Flag(flag) => Some(flag.into()),
            Word(word) => Some(word.into()),
            As(place) if place.starts_with('/') => measured.pointer(place).cloned(),
            As(name) => Some(group.get(name).cloned().unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests;
