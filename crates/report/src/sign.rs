//! The signs behind values in tables, and what each means.

use super::bottleneck::Bottleneck;

/// A sign behind a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    Errors,
    NeverServed,
    LoadGeneratorSaturated,
    LatencyBound,
    Overloaded,
    BottleneckUnknown,
}

/// All signs, in the order in which a legend explains them.
pub(crate) const ALL: [Sign; 6] = [
    Sign::Errors,
    Sign::NeverServed,
    Sign::LoadGeneratorSaturated,
    Sign::LatencyBound,
    Sign::Overloaded,
    Sign::BottleneckUnknown,
];

impl Sign {
    /// The sign of a bottleneck; none where the value needs no warning.
    pub(crate) fn from_bottleneck(bottleneck: Bottleneck) -> Option<Self> {
        match bottleneck {
            Bottleneck::LoadGenerator => Some(Self::LoadGeneratorSaturated),
            Bottleneck::Latency => Some(Self::LatencyBound),
            Bottleneck::Unknown => Some(Self::BottleneckUnknown),
            // A server that stopped has the sign of errors.
            Bottleneck::ServerCpu | Bottleneck::OfferedRate | Bottleneck::StoppedAnswering => None,
        }
    }

    pub(crate) fn symbol(self) -> char {
        match self {
            Self::Errors => '✗',
            Self::NeverServed => '†',
            Self::LoadGeneratorSaturated => '‡',
            Self::LatencyBound => '§',
            Self::Overloaded => '◊',
            Self::BottleneckUnknown => '¶',
        }
    }

    /// What it means, for a page.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Errors => {
                "Requests failed, or the server did something else wrong: see the column “errors”. Where more than 1 % failed, \
                 the model is not ranked."
            }
            Self::NeverServed => "Some connections were never served: latency and cost are not ranked.",
            Self::LoadGeneratorSaturated => "Load generator saturated: the server may be faster.",
            Self::LatencyBound => {
                "Latency-bound: neither side was busy, more connections would raise the rate."
            }
            Self::Overloaded => {
                "Overloaded: offered load exceeded capacity. Latencies grow with the window and are not ranked."
            }
            Self::BottleneckUnknown => "Bottleneck unknown.",
        }
    }

    /// What it means, in a few words for a terminal.
    pub(crate) fn in_short(self) -> &'static str {
        match self {
            Self::Errors => "requests failed (see errors; not ranked above 1 %)",
            Self::NeverServed => "some connections never served, not ranked",
            Self::LoadGeneratorSaturated => "load generator saturated",
            Self::LatencyBound => "latency-bound",
            Self::Overloaded => "overloaded, latency not ranked",
            Self::BottleneckUnknown => "bottleneck unknown",
        }
    }
}

/// Signs as they stand behind a value.
pub(crate) fn symbols(signs: &[Sign]) -> String {
    signs.iter().map(|sign| sign.symbol()).collect()
}
