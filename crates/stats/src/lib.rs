//! Estimates and comparisons from few trials, queueing theory, and a search under noise. All of it is pure: values in, values
//! out, and nothing is drawn at random.
//!
//! A trial is one value. Single requests are not used: those of one trial share its process, its addresses and what the
//! machine did meanwhile. A thousand of them say no more about the next trial than one does.

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

/// The confidence of an interval, where nothing else is given.
pub const CONFIDENCE: f64 = 0.95;

/// The log ratio of something to nothing: larger than that of any two numbers.
const BEYOND_ALL_RATIOS: f64 = 10_000.0;

/// The median of these values, of which some may be infinite.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    median_of_sorted(&sorted)
}

/// The median of these values, which ascend: as many lie below as above.
fn median_of_sorted(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    match sorted {
        [] => None,
        _ if sorted.len() % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}
