//! What bars and curves have in common.

use super::look;
use crate::escape::markup::escape;
use crate::numbers::rounded;

/// The width of all plots, in pixels. With text of [`super::text::SIZE`] it can be scaled down to 360 pixels, which is what a
/// page leaves of a phone.
pub(super) const WIDTH: f64 = 450.0;
pub(super) const EDGE: f64 = 12.0;
/// The length of the arrow head on an interval that continues beyond the picture.
pub(super) const CUT: f64 = 5.0;

/// Where the drawing is used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    File,
    Page,
}

/// The place and the name of a model.
pub(super) type Place<'a> = (usize, &'a str);

/// All marks of a model, so that a page can hide them.
pub(super) fn series_group((place, name): Place<'_>, marks: &str) -> String {
    format!(
        "<g class=\"series {}\" data-series=\"{}\">\n{marks}</g>\n",
        look::class(place),
        escape(name)
    )
}

/// A mark that shows its value under the pointer.
pub(super) fn point_group(label: &str, marks: &str, used: Use) -> String {
    let label = escape(label);
    // In a page, the script shows the label.
    let title = match used {
        Use::File => format!("<title>{label}</title>"),
        Use::Page => String::new(),
    };
    format!("<g class=\"point\" data-label=\"{label}\">{title}{marks}</g>\n")
}

/// An interval as it stands behind a value; empty if it has no ends or is the value alone.
pub(super) fn interval(low: f64, high: f64) -> String {
    if low.is_finite() && high.is_finite() && low < high {
        format!(" ({} – {})", rounded(low), rounded(high))
    } else {
        String::new()
    }
}

/// The shape of a model.
pub(super) fn marker(place: usize, x: f64, y: f64, is_unranked: bool) -> String {
    format!(
        "<path class=\"dot{}\" transform=\"translate({x:.1} {y:.1})\" d=\"{}\"/>",
        if is_unranked { " unranked" } else { "" },
        look::shape(place)
    )
}
