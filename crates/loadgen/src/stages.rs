//! A rate that changes over time, in stages, and the file that asks for it.
//!
//! ```toml
//! [[stage]]
//! rate = "10k"          # requests per second: a number, or a text such as "10k" or "600/min"
//! duration = "30s"
//!
//! [[stage]]
//! name = "ramp"         # a name is optional
//! from = "10k"          # the rate changes evenly from one to the other
//! to = 40_000
//! duration = "1m"
//! ```

use std::fmt;
use std::time::Duration;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use thiserror::Error;
use toml::Spanned;

use crate::limits::{RATE_LEAST_PER_S, RATE_MOST_PER_S, TIME_MOST};
use crate::rate;

/// The most stages of a file: few enough to be shown.
pub const STAGES_MOST: usize = 1_000;

/// A part of the window, in which the rate stays the same or changes evenly.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// The rate at its start, in requests per second.
    pub from_per_s: f64,
    /// The rate at its end.
    pub to_per_s: f64,
    /// How long it lasts.
    pub duration: Duration,
}

impl Stage {
    /// The mean number of requests that are due in it.
    #[must_use]
    pub fn requests(&self) -> f64 {
        self.mean_per_s() * self.duration.as_secs_f64()
    }

    /// Its mean rate.
    #[must_use]
    pub fn mean_per_s(&self) -> f64 {
        f64::midpoint(self.from_per_s, self.to_per_s)
    }
}

/// The total length of the stages; none if it is more than a plan allows.
#[must_use]
pub fn total(stages: &[Stage]) -> Option<Duration> {
    let total = stages
        .iter()
        .try_fold(Duration::ZERO, |sum, stage| sum.checked_add(stage.duration));
    total.filter(|&total| total <= TIME_MOST)
}

/// Why a file of stages can't be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StagesError {
    /// It is not TOML, or has other keys.
    #[error("line {line}: {what}")]
    Toml {
        /// The line.
        line: usize,
        /// The cause.
        what: String,
    },
    /// A stage that can't be used.
    #[error("line {line}: stage {number}: {what}")]
    Stage {
        /// The line where it begins.
        line: usize,
        /// Its number, from 1.
        number: usize,
        /// The cause, and what to do.
        what: String,
    },
    /// The stages together can't be a plan.
    #[error("{0}")]
    Whole(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    stage: Vec<Spanned<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: Option<String>,
    rate: Option<Rate>,
    from: Option<Rate>,
    to: Option<Rate>,
    duration: Option<Time>,
}

