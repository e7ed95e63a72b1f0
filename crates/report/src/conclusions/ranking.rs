//! The ranking of a setting by one of its metrics, in words.

use crate::escape::code;
use stats::{Better, Rank};

use crate::grid;
use crate::metric::{Kind, Metric, Unit};
use crate::numbers::{counted, list, rounded};
use crate::remark;
use crate::standing::Reason;
use crate::summary::{Answer, Row, quotient};

/// Up to this much worse, a model is named beside the best ones: for a choice between models the difference hardly matters.
const NEAR_PERCENT: f64 = 5.0;

/// Of so few models, the next one is enough.
const ROWS_FEW: usize = 6;

/// The most models that a sentence about an experiment names as tied for best, if others are worse.
const NAMED_MOST: usize = 5;

/// The ranked models of a setting, and the others with the reasons.
pub(super) struct Ranking<'r, 'a> {
    answer: &'r Answer<'a>,
    index: usize,
    pub(super) metric: &'static Metric,
    /// The best, and those with no significant difference from it. Those with the whole load are first.
    leaders: Vec<Ranked<'r, 'a>>,
    /// Those that are significantly worse, the next best first.
    worse: Vec<Ranked<'r, 'a>>,
    pub(super) unranked: Vec<(&'r Row<'a>, Reason)>,
}

/// A model with its value.
#[derive(Clone, Copy)]
struct Ranked<'r, 'a> {
    row: &'r Row<'a>,
    value: f64,
}

impl<'r, 'a> Ranking<'r, 'a> {
    /// The ranking by the metric in this place of the experiment's; none if no model is ranked.
    pub(super) fn by(answer: &'r Answer<'a>, index: usize) -> Option<Self> {
        let metric = answer.metric(index);
        let with = |ranks: &[Rank]| {
            let rows = answer.rows.iter();
            let ranked = rows.filter_map(|row| {
                let value = row.values[index];
                let rank = value.standing.ok().filter(|rank| ranks.contains(rank));
                rank?;
                Some(Ranked {
                    row,
                    value: value.estimate?.median,
                })
            });
            let mut ranked: Vec<_> = ranked.collect();
            ranked.sort_by(|one, other| match metric.better {
                Some(Better::More) => other.value.total_cmp(&one.value),
                Some(Better::Less) | None => one.value.total_cmp(&other.value),
            });
            ranked
        };
        let mut leaders = with(&[Rank::Best, Rank::Only, Rank::Tied]);
        leaders.sort_by_key(|leader| remark::fewer_connections(leader.row, answer.setting).is_some());
        (!leaders.is_empty()).then(|| Self {
            answer,
            index,
            metric,
            leaders,
            worse: with(&[Rank::Worse]),
            unranked: unranked(answer, index),
        })
    }

    /// Whether several models are ranked, and all of them are tied.
    pub(super) fn is_open(&self) -> bool {
        self.leaders.len() > 1 && self.worse.is_empty()
    }

    /// Whether no other model is comparable with the only one that is.
    pub(super) fn is_lone(&self) -> bool {
        self.leaders.len() == 1 && self.worse.is_empty()
    }

    /// The models to choose, with a word between the last two: "`alpha` or `beta`". Those with fewer connections follow in
    /// [`Ranking::also`], unless all had fewer.
    pub(super) fn leaders(&self, between: &str) -> String {
        let whole = self.leaders.iter().filter(|leader| !self.has_fewer(leader));
        let mut names: Vec<_> = whole.map(|leader| name(leader.row)).collect();
        if names.is_empty() {
            names = self.leaders.iter().map(|leader| self.name(leader.row)).collect();
        }
        match &*names {
            [rest @ .., last] if !rest.is_empty() => format!("{} {between} {last}", rest.join(", ")),
            names => list(names),
        }
    }

    /// The leaders that had fewer connections than others: "; also `alpha`, but with 8 connections, not 64". Empty without any.
    pub(super) fn also(&self) -> String {
        if self.leaders.iter().all(|leader| self.has_fewer(leader)) {
            return String::new();
        }
        let all = self.answer.setting.load.connections;
        let fewer = self.leaders.iter().filter_map(|leader| {
            let own = remark::fewer_connections(leader.row, self.answer.setting)?;
            let connections = counted(own, "connection", "connections");
            Some(format!(
                "; also {}, but with {connections}, not {all}",
                name(leader.row)
            ))
        });
        fewer.collect()
    }

