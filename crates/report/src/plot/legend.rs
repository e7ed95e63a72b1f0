//! The names of series: beside the ends of their lines, or in rows below.

use super::field::Field;
use super::look;
use super::parts::{EDGE, Place, WIDTH, marker};
use super::text::{LINE, element, shortened, width};

/// From the field to a name: room for a line that leads there, and for a marker.
pub(super) const NAME_GAP: f64 = 40.0;
/// Between a marker and its name.
const MARKER_GAP: f64 = 10.0;
/// Between two entries of a row.
const ITEM_GAP: f64 = 18.0;

/// A name beside the end of a line.
pub(super) struct Label<'a> {
    model: Place<'a>,
    /// Why its last value is not ranked. It stands below the name.
    remark: &'a str,
    /// The end of its line. A thin line leads from there to the name.
    end: Option<(f64, f64)>,
    y: f64,
}

impl<'a> Label<'a> {
    /// A label for each model in the same order, beside the ends of their lines as far as there is room.
    pub(super) fn all(
        models: &[Place<'a>],
        remarks: &[&'a str],
        ends: impl Iterator<Item = Option<(f64, f64)>>,
        field: &Field,
    ) -> Vec<Self> {
        let mut labels: Vec<Self> = models
            .iter()
            .zip(remarks)
            .zip(ends)
            .map(|((&model, &remark), end)| Self {
                model,
                remark,
                end,
                y: end.map_or(field.bottom, |end| end.1),
            })
            .collect();
        let mut order: Vec<usize> = (0..labels.len()).collect();
        order.sort_by(|&a, &b| labels[a].y.total_cmp(&labels[b].y));
        // A place for each line of text.
        let mut lines: Vec<(usize, f64)> = Vec::new();
        for index in order {
            let Self { y, remark, .. } = labels[index];
            lines.push((index, y));
            if !remark.is_empty() {
                lines.push((index, y + LINE));
            }
        }
        let mut places: Vec<f64> = lines.iter().map(|(_, y)| *y).collect();
        spread(&mut places, field.top + 4.0, field.bottom - 2.0);
        // The first line of each label.
        for ((index, _), y) in lines.into_iter().zip(places).rev() {
            labels[index].y = y;
        }
        labels
    }

    pub(super) fn draw(&self, field: &Field) -> String {
        let x = field.right + NAME_GAP - MARKER_GAP;
        let y = self.y;
        let mut out = String::new();
        if let Some((end_x, end_y)) = self.end {
            let turn = field.right + 2.0;
            out += &format!(
                "<path class=\"leader\" d=\"M{:.1} {end_y:.1}H{turn:.1}L{:.1} {y:.1}\"/>\n",
                (end_x + 6.0).min(turn),
                x - 7.0
            );
        }
        out += &marker(self.model.0, x, y, false);
        out += &element("name", x + MARKER_GAP, y + 5.3, &[self.model.1]);
        if !self.remark.is_empty() {
            out += &element("quiet", x + MARKER_GAP, y + 5.3 + LINE, &[self.remark]);
        }
        out
    }
}

/// Moves ordered places apart, as little as possible, and keeps them in the range.
fn spread(places: &mut [f64], top: f64, bottom: f64) {
    let Some(gaps) = places.len().checked_sub(1) else {
        return;
    };
    let step = LINE.min((bottom - top) / gaps.max(1) as f64);
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

/// An entry of a legend.
pub(super) enum Item<'a> {
    Model(Place<'a>),
    /// What dashed lines are.
    Reference(&'a str),
    /// What hollow dots and dotted lines are.
    Unranked,
}

/// The entries as they are drawn, in the same order.
pub(super) struct Rows {
    pub(super) items: Vec<String>,
    pub(super) bottom: f64,
}

/// Entries in as many rows as they need. The text of the first row stands at `top`.
pub(super) fn rows(items: &[Item<'_>], top: f64) -> Rows {
    let (mut x, mut y) = (EDGE, top);
    let room = WIDTH - 2.0 * EDGE;
    let items = items
        .iter()
        .map(|item| {
            let (sample, words) = match item {
                Item::Model((_, name)) => (14.0, *name),
                Item::Reference(reference) => (28.0, *reference),
                Item::Unranked => (28.0, "hollow, dotted: not ranked"),
            };
            let words = shortened(words, room - sample - 6.0);
            let needed = sample + 6.0 + width(&words);
            if x > EDGE && x + needed > WIDTH - EDGE {
                x = EDGE;
                y += LINE + 3.0;
            }
            let middle = y - 5.3;
            let sign = match item {
                Item::Model((place, _)) => marker(*place, x + 7.0, middle, false),
                Item::Reference(_) => format!("<path class=\"reference quiet-line\" d=\"M{x:.1} {middle:.1}h28\"/>"),
                Item::Unranked => format!(
                    "<path class=\"line unranked quiet-line\" d=\"M{x:.1} {middle:.1}h28\"/>\
                     <path class=\"dot unranked quiet-line\" transform=\"translate({:.1} {middle:.1})\" d=\"{}\"/>",
                    x + 14.0,
                    look::shape(0)
                ),
            };
            let class = if matches!(item, Item::Model(_)) { "name" } else { "quiet" };
            let drawn = format!("{sign}\n{}", element(class, x + sample + 6.0, y, &[&words]));
            x += needed + ITEM_GAP;
            drawn
        })
        .collect();
    Rows { items, bottom: y }
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
            [10, 29, 48, 81, 100]
        );
        let tens: Vec<i32> = (0..=10).map(|index| index * 10).collect();
        assert_eq!(spread_out(vec![50.0; 11], 0.0, 100.0), tens);
        assert!(spread_out(Vec::new(), 0.0, 1.0).is_empty());
    }
}
