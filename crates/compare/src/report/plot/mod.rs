//! Pictures of figures: a [`Plot`](super::page::Plot) in, an SVG out.
//!
//! [`scale`] finds where a value stands and which ticks an axis has, [`series`] draws a model, [`look`] holds its colour
//! and its shape, and [`svg`] puts them together: once as a file of its own and once as a part of a page.

#![allow(
    clippy::format_push_string,
    reason = "a drawing is small, and `write!` to a string has an error to pass on that never comes"
)]

pub(crate) mod look;
mod scale;
mod series;
pub(crate) mod svg;
pub(crate) mod text;

#[cfg(test)]
mod tests;
