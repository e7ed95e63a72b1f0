//! A series in a plot: its line, its dots with their intervals, and its name beside them.

use super::data::{Plot, Point, Series};
use super::layout::{LEGEND_GAP, Layout, NAME_ROOM, Use};
use super::look;
use super::scale;
use super::text::{element, plain, shortened};
use crate::escape::markup::escape;
use crate::numbers::rounded;

/// Between two names.
const LABEL_STEP: f64 = 17.0;
/// Between two series at the same name.
const DODGE: f64 = 15.0;

/// A name in the legend.
pub(super) struct Label {
    name: String,
    place: usize,
    /// The end of its line. A thin line leads from there to the name.
    end: Option<(f64, f64)>,
    y: f64,
}

impl Label {
    /// A label for each name, beside the ends of their lines as far as there is room. On an axis of names there are no lines,
    /// and the labels go from the top in order of place.
    pub(super) fn all(plot: &Plot, layout: &Layout) -> Vec<Self> {
        let mut labels: Vec<Self> = Vec::new();
        let mut series: Vec<&Series> = plot.series.iter().collect();
        series.sort_by_key(|series| (series.place, series.is_reference));
        for one in series {
            if labels.iter().any(|label| label.name == one.name) {
                continue;
            }
            let end = one
                .points
                .iter()
                .filter_map(|point| Some((layout.x_px(point.x)?, layout.y_px(point.y)?)))
                .max_by(|a, b| a.0.total_cmp(&b.0))
                .filter(|_| plot.x.names.is_empty());
            labels.push(Self {
                name: one.name.clone(),
                place: one.place,
                end,
                y: end.map_or(layout.top, |end| end.1),
            });
        }
        labels.sort_by(|a, b| a.y.total_cmp(&b.y));
        let mut places: Vec<f64> = labels.iter().map(|label| label.y).collect();
        spread(&mut places, layout.top + 4.0, layout.bottom);
        for (label, y) in labels.iter_mut().zip(places) {
            label.y = y;
        }
        labels
    }

    fn draw(&self, layout: &Layout) -> String {
        let x = layout.right + LEGEND_GAP - 12.0;
        let y = self.y;
        let mut out = String::new();
        if let Some((end_x, end_y)) = self.end {
            let turn = layout.right + 2.0;
            out += &format!(
                "<path class=\"leader\" d=\"M{:.1} {end_y:.1}H{turn:.1}L{:.1} {y:.1}\"/>\n",
                (end_x + 6.0).min(turn),
                x - 7.0
            );
        }
        out += &marker(self.place, x, y);
        out + &element(
            "name",
            x + 11.0,
            y + 4.0,
            0.0,
            &[shortened(&self.name, NAME_ROOM)],
        )
    }
}

/// Moves ordered places apart, as little as possible, and keeps them in the range.
fn spread(places: &mut [f64], top: f64, bottom: f64) {
    let Some(gaps) = places.len().checked_sub(1) else {
        return;
    };
    let step = LABEL_STEP.min((bottom - top) / gaps.max(1) as f64);
    let mut least = top;
    for place in places.iter_mut() {
        *place = place.max(least);
        least = *place + step;
    }
    let mut most = bottom;
    for place in places.iter_mut().rev() {
        *place = place.min(most);
        most = *place - step;
    }
}

/// All of a series in one group, so that a page can hide it. The first series of a name also has the label.
pub(super) fn draw(series: &Series, plot: &Plot, layout: &Layout, used: Use, labels: &[Label]) -> String {
    let mut out = format!(
        "<g class=\"series {}\" data-series=\"{}\">\n",
        look::class(series.place),
        escape(&series.name)
    );
    let has_values = |name: &str| {
        let mut all = plot.series.iter();
        all.any(|other| !other.is_reference && other.name == name)
    };
    if let Some(label) = labels.iter().find(|label| label.name == series.name)
        && (!series.is_reference || !has_values(&series.name))
    {
        out += &label.draw(layout);
    }
    let named = !plot.x.names.is_empty();
    let aside = if named {
        dodge(series, layout, labels)
    } else {
        Dodge::NONE
    };
    match (named, series.is_reference) {
        (true, true) => out += &bars(series, layout, &aside),
        (true, false) => {}
        (false, true) => out += &lines("reference", series, layout),
        (false, false) => out += &lines("line", series, layout),
    }
    if !series.is_reference {
        for point in &series.points {
            out += &dot(series, point, plot, layout, used, aside.by).unwrap_or_default();
        }
    }
    out + "</g>\n"
}

/// How far a series' dots are from the middle of a name's slot, and how wide its own part of the slot is.
struct Dodge {
    by: f64,
    step: f64,
}

impl Dodge {
    const NONE: Self = Self { by: 0.0, step: 0.0 };
}