    fn has_fewer(&self, ranked: &Ranked<'_, '_>) -> bool {
        remark::fewer_connections(ranked.row, self.answer.setting).is_some()
    }

    /// The names of all leaders, with the connections of those that had fewer.
    fn all_leaders(&self) -> String {
        let names = self.leaders.iter().map(|leader| {
            if self.has_fewer(leader) {
                format!("{} (only {})", name(leader.row), self.connections(leader))
            } else {
                name(leader.row)
            }
        });
        list(&names.collect::<Vec<_>>())
    }

    fn connections(&self, leader: &Ranked<'_, '_>) -> String {
        let own = self.answer.setting.load_for(leader.row.contender).connections;
        counted(own, "connection", "connections")
    }

    /// How close the leaders are to each other, and how many models have no rank if all that have one are tied; none if
    /// there is one leader.
    pub(super) fn tie(&self) -> Option<String> {
        let words = match (self.leaders.len(), self.worse.is_empty()) {
            (1, _) => return None,
            (_, true) if self.is_far() => "no significant difference",
            (_, true) if self.unranked.is_empty() => "all tied",
            _ => "tied",
        };
        Some(match self.unranked.len() {
            number @ 1.. if self.worse.is_empty() => format!("{words}; {number} not ranked"),
            _ => words.to_owned(),
        })
    }

    /// Whether a leader may be far from the best, so that "tied" would be read as "equal".
    fn is_far(&self) -> bool {
        let mut leaders = self.leaders.iter();
        leaders.any(|leader| grid::far(leader.row.values[self.index]).is_some())
    }

    /// The values of the leaders with their unit: `5.26 to 5.33 µs`, with `≥` before one that the load generator limits.
    pub(super) fn leading_values(&self) -> String {
        let mut values: Vec<_> = self.leaders.iter().map(|leader| leader.value).collect();
        values.sort_by(f64::total_cmp);
        let bound = remark::at_least(self.leaders.iter().map(|leader| leader.row), self.metric);
        format!("{bound}{}", self.metric.range(&values))
    }

    /// Those that are worse, but by so little that the difference hardly matters: "; within 5 %: `beta` and `gamma`". They had
    /// the same load as a leader. Empty without any, and among few models, of which the next one is named anyway.
    pub(super) fn near(&self) -> String {
        let names: Vec<_> = self
            .worse
            .iter()
            .filter(|rival| self.is_near(rival))
            .map(|rival| self.name(rival.row))
            .collect();
        match &*names {
            [] => String::new(),
            names if names.len() > NAMED_MOST => format!("; {} others within {NEAR_PERCENT} %", names.len()),
            names => format!("; within {NEAR_PERCENT} %: {}", list(names)),
        }
    }

    fn is_near(&self, rival: &Ranked<'_, '_>) -> bool {
        if self.answer.rows.len() <= ROWS_FEW {
            return false;
        }
        let leader = self
            .leaders
            .iter()
            .find(|leader| self.have_same_load(leader, rival));
        let is_limited = |ranked: &Ranked<'_, '_>| remark::is_client_bound(ranked.row, self.metric);
        let Some(leader) = leader.filter(|leader| !is_limited(leader) && !is_limited(rival)) else {
            return false;
        };
        let [own, best] = [rival, leader].map(|ranked| self.metric.as_shown(ranked.value));
        let ratio = self.metric.better.and_then(|better| quotient(own, best, better));
        !rival.row.has_never_served() && ratio.is_some_and(|ratio| ratio <= 1.0 + NEAR_PERCENT / 100.0)
    }

    fn have_same_load(&self, one: &Ranked<'_, '_>, other: &Ranked<'_, '_>) -> bool {
        let load = |ranked: &Ranked<'_, '_>| self.answer.setting.load_for(ranked.row.contender);
        load(one) == load(other)
    }

    /// The next model under the same load as a leader: "`gamma` needs 1.55 × as much". None if all others are tied, or had
    /// another load.
    pub(super) fn rival(&self) -> Option<String> {
        let load = |ranked: &Ranked<'_, '_>| self.answer.setting.load_for(ranked.row.contender);
        let mut rivals = self
            .worse
            .iter()
            .filter(|rival| !rival.row.has_never_served() && !self.is_near(rival));
        let same_load = rivals.clone().find_map(|rival| {
            // The best of them is the first.
            let leader = self
                .leaders
                .iter()
                .find(|leader| self.have_same_load(leader, rival))?;
            Some(format!("{} {}", self.name(rival.row), self.behind(rival, leader)))
        });
        same_load.or_else(|| {
            // The best had less to do than others, so a ratio to it would mislead.
            let is_whole = |ranked: &Ranked<'_, '_>| load(ranked) == self.answer.setting.load;
            let rival = rivals.find(|rival| is_whole(rival))?;
            Some(format!(
                "{} on all {} connections has {}",
                self.name(rival.row),
                self.answer.setting.load.connections,
                remark::value(rival.row, self.metric, rival.value)
            ))
        })
    }

