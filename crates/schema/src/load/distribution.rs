//! The distribution of the times that a request's work takes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A distribution of times, in the unit of its operation: microseconds for `spin`, milliseconds for `sleep` and `block`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "distribution", rename_all = "lowercase", deny_unknown_fields)]
pub enum Distribution {
    /// Always the same.
    Constant {
        /// The time.
        value: f64,
    },
    /// Exponential: the memoryless server of queueing theory.
    Exponential {
        /// Its mean.
        mean: f64,
    },
    /// Mostly one time, and now and then another one.
    Bimodal {
        /// The usual time.
        low: f64,
        /// The other time.
        high: f64,
        /// The share of requests that have it, from 0 to 1.
        high_share: f64,
    },
}

/// In short: `constant 20`, `exponential 100`, or `bimodal LOW|HIGH:HIGH_SHARE`, such as `bimodal 1|50:0.1`.
impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant { value } => write!(f, "constant {value}"),
            Self::Exponential { mean } => write!(f, "exponential {mean}"),
            Self::Bimodal {
                low,
                high,
                high_share,
            } => write!(f, "bimodal {low}|{high}:{high_share}"),
        }
    }
}

impl Distribution {
    /// Its mean, before rounding.
    #[must_use]
    pub fn mean(&self) -> f64 {
        match *self {
            Self::Constant { value } => value,
            Self::Exponential { mean } => mean,
            Self::Bimodal {
                low,
                high,
                high_share,
            } => low + (high - low) * high_share,
        }
    }
}