fn dodge(series: &Series, layout: &Layout, labels: &[Label]) -> Dodge {
    let mut places: Vec<(usize, &str)> = labels
        .iter()
        .map(|label| (label.place, label.name.as_str()))
        .collect();
    places.sort_unstable();
    let rank = places
        .iter()
        .position(|(_, name)| *name == series.name)
        .unwrap_or(0);
    let step = DODGE.min(0.85 * layout.slot() / places.len().max(1) as f64);
    Dodge {
        by: (rank as f64 - (places.len().max(1) - 1) as f64 / 2.0) * step,
        step,
    }
}

/// The line through its points. It breaks where a point cannot be shown.
fn lines(class: &str, series: &Series, layout: &Layout) -> String {
    let mut points: Vec<&Point> = series.points.iter().collect();
    points.sort_by(|a, b| a.x.total_cmp(&b.x));
    let mut path = String::new();
    let mut pen_down = false;
    for point in points {
        let Some((x, y)) = layout.x_px(point.x).zip(layout.y_px(point.y)) else {
            pen_down = false;
            continue;
        };
        path += &format!("{}{x:.1} {y:.1}", if pen_down { "L" } else { "M" });
        pen_down = true;
    }
    format!("<path class=\"{class}\" d=\"{path}\"/>\n")
}

/// A reference at each name: a short line where the series' dot is or would be.
fn bars(series: &Series, layout: &Layout, aside: &Dodge) -> String {
    let half = (aside.step / 2.0).max(3.0);
    series
        .points
        .iter()
        .filter_map(|point| {
            let (x, y) = (layout.x_px(point.x)? + aside.by, layout.y_px(point.y)?);
            Some(format!(
                "<path class=\"reference\" d=\"M{:.1} {y:.1}h{:.1}\"/>\n",
                x - half,
                2.0 * half
            ))
        })
        .collect()
}

fn dot(
    series: &Series,
    point: &Point,
    plot: &Plot,
    layout: &Layout,
    used: Use,
    aside: f64,
) -> Option<String> {
    let (x, y) = (layout.x_px(point.x)? + aside, layout.y_px(point.y)?);
    let label = escape(&point_label(series, point, plot));
    let mut out = format!("<g class=\"point\" data-label=\"{label}\">");
    if used == Use::File {
        out += &format!("<title>{label}</title>");
    }
    if let Some((low, high)) = layout.y_px_within(point.low).zip(layout.y_px_within(point.high)) {
        out += &format!(
            "<path class=\"whisker\" d=\"M{x:.1} {:.1}V{:.1}{}{}\"/>",
            low.0,
            high.0,
            end_of_whisker(x, low, -CUT_HEIGHT),
            end_of_whisker(x, high, CUT_HEIGHT),
        );
    }
    out += marker(series.place, x, y).trim_end();
    Some(out + "</g>\n")
}

/// The height of the arrow head on an interval that continues beyond the axis.
const CUT_HEIGHT: f64 = 5.0;

/// A bar across the end of an interval, or an arrow head if it is cut at the axis. `towards` is the offset of its base.
fn end_of_whisker(x: f64, (y, is_cut): (f64, bool), towards: f64) -> String {
    let (left, right) = (x - 3.0, x + 3.0);
    if is_cut {
        let base = y + towards;
        format!("M{left:.1} {base:.1}L{x:.1} {y:.1}L{right:.1} {base:.1}")
    } else {
        format!("M{left:.1} {y:.1}h6")
    }
}

fn point_label(series: &Series, point: &Point, plot: &Plot) -> String {
    let named = plot.x.names.get(point.x.max(0.0) as usize);
    let x = named.map_or_else(|| scale::label(point.x), |name| plain(name));
    let interval = if point.low.is_finite() && point.high.is_finite() {
        format!(" ({} – {})", rounded(point.low), rounded(point.high))
    } else {
        String::new()
    };
    format!("{}: {x}, {}{interval}", series.name, rounded(point.y))
}

fn marker(place: usize, x: f64, y: f64) -> String {
    format!(
        "<path class=\"dot\" transform=\"translate({x:.1} {y:.1})\" d=\"{}\"/>\n",
        look::shape(place)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_move_apart_and_stay_inside() {
        let spread_out = |mut places: Vec<f64>, top, bottom| {
            spread(&mut places, top, bottom);
            places
                .iter()
                .map(|place| place.round() as i32)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            spread_out(vec![10.0, 10.0, 11.0, 99.0, 100.0], 10.0, 100.0),
            [10, 27, 44, 83, 100]
        );
        let tens: Vec<i32> = (0..=10).map(|index| index * 10).collect();
        assert_eq!(spread_out(vec![50.0; 11], 0.0, 100.0), tens);
        assert!(spread_out(Vec::new(), 0.0, 1.0).is_empty());
    }
}
