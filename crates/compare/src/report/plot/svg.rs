//! A plot as SVG. One drawing has two uses: as a file that stands alone and as a part of a page.

use super::look;
use super::scale::{Axis, Tick};
use super::series::{self, Label};
use super::text::{escape, lines, plain, width};
use crate::report::page::{Plot, Scale};

const WIDTH: f64 = 760.0;
const FIELD_HEIGHT: f64 = 300.0;
const EDGE: f64 = 16.0;
const LINE: f64 = 15.0;

/// Rules for the drawing's classes. They take the colours of the page or the file around.
pub(crate) const STYLE: &str = include_str!("plot.css");

/// Where the drawing is used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    File,
    Page,
}

/// A file that stands alone: it brings its colours, for light and for dark, and its background.
pub(crate) fn file(plot: &Plot) -> String {
    draw(plot, Use::File)
}

/// A part of a page, which gives it the colours, [`look::rules`] and [`STYLE`].
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

/// Where things are, in pixels from the upper left corner.
pub(super) struct Layout {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
    pub(super) x: Axis,
    pub(super) y: Axis,
    /// Between the axis and the first value, so that no dot stands on the axis.
    inset: f64,
}

impl Layout {
    fn of(plot: &Plot, top: f64) -> Self {
        let y = y_axis(plot);
        let widest = y.ticks.iter().map(|tick| width(&tick.text)).fold(0.0, f64::max);
        let names = plot
            .series
            .iter()
            .map(|series| width(&series.model))
            .fold(0.0, f64::max);
        let left = EDGE + widest + 8.0;
        let right = WIDTH - EDGE - names.clamp(60.0, series::NAME_ROOM) - series::LEGEND_GAP;
        let inset = if plot.x.names.is_empty() { 14.0 } else { 0.0 };
        let x = x_axis(plot, right - left - 2.0 * inset);
        Self {
            left,
            right,
            top,
            bottom: top + FIELD_HEIGHT,
            x,
            y,
            inset,
        }
    }

    pub(super) fn x_px(&self, value: f64) -> Option<f64> {
        let room = self.right - self.left - 2.0 * self.inset;
        Some(self.left + self.inset + self.x.position(value)? * room)
    }

    pub(super) fn y_px(&self, value: f64) -> Option<f64> {
        Some(self.bottom - self.y.position(value)? * FIELD_HEIGHT)
    }

    /// The end of an interval, and whether it was cut at the field's edge.
    pub(super) fn y_px_within(&self, value: f64) -> Option<(f64, bool)> {
        let (position, is_cut) = self.y.position_within(value)?;
        Some((self.bottom - position * FIELD_HEIGHT, is_cut))
    }

    /// How wide the place of one name is.
    pub(super) fn slot(&self) -> f64 {
        (self.right - self.left) / self.x.ticks.len().max(1) as f64
    }
}

/// How far a logarithmic axis follows intervals below the lowest point, as a share of that.
const BELOW_POINTS_MOST: f64 = 0.1;

fn y_axis(plot: &Plot) -> Axis {
    let points = || plot.series.iter().flat_map(|series| &series.points);
    if plot.y.logarithmic {
        // An interval that reaches far down would flatten all the rest, so the axis follows it to a tenth of the lowest
        // point. What reaches further is marked as cut.
        let shown = |y: f64| y > 0.0 && y.is_finite();
        let lowest = points().map(|point| point.y).filter(|&y| shown(y));
        let least = lowest.fold(f64::INFINITY, f64::min) * BELOW_POINTS_MOST;
        let ends = points().filter(|point| shown(point.y)).flat_map(|point| {
            let low = if shown(point.low) {
                point.low.max(least)
            } else {
                point.y
            };
            [low, point.y, point.high]
        });
        Axis::logarithmic(&ends.collect::<Vec<_>>())
    } else {
        Axis::from_zero(
            &points()
                .flat_map(|point| [point.low, point.y, point.high])
                .collect::<Vec<_>>(),
        )
    }
}

