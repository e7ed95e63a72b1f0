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
const ALL: [Caveat; 22] = [
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
    run::left_out_of,
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
    use schema::contender::{LeftOut, LeftOutOf};

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
        environment.experiments_left_out = vec![LeftOut::faulty("system-calls", "there is no strace")];
        let caveat = run::left_out(&fixture::summary(&environment, &records)).unwrap();
        assert!(caveat.contains("`system-calls` (there is no strace)"), "{caveat}");
    }

    #[test]
    fn a_contender_left_out_of_experiments_is_named() {
        let (mut environment, records) = fixture::run();
        environment.left_out_of = vec![LeftOutOf {
            name: "Go (goroutines)".to_owned(),
            experiments: vec!["arithmetic".to_owned(), "mixed/b".to_owned()],
            reason: "it does not answer pi".to_owned(),
        }];
        let summary = fixture::summary(&environment, &records);
        let expected = "Left out of single experiments: `Go (goroutines)` of `arithmetic` and `mixed/b` (it does not answer pi).";
        assert_eq!(run::left_out_of(&summary).as_deref(), Some(expected));
        assert!(run::shown(&summary).contains(&expected.to_owned()));
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
