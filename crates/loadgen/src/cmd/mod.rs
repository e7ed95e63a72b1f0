//! A file for each verb, and what they read from flags alike.

pub(crate) mod calibrate;
pub(crate) mod call;
mod fail_if;
mod live;
mod output;
mod places;
pub(crate) mod run;
pub(crate) mod selftest;
mod signals;
mod stages;
mod text;

use std::io::{self, Write};
use std::time::Duration;

use anyhow::Context;
use loadgen::plan::{Field, TIME_MOST};
use loadgen::{LoadError, PlanError, WorkError};
use nix::sched::CpuSet;

/// It could not be asked that way: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(String);

impl From<WorkError> for Usage {
    fn from(error: WorkError) -> Self {
        let flag = match error {
            WorkError::UnknownOperation(_) => "--op",
            WorkError::NotJson { .. } | WorkError::BadParams { .. } => "--params",
            WorkError::PayloadTooLong { .. } | WorkError::PayloadWithoutPing(_) => "--payload",
            WorkError::TimesWithoutWaiting(_) | WorkError::BadTimes { .. } => "--mix",
        };
        Self(format!("{flag}: {error}"))
    }
}

impl From<PlanError> for Usage {
    fn from(error: PlanError) -> Self {
        let flag = match error.field() {
            Field::Connections => "--connections",
            Field::Threads => "--threads",
            Field::Pipeline => "--pipeline",
            Field::Idle => "--idle",
            Field::Silent => "--silent",
            Field::RequestsPerConnection => "--requests-per-connection",
            Field::Requests => "--requests",
            Field::Rate => "--rate",
            Field::Stages => "--stages",
            Field::Warmup => "--warmup",
            Field::Duration => "--duration",
            // No flag sets it.
            Field::Slice => return Self(error.to_string()),
            Field::Timeout => "--timeout",
            Field::WaitForServer => "--wait-for-server",
            Field::RideOut => "--ride-out",
        };
        Self(format!("{flag}: {error}"))
    }
}

/// A run that can't be asked for is a matter of usage; one that failed is not.
fn usage_or_failure(error: LoadError) -> anyhow::Error {
    let flag = match error {
        LoadError::Plan(error) => return Usage::from(error).into(),
        LoadError::Descriptors { .. } | LoadError::Ports { .. } => "--connections",
        LoadError::Processor { .. } => "--cpus",
        other => return other.into(),
    };
    Usage(format!("{flag}: {:#}", anyhow::Error::from(error))).into()
}

/// Writes a line to stderr. There is nobody else to report to if that fails.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "loadgen: {line}");
}

/// Writes to stdout. Whoever reads it may have gone, which is no reason to panic.
fn print(text: &str) -> anyhow::Result<()> {
    io::stdout()
        .write_all(text.as_bytes())
        .and_then(|()| io::stdout().flush())
        .context("can't write to stdout")
}

/// A time from 0 to [`TIME_MOST`].
fn time(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let time = humantime::parse_duration(text)
        .map_err(|error| format!("{error}; give a time such as 10s or 500ms, at most 30days"))?;
    if time > TIME_MOST {
        return Err("it is too long; give at most 30days".to_owned());
    }
    Ok(time)
}

/// A time above 0.
fn time_above_zero(text: &str) -> Result<Duration, String> {
    let time = time(text)?;
    if time.is_zero() {
        return Err("it is zero; give a time such as 10s or 500ms".to_owned());
    }
    Ok(time)
}

/// A list of processors such as `0,2-3`.
fn cpu_list(text: &str) -> Result<CpuList, String> {
    let number = |text: &str| {
        text.trim()
            .parse::<usize>()
            .ok()
            .filter(|&number| number < CpuSet::count())
            .ok_or_else(|| format!("{text:?} is not a processor's number"))
    };
    let mut cpus = Vec::new();
    for part in text.split(',') {
        match part.split_once('-') {
            None => cpus.push(number(part)?),
            Some((first, last)) => {
                let (first, last) = (number(first)?, number(last)?);
                if first > last {
                    return Err(format!("{part} runs backwards"));
                }
                cpus.extend(first..=last);
            }
        }
    }
    Ok(CpuList(cpus))
}

#[derive(Debug, Clone, Default)]
pub(crate) struct CpuList(Vec<usize>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_processors_has_numbers_and_ranges() {
        assert_eq!(cpu_list("0,2-4,7").unwrap().0, [0, 2, 3, 4, 7]);
        for bad in ["", "a", "1-", "1,,2", "-1", "3-1", "0-99999999999"] {
            assert!(cpu_list(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_has_a_unit_and_a_range() {
        assert_eq!(time("30days"), Ok(TIME_MOST));
        assert_eq!(time("0"), Ok(Duration::ZERO));
        assert_eq!(time_above_zero("1ns"), Ok(Duration::from_nanos(1)));
        for bad in [
            "",
            "10",
            "-1s",
            "31days",
            "500000000000years",
            "99999999999999999999s",
            "nan",
            "1e9s",
            "s",
        ] {
            assert!(time(bad).is_err(), "{bad}");
        }
        for zero in ["0", "0s", "0days"] {
            assert!(time_above_zero(zero).is_err(), "{zero}");
        }
    }
}
