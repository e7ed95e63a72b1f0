//! Where a value stands in its column, or why it is not ranked there.

use stats::{Rank, Unranked};

use crate::numbers::percent;

/// The rank of a value among those of its column, or why it has none.
pub(crate) type Standing = Result<Rank, Reason>;

/// How a value is marked in its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Mark {
    #[default]
    None,
    /// The best of its column, and significantly better than every other.
    Best,
    /// One of several without a significant difference between them and the best, the best itself included. Some other value
    /// is significantly worse.
    Tied,
    /// The same, where no value is significantly worse.
    AllTied,
}

/// Why a value is not ranked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Reason {
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
    BackgroundClosed(f64),
    /// Some connections were never served.
    NeverServed,
    Overloaded,
    NeverRecovered,
}

impl Reason {
    /// The reason in a few words, for a list such as "not ranked: `alpha` (2 of 7 trials)".
    pub(crate) fn in_words(self) -> String {
        match self {
            Self::NoDirection => "neither more nor less is better".to_owned(),
            Self::NoValue => "no value".to_owned(),
            Self::TooFew { trials, needed } => format!("{trials} of {needed} trials"),
            Self::Smoke => "a smoke run ranks nothing".to_owned(),
            Self::StoppedAnswering => "stopped answering".to_owned(),
            Self::Failed(share) => format!("{} of its requests failed", percent(share)),
            Self::BackgroundClosed(share) => {
                format!("{} of its background connections were closed", percent(share))
            }
            Self::NeverServed => "connections never served".to_owned(),
            Self::Overloaded => "overloaded".to_owned(),
            Self::NeverRecovered => "not back at full rate in every trial".to_owned(),
        }
    }
}

impl From<Unranked> for Reason {
    fn from(reason: Unranked) -> Self {
        match reason {
            Unranked::TooFew { trials, needed } => Self::TooFew { trials, needed },
            Unranked::Absent => Self::NoValue,
        }
    }
}

/// The note `2 of 7 trials`, where that is why a value is not ranked.
pub(crate) fn note(standing: Standing) -> Option<String> {
    match standing {
        Err(reason @ Reason::TooFew { .. }) => Some(reason.in_words()),
        _ => None,
    }
}
