//! A plot as SVG: a file of its own, or a part of a page.

use super::data::{Plot, Scale, Series};
use super::layout::{EDGE, LEGEND_GAP, Layout, Use, WIDTH};
use super::look;
use super::series::{self, Label};
use super::text::{element, lines, plain};
use crate::escape::markup::escape;
use crate::numbers::list;

const LINE: f64 = 15.0;

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
    // Widths are estimated for smaller text than the title.
    let title = lines(&plain(&plot.title), (WIDTH - 2.0 * EDGE) / 1.2);
    let y_title = EDGE + 8.0 + title.len() as f64 * 20.0;
    let layout = Layout::build(plot, y_title + 19.0);
    let slot = layout.slot();
    let ticks: Vec<Vec<String>> = layout
        .x
        .ticks
        .iter()
        .map(|tick| {
            if plot.x.names.is_empty() {
                vec![tick.text.clone()]
            } else {
                lines(&tick.text, slot - 3.0)
            }
        })
        .collect();
    let tick_lines = ticks.iter().map(Vec::len).max().unwrap_or(1) as f64;
    let x_title = layout.bottom + 10.0 + tick_lines * LINE + 18.0;
    let height = x_title + EDGE;

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
    out += &element("title", EDGE, EDGE + 10.0, 20.0, &title);
    out += &element("quiet", EDGE, y_title, LINE, &[axis_title(&plot.y)]);
    out += &grid(&layout);
    if !plot.x.names.is_empty() {
        out += &borders(&layout);
    }
    for (tick, words) in layout.x.ticks.iter().zip(&ticks) {
        if let Some(x) = layout.x_px(tick.at) {
            out += &element("tick middle", x, layout.bottom + 19.0, LINE, words);
        }
    }
    let middle = f64::midpoint(layout.left, layout.right);
    out += &element("quiet middle", middle, x_title, LINE, &[axis_title(&plot.x)]);
    let labels = Label::all(plot, &layout);
    // References first, so that they hide no point.
    for is_reference in [true, false] {
        let alike = |series: &&Series| series.is_reference == is_reference;
        for one in plot.series.iter().filter(alike) {
            out += &series::draw(one, plot, &layout, used, &labels);
        }
    }
    if plot.series.iter().any(|series| series.is_reference) {
        let x = layout.right + LEGEND_GAP - 18.0;
        out += &format!(
            "<path class=\"reference quiet-line\" d=\"M{x:.1} {:.1}h22\"/>\n",
            x_title - 4.0
        );
        out += &element(
            "quiet",
            x + 28.0,
            x_title,
            LINE,
            std::slice::from_ref(&plot.reference),
        );
    }
    out + "</svg>\n"
}

fn axis_title(scale: &Scale) -> String {
    let title = plain(&scale.title);
    if scale.logarithmic {
        title + " (logarithmic)"
    } else {
        title
    }
}

/// The description for screen readers. The values are in the tables.
fn description(plot: &Plot) -> String {
    let mut names: Vec<&str> = plot.series.iter().map(|series| series.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    format!(
        "{}: {} by {}, for {}",
        plain(&plot.title),
        axis_title(&plot.y),
        axis_title(&plot.x),
        list(&names)
    )
}

fn grid(layout: &Layout) -> String {
    let (left, right, bottom) = (layout.left, layout.right, layout.bottom);
    let mut out = String::new();
    for tick in &layout.y.ticks {
        if let Some(y) = layout.y_px(tick.at) {
            out += &format!("<path class=\"grid\" d=\"M{left:.1} {y:.1}H{right:.1}\"/>\n");
            out += &element(
                "tick end",
                left - 8.0,
                y + 4.0,
                LINE,
                std::slice::from_ref(&tick.text),
            );
        }
    }
    out += &format!("<path class=\"axis\" d=\"M{left:.1} {bottom:.1}H{right:.1}\"/>\n");
    out
}

/// Lines between the slots of names, to show which dots belong together.
fn borders(layout: &Layout) -> String {
    (1..layout.x.ticks.len())
        .map(|index| layout.left + index as f64 * layout.slot())
        .fold(String::new(), |out, x| {
            out + &format!(
                "<path class=\"grid\" d=\"M{x:.1} {:.1}V{:.1}\"/>\n",
                layout.top, layout.bottom
            )
        })
}
