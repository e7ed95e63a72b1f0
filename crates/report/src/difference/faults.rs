//! What a model did wrong in most trials of a run, and in none of the earlier run.
//!
//! The headline may not show such faults: the cost of an answered request can stay the same while others are not answered.

use schema::load::UNSENT_SHARE_MOST;

use super::pair::Pair;
use super::trials::value;
use crate::errors::FAILED_SHARE_MOST;
use crate::metric;
use schema::experiment::Method;
use schema::record::Measured;

/// A fault counts if at least this share of the later trials has it, and none of the earlier. A fault that comes by chance,
/// as often before as now, is then reported in fewer than one of a thousand comparisons of eight trials. The worst case is a
/// fault in 40 % of the trials: 0.6⁸ · 0.05.
const SHARE_LEAST: f64 = 0.75;

struct Fault {
    /// What the model did, in words before "in 8 of 8 trials".
    what: &'static str,
    is_in: fn(&Measured) -> bool,
}

const ALL: [Fault; 6] = [
    Fault {
        what: "no good reply",
        is_in: |trial| trial.load.throughput_per_s <= 0.0,
    },
    Fault {
        what: "connections never served",
        is_in: Measured::has_never_served_connections,
    },
    Fault {
        what: "requests failed",
        is_in: |trial| match &trial.kill {
            Some(kill) => kill.lost > 0,
            // A search offers more than the server can do, to find the highest rate.
            None => trial.search.is_none() && trial.load.failed() > 0,
        },
    },
    Fault {
        what: "over 1 % of the requests never sent",
        is_in: |trial| {
            let requests = &trial.load.requests;
            trial.search.is_none() && requests.unsent as f64 > UNSENT_SHARE_MOST * requests.planned as f64
        },
    },
    Fault {
        what: "no rate kept the bound",
        is_in: |trial| {
            trial
                .search
                .as_ref()
                .is_some_and(|search| search.best_rate_per_s.is_none())
        },
    },
    Fault {
        what: "the rate never recovered",
        is_in: Measured::never_recovered,
    },
];

/// The faults of a model in a setting.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Faults {
    /// Those in most trials.
    pub(super) new: Vec<String>,
    /// Those in some trials, too few for a verdict.
    pub(super) seldom: Vec<String>,
}

impl Faults {
    pub(super) fn find(pair: &Pair<'_>) -> Self {
        let mut faults = Self::default();
        let (before, after) = (&pair.before, &pair.after);
        faults.add(
            &format!(
                "the trial failed ({})",
                after.failed.first().copied().unwrap_or_default()
            ),
            (before.failed.len(), before.failed.len() + before.kept.len()),
            (after.failed.len(), after.failed.len() + after.kept.len()),
        );
        let counts = |is_in: &dyn Fn(&Measured) -> bool| {
            [before, after].map(|trials| {
                let with_it = trials.kept.iter().filter(|(_, trial)| is_in(trial));
                (with_it.count(), trials.kept.len())
            })
        };
        for fault in &ALL {
            let [before, after] = counts(&fault.is_in);
            faults.add(fault.what, before, after);
        }
        faults.add_errors(pair);
        // Another fault would explain a missing headline.
        if faults.new.is_empty() {
            let headline = metric::named(&pair.experiment.headline);
            let [before, after] = counts(&|trial| value(trial, headline).is_none());
            let what = format!("no {}", headline.name);
            if before.0 < before.1 && after.0 == after.1 {
                faults.new.push(in_words(&what, before, after));
            } else {
                faults.add(&what, before, after);
            }
        }
        faults
    }

    /// Adds errors that are too many for a comparison now, and were not before or were fewer by over 1 % of the requests. The
    /// number of trials does not matter: 1 % of all requests is no chance.
    fn add_errors(&mut self, pair: &Pair<'_>) {
        let (before, after) = (pair.before.errors(), pair.after.errors());
        let grew = after.failed_share() > before.failed_share() + FAILED_SHARE_MOST
            || after.closed_share() > before.closed_share() + FAILED_SHARE_MOST;
        let by_kill = pair.experiment.method == Method::KillWorker && !after.stopped();
        if !by_kill && after.are_too_many() && (!before.are_too_many() || grew) {
            let was = match before {
                errors if errors.any() => errors.in_words(),
                _ => "none".to_owned(),
            };
            self.new.push(format!("{}; before: {was}", after.in_words()));
        }
    }

    /// Adds a fault, by how many trials have it and how many there are, before and now.
    fn add(&mut self, what: &str, before: (usize, usize), after: (usize, usize)) {
        if before.0 > 0 || after.0 == 0 {
            return;
        }
        let often = after.0 as f64 >= SHARE_LEAST * after.1 as f64;
        let list = if often { &mut self.new } else { &mut self.seldom };
        list.push(in_words(what, before, after));
    }
}

fn in_words(what: &str, before: (usize, usize), after: (usize, usize)) -> String {
    format!(
        "{what}: in {} of {} trials, before in {} of {}",
        after.0, after.1, before.0, before.1
    )
}
