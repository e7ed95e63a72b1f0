//! Where a row stands in a column of its table, or why it is not ranked there.

use crate::numbers::percent;

/// Where a row stands in a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Standing {
    Best,
    /// No significant difference from the best.
    Tied,
    /// Significantly worse than the best.
    Worse,
    /// No other row is comparable, so it is neither better nor worse.
    Only,
    NotRanked(Why),
}

/// Why a row is not ranked in a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Why {
    /// Neither more nor less of it is better.
    NoDirection,
    /// No trial has a value.
    NoValue,
    TooFew {
        trials: usize,
        needed: usize,
    },
    /// The run is a smoke run.
    Smoke,
    /// The server stopped answering within the window.
    StoppedAnswering,
    /// This share of its requests failed, which is too much.
    Failed(f64),
    /// This share of its background connections was closed, which is too much.
    BackgroundLost(f64),
    Unserved,
    Overloaded,
    NeverBack,
}

impl Standing {
    /// Whether it takes part in the ranking of its column.
    pub(crate) fn is_ranked(self) -> bool {
        !matches!(self, Self::NotRanked(_))
    }

    /// The note `2 of 7 trials`, where that is why the row is not ranked.
    pub(crate) fn note(self) -> Option<String> {
        match self {
            Self::NotRanked(why @ Why::TooFew { .. }) => Some(why.reason()),
            _ => None,
        }
    }
}

impl Why {
    /// The reason in a few words, for a list such as "not ranked: `fork` (2 of 7 trials)".
    pub(crate) fn reason(self) -> String {
        match self {
            Self::NoDirection => "neither more nor less is better".to_owned(),
            Self::NoValue => "no value".to_owned(),
            Self::TooFew { trials, needed } => format!("{trials} of {needed} trials"),
            Self::Smoke => "a smoke run ranks nothing".to_owned(),
            Self::StoppedAnswering => "stopped answering".to_owned(),
            Self::Failed(share) => format!("{} of its requests failed", percent(share)),
            Self::BackgroundLost(share) => {
                format!("{} of its background connections were closed", percent(share))
            }
            Self::Unserved => "connections never served".to_owned(),
            Self::Overloaded => "overloaded".to_owned(),
            Self::NeverBack => "not back at full rate in every trial".to_owned(),
        }
    }
}

/// The standings that the statistics give the rows of a column, where a row that nothing is compared with is no winner.
pub(super) fn of_column(standings: Vec<stats::Standing>) -> Vec<Standing> {
    use stats::Standing as Found;
    let ranked = |standing: &&Found| matches!(standing, Found::Best | Found::Tied | Found::Worse);
    let is_alone = standings.iter().filter(ranked).count() == 1;
    let place = |standing| match standing {
        Found::Best if is_alone => Standing::Only,
        Found::Best => Standing::Best,
        Found::Tied => Standing::Tied,
        Found::Worse => Standing::Worse,
        Found::TooFew { trials, needed } => Standing::NotRanked(Why::TooFew { trials, needed }),
        Found::Absent => Standing::NotRanked(Why::NoValue),
    };
    standings.into_iter().map(place).collect()
}
