//! Where the parts of a plot are, in pixels.

use super::data::Plot;
use super::scale::{Axis, Tick};
use super::text::width;

pub(super) const WIDTH: f64 = 760.0;
const FIELD_HEIGHT: f64 = 300.0;
pub(super) const EDGE: f64 = 16.0;
/// From the field to the names, with room for lines that lead there and for a marker.
pub(super) const LEGEND_GAP: f64 = 42.0;
/// For the longest name.
pub(super) const NAME_ROOM: f64 = 170.0;

/// Where the drawing is used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    File,
    Page,
}

/// Positions in pixels from the upper left corner.
pub(super) struct Layout {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
    pub(super) x: Axis,
    pub(super) y: Axis,
    /// Between the axis and the first value, so that no dot is on the axis.
    inset: f64,
}

impl Layout {
    pub(super) fn build(plot: &Plot, top: f64) -> Self {
        let y = y_axis(plot);
        let widest = y.ticks.iter().map(|tick| width(&tick.text)).fold(0.0, f64::max);
        let names = plot
            .series
            .iter()
            .map(|series| width(&series.name))
            .fold(0.0, f64::max);
        let left = EDGE + widest + 8.0;
        let right = WIDTH - EDGE - names.clamp(60.0, NAME_ROOM) - LEGEND_GAP;
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

    /// The end of an interval, and whether it was cut at the edge of the field.
    pub(super) fn y_px_within(&self, value: f64) -> Option<(f64, bool)> {
        let (position, is_cut) = self.y.position_within(value)?;
        Some((self.bottom - position * FIELD_HEIGHT, is_cut))
    }

    /// The width of the slot of a name.
    pub(super) fn slot(&self) -> f64 {
        (self.right - self.left) / self.x.ticks.len().max(1) as f64
    }
}

/// How far below the lowest point a logarithmic axis goes for an interval, as a share of that point.
const BELOW_POINTS_MOST: f64 = 0.1;

fn y_axis(plot: &Plot) -> Axis {
    let points = || plot.series.iter().flat_map(|series| &series.points);
    if plot.y.logarithmic {
        // A very long interval would flatten the rest, so the axis ends at a tenth of the lowest point. Intervals beyond it
        // are marked as cut.
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

/// Whether the labels of the ticks have room beside each other.
fn fits(axis: &Axis, room: f64) -> bool {
    axis.ticks.windows(2).all(|pair| {
        let place = |tick: &Tick| axis.position(tick.at).unwrap_or(0.0) * room;
        let needed = f64::midpoint(width(&pair[0].text), width(&pair[1].text)) + 8.0;
        place(&pair[1]) - place(&pair[0]) >= needed
    })
}
