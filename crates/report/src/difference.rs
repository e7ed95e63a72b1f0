//! Two runs compared: every value that both have, with the certainty of its change, and whether a model got worse.
//!
//! Only what both runs measured under the same conditions is compared. The rest is listed with the reason.

mod change;
mod compared;
mod conditions;
mod cut;
pub mod document;
mod faults;
mod markdown;
mod note;
mod pair;
mod pairs;
mod selection;
#[cfg(test)]
mod tests;
mod trials;
mod verdict;
mod within;

pub use change::{Difference, Differences};
pub use compared::{Compared, Run, share_in_words};
pub use markdown::render as markdown;
pub use note::{Note, Place};
pub use selection::{Selection, SelectionError};
pub use verdict::{Judged, Verdict};
