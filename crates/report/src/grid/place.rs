//! What a model is in a workload beside the others: absent, best, tied, or far from the best.

use stats::Rank;

use schema::contender::Contender;
use schema::experiment::{Excluded, Workload};

use crate::page::Mark;
use crate::summary::{Answer, Row, Value};

/// The text of a cell of a model that takes no part, where nothing else is known of it.
const NOT_MEASURED: &str = "not measured";

/// A tied value whose interval reaches beyond this many times the best is not about equal.
const FAR_FROM: f64 = 1.5;

/// What is known of a model that takes no part.
pub(super) fn absent(answer: &Answer<'_>, workload: &Workload, contender: &Contender) -> String {
    let known = known_of_absent(answer, workload, contender);
    known.unwrap_or(NOT_MEASURED).to_owned()
}

/// What a workload states about a model that takes no part, because it lacks what the setting needs.
pub(crate) fn known_of_absent<'w>(
    answer: &Answer<'_>,
    workload: &'w Workload,
    contender: &Contender,
) -> Option<&'w str> {
    let is_known = matches!(answer.setting.excludes(contender), Some(Excluded::Lacks(_)));
    workload.otherwise.as_deref().filter(|_| is_known)
}

/// How a cell is marked. Where the models that take no part lose everything, those that are ranked are better than them.
pub(super) fn mark(answer: &Answer<'_>, row: &Row<'_>, index: usize, loses_all: bool) -> Mark {
    match (answer.mark(row, index), row.values[index].standing) {
        (Mark::AllTied, _) if loses_all => Mark::Tied,
        (Mark::None, Ok(Rank::Only)) if loses_all => Mark::Best,
        (mark, _) => mark,
    }
}

/// The end of the interval of a tied value that may be far from the best.
pub(crate) fn far(value: Value) -> Option<f64> {
    let is_tied = matches!(value.standing, Ok(Rank::Best | Rank::Tied));
    let high = value.ratio.filter(|_| is_tied)?.high;
    (high > FAR_FROM && high.is_finite()).then_some(high)
}
