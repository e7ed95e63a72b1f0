//! Costs per request, from what was read around the window.

use schema::cost::Spent;
use schema::cost::{CpuSource, SwitchesOver};
use schema::record::Measured;

/// An amount per good reply. The costs may be read some milliseconds late, so both are rates of their own time.
pub(super) fn per_reply(trial: &Measured, amount: f64) -> Option<f64> {
    let (rate, seconds) = (trial.load.throughput_per_s, trial.spent.elapsed_s);
    (rate > 0.0 && seconds > 0.0).then(|| amount / seconds / rate)
}

/// What was spent, where user and system time can be separated: `/proc` counts a process that ended before a tick found it
/// in the kernel as user time.
pub(super) fn split(trial: &Measured) -> Option<&Spent> {
    (trial.spent.source == CpuSource::Cgroup).then_some(&trial.spent)
}

pub(super) fn voluntary_switches(trial: &Measured) -> Option<f64> {
    switches(
        trial,
        trial.spent.voluntary_switches,
        trial.life.voluntary_switches,
    )
}

pub(super) fn involuntary_switches(trial: &Measured) -> Option<f64> {
    switches(
        trial,
        trial.spent.involuntary_switches,
        trial.life.involuntary_switches,
    )
}

/// The kernel reports the switches of an ended thread only with those of its whole process, after that has ended too.
fn switches(trial: &Measured, in_window: u64, in_life: u64) -> Option<f64> {
    match trial.spent.switches_over {
        SwitchesOver::Window => per_reply(trial, in_window as f64),
        SwitchesOver::Survivors | SwitchesOver::Unread => {
            (trial.life.replies > 0).then(|| in_life as f64 / trial.life.replies as f64)
        }
    }
}
