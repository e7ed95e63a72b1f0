//! Two runs compared: every value that both have, with the certainty of its change, and whether a model got worse.
//!
//! Only what both runs measured under the same conditions is compared. The rest is listed with the reason.

mod change;
mod conditions;
mod faults;
mod note;
mod pairs;
#[cfg(test)]
mod tests;
mod verdict;

pub use change::{Difference, Differences};
pub use note::Note;
pub use verdict::{Judged, Verdict};
