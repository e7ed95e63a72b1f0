//! The figures that a trial has: what each is called, what it means, and which of two is better.
//!
//! Experiments name them by their key, in the tables that they want; the CSV has all of them.

mod all;
mod of;
mod quantile;

use crate::record::Measured;

pub(crate) use all::ALL;
pub(crate) use quantile::{Quantile, Samples};

/// A figure of every trial.
#[derive(Debug)]
pub(crate) struct Figure {
    /// Its name in experiments and in the CSV.
    pub(crate) key: &'static str,
    /// Its heading, with its unit.
    pub(crate) title: &'static str,
    /// Its heading in a terminal.
    pub(crate) short: &'static str,
    /// What it says.
    pub(crate) meaning: &'static str,
    /// Which of two models has the better one.
    pub(crate) better: Better,
    /// What a trial has of it, if anything.
    pub(crate) of: fn(&Measured) -> Option<f64>,
}

impl Figure {
    /// Whether it is a time that requests took.
    pub(crate) fn is_latency(&self) -> bool {
        const LATENCIES: [&str; 8] = [
            "mean_us",
            "p50_us",
            "p90_us",
            "p99_us",
            "p999_us",
            "max_us",
            "first_op_p50_us",
            "first_op_p99_us",
        ];
        LATENCIES.contains(&self.key)
    }
}

impl Figure {
    /// Whether it is about what failed, so that it can be compared however much that is.
    pub(crate) fn counts_failures(&self) -> bool {
        const OF_FAILURES: [&str; 4] = ["failed_share", "lost_requests", "back_ms", "lowest_rate_share"];
        OF_FAILURES.contains(&self.key)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Better {
    More,
    Less,
    /// It is a fact about the model and no merit.
    Neither,
}

/// The figure of this key.
///
/// # Panics
/// If there is none; an experiment's keys are checked when it is read.
pub(crate) fn named(key: &str) -> &'static Figure {
    ALL.iter()
        .find(|figure| figure.key == key)
        .unwrap_or_else(|| panic!("there is no figure {key}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_figure_has_a_key_of_its_own() {
        let keys: BTreeSet<_> = ALL.iter().map(|figure| figure.key).collect();
        assert_eq!(keys.len(), ALL.len());
    }
}
