//! What a model did wrong in most trials of a run, and in none of the run before.
//!
//! These are no matter of more or less, and the headline may not show them: what a request costs that is answered can stay
//! the same while others are not.

use schema::load::UNSENT_SHARE_MOST;

use super::pairs::Pair;
use super::value;
use crate::errors::FAILED_SHARE_MOST;
use crate::metric;
use schema::experiment::Method;
use schema::record::Measured;

/// A fault is told as one where at least this share of the later trials has it, and none of the earlier. If it comes by
/// chance, as often before as now, that happens in fewer than one of a thousand comparisons of eight trials, however often
/// it comes: at the most at 40 %, 0.6⁸ · 0.05.
const SHARE_LEAST: f64 = 0.75;

struct Fault {
    /// What it did, before "in 8 of 8 trials".
    what: &'static str,
    is_in: fn(&Measured) -> bool,
}

const ALL: [Fault; 6] = [
    Fault {
        what: "no good reply",
        is_in: |trial| trial.load.throughput_per_s <= 0.0,
    },
    Fault {
        what: "connections left unserved",
        is_in: Measured::has_never_served_connections,
    },
    Fault {
        what: "requests lost, or answered otherwise than well",
        is_in: |trial| match &trial.kill {
            Some(kill) => kill.lost > 0,
            // A search asks for more than can be served, to find how much can be.
            None => trial.search.is_none() && trial.load.failed() > 0,
        },
    },
    Fault {
        what: "over 1 % of the requests left unsent",
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
        what: "the rate never came back",
        is_in: Measured::never_recovered,
    },
];

/// What was found of a model in a setting.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Faults {
    /// What it does now.
    pub(super) new: Vec<String>,
    /// What it did in some trials, and in too few for a verdict.
    pub(super) seldom: Vec<String>,
}

impl Faults {
    pub(super) fn of(pair: &Pair<'_>) -> Self {
        let mut faults = Self::default();
        let (before, after) = (&pair.before, &pair.after);
        faults.add(
            &failing(after.failed.first()),
            (before.failed.len(), before.failed.len() + before.kept.len()),
            (after.failed.len(), after.failed.len() + after.kept.len()),
        );
        let counts = |is_in: &dyn Fn(&Measured) -> bool| {
            [before, after].map(|trials| {
                let with_it = trials.kept.iter().filter(|trial| is_in(trial));
                (with_it.count(), trials.kept.len())
            })
        };
        for fault in &ALL {
            let [before, after] = counts(&fault.is_in);
            faults.add(fault.what, before, after);
        }
        faults.add_errors(pair);
        // Where there is another fault, that is why.
        if faults.new.is_empty() {
            let headline = metric::named(&pair.experiment.headline);
            let [before, after] = counts(&|trial| value(trial, headline).is_none());
            let what = format!("no {}", headline.name);
            if before.0 < before.1 && after.0 == after.1 {
                faults.new.push(told(&what, before, after));
            } else {
                faults.add(&what, before, after);
            }
        }
        faults
    }

    /// Of errors that are too many for a comparison now, and were not or were fewer by over a hundredth. No count of trials
    /// enters: a hundredth of all requests is no chance.
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

    /// Of a fault that so many of so many trials have, before and now.
    fn add(&mut self, what: &str, before: (usize, usize), after: (usize, usize)) {
        if before.0 > 0 || after.0 == 0 {
            return;
        }
        let often = after.0 as f64 >= SHARE_LEAST * after.1 as f64;
        let list = if often { &mut self.new } else { &mut self.seldom };
        list.push(told(what, before, after));
    }
}

fn failing(first: Option<&&str>) -> String {
    format!("the trial failed ({})", first.copied().unwrap_or_default())
}

fn told(what: &str, before: (usize, usize), after: (usize, usize)) -> String {
    format!(
        "{what}: in {} of {} trials, and before in {} of {}",
        after.0, after.1, before.0, before.1
    )
}
