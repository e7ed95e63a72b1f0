//! Parses a file with a mix of operations.

use serde::Deserialize;
use thiserror::Error;

use crate::distribution::Distribution;
use crate::operation::{Params, WorkError};

/// Why a file of a mix can't be used.
#[derive(Debug, Error, PartialEq)]
pub enum MixError {
    /// It is not TOML, or has other keys.
    #[error("{0}")]
    Form(String),
    /// It has no operations.
    #[error("it has no [[operation]] table; add at least one")]
    Empty,
    /// More than one of params, payload and times.
    #[error("operation {number} has more than one of params, payload and times; keep one of them")]
    Both {
        /// Its number, from 1.
        number: usize,
    },
    /// A part with a weight of 0.
    #[error("operation {number} has a weight of 0; remove it, or use at least 1")]
    NoWeight {
        /// Its number, from 1.
        number: usize,
    },
    /// A part that can't be used.
    #[error("operation {number}: {source}")]
    Operation {
        /// Its number, from 1.
        number: usize,
        /// The cause.
        source: WorkError,
    },
}

/// A part of a mix.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) op: String,
    pub(crate) weight: u32,
    pub(crate) params: Params,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    operation: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    op: String,
    #[serde(default = "one")]
    weight: u32,
    params: Option<serde_json::Value>,
    payload: Option<usize>,
    times: Option<Distribution>,
}

fn one() -> u32 {
    1
}

/// The parts of a mix, in their order.
pub(crate) fn parse(text: &str) -> Result<Vec<Part>, MixError> {
    let file: File =
        toml::from_str(text).map_err(|error| MixError::Form(error.to_string().trim_end().to_owned()))?;
    if file.operation.is_empty() {
        return Err(MixError::Empty);
    }
    file.operation
        .into_iter()
        .enumerate()
        .map(|(index, entry)| part(entry, index + 1))
        .collect()
}

fn part(entry: Entry, number: usize) -> Result<Part, MixError> {
    if entry.weight == 0 {
        return Err(MixError::NoWeight { number });
    }
    let params = match (entry.params, entry.payload, entry.times) {
        (None, None, None) => Params::Unique,
        (Some(params), None, None) => Params::Json(params.to_string()),
        (None, Some(bytes), None) => Params::Payload(bytes),
        (None, None, Some(times)) => Params::Times(times),
        _ => return Err(MixError::Both { number }),
    };
    Ok(Part {
        op: entry.op,
        weight: entry.weight,
        params,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::Work;

    fn refused(text: &str) -> String {
        Work::mix(text, 1).unwrap_err().to_string()
    }

    #[test]
    fn a_part_has_params_payload_times_or_none() {
        let parts = parse(
            r#"
            operation = [
                { op = "ping" },
                { op = "ping", params = { a = [1, "é"] } },
                { op = "ping", payload = 100, weight = 5 },
                { op = "spin", times = { distribution = "constant", value = 20 } },
                { op = "work", params = { cpu_us = 50, block = true } },
            ]"#,
        )
        .unwrap();
        let params: Vec<_> = parts.iter().map(|part| part.params.clone()).collect();
        assert_eq!(
            params,
            [
                Params::Unique,
                Params::Json("{\"a\":[1,\"é\"]}".to_owned()),
                Params::Payload(100),
                Params::Times(Distribution::Constant { value: 20.0 }),
                Params::Json("{\"block\":true,\"cpu_us\":50}".to_owned()),
            ]
        );
        assert_eq!(
            parts.iter().map(|part| part.weight).collect::<Vec<_>>(),
            [1, 1, 5, 1, 1]
        );
    }

    #[test]
    fn a_mistake_is_reported_with_its_place() {
        assert!(refused("").contains("[[operation]]"));
        assert!(
            refused("[[operation]]\nop = 3").contains("line 2"),
            "{}",
            refused("[[operation]]\nop = 3")
        );
        assert!(refused("[[operation]]\nop = \"ping\"\nwieght = 3").contains("wieght"));
        assert!(
            refused("operation = [{ op = \"ping\" }, { op = \"pong\" }]")
                .contains("operation 2: operation \"pong\" is unknown")
        );
        assert!(refused("operation = [{ op = \"ping\", weight = 0 }]").contains("weight of 0"));
        assert!(
            refused("operation = [{ op = \"ping\", params = 1, payload = 2 }]").contains("more than one of")
        );
        let times = "operation = [{ op = \"sleep\", times = { distribution = \"exponential\", mean = -1 } }]";
        assert!(refused(times).contains("mean is -1"), "{}", refused(times));
    }
}
