//! The marker of a model, as its points have it in plots.

use maud::{Markup, html};

use crate::plot::look;

/// A model's name and, if it is in a plot or in the grid, the place that gives it its colour.
pub(super) type Model<'a> = (&'a str, Option<usize>);

/// The marker of a place.
pub(super) fn swatch(place: Option<usize>) -> Markup {
    html! {
        @if let Some(place) = place {
            svg class={ "swatch " (look::class(place)) } viewBox="-6 -6 12 12" aria-hidden="true" {
                path d=(look::shape(place)) {}
            }
        }
    }
}
