//! What a run concludes: which model is best and tied for which work, and how far the next one is.
//!
//! Conclusions rest on medians and ranks alone, and not on what anybody expected of a model.

mod decision;
mod findings;
mod meaning;
mod ranking;
mod workers;

pub(crate) use decision::decision;
pub(crate) use findings::findings;
pub(crate) use meaning::meaning;
