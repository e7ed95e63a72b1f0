//! Who is the best of a setting, who is tied with it, who is worse, and who is not ranked: in words.

use super::compose::ERRORS;
use super::standing::{Standing, Why};
use super::summary::{Answer, Row};
use crate::metric::Metric;
use crate::numbers::{list, rounded};
use stats::Better;

/// The rows of an answer that are ranked in its headline, the best first.
pub(super) struct Ranked<'r, 'a> {
    pub(super) figure: &'static Metric,
    pub(super) best: (&'r Row<'a>, f64),
    /// The others, the next best first.
    pub(super) others: Vec<(&'r Row<'a>, f64)>,
    /// Those that are not ranked, and why.
    unranked: Vec<(&'r Row<'a>, Why)>,
}

impl<'r, 'a> Ranked<'r, 'a> {
    pub(super) fn of(answer: &'r Answer<'a>) -> Option<Self> {
        let figure = answer.figure(0);
        let ranked = answer
            .rows
            .iter()
            .filter(|row| row.figures[0].standing.is_ranked());
        let mut rows: Vec<_> = ranked
            .filter_map(|row| Some((row, row.figures[0].estimate?.median)))
            .collect();
        rows.sort_by(|one, other| match figure.better {
            Some(Better::More) => other.1.total_cmp(&one.1),
            Some(Better::Less) | None => one.1.total_cmp(&other.1),
        });
        let is_best = |standing| matches!(standing, Standing::Best | Standing::Only);
        let place = rows
            .iter()
            .position(|(row, _)| is_best(row.figures[0].standing))?;
        let best = rows.remove(place);
        Some(Self {
            figure,
            best,
            others: rows,
            unranked: unranked(answer),
        })
    }

    pub(super) fn tied(&self) -> Vec<String> {
        let others = self.others.iter();
        let tied = others.filter(|(row, _)| row.figures[0].standing == Standing::Tied);
        tied.map(|(row, _)| name(row)).collect()
    }

    /// Whether several are ranked, and all of them are tied.
    pub(super) fn is_open(&self) -> bool {
        !self.others.is_empty() && self.tied().len() == self.others.len()
    }

    /// Why others are not ranked, in brackets or as a sentence's end: "not ranked: `a` (overloaded)"; empty if all are.
    pub(super) fn not_ranked(&self) -> String {
        if self.unranked.is_empty() {
            return String::new();
        }
        format!("; not ranked: {}", reasons(&self.unranked))
    }

    /// From the best to the last, with their unit.
    pub(super) fn range(&self) -> String {
        let last = self.others.last().map_or(self.best.1, |(_, last)| *last);
        format!("{} to {}", self.figure.format(self.best.1), self.told(last))
    }

    /// The worst of those that are significantly worse.
    pub(super) fn worst(&self) -> Option<(&'r Row<'a>, f64)> {
        let is_worse = |row: &Row<'_>| row.figures[0].standing == Standing::Worse;
        self.others.iter().rev().find(|(row, _)| is_worse(row)).copied()
    }

    pub(super) fn in_full(&self) -> String {
        let (row, near) = self.best;
        let best = name(row);
        let Some((last, far)) = self.others.last() else {
            let near = self.told(near);
            return match &*self.unranked {
                [] => format!("{best} had {near}; no other model was measured"),
                others => format!(
                    "only {best} is comparable, with {near}; not ranked: {}",
                    reasons(others)
                ),
            };
        };
        let Some((worst, far)) = self.worst() else {
            let who = match &*self.others {
                [_] => format!("{best} and {}", name(last)),
                _ => format!("the {} models", self.others.len() + 1),
            };
            let (near, far) = (self.told(near), self.told(*far));
            let not_ranked = self.not_ranked();
            return if near == far {
                format!("no significant difference between {who} ({near}){not_ranked}")
            } else {
                format!("no significant difference between {who} ({near} to {far}){not_ranked}")
            };
        };
        let tied = match self.tied() {
            tied if tied.is_empty() => String::new(),
            tied => format!(" (tied: {})", list(&tied)),
        };
        let (near, far, ratio) = (self.told(near), self.told(far), near.max(far) / near.min(far));
        let times = if ratio.is_finite() {
            format!(", {} × as much", rounded(ratio))
        } else {
            String::new()
        };
        let worst = name(worst);
        let ranking = match self.figure.better {
            Some(Better::More) if times.is_empty() => {
                format!("{best} had the most, {near}{tied}; {worst} the least, {far}")
            }
            Some(Better::More) => {
                format!("{best} had the most, {near}{tied}{times} as {worst}, which had the least, {far}")
            }
            Some(Better::Less) | None => {
                format!("{best} had the least, {near}{tied}; {worst} had the most, {far}{times}")
            }
        };
        ranking + &self.not_ranked()
    }

    pub(super) fn told(&self, value: f64) -> String {
        self.figure.format_with_unit(value)
    }
}

/// A model's name as code, with the sign of errors if it has any.
pub(super) fn name(row: &Row<'_>) -> String {
    if row.errors.any() {
        format!("`{}` {ERRORS}", row.model)
    } else {
        format!("`{}`", row.model)
    }
}

/// The rows of an answer that are not ranked in its headline, with the reason of each.
pub(super) fn unranked<'r, 'a>(answer: &'r Answer<'a>) -> Vec<(&'r Row<'a>, Why)> {
    let rows = answer.rows.iter();
    rows.filter_map(|row| match row.figures[0].standing {
        Standing::NotRanked(why) => Some((row, why)),
        _ => None,
    })
    .collect()
}

/// Models with the reason of each; those that have one reason in common together: "`a` and `b` (overloaded)".
pub(super) fn reasons(unranked: &[(&Row<'_>, Why)]) -> String {
    let mut kinds: Vec<(String, Vec<String>)> = Vec::new();
    for (row, why) in unranked {
        let reason = why.reason();
        match kinds.iter_mut().find(|(kind, _)| *kind == reason) {
            Some((_, names)) => names.push(name(row)),
            None => kinds.push((reason, vec![name(row)])),
        }
    }
    let kinds: Vec<_> = kinds
        .iter()
        .map(|(reason, names)| format!("{} ({reason})", list(names)))
        .collect();
    list(&kinds)
}
