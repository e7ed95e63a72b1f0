//! Plots as SVG, of data from anywhere: a [`Plot`] in, an SVG out.
//!
//! [`scale`] places values and chooses ticks, [`layout`] places the parts, [`series`] draws a series, [`look`] has its colour
//! and its shape, and [`svg`] puts them together: as a file of its own, or as a part of a page.

#![allow(
    clippy::format_push_string,
    reason = "a drawing is small, and `write!` to a string returns an error that never comes"
)]

mod data;
mod layout;
pub(crate) mod look;
mod scale;
mod series;
pub(crate) mod svg;
mod text;

pub use data::Plot;
pub(crate) use data::{Point, Scale, Series};

#[cfg(test)]
mod tests;
