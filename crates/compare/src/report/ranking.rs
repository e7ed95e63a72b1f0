//! Who is the best of a setting, who can't be told from it, and who is behind: in words.

use super::compose::{unit, written};
use super::numbers::{list, rounded};
use super::summary::{Answer, Row};
use crate::figures::{Better, Figure};
use crate::statistics::Standing;

/// The rows of an answer that are compared in its headline, the best first.
pub(super) struct Ranked<'r, 'a> {
    pub(super) figure: &'static Figure,
    pub(super) best: (&'r Row<'a>, f64),
    /// The others, the next best first.
    pub(super) others: Vec<(&'r Row<'a>, f64)>,
}

impl<'r, 'a> Ranked<'r, 'a> {
    pub(super) fn of(answer: &'r Answer<'a>) -> Option<Self> {
        let figure = answer.figure(0);
        let stands = |row: &Row<'_>| !matches!(row.figures[0].standing, None | Some(Standing::Absent));
        let compared = answer.rows.iter().filter(|row| stands(row));
        let mut rows: Vec<_> = compared
            .filter_map(|row| Some((row, row.figures[0].estimate?.median)))
            .collect();
        rows.sort_by(|one, other| match figure.better {
            Better::More => other.1.total_cmp(&one.1),
            Better::Less | Better::Neither => one.1.total_cmp(&other.1),
        });
        let place = rows
            .iter()
            .position(|(row, _)| row.figures[0].standing == Some(Standing::Best))?;
        let best = rows.remove(place);
        Some(Self {
            figure,
            best,
            others: rows,
        })
    }

    pub(super) fn tied(&self) -> Vec<String> {
        let others = self.others.iter();
        let tied = others.filter(|(row, _)| row.figures[0].standing == Some(Standing::Tied));
        tied.map(|(row, _)| name(row)).collect()
    }

    /// Whether all are tied.
    pub(super) fn is_open(&self) -> bool {
        self.tied().len() == self.others.len()
    }

    /// From the best to the last, with their unit.
    pub(super) fn range(&self) -> String {
        let last = self.others.last().map_or(self.best.1, |(_, last)| *last);
        match (written(self.figure, self.best.1), self.told(last)) {
            (_, last) if self.others.is_empty() => last,
            (best, last) => format!("{best} to {last}"),
        }
    }

    /// The one that is furthest behind, of those that surely are.
    pub(super) fn worst(&self) -> Option<(&'r Row<'a>, f64)> {
        let is_worse = |row: &Row<'_>| row.figures[0].standing == Some(Standing::Worse);
        self.others.iter().rev().find(|(row, _)| is_worse(row)).copied()
    }

    pub(super) fn in_full(&self) -> String {
        let (row, near) = self.best;
        let best = name(row);
        let Some((last, far)) = self.others.last() else {
            return format!("{best} had {}, and there is no other to compare", self.told(near));
        };
        let Some((worst, far)) = self.worst() else {
            let who = match &*self.others {
                [_] => format!("{best} and {}", name(last)),
                _ => format!("the {} models", self.others.len() + 1),
            };
            let (near, far) = (self.told(near), self.told(*far));
            return if near == far {
                format!("{who} can't be told apart ({near})")
            } else {
                format!("{who} can't be told apart ({near} to {far})")
            };
        };
        let tied = match self.tied() {
            tied if tied.is_empty() => String::new(),
            tied => format!(" ({} can't be told from it)", list(&tied)),
        };
        let (near, far, ratio) = (self.told(near), self.told(far), near.max(far) / near.min(far));
        let times = if ratio.is_finite() {
            format!(", {} times as much", rounded(ratio))
        } else {
            String::new()
        };
        let worst = name(worst);
        match self.figure.better {
            Better::More if times.is_empty() => {
                format!("{best} had the most, {near}{tied}; {worst} the least, {far}")
            }
            Better::More => {
                format!("{best} had the most, {near}{tied}{times} as {worst}, which had the least, {far}")
            }
            Better::Less | Better::Neither => {
                format!("{best} had the least, {near}{tied}; {worst} had the most, {far}{times}")
            }
        }
    }

    pub(super) fn told(&self, value: f64) -> String {
        with_unit(self.figure, value)
    }
}

pub(super) fn with_unit(figure: &Figure, value: f64) -> String {
    match unit(figure) {
        (_, Some(unit)) => format!("{} {unit}", written(figure, value)),
        (_, None) => written(figure, value),
    }
}

/// A model's name as code.
pub(super) fn name(row: &Row<'_>) -> String {
    format!("`{}`", row.model)
}
