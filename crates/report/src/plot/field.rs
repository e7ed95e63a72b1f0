//! The fields of curves: where each panel is, in pixels, and where values are in it.

use super::data::Curves;
use super::parts::{EDGE, WIDTH};
use super::scale::{Axis, Tick};
use super::text::{BOLD, LINE, element, lines_at_most, width};
use crate::escape::markup::plain;

/// The height of a field that is alone, and of one among others.
const HEIGHT: f64 = 250.0;
const PANEL_HEIGHT: f64 = 215.0;
/// The height of a field with more lines than this, with those of theory.
const HIGH: f64 = 320.0;
const LINES_OF_HEIGHT: usize = 8;
/// Between the title of a panel and its field, where a dot may be on the edge.
const TITLE_GAP: f64 = 12.0;
const PANEL_GAP: f64 = 18.0;
/// Between the edge of a field and the first and last setting, so that no dot is on the edge.
const INSET: f64 = 13.0;
/// The same behind the last setting, where arrows lead to points beyond.
const ARROW_ROOM: f64 = 26.0;
/// How far the label of a setting may be from its place.
const MOVED_MOST: f64 = 14.0;
/// Between two labels of an axis.
const TICK_GAP: f64 = 8.0;

/// The axes, and a field for each panel.
pub(super) struct Fields {
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) all: Vec<Field>,
    pub(super) x_title: String,
    right_inset: f64,
}

/// A rectangle, in pixels from the upper left corner.
pub(super) struct Field {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
    /// Whether it is the first of its row, with the labels of the vertical axis.
    is_first: bool,
    /// Whether it is the last of its row.
    is_last: bool,
    title: Vec<String>,
}

impl Fields {
    /// Below `top`, with room for names at the right.
    pub(super) fn build(curves: &Curves, top: f64, names: f64) -> Self {
        let y = y_axis(curves);
        let widest = y.ticks.iter().map(|tick| width(&tick.text)).fold(0.0, f64::max);
        let left = EDGE + widest + 8.0;
        let columns = columns(curves.panels.len());
        let gaps = (columns - 1) as f64 * PANEL_GAP;
        let column = (WIDTH - EDGE - names - left - gaps) / columns as f64;
        let titles: Vec<_> = curves
            .panels
            .iter()
            .map(|panel| lines_at_most(&plain(&panel.title), column / BOLD, 3))
            .collect();
        let title_lines = titles.iter().map(Vec::len).max().unwrap_or(0) as f64;
        let lines: usize = curves.panels.iter().map(|panel| panel.series.len()).sum();
        let height = match curves.panels.len() {
            0 | 1 if lines > LINES_OF_HEIGHT => HIGH,
            0 | 1 => HEIGHT,
            _ => PANEL_HEIGHT,
        };
        let title_height = if title_lines > 0.0 {
            title_lines * LINE + TITLE_GAP - 6.0
        } else {
            0.0
        };
        let row_height = title_height + height + 2.0 * LINE;
        let field = |(index, title): (usize, Vec<String>)| {
            let left = left + (index % columns) as f64 * (column + PANEL_GAP);
            let top = top + (index / columns) as f64 * row_height + title_height;
            Field {
                left,
                right: left + column,
                top,
                bottom: top + height,
                is_first: index % columns == 0,
                is_last: index % columns == columns - 1,
                title,
            }
        };
        let has_arrows = curves.panels.iter().flat_map(|panel| &panel.series);
        let has_arrows = has_arrows
            .flat_map(|series| &series.points)
            .any(|point| point.is_beyond);
        let mut fields = Self {
            x: x_axis(curves),
            y,
            all: titles.into_iter().enumerate().map(field).collect(),
            x_title: curves.x.title.clone(),
            right_inset: if has_arrows { ARROW_ROOM } else { INSET },
        };
        fields.shorten_labels();
        fields
    }

    /// If some setting has no room for its label, percentages lose their sign. The title of the axis has it then.
    fn shorten_labels(&mut self) {
        let is_full = |field: &Field| self.x_labels(field).len() == self.x.ticks.len();
        let sign = " %";
        if self.all.iter().all(is_full) || !self.x.ticks.iter().all(|tick| tick.text.ends_with(sign)) {
            return;
        }
        for tick in &mut self.x.ticks {
            tick.text.truncate(tick.text.len() - sign.len());
        }
        self.x_title += ", %";
    }

    pub(super) fn x_px(&self, field: &Field, value: f64) -> Option<f64> {
        let room = field.right - field.left - INSET - self.right_inset;
        Some(field.left + INSET + self.x.position(value)? * room)
    }

    pub(super) fn y_px(&self, field: &Field, value: f64) -> Option<f64> {
        Some(field.bottom - self.y.position(value)? * (field.bottom - field.top))
    }

    /// The end of an interval, and whether it was cut at the edge of the field.
    pub(super) fn y_px_within(&self, field: &Field, value: f64) -> Option<(f64, bool)> {
        let (position, is_cut) = self.y.position_within(value)?;
        Some((field.bottom - position * (field.bottom - field.top), is_cut))
    }

