//! The marker of a model, as its points have it in plots.

use maud::{Markup, html};

use crate::plot::look;

/// A model's name and, if it is in a plot or in the grid, the place that gives it its colour.
pub(super) type Model<'a> = (&'a str, Option<usize>);

/// The marker of a place. Its outline is one of [`outlines`].
pub(super) fn swatch(place: Option<usize>) -> Markup {
    html! {
        @if let Some(place) = place {
            svg class={ "swatch " (look::class(place)) } aria-hidden="true" { use href={ "#" (id(place)) } {} }
        }
    }
}

/// The outlines of these models' markers, once for the page.
pub(super) fn outlines(models: &[Model<'_>]) -> Markup {
    let mut places: Vec<_> = models.iter().filter_map(|(_, place)| *place).collect();
    places.sort_unstable_by_key(|&place| look::shape(place));
    places.dedup_by_key(|place| look::shape(*place));
    html! {
        svg.unseen aria-hidden="true" {
            @for place in places {
                symbol id=(id(place)) viewBox="-6 -6 12 12" { path d=(look::shape(place)) {} }
            }
        }
    }
}

/// The name of an outline: places with the same shape share it.
fn id(place: usize) -> String {
    let shape = look::shape(place);
    let first = (0..=place)
        .find(|&other| look::shape(other) == shape)
        .unwrap_or(place);
    format!("shape-{first}")
}
