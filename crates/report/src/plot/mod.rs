//! Plots as SVG, of data from anywhere: a [`Plot`] in, an SVG out.
//!
//! [`svg`] puts the parts together, as a file of its own or as a part of a page. [`bars`] draws a row for each model, and
//! [`curves`] a line for each over an axis: [`scale`] places values and chooses ticks, [`field`] places the panels, [`series`]
//! draws a line with its dots, and [`legend`] the names. [`look`] has the colour and the shape of a model, and [`text`] the
//! sizes of texts.

#![allow(
    clippy::format_push_string,
    reason = "a drawing is small, and `write!` to a string returns an error that never comes"
)]
#![allow(
    clippy::float_cmp,
    reason = "places on an axis are those of settings as they were given, and are compared with nothing computed"
)]

mod bars;
mod curves;
mod data;
mod field;
mod legend;
pub(crate) mod look;
mod parts;
mod scale;
mod series;
pub(crate) mod svg;
pub(crate) mod text;

pub use data::Plot;
pub(crate) use data::{Bar, Curves, Drawing, Extent, Group, Panel, Point, Scale, Series};
pub(crate) use scale::{decimals, nice_step};

#[cfg(test)]
mod tests;
