//! What a trial has of figures that take more than to name them.

use schema::load::Quantiles;

use crate::record::{Measured, Spent};
use schema::cost::{CpuSource, SwitchesOver};

pub(super) fn drift(trial: &Measured) -> Option<f64> {
    let drift = trial.load.checks.drift.as_ref()?;
    (drift.first_p50_us > 0.0).then(|| drift.last_p50_us / drift.first_p50_us - 1.0)
}

pub(super) fn first_operation(trial: &Measured) -> Option<Quantiles> {
    trial.load.parts.first()?.latency_us
}

pub(super) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// An amount that was spent between the looks at the server, by the good replies of as long a time: the looks may be some
/// milliseconds late, so it is a rate by a rate.
pub(super) fn per_reply(trial: &Measured, amount: f64) -> Option<f64> {
    let (rate, seconds) = (trial.load.throughput_per_s, trial.spent.seconds);
    (rate > 0.0 && seconds > 0.0).then(|| amount / seconds / rate)
}

/// What was spent, where user and system time can be told apart: `/proc` books a process that ended before a tick found it
/// in the kernel to user time whole.
pub(super) fn split(trial: &Measured) -> Option<&Spent> {
    (trial.spent.source == CpuSource::Cgroup).then_some(&trial.spent)
}

pub(super) fn voluntary(trial: &Measured) -> Option<f64> {
    switches(
        trial,
        trial.spent.voluntary_switches,
        trial.life.voluntary_switches,
    )
}

pub(super) fn involuntary(trial: &Measured) -> Option<f64> {
    switches(
        trial,
        trial.spent.involuntary_switches,
        trial.life.involuntary_switches,
    )
}

/// The kernel tells the switches of a thread that has ended only with those of its whole process, when that has ended too.
fn switches(trial: &Measured, in_window: u64, in_life: u64) -> Option<f64> {
    match trial.spent.switches_over {
        SwitchesOver::Window => per_reply(trial, in_window as f64),
        SwitchesOver::Survivors | SwitchesOver::Unread => {
            (trial.life.replies > 0).then(|| in_life as f64 / trial.life.replies as f64)
        }
    }
}