    /// How far a model is behind a leader: "needs 1.55 × as much".
    fn behind(&self, rival: &Ranked<'r, 'a>, leader: &Ranked<'r, 'a>) -> String {
        let value = remark::value(rival.row, self.metric, rival.value);
        let [own, best] = [rival, leader].map(|ranked| self.metric.as_shown(ranked.value));
        let ratio = self.metric.better.and_then(|better| quotient(own, best, better));
        let Some(ratio) = ratio else {
            return format!("has {value}");
        };
        let times = format!("{} ×", rounded(ratio));
        match self.metric.kind {
            Kind::Rate => format!("reaches {value}"),
            _ if self.metric.better == Some(Better::More) => format!("has {value}"),
            Kind::Time if self.metric.is_latency || self.metric.unit == Unit::Milliseconds => {
                format!("takes {times} as long")
            }
            Kind::Time | Kind::Memory => format!("needs {times} as much"),
            Kind::CountPerRequest | Kind::Count => format!("has {times} as many"),
            Kind::Share | Kind::Ratio => format!("has {value}"),
        }
    }

    /// The whole ranking in one clause: "`alpha` and `beta` tie for best (5.26 to 5.33 µs); next, `gamma` needs 1.55 × as
    /// much".
    pub(super) fn in_words(&self) -> String {
        let best = self.best_in_words();
        match self.rival() {
            Some(rival) if !self.is_lone() && !self.is_open() => format!("{best}; next, {rival}"),
            _ => best,
        }
    }

    /// The same without the next model.
    pub(super) fn best_in_words(&self) -> String {
        let (mut leaders, values) = (self.leaders("and"), self.leading_values());
        let count = self
            .leaders
            .iter()
            .filter(|leader| !self.has_fewer(leader))
            .count();
        if count > NAMED_MOST && !self.worse.is_empty() {
            // The names stand in the grid, in the plot and in the tables.
            leaders = format!("{count} models");
        }
        let also = self.also();
        let is_one = self
            .leaders
            .iter()
            .filter(|leader| !self.has_fewer(leader))
            .count()
            == 1;
        if self.is_lone() {
            return format!("only {leaders} is comparable ({values})");
        }
        if self.is_open() && self.is_far() {
            return match (&*self.leaders, self.unranked.is_empty()) {
                ([_, _], _) | (_, false) => format!(
                    "no significant difference between {} ({values})",
                    self.all_leaders()
                ),
                _ => format!("no significant difference ({values})"),
            };
        }
        if self.is_open() {
            return match &*self.leaders {
                [_, _] => format!("{} are tied: {values}", self.all_leaders()),
                _ if self.unranked.is_empty() => format!("all tied: {values}"),
                _ => format!("{} are tied: {values}", self.all_leaders()),
            };
        }
        let best = match &*self.leaders {
            [_] => format!("{leaders} is best ({values})"),
            _ if is_one => format!("{leaders} is best ({values}){also}"),
            _ => format!("{leaders} tie for best ({values}){also}"),
        };
        format!("{best}{}", self.near())
    }

    /// A model's name as code, with its connections where it had fewer than the setting has, or else with its workers where
    /// it had other than its default.
    fn name(&self, row: &Row<'_>) -> String {
        if let Some(own) = remark::fewer_connections(row, self.answer.setting) {
            format!("{} on {}", name(row), counted(own, "connection", "connections"))
        } else if let Some(own) = remark::other_workers(row, self.answer.setting) {
            format!(
                "{} with {}",
                name(row),
                counted(usize::from(own), "worker", "workers")
            )
        } else {
            name(row)
        }
    }
}

/// A model's name as code.
pub(super) fn name(row: &Row<'_>) -> String {
    code(row.model)
}

/// The models that are not ranked, with their reasons.
pub(super) fn unranked<'r, 'a>(answer: &'r Answer<'a>, index: usize) -> Vec<(&'r Row<'a>, Reason)> {
    let rows = answer.rows.iter();
    rows.filter_map(|row| Some((row, row.values[index].standing.err()?)))
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
