//! The ranking of a setting by its headline, in words.

use stats::{Better, Rank};

use crate::metric::Metric;
use crate::numbers::{list, rounded};
use crate::sign::Sign;
use crate::standing::Reason;
use crate::summary::{Answer, Row};

/// The ranked models of a setting, and the others with the reasons.
pub(super) struct Ranking<'r, 'a> {
    pub(super) metric: &'static Metric,
    pub(super) best: Ranked<'r, 'a>,
    /// The others, the next best first.
    others: Vec<Ranked<'r, 'a>>,
    unranked: Vec<(&'r Row<'a>, Reason)>,
}

/// A model with its rank and its value.
#[derive(Clone, Copy)]
pub(super) struct Ranked<'r, 'a> {
    pub(super) row: &'r Row<'a>,
    rank: Rank,
    pub(super) value: f64,
}

impl<'r, 'a> Ranking<'r, 'a> {
    /// None if no model is ranked.
    pub(super) fn from_answer(answer: &'r Answer<'a>) -> Option<Self> {
        let metric = answer.metric(0);
        let ranked = |row: &'r Row<'a>| {
            let headline = row.values[0];
            Some(Ranked {
                row,
                rank: headline.standing.ok()?,
                value: headline.estimate?.median,
            })
        };
        let mut ranked: Vec<_> = answer.rows.iter().filter_map(ranked).collect();
        ranked.sort_by(|one, other| match metric.better {
            Some(Better::More) => other.value.total_cmp(&one.value),
            Some(Better::Less) | None => one.value.total_cmp(&other.value),
        });
        let is_best = |ranked: &Ranked<'_, '_>| matches!(ranked.rank, Rank::Best | Rank::Only);
        let place = ranked.iter().position(is_best)?;
        Some(Self {
            metric,
            best: ranked.remove(place),
            others: ranked,
            unranked: unranked(answer),
        })
    }

    /// The models with no significant difference from the best.
    pub(super) fn tied(&self) -> Vec<String> {
        let others = self.others.iter();
        let tied = others.filter(|other| other.rank == Rank::Tied);
        tied.map(|other| name(other.row)).collect()
    }

    /// The worst of those that are significantly worse than the best.
    pub(super) fn worst(&self) -> Option<Ranked<'r, 'a>> {
        let mut others = self.others.iter().rev();
        others.find(|other| other.rank == Rank::Worse).copied()
    }

    /// Whether several models are ranked, and all of them are tied.
    pub(super) fn is_open(&self) -> bool {
        !self.others.is_empty() && self.others.iter().all(|other| other.rank == Rank::Tied)
    }

    /// How many times the value of the best another value is, or the other way round: `1.84 ×`. None if either is 0.
    pub(super) fn factor(&self, other: f64) -> Option<String> {
        let best = self.best.value;
        let ratio = best.max(other) / best.min(other);
        ratio.is_finite().then(|| format!("{} ×", rounded(ratio)))
    }

    /// From the best to the last: `146 to 151 µs`; one value if they look the same.
    pub(super) fn range(&self) -> String {
        let last = self.others.last().map_or(self.best.value, |last| last.value);
        let [best, last] = [self.best.value, last].map(|value| self.metric.format(value));
        let unit = self.metric.unit.behind();
        if best == last {
            format!("{best}{unit}")
        } else {
            format!("{best} to {last}{unit}")
        }
    }

    /// The whole ranking in a sentence without its full stop.
    pub(super) fn in_words(&self) -> String {
        self.ranked_in_words() + &self.not_ranked()
    }

    /// Who is not ranked and why, as the end of a sentence: "; not ranked: `alpha` (overloaded)". Empty if all are.
    pub(super) fn not_ranked(&self) -> String {
        if self.unranked.is_empty() {
            return String::new();
        }
        format!("; not ranked: {}", reasons(&self.unranked))
    }

    fn ranked_in_words(&self) -> String {
        let best = name(self.best.row);
        let value = self.metric.format_with_unit(self.best.value);
        let Some(last) = self.others.last() else {
            return match &*self.unranked {
                [] => format!("{best} had {value}; no other model was measured"),
                _ => format!("only {best} is comparable, with {value}"),
            };
        };
        let Some(worst) = self.worst() else {
            let who = match &*self.others {
                [_] => format!("{best} and {}", name(last.row)),
                others => format!("the {} models", others.len() + 1),
            };
            return format!("no significant difference between {who} ({})", self.range());
        };
        let tied = match &*self.tied() {
            [] => String::new(),
            tied => format!(" (tied: {})", list(tied)),
        };
        let far = self.metric.format_with_unit(worst.value);
        let factor = self
            .factor(worst.value)
            .map_or_else(String::new, |factor| format!(" ({factor})"));
        format!(
            "{best} is best, {value}{tied}; {} is worst, {far}{factor}",
            name(worst.row)
        )
    }
}

/// A model's name as code, with the sign of errors if it has any.
pub(super) fn name(row: &Row<'_>) -> String {
    if row.errors.any() {
        format!("`{}` {}", row.model, Sign::Errors.symbol())
    } else {
        format!("`{}`", row.model)
    }
}

/// The models that are not ranked, with their reasons.
pub(super) fn unranked<'r, 'a>(answer: &'r Answer<'a>) -> Vec<(&'r Row<'a>, Reason)> {
    let rows = answer.rows.iter();
    rows.filter_map(|row| Some((row, row.values[0].standing.err()?)))
        .collect()
}

/// Models by reason: "`alpha` and `beta` (overloaded)".
pub(super) fn reasons(unranked: &[(&Row<'_>, Reason)]) -> String {
    let mut kinds: Vec<(String, Vec<String>)> = Vec::new();
    for (row, reason) in unranked {
        let reason = reason.in_words();
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