fn x_axis(plot: &Plot, room: f64) -> Axis {
    if !plot.x.names.is_empty() {
        return Axis::named(&plot.x.names);
    }
    let points = plot.series.iter().flat_map(|series| &series.points);
    let mut settings: Vec<f64> = points.map(|point| point.x).filter(|x| x.is_finite()).collect();
    if !plot.x.logarithmic {
        return Axis::around(&settings);
    }
    let round = Axis::logarithmic(&settings);
    settings.retain(|x| *x > 0.0);
    settings.sort_by(f64::total_cmp);
    settings.dedup();
    let measured = round.clone().with_ticks_at(&settings);
    if fits(&measured, room) { measured } else { round }
}

/// Whether there is room between the labels of each two ticks.
fn fits(axis: &Axis, room: f64) -> bool {
    axis.ticks.windows(2).all(|pair| {
        let place = |tick: &Tick| axis.position(tick.at).unwrap_or(0.0) * room;
        let needed = f64::midpoint(width(&pair[0].text), width(&pair[1].text)) + 8.0;
        place(&pair[1]) - place(&pair[0]) >= needed
    })
}

fn draw(plot: &Plot, used: Use) -> String {
    // The title is larger than the text that widths are estimated for.
    let title = lines(&plain(&plot.title), (WIDTH - 2.0 * EDGE) / 1.2);
    let y_title = EDGE + 8.0 + title.len() as f64 * 20.0;
    let layout = Layout::of(plot, y_title + 19.0);
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
        // In a page a browser would show the title as a tooltip of its own, over those of the points.
        out += &format!(
            "<title>{}</title>\n{}<rect class=\"surface\" width=\"{WIDTH}\" height=\"{height:.0}\"/>\n",
            escape(&plain(&plot.title)),
            style()
        );
    }
    out += &text("title", EDGE, EDGE + 10.0, 20.0, &title);
    out += &text("quiet", EDGE, y_title, LINE, &[axis_title(&plot.y)]);
    out += &grid(&layout);
    if !plot.x.names.is_empty() {
        out += &borders(&layout);
    }
    for (tick, words) in layout.x.ticks.iter().zip(&ticks) {
        if let Some(x) = layout.x_px(tick.at) {
            out += &text("tick middle", x, layout.bottom + 19.0, LINE, words);
        }
    }
    let middle = f64::midpoint(layout.left, layout.right);
    out += &text("quiet middle", middle, x_title, LINE, &[axis_title(&plot.x)]);
    let labels = Label::all(plot, &layout);
    // Behind the measured points, so that none is hidden by what was only expected.
    for theory in [true, false] {
        for one in plot.series.iter().filter(|series| series.theory == theory) {
            out += &series::draw(one, plot, &layout, used, &labels);
        }
    }
    if plot.series.iter().any(|series| series.theory) {
        let x = layout.right + series::LEGEND_GAP - 18.0;
        out += &format!(
            "<path class=\"theory quiet-line\" d=\"M{x:.1} {:.1}h22\"/>\n",
            x_title - 4.0
        );
        out += &text("quiet", x + 28.0, x_title, LINE, &["theory".to_owned()]);
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

/// What those hear who can't see the picture. Its figures are in the tables.
fn description(plot: &Plot) -> String {
    let mut models: Vec<&str> = plot.series.iter().map(|series| series.model.as_str()).collect();
    models.sort_unstable();
    models.dedup();
    format!(
        "{}: {} by {}, for {}",
        plain(&plot.title),
        axis_title(&plot.y),
        axis_title(&plot.x),
        crate::numbers::list(&models)
    )
}

fn grid(layout: &Layout) -> String {
    let (left, right, bottom) = (layout.left, layout.right, layout.bottom);
    let mut out = String::new();
    for tick in &layout.y.ticks {
        if let Some(y) = layout.y_px(tick.at) {
            out += &format!("<path class=\"grid\" d=\"M{left:.1} {y:.1}H{right:.1}\"/>\n");
            out += &text(
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

/// Between the places of names, so that it is plain which dots belong together.
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

/// Lines of text below each other.
pub(super) fn text(class: &str, x: f64, y: f64, line: f64, words: &[String]) -> String {
    let mut out = String::new();
    for (index, words) in words.iter().enumerate() {
        let y = y + index as f64 * line;
        out += &format!(
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>\n",
            escape(words)
        );
    }
    out
}
