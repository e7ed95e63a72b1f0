//! What can be said of a model from few trials, and how surely. Pure: figures in, figures out, and no chance in it.
//!
//! A trial is one figure. Nothing here looks at single requests: those of one trial share its process, its addresses and
//! what the machine did meanwhile, and a thousand of them tell no more about the next trial than one does.

#![forbid(unsafe_code)]

mod comparison;
mod estimate;
mod rank_sum;
mod regression;
pub mod search;
mod signed_rank;
pub mod simulation;
pub mod theory;
mod ties;

pub use comparison::{Better, Comparison, Verdict};
pub use estimate::Estimate;
pub use regression::{Finding, Test, judge, trials_needed as trials_needed_by_a_check};
pub use ties::{Rank, Unranked, rank, trials_needed};

/// How surely an interval holds what it is about, wherever nothing else is said.
pub const CONFIDENCE: f64 = 0.95;

/// Further than any two numbers' logarithms are from each other: the log ratio of something to nothing at all.
const BEYOND_ALL_RATIOS: f64 = 10_000.0;

/// The value in the middle of these, of which some may be infinite.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    median_of_sorted(&sorted)
}

/// The value in the middle of these, which ascend: as many lie below as above.
fn median_of_sorted(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    match sorted {
        [] => None,
        _ if sorted.len() % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}
