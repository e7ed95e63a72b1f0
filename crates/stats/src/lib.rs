//! Estimates and comparisons from few trials, queueing theory, and a search under noise. All of it is pure: values in, values
//! out, and nothing is drawn at random.
//!
//! A trial is one value. Single requests are not used: those of one trial share its process, its addresses and what the
//! machine did meanwhile. A thousand of them say no more about the next trial than one does.

#![forbid(unsafe_code)]

mod comparison;
mod estimate;
mod median;
mod rank_sum;
mod regression;
pub mod search;
mod signed_rank;
pub mod simulation;
pub mod theory;
mod ties;

pub use comparison::{Better, Comparison, Verdict};
pub use estimate::Estimate;
pub use median::{CONFIDENCE, median};
pub use regression::{Finding, Test, judge, metrics_judged_by, trials_needed as trials_needed_by_a_check};
pub use ties::{Rank, Unranked, rank, times_worse, trials_needed};
