//! Mistakes in flags and files.

use loadgen::plan::Field;
use loadgen::{LoadError, PlanError, WorkError};

/// A mistake in flags or files: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(super) String);

impl From<WorkError> for Usage {
    fn from(error: WorkError) -> Self {
        let flag = match error {
            WorkError::UnknownOperation(_) => "--op",
            WorkError::NotJson { .. } | WorkError::BadParams { .. } | WorkError::BadWork(_) => "--params",
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
            Field::Within => "--within",
            Field::WaitForServer => "--wait-for-server",
            Field::RideOut => "--ride-out",
        };
        Self(format!("{flag}: {error}"))
    }
}

/// Sorts the errors of a run: a plan that can't be carried out is a mistake in flags.
pub(super) fn usage_or_failure(error: LoadError) -> anyhow::Error {
    let flag = match error {
        LoadError::Plan(error) => return Usage::from(error).into(),
        LoadError::Descriptors { .. } | LoadError::Ports { .. } => "--connections",
        LoadError::Cpu { .. } => "--cpus",
        other => return other.into(),
    };
    Usage(format!("{flag}: {:#}", anyhow::Error::from(error))).into()
}
