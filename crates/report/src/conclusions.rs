//! What a run concludes: which model is best, tied and worst for which work, and the sentences that state it.
//!
//! Conclusions rest on medians and ranks alone, and not on what anybody expected of a model.

mod choices;
mod findings;
mod ranking;

pub(crate) use choices::{Choice, choices, too_close};
pub(crate) use findings::finding;
