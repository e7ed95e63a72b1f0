//! What a run could not show, and why.

mod limits;
mod places;
mod rows;
mod run;
mod section;
mod trials;

use super::summary::Summary;

pub(crate) use limits::limits;
pub(crate) use run::shown as of_run;
pub(crate) use section::section_caveats;

/// A sentence, if it applies to a run.
type Caveat = fn(&Summary<'_>) -> Option<String>;

/// All of them, the most important first.
const ALL: [Caveat; 21] = [
    rows::errors,
    run::interrupted,
    run::smoke,
    run::shared_cpus,
    run::few_cpus,
    run::one_cpu,
    run::virtual_machine,
    run::changed_sources,
    trials::few_trials,
    run::left_out,
    trials::failed,
    |summary| Some(trials::excluded(summary)),
    rows::never_served,
    rows::overloaded,
    rows::late,
    rows::drifting,
    rows::load_generator_saturated,
    rows::latency_bound,
    rows::cpu_time_from_proc,
    rows::switches_of_whole_life,
    trials::missing,
];

/// The caveats of a run.
pub(crate) fn caveats(summary: &Summary<'_>) -> Vec<String> {
    ALL.iter().filter_map(|caveat| caveat(summary)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use schema::contender::LeftOut;

    #[test]
    fn how_many_trials_were_excluded_is_always_shown() {
        let (environment, mut records) = fixture::run();
        records.retain(|record| match &record.outcome {
            schema::record::Outcome::Measured(trial) => trial.exclusion().is_none(),
            schema::record::Outcome::Failed(_) => true,
        });
        let caveats = caveats(&fixture::summary(&environment, &records));
        assert!(
            caveats.iter().any(|caveat| caveat.starts_with("0 of ")),
            "{caveats:#?}"
        );
    }

    #[test]
    fn an_experiment_left_out_is_named_with_the_reason() {
        let (mut environment, records) = fixture::run();
        environment.experiments_left_out = vec![LeftOut {
            name: "system-calls".to_owned(),
            reason: "there is no strace".to_owned(),
        }];
        let caveat = run::left_out(&fixture::summary(&environment, &records)).unwrap();
        assert!(caveat.contains("`system-calls` (there is no strace)"), "{caveat}");
    }

    #[test]
    fn enough_cpus_need_no_caveat() {
        let (mut environment, records) = fixture::run();
        environment.cpus.server = "0-3".parse().unwrap();
        let summary = fixture::summary(&environment, &records);
        assert_eq!(run::few_cpus(&summary), None);
        assert_eq!(run::one_cpu(&summary), None);
    }
}
