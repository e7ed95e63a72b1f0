//! What nobody can conclude from a run, however good its values are.

use crate::numbers::{count, counted};
use crate::summary::Summary;

/// So many CPUs let several workers show what they gain.
pub(super) const CPUS_ENOUGH: usize = 4;

/// What the run can't show: a short sentence each.
pub(crate) fn limits(summary: &Summary<'_>) -> Vec<String> {
    let limits = [cpus(summary), connections(summary)];
    let always = [
        "**Kernel memory**: in no metric.",
        "**Half a reply**, as a crash may leave it.",
        "**A network**: client and servers ran on one machine.",
    ];
    let always = always.into_iter().map(str::to_owned);
    limits.into_iter().flatten().chain(always).collect()
}

/// Several CPUs, and more workers than CPUs.
fn cpus(summary: &Summary<'_>) -> Option<String> {
    let cpus = summary.environment.cpus.server.len();
    (cpus < CPUS_ENOUGH).then(|| {
        let servers = counted(cpus, "CPU", "CPUs");
        format!(
            "**Several CPUs**: the servers had {servers}. The run shows what more workers than CPUs cost, not what they gain."
        )
    })
}

/// More connections than the run had.
fn connections(summary: &Summary<'_>) -> Option<String> {
    let settings = summary.answers().map(|answer| answer.setting);
    let open = settings.map(|setting| setting.load.connections + setting.load.idle + setting.load.silent);
    let most = open.max()?;
    Some(format!("**More connections** than {}.", count(most as f64)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn the_limits_follow_from_the_run() {
        let (mut environment, records) = fixture::run();
        let limits = |environment: &_| limits(&fixture::summary(environment, &records)).join("\n");
        environment.cpus.server = "0".parse().unwrap();
        let words = limits(&environment);
        assert!(
            words.contains("the servers had 1 CPU.") && words.contains("than 200."),
            "{words}"
        );
        environment.cpus.server = "0-3".parse().unwrap();
        assert!(!limits(&environment).contains("Several CPUs"));
    }
}
