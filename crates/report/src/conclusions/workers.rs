//! How many workers are enough, where the settings of an experiment differ in that.

use std::collections::BTreeSet;

use super::ranking::name;
use crate::metric::Kind;
use crate::numbers::list;
use crate::remark;
use crate::summary::{Results, Row};

/// The share of its highest rate from which on a model has enough workers.
const NEARLY: f64 = 0.9;

/// Whether the settings differ in their numbers of workers, and the question is how that changes a rate.
pub(super) fn varies_workers(results: &Results<'_>) -> bool {
    let mut numbers = results.answers.iter().map(|answer| answer.setting.workers);
    let all: BTreeSet<_> = numbers.clone().collect();
    let is_varied =
        all.len() > 1 && all.len() == results.answers.len() && numbers.all(|number| number.is_some());
    is_varied && results.headline().kind == Kind::Rate && results.experiment.axis.is_some()
}

/// With how many workers each model reaches nearly its highest rate, and which share of that fewer have.
pub(super) fn by_workers(results: &Results<'_>) -> Vec<String> {
    let Some(first) = results.answers.first() else {
        return Vec::new();
    };
    let with_workers = first
        .rows
        .iter()
        .filter(|row| row.contender.capabilities.workers.is_some());
    let clause = |model: &Row<'_>| {
        let rates = results.answers.iter().filter_map(|answer| {
            let row = answer.rows.iter().find(|row| row.place == model.place)?;
            let rate = row.values[0].estimate.filter(|_| !row.errors.are_too_many())?;
            Some((answer.name(), rate.median))
        });
        let rates: Vec<_> = rates.collect();
        let highest = rates.iter().map(|(_, rate)| *rate).fold(0.0, f64::max);
        // Where the load generator limits the highest rate, more workers may be needed than are seen to be.
        let is_bound = results.answers.iter().any(|answer| {
            let row = answer.rows.iter().find(|row| row.place == model.place);
            row.is_some_and(|row| remark::is_client_bound(row, answer.metric(0)))
        });
        let enough = rates
            .iter()
            .position(|(_, rate)| highest > 0.0 && *rate >= NEARLY * highest)?;
        let fewer = rates[..enough].iter();
        let fewer = fewer
            .map(|(at, rate)| (at.clone(), 100.0 * rate / highest))
            .collect();
        Some(Needs {
            model: name(model),
            enough: format!("{}{}", if is_bound { "at least " } else { "" }, rates[enough].0),
            fewer,
        })
    };
    in_groups(with_workers.filter_map(clause).collect())
}

/// Of so few models, each has its own clause.
const ALONE_MOST: usize = 3;

/// How many workers a model needs.
struct Needs {
    model: String,
    /// The setting in which it has enough, with words before it if the load generator may have limited its highest rate.
    enough: String,
    /// The settings before that, with the shares of its highest rate in per cent.
    fewer: Vec<(String, f64)>,
}

