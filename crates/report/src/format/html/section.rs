//! The part of an experiment: the question first, what it found, then what shows it and what limits it.

use maud::{Markup, PreEscaped, html};

use super::swatch::Model;
use super::table;
use crate::escape::markup::{Shown, marked};
use crate::page::Section;
use crate::plot::svg;

/// The id of an experiment's part. Keys are free, and without its prefix one could be that of another part of the page.
pub(super) fn id(key: &str) -> String {
    format!("experiment-{key}")
}

pub(super) fn render(section: &Section, models: &[Model<'_>]) -> Markup {
    html! {
        section.experiment id=(Shown(&id(&section.key))) data-experiment=(Shown(&section.key)) {
            h2 { (marked(&section.title)) }
            p.question { (marked(&section.question)) }
            @if !section.meaning.is_empty() {
                p.meaning { (marked(&section.meaning)) }
            }
            "\n"
            div.shows {
                @for plot in &section.plots {
                    div.drawing id={ (Shown(&plot.key)) "-plot" } { (PreEscaped(svg::inline(plot))) }
                }
                (table::render(&section.table, models))
            }
            @if !section.caveats.is_empty() {
                div.limits {
                    h3 { "What limits this" }
                    ul {
                        @for caveat in &section.caveats {
                            li { (marked(caveat)) }
                        }
                    }
                }
            }
            dl.aside {
                @match &*section.findings {
                    [] => {}
                    [one] if *one == section.meaning => {}
                    [one] => div { dt { "Found" } dd { (marked(one)) } },
                    items => div { dt { "Found" } dd { ul { @for item in items { li { (marked(item)) } } } } },
                }
                div { dt { "Setup" } dd { (marked(&section.setup)) } }
                @if let Some(expected) = &section.expected {
                    div { dt { "Expected" } dd { (marked(expected)) } }
                }
            }
            @if !section.details.is_empty() {
                details.more {
                    summary { "All metrics" }
                    @for detail in &section.details {
                        (table::render(detail, models))
                    }
                }
            }
        }
    }
}
