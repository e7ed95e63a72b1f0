//! A plot as SVG: a file of its own, or a part of a page.

use super::data::{Drawing, Plot};
use super::parts::{EDGE, Place, Use, WIDTH};
use super::text::{BOLD, LINE, SIZE, TITLE_SIZE, element, lines};
use super::{bars, curves, look};
use crate::escape::markup::{escape, plain};

/// The style rules of a drawing. They use the colours of the page or the file around it.
pub(crate) const STYLE: &str = include_str!("plot.css");

/// A file of its own: with its colours for light and dark, and its background.
#[must_use]
pub fn file(plot: &Plot) -> String {
    draw(plot, Use::File)
}

/// A part of a page, which must have the colours, [`look::rules`] and [`STYLE`].
pub(crate) fn inline(plot: &Plot) -> String {
    draw(plot, Use::Page)
}

fn style() -> String {
    format!(
        "<style>\n:root{{{}}}\n@media (prefers-color-scheme:dark){{:root{{{}}}}}\n{}\n{}</style>\n",
        look::LIGHT,
        look::DARK,
        look::rules(),
        STYLE
    )
}

fn draw(plot: &Plot, used: Use) -> String {
    let room = WIDTH - 2.0 * EDGE;
    // Widths are estimated for the usual size and weight.
    let title = lines(&plain(&plot.title), room * SIZE / TITLE_SIZE / BOLD);
    let measure = lines(&plain(&plot.measure), room);
    let title_y = EDGE + 13.0;
    let measure_y = title_y + title.len() as f64 * 22.0;
    let top = measure_y + (measure.len().max(1) - 1) as f64 * LINE + 16.0;

    let mut notes: Vec<String> = plot.notes.clone();
    let (drawn, bottom) = match &plot.drawing {
        Drawing::Bars(groups) => {
            let drawn = bars::draw(groups, top, used);
            notes.extend(drawn.note.map(str::to_owned));
            (drawn.svg, drawn.bottom)
        }
        Drawing::Curves(curves) => {
            let models = plot.models();
            let models: Vec<Place<'_>> = models.into_iter().map(|(name, place)| (place, name)).collect();
            let drawn = curves::draw(curves, &models, top, used);
            (drawn.svg, drawn.bottom)
        }
    };
    let notes = lines(&plain(&notes.join(" ")), room);
    let notes_y = bottom + LINE + 8.0;
    let height = if notes.is_empty() {
        bottom + EDGE
    } else {
        notes_y + (notes.len() - 1) as f64 * LINE + EDGE
    };

    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" viewBox=\"0 0 {WIDTH} {height:.0}\" width=\"{WIDTH}\" \
         height=\"{height:.0}\" role=\"img\" aria-label=\"{}\">\n",
        escape(&description(plot)),
    );
    if used == Use::File {
        // In a page, a browser would show the title as a tooltip over those of the points.
        out += &format!(
            "<title>{}</title>\n{}<rect class=\"surface\" width=\"{WIDTH}\" height=\"{height:.0}\"/>\n",
            escape(&plain(&plot.title)),
            style()
        );
    }
    out += &element("title", EDGE, title_y, &title);
    out += &element("quiet", EDGE, measure_y, &measure);
    out += &drawn;
    out += &element("quiet", EDGE, notes_y, &notes);
    out + "</svg>\n"
}

/// The description for screen readers: what is shown, and its main values. All values are in the tables.
fn description(plot: &Plot) -> String {
    let values = match &plot.drawing {
        Drawing::Bars(groups) => bars::in_words(groups),
        Drawing::Curves(curves) => curves::in_words(curves),
    };
    plain(&format!("{}. {}: {values}.", plot.title, plot.measure))
}