/// A clause for each number of workers that models need.
fn in_groups(all: Vec<Needs>) -> Vec<String> {
    let is_few = all.len() <= ALONE_MOST;
    let mut groups: Vec<Vec<Needs>> = Vec::new();
    for one in all {
        let mut others = groups.iter_mut();
        let settings = |needs: &Needs| {
            let fewer = needs.fewer.iter().map(|(at, _)| at.clone());
            fewer.chain([needs.enough.clone()]).collect::<Vec<_>>()
        };
        match others.find(|group| !is_few && settings(&group[0]) == settings(&one)) {
            Some(group) => group.push(one),
            None => groups.push(vec![one]),
        }
    }
    let models = groups.iter().map(Vec::len).sum::<usize>();
    let clause = |group: &Vec<Needs>| {
        let names: Vec<_> = group.iter().map(|one| one.model.clone()).collect();
        let who = match &*names {
            [one] => format!("{one} needs"),
            several if several.len() == models => "each model needs".to_owned(),
            several => format!("each of {} needs", list(several)),
        };
        let fewer = group[0].fewer.iter().enumerate().map(|(index, (at, _))| {
            let shares = group.iter().map(|one| one.fewer[index].1);
            let least = shares.clone().fold(f64::INFINITY, f64::min);
            let most = shares.fold(0.0, f64::max);
            let [least, most] = [least, most].map(|share| format!("{share:.0}"));
            if least == most {
                format!("{at}: {least} %")
            } else {
                format!("{at}: {least} to {most} %")
            }
        });
        let fewer: Vec<_> = fewer.collect();
        let fewer = match &*fewer {
            [] => String::new(),
            fewer => format!(" ({})", fewer.join(", ")),
        };
        let enough = &group[0].enough;
        format!(
            "{who} {enough} for {:.0} % of its highest rate{fewer}",
            100.0 * NEARLY
        )
    };
    groups.iter().map(clause).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::summary::Summary;
    use schema::record::Outcome;

    #[test]
    fn an_axis_of_workers_shows_how_many_are_enough() {
        let (mut environment, mut records) = fixture::run();
        let mut asked = environment.experiments.iter_mut();
        let asked = asked.find(|one| one.key == "request-cost").expect("it was asked");
        asked.headline = "throughput_per_s".to_owned();
        for (setting, workers) in asked.settings.iter_mut().zip([4, 32]) {
            setting.workers = Some(workers);
            setting.title = format!("{workers} workers");
        }
        for record in &mut records {
            if let Outcome::Measured(trial) = &mut record.outcome {
                trial.load.throughput_per_s = if record.setting == "1" { 300.0 } else { 1_000.0 };
            }
        }
        let summary = fixture::summary(&environment, &records);
        let results = results_of(&summary, "request-cost");
        assert_eq!(
            crate::conclusions::meaning(results),
            "`delta` needs 32 workers for 90 % of its highest rate (4 workers: 30 %)."
        );
        assert!(!varies_workers(results_of(&summary, "past-capacity")));

        for record in &mut records {
            if let Outcome::Measured(trial) = &mut record.outcome {
                trial.load.checks.client_limited = Some(record.setting == "64");
            }
        }
        let summary = fixture::summary(&environment, &records);
        assert_eq!(
            crate::conclusions::meaning(results_of(&summary, "request-cost")),
            "`delta` needs at least 32 workers for 90 % of its highest rate (4 workers: 30 %)."
        );
    }

    fn results_of<'s, 'a>(summary: &'s Summary<'a>, key: &str) -> &'s Results<'a> {
        let mut results = summary.results.iter();
        results
            .find(|results| results.experiment.key == key)
            .expect("it was asked")
    }

    #[test]
    fn models_that_need_the_same_number_share_a_clause() {
        let needs = |model: &str, enough: &str, fewer: f64| Needs {
            model: format!("`{model}`"),
            enough: enough.to_owned(),
            fewer: vec![("1 worker".to_owned(), fewer)],
        };
        let all = ["a", "b", "c", "d"].map(|model| needs(model, "10 workers", 9.0));
        let differing = Needs {
            fewer: vec![("1 worker".to_owned(), 12.4)],
            ..needs("e", "10 workers", 9.0)
        };
        assert_eq!(
            in_groups(all.into_iter().chain([differing]).collect()),
            ["each model needs 10 workers for 90 % of its highest rate (1 worker: 9 to 12 %)"]
        );
        let all = vec![
            needs("a", "10 workers", 9.0),
            needs("b", "32 workers", 9.0),
            needs("c", "10 workers", 9.0),
            needs("d", "10 workers", 9.0),
        ];
        assert_eq!(
            in_groups(all),
            [
                "each of `a`, `c` and `d` needs 10 workers for 90 % of its highest rate (1 worker: 9 %)",
                "`b` needs 32 workers for 90 % of its highest rate (1 worker: 9 %)"
            ]
        );
    }
}
