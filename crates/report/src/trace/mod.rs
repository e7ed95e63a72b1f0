//! A trace of a server as people see it: what its threads did while it served a few requests.
//!
//! [`svg`] draws one trace on an [`Axis`], as a file of its own or as a part of a page. `facts` counts what it comes to.
//! [`chrome`] writes and reads Chrome's trace event format.

mod axis;
pub mod chrome;
pub(crate) mod facts;
#[cfg(test)]
pub(crate) mod sample;
pub mod svg;

pub use axis::Axis;
