//! A series in a field: its line, and its dots with their intervals.

use super::data::{Curves, Point, Series};
use super::field::{Field, Fields};
use super::parts::{CUT, Use, interval, marker, point_group};
use super::scale;
use crate::escape::markup::plain;
use crate::numbers::rounded;

/// Where a series is drawn.
pub(super) struct Canvas<'a> {
    pub(super) curves: &'a Curves,
    pub(super) fields: &'a Fields,
    pub(super) field: &'a Field,
    /// The title of the panel, for the labels of its points.
    pub(super) panel: &'a str,
    /// How far the dots of this series are moved aside, so that intervals at the same place are not on each other.
    pub(super) aside: f64,
}

/// A series' marks, and where its line ends.
pub(super) struct Drawn {
    pub(super) svg: String,
    pub(super) end: Option<(f64, f64)>,
}

impl Canvas<'_> {
    pub(super) fn draw(&self, series: &Series, used: Use) -> Drawn {
        let mut points: Vec<&Point> = series.points.iter().collect();
        points.sort_by(|a, b| a.x.total_cmp(&b.x));
        let Drawn { mut svg, end } = self.line(series, &points);
        if !series.is_reference {
            for point in points.into_iter().filter(|point| !point.is_beyond) {
                svg += &self.dot(series, point, used).unwrap_or_default();
            }
        }
        Drawn { svg, end }
    }

    fn place(&self, point: &Point) -> Option<(f64, f64)> {
        let x = self.fields.x_px(self.field, point.x)? + self.aside;
        Some((x, self.fields.y_px(self.field, point.y)?))
    }

    /// The line through its points. It breaks where a point cannot be shown, and ends in an arrow where it leads beyond the
    /// field.
    fn line(&self, series: &Series, points: &[&Point]) -> Drawn {
        let class = if series.is_reference { "reference" } else { "line" };
        let mut solid = Path::default();
        let mut dotted = Path::default();
        let mut arrows = String::new();
        // The last place, and whether its point is not ranked.
        let mut pen: Option<((f64, f64), bool)> = None;
        let mut end = None;
        for point in points {
            let Some(mut to) = self.place(point) else {
                pen = None;
                continue;
            };
            if point.is_beyond {
                let Some((from, _)) = pen else {
                    continue;
                };
                to = self.clipped(from, to);
                arrows += &arrow_head(from, to);
            }
            if let Some((from, was_unranked)) = pen {
                let is_unranked = was_unranked || point.is_unranked;
                let path = if is_unranked { &mut dotted } else { &mut solid };
                path.draw(from, to);
            }
            pen = (!point.is_beyond).then_some((to, point.is_unranked));
            end = Some(to);
        }
        let svg = format!(
            "{}{}{arrows}",
            solid.element(class),
            dotted.element("line unranked")
        );
        Drawn { svg, end }
    }

    /// Where the way from a point in the field to another one leaves the field.
    fn clipped(&self, from: (f64, f64), to: (f64, f64)) -> (f64, f64) {
        let share = |from: f64, to: f64, low: f64, high: f64| {
            if to > high {
                (high - from) / (to - from)
            } else if to < low {
                (low - from) / (to - from)
            } else {
                1.0
            }
        };
        let Field {
            left,
            right,
            top,
            bottom,
            ..
        } = *self.field;
        let part = share(from.0, to.0, left, right - 2.0).min(share(from.1, to.1, top, bottom));
        let part = part.clamp(0.0, 1.0);
        (from.0 + part * (to.0 - from.0), from.1 + part * (to.1 - from.1))
    }

    fn dot(&self, series: &Series, point: &Point, used: Use) -> Option<String> {
        let (x, y) = self.place(point)?;
        let mut marks = String::new();
        let ends = [point.low, point.high].map(|end| self.fields.y_px_within(self.field, end));
        if let [Some(low), Some(high)] = ends
            && point.low < point.high
        {
            marks += &format!(
                "<path class=\"whisker\" d=\"M{x:.1} {:.1}V{:.1}{}{}\"/>",
                low.0,
                high.0,
                end_of_whisker(x, low, -CUT),
                end_of_whisker(x, high, CUT),
            );
        }
        marks += &marker(series.place, x, y, point.is_unranked);
        Some(point_group(&self.label(series, point), &marks, used))
    }

    fn label(&self, series: &Series, point: &Point) -> String {
        let mut settings = self.curves.x.ticks.iter();
        let setting = settings.find(|(x, _)| *x == point.x);
        let setting = setting.map_or_else(|| scale::label(point.x), |(_, text)| plain(text));
        let panel = match self.panel {
            "" => String::new(),
            title => format!("{title}, "),
        };
        let unranked = if point.is_unranked { ", not ranked" } else { "" };
        let bound = if point.is_at_least { "≥ " } else { "" };
        format!(
            "{}: {panel}{setting}, {bound}{}{}{unranked}",
            series.name,
            rounded(point.y),
            interval(point.low, point.high)
        )
    }
}

/// Connected lines, as path data.
#[derive(Default)]
struct Path {
    data: String,
    end: Option<(f64, f64)>,
}

impl Path {
    fn draw(&mut self, from: (f64, f64), to: (f64, f64)) {
        if self.end != Some(from) {
            self.data += &format!("M{:.1} {:.1}", from.0, from.1);
        }
        self.data += &format!("L{:.1} {:.1}", to.0, to.1);
        self.end = Some(to);
    }

    fn element(&self, class: &str) -> String {
        if self.data.is_empty() {
            String::new()
        } else {
            format!("<path class=\"{class}\" d=\"{}\"/>\n", self.data)
        }
    }
}

/// A bar across the end of an interval, or an arrow head if it is cut at the axis. `towards` is the offset of its base.
fn end_of_whisker(x: f64, (y, is_cut): (f64, bool), towards: f64) -> String {
    let (left, right) = (x - 2.5, x + 2.5);
    if is_cut {
        let base = y + towards;
        format!("M{left:.1} {base:.1}L{x:.1} {y:.1}L{right:.1} {base:.1}")
    } else {
        format!("M{left:.1} {y:.1}h5")
    }
}

/// A triangle at the end of a line that continues.
fn arrow_head(from: (f64, f64), tip: (f64, f64)) -> String {
    let degrees = (tip.1 - from.1).atan2(tip.0 - from.0).to_degrees();
    format!(
        "<path class=\"arrow\" transform=\"translate({:.1} {:.1}) rotate({degrees:.0})\" d=\"M2 0L-8 5v-10z\"/>",
        tip.0, tip.1
    )
}
