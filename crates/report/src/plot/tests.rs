//! Whole drawings: golden files for small plots, and rules for any plot.

mod marks;
mod reading;
mod samples;
mod texts;