/// Reads the stages of a file.
///
/// # Errors
/// If they can't be carried out. The message is one line with the place and what to change.
pub fn parse(text: &str) -> Result<Vec<Stage>, StagesError> {
    let line = |at: usize| text.bytes().take(at).filter(|&byte| byte == b'\n').count() + 1;
    let file: File = toml::from_str(text).map_err(|error| StagesError::Toml {
        line: line(error.span().map_or(0, |span| span.start)),
        what: error.message().lines().collect::<Vec<_>>().join("; "),
    })?;
    let entries = file.stage.into_iter().enumerate();
    let stages = entries
        .map(|(index, entry)| {
            let at = entry.span().start;
            stage(entry.into_inner()).map_err(|what| StagesError::Stage {
                line: line(at),
                number: index + 1,
                what,
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    check(&stages).map_err(StagesError::Whole)?;
    Ok(stages)
}

fn stage(entry: Entry) -> Result<Stage, String> {
    let (from, to) = match (entry.rate, entry.from, entry.to) {
        (Some(rate), None, None) => (rate, rate),
        (None, Some(from), Some(to)) => (from, to),
        (None, None, None) => return Err("it has no rate; add rate, or from and to".to_owned()),
        (None, ..) => return Err("only one of from and to is given; add the other, or use rate".to_owned()),
        (Some(_), ..) => return Err("it has both rate and from or to; keep rate, or from and to".to_owned()),
    };
    let duration = entry
        .duration
        .ok_or("it has no duration; add a time such as \"30s\"")?;
    let stage = Stage {
        name: entry.name,
        from_per_s: from.0,
        to_per_s: to.0,
        duration: duration.0,
    };
    check_stage(&stage)?;
    Ok(stage)
}

/// Checks one stage.
fn check_stage(stage: &Stage) -> Result<(), String> {
    for rate_per_s in [stage.from_per_s, stage.to_per_s] {
        if rate_per_s != 0.0 && !(RATE_LEAST_PER_S..=RATE_MOST_PER_S).contains(&rate_per_s) {
            return Err(format!(
                "the rate {rate_per_s} is out of range; use 0, or {RATE_LEAST_PER_S} to {RATE_MOST_PER_S} requests/s"
            ));
        }
    }
    if stage.duration.is_zero() || stage.duration > TIME_MOST {
        return Err("the duration is out of range; use a time above 0, at most 30days".to_owned());
    }
    Ok(())
}

/// Checks that stages can be carried out together.
pub(crate) fn check(stages: &[Stage]) -> Result<(), String> {
    stages.iter().try_for_each(check_stage)?;
    if stages.is_empty() {
        return Err("there is no stage; add a [[stage]] with rate and duration".to_owned());
    }
    if stages.len() > STAGES_MOST {
        return Err(format!(
            "there are {} stages; use at most {STAGES_MOST}",
            stages.len()
        ));
    }
    if stages.iter().all(|stage| stage.mean_per_s() <= 0.0) {
        return Err("all rates are 0; use a rate above 0 in at least one stage".to_owned());
    }
    total(stages)
        .map(|_| ())
        .ok_or_else(|| "the stages are too long; use at most 30days in total".to_owned())
}

#[derive(Clone, Copy)]
struct Rate(f64);

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Rates;
        impl Visitor<'_> for Rates {
            type Value = Rate;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a rate such as 1000, \"10k\" or \"600/min\"")
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Rate, E> {
                Ok(Rate(value as f64))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Rate, E> {
                Ok(Rate(value))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Rate, E> {
                rate::parse(text).map(Rate).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Rates)
    }
}

struct Time(Duration);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Times;
        impl Visitor<'_> for Times {
            type Value = Time;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time such as \"30s\" or \"500ms\"")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Time, E> {
                let time = humantime::parse_duration(text);
                time.map(Time).map_err(|error| {
                    E::custom(format!(
                        "{text:?} is not a time: {error}; use one such as \"30s\""
                    ))
                })
            }
        }
        deserializer.deserialize_any(Times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_steps_and_ramps() {
        let stages = parse(
            "[[stage]]\nrate = \"10k\"\nduration = \"30s\"\n\n[[stage]]\nname = \"up\"\nfrom = \"600/min\"\nto = 2_000\nduration = \"1m\"\n\n[[stage]]\nrate = 0.5\nduration = \"500ms\"\n",
        )
        .unwrap();
        let got: Vec<_> = stages
            .iter()
            .map(|stage| {
                (
                    stage.name.as_deref(),
                    stage.from_per_s,
                    stage.to_per_s,
                    stage.duration.as_millis(),
                )
            })
            .collect();
        assert_eq!(
            got,
            [
                (None, 10_000.0, 10_000.0, 30_000),
                (Some("up"), 10.0, 2_000.0, 60_000),
                (None, 0.5, 0.5, 500)
            ]
        );
        assert!((stages[1].requests() - 60_300.0).abs() < 1e-6);
        assert_eq!(total(&stages), Some(Duration::from_millis(90_500)));
    }

    #[test]
    fn a_wrong_file_is_refused_with_the_line() {
        let stage = |fields: &str| format!("# a comment\n[[stage]]\n{fields}\n");
        for (text, words) in [
            (String::new(), &["no stage"][..]),
            ("[[stage]".to_owned(), &["line 1"]),
            ("[[stages]]\nrate = 1\n".to_owned(), &["line 1", "stages"]),
            (stage("rate = 1"), &["line 2", "stage 1", "duration"]),
            (stage("duration = \"1s\""), &["line 2", "no rate"]),
            (
                stage("rate = 1\nfrom = 1\nduration = \"1s\""),
                &["line 2", "from"],
            ),
            (stage("from = 1\nduration = \"1s\""), &["line 2", "from and to"]),
            (
                stage("rate = \"fast\"\nduration = \"1s\""),
                &["line 3", "fast", "10k"],
            ),
            (
                stage("rate = [1]\nduration = \"1s\""),
                &["line 3", "a rate such as"],
            ),
            (stage("rate = -1\nduration = \"1s\""), &["line 2", "-1", "range"]),
            (stage("rate = nan\nduration = \"1s\""), &["line 2", "range"]),
            (stage("rate = inf\nduration = \"1s\""), &["line 2", "range"]),
            (stage("rate = \"1G\"\nduration = \"1s\""), &["line 2", "range"]),
            (stage("rate = 1\nduration = 10"), &["line 4", "a time such as"]),
            (stage("rate = 1\nduration = \"soon\""), &["line 4", "soon"]),
            (stage("rate = 1\nduration = \"0s\""), &["line 2", "above 0"]),
            (stage("rate = 1\nduration = \"31days\""), &["line 2", "30days"]),
            (
                stage("rate = 1\nduration = \"1s\"\nspeed = 2"),
                &["line 5", "speed"],
            ),
            (stage("rate = 0\nduration = \"1s\""), &["all rates are 0"]),
            (stage("rate = 1\nduration = \"29days\"").repeat(2), &["in total"]),
            (
                stage("rate = 1\nduration = \"1s\"").repeat(1_001),
                &["1001 stages"],
            ),
        ] {
            let error = parse(&text).unwrap_err().to_string();
            assert!(!error.contains('\n'), "{error}");
            for word in words {
                assert!(error.contains(word), "{word:?} is missing: {error}\n{text}");
            }
        }
    }
}
