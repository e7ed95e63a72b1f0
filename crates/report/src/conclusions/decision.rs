//! The decision: which model in which situation, a line each.

use crate::escape::code;
use schema::contender::Contender;
use schema::experiment::{Excluded, Workload};

use super::ranking::Ranking;
use crate::numbers::list;
use crate::page::DecisionLine;
use crate::summary::{Answer, Results, Summary};

/// The most lines. A reader who chooses a server does not keep more in mind.
const LINES_MOST: usize = 5;

/// The most models that are named because they take no part.
const NAMED_MOST: usize = 4;

/// The lines of the decision, in their order. A situation that the run did not measure, or in which no model is ranked, has
/// none.
pub(crate) fn decision(summary: &Summary<'_>) -> Vec<DecisionLine> {
    let contenders = &summary.environment.contenders;
    let is_smoke = summary.environment.profile == "smoke";
    let workloads = summary.results.iter().flat_map(Results::workloads);
    let mut lines: Vec<_> = workloads
        .filter(|_| !is_smoke)
        .filter_map(|(answer, workload)| {
            let decision = workload.decision.as_ref()?;
            let choice = choice(contenders, answer, workload)?;
            let when = decision.when.clone();
            Some((decision.order, DecisionLine { when, choice }))
        })
        .collect();
    lines.sort_by_key(|(order, _)| *order);
    lines.into_iter().map(|(_, line)| line).take(LINES_MOST).collect()
}

/// The models to choose and the value that this rests on, the next model, and what becomes of those that take no part.
fn choice(contenders: &[Contender], answer: &Answer<'_>, workload: &Workload) -> Option<String> {
    let index = answer.index_of(workload);
    let ranking = Ranking::by(answer, index)?;
    let leaders = format!("{}{}", ranking.leaders("or"), ranking.also());
    let metric = answer.metric_name(index);
    let values = ranking.leading_values();
    let mut text = match ranking.tie() {
        Some(tie) => format!("{leaders} ({tie}; {metric}: {values})."),
        None if ranking.is_lone() && !ranking.unranked.is_empty() => {
            format!("only {leaders} is comparable ({metric}: {values}).")
        }
        None => format!("{leaders} ({metric}: {values})."),
    };
    let near = ranking.near();
    if !near.is_empty() {
        text.pop();
        text.extend([&*near, "."]);
    }
    if let Some(rival) = ranking.rival() {
        text.extend([" Next, ", &*rival, "."]);
    }
    if let Some(otherwise) = &workload.otherwise {
        let absent = contenders.iter().filter(|contender| {
            let excluded = answer.setting.excludes(contender);
            matches!(excluded, Some(Excluded::Lacks(_)))
        });
        let absent: Vec<_> = absent.map(|contender| code(&contender.name)).collect();
        let is_rest = absent.len() + answer.rows.len() == contenders.len();
        let who = match absent.len() {
            0 => return Some(text),
            // The names stand in the grid.
            number if is_rest && number > NAMED_MOST => format!("The other {number}"),
            _ => list(&absent),
        };
        text.extend([" ", &*who, ": ", &**otherwise, "."]);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use schema::record::{Outcome, Record};

    #[test]
    fn each_line_rests_on_a_named_value() {
        let (environment, records) = fixture::run();
        let lines = decision(&fixture::summary(&environment, &records));
        let lines: Vec<_> = lines
            .iter()
            .map(|line| format!("{}: {}", line.when, line.choice))
            .collect();
        assert_eq!(
            lines,
            [
                "Many connections with little work each: `epsilon` (CPU time per request: 6.41 µs). Next, `beta` needs 1.86 × as \
                 much.",
                "A library that may crash: `delta` (requests lost: 1). `alpha`, `beta` and `epsilon`: all connections lost.",
                "Handlers waiting without a thread: `beta` or `epsilon` (tied; throughput: ≥ 20,000 requests/s).",
            ]
        );
    }

    #[test]
    fn a_tie_states_how_many_are_not_ranked() {
        let (environment, mut records) = fixture::run();
        for record in &mut records {
            let is_lost = record.experiment == "waiting" && ["alpha", "delta"].contains(&&*record.model);
            if let (true, Outcome::Measured(trial)) = (is_lost, &mut record.outcome) {
                trial.load.requests.timeout = trial.load.requests.sent / 2;
            }
        }
        let lines = decision(&fixture::summary(&environment, &records));
        let choice = &lines[2].choice;
        assert!(
            choice.starts_with("`beta` or `epsilon` (tied; 2 not ranked; "),
            "{choice}"
        );
    }

    #[test]
    fn a_run_that_ranks_nothing_has_no_decision() {
        let (mut environment, records) = fixture::run();
        environment.profile = "smoke".to_owned();
        assert_eq!(decision(&fixture::summary(&environment, &records)), []);
        let (environment, _) = fixture::run();
        assert_eq!(decision(&fixture::summary(&environment, &[])), []);
    }

    #[test]
    fn a_run_without_a_situation_lacks_its_line() {
        let (mut environment, records) = fixture::run();
        environment
            .experiments
            .retain(|experiment| experiment.key == "waiting");
        let lines = decision(&fixture::summary(&environment, &records));
        let [line] = &*lines else { panic!("{lines:?}") };
        assert_eq!(line.when, "Handlers waiting without a thread");
    }

    #[test]
    fn a_model_hardly_worse_stands_beside_the_best() {
        let (mut environment, mut records) = fixture::run();
        let is_one =
            |record: &Record, model: &str| record.experiment == "request-cost" && record.model == model;
        let best = records.iter().filter(|record| is_one(record, "epsilon"));
        let best: Vec<_> = best.cloned().collect();
        for record in records.iter_mut().filter(|record| is_one(record, "beta")) {
            let like = best
                .iter()
                .find(|other| other.round == record.round && other.setting == record.setting);
            record.outcome = like.expect("both were measured").outcome.clone();
            if let Outcome::Measured(trial) = &mut record.outcome {
                trial.spent.user_us *= 1.03;
                trial.spent.system_us *= 1.03;
            }
        }
        // Among few models the next one is enough.
        let lines = decision(&fixture::summary(&environment, &records));
        assert_eq!(
            lines[0].choice,
            "`epsilon` (CPU time per request: 6.41 µs). Next, `beta` needs 1.03 × as much."
        );
        fixture::add_copies(&mut environment, &mut records, 3);
        // Seven models need seven rounds.
        let rounds = environment.rounds;
        let again = records.iter().filter(|record| (1..=2).contains(&record.round));
        let again = again.map(|record| Record {
            round: record.round + rounds,
            ..record.clone()
        });
        records.extend(again.collect::<Vec<_>>());
        environment.rounds += 2;
        let lines = decision(&fixture::summary(&environment, &records));
        assert_eq!(
            lines[0].choice,
            "`epsilon` (CPU time per request: 6.41 µs); within 5 %: `beta`, `beta-0`, `beta-1` and `beta-2`."
        );
    }
}