    /// The lowest edge of all fields.
    pub(super) fn bottom(&self) -> f64 {
        self.all.iter().map(|field| field.bottom).fold(0.0, f64::max)
    }

    /// From the left edge of all fields to the right one.
    pub(super) fn span(&self) -> (f64, f64) {
        let left = self.all.iter().map(|field| field.left).fold(WIDTH, f64::min);
        (
            left,
            self.all.iter().map(|field| field.right).fold(left, f64::max),
        )
    }

    /// Titles, lines and labels of the fields.
    pub(super) fn draw(&self) -> String {
        self.all.iter().map(|field| self.frame(field)).collect()
    }

    fn frame(&self, field: &Field) -> String {
        let Field {
            left,
            right,
            top,
            bottom,
            ..
        } = *field;
        let title_top = top - TITLE_GAP - (field.title.len().max(1) - 1) as f64 * LINE;
        let mut out = element("heading", left, title_top, &field.title);
        for tick in &self.y.ticks {
            let Some(y) = self.y_px(field, tick.at) else {
                continue;
            };
            out += &format!("<path class=\"grid\" d=\"M{left:.1} {y:.1}H{right:.1}\"/>\n");
            if field.is_first {
                out += &element("tick end", left - 8.0, y + 5.3, std::slice::from_ref(&tick.text));
            }
        }
        out += &format!("<path class=\"axis\" d=\"M{left:.1} {bottom:.1}H{right:.1}");
        for tick in &self.x.ticks {
            if let Some(x) = self.x_px(field, tick.at) {
                out += &format!("M{x:.1} {bottom:.1}v4");
            }
        }
        out += "\"/>\n";
        for (x, text) in self.x_labels(field) {
            out += &element("tick middle", x, bottom + 20.0, &[text]);
        }
        out
    }

    /// The labels of the settings that have room: the last one, the first one, and what fits between them.
    fn x_labels(&self, field: &Field) -> Vec<(f64, &str)> {
        let ticks = &self.x.ticks;
        let mut order: Vec<&Tick> = ticks.last().into_iter().chain(ticks.first()).collect();
        order.extend(ticks);
        let aside = (PANEL_GAP - TICK_GAP) / 2.0;
        let bounds = (
            if field.is_first { 2.0 } else { field.left - aside },
            if field.is_last {
                WIDTH - 2.0
            } else {
                field.right + aside
            },
        );
        let mut taken: Vec<(f64, &str)> = Vec::new();
        for tick in order {
            let Some(place) = self.x_px(field, tick.at) else {
                continue;
            };
            let half = width(&tick.text) / 2.0;
            // A label at the edge moves inwards a little rather than being left out.
            let x = place.min(bounds.1 - half).max(bounds.0 + half);
            let is_free = taken.iter().all(|(other, text)| {
                let needed = half + width(text) / 2.0 + TICK_GAP;
                (x - other).abs() >= needed
            });
            if is_free && x + half <= bounds.1 && (x - place).abs() <= MOVED_MOST {
                taken.push((x, &tick.text));
            }
        }
        taken
    }
}

/// How many of this many panels are beside each other.
fn columns(panels: usize) -> usize {
    match panels {
        0 | 1 => 1,
        2 | 4 => 2,
        _ => 3,
    }
}

/// How far below the lowest point a logarithmic axis goes for an interval, and how far above the highest point any axis goes,
/// as a multiple of that point. A longer interval would flatten the rest, so it is cut and marked as cut.
const BELOW_POINTS_MOST: f64 = 0.5;
const ABOVE_POINTS_MOST: f64 = 1.5;

fn y_axis(curves: &Curves) -> Axis {
    let is_shown = |y: f64| y.is_finite() && (!curves.is_logarithmic || y > 0.0);
    let middles: Vec<f64> = curves
        .shown()
        .map(|point| point.y)
        .filter(|y| is_shown(*y))
        .collect();
    let least = middles.iter().copied().fold(f64::INFINITY, f64::min) * BELOW_POINTS_MOST;
    let most = middles.iter().copied().fold(0.0, f64::max) * ABOVE_POINTS_MOST;
    let ends = curves
        .shown()
        .filter(|point| is_shown(point.y))
        .flat_map(|point| {
            let low = if is_shown(point.low) {
                point.low.max(least)
            } else {
                point.y
            };
            let high = if point.high.is_nan() {
                point.y
            } else {
                point.high.min(most)
            };
            [low, point.y, high]
        });
    let ends: Vec<f64> = ends.collect();
    if curves.is_logarithmic {
        Axis::logarithmic(&ends)
    } else {
        Axis::from_zero(&ends)
    }
}

fn x_axis(curves: &Curves) -> Axis {
    let is_shown = |x: f64| curves.shown().any(|point| point.x == x);
    let settings: Vec<_> = curves
        .x
        .ticks
        .iter()
        .filter(|(x, _)| is_shown(*x))
        .cloned()
        .collect();
    Axis::with_settings(&settings, curves.x.is_logarithmic)
}
