//! What people read of a run: metrics, conclusions and caveats, as Markdown, HTML, SVG, CSV and terminal text. All of it is
//! made from the records of the run and its environment.
//!
//! A [`Summary`] holds the results. [`page`] composes from it the content of a page, and [`markdown`], [`html`] and [`svg`] give
//! that a format. [`terminal`] and [`excerpt`] show a part of it, and [`csv`] has every trial. [`difference`] compares two runs.
//!
//! ```
//! use report::{Recorded, Summary, markdown, page};
//!
//! fn readme(run: &Recorded, name: &str) -> String {
//!     let summary = Summary::build(&run.environment, &run.records);
//!     markdown(&page(&summary, name))
//! }
//! ```

#![forbid(unsafe_code)]

mod bottleneck;
mod caveats;
mod comparable;
mod compose;
mod conclusions;
pub mod difference;
#[cfg(test)]
mod drawn;
mod errors;
pub mod escape;
#[cfg(test)]
mod fixture;
mod format;
#[cfg(test)]
mod golden;
mod grid;
pub mod metric;
pub mod numbers;
mod page;
mod plot;
mod plots;
mod recorded;
mod remark;
mod score;
mod setup;
mod standing;
mod summary;
mod tables;
#[cfg(test)]
mod tests;
pub mod trace;

pub use compose::page;
pub use errors::Errors;
pub use format::csv::render as csv;
pub use format::excerpt;
pub use format::found::render as found;
pub use format::frame;
pub use format::html::render as html;
pub use format::html::render_traces as traces_html;
pub use format::markdown::{PAGE_MARK, render as markdown};
pub use format::terminal::render as terminal;
pub use page::Page;
pub use plot::Plot;
pub use plot::svg::file as svg;
pub use recorded::Recorded;
pub use summary::Summary;
