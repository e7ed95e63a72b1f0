//! Bars from zero: a row for each model with its name, its bar, and its value written behind it.

use super::data::{Bar, Extent, Group};
use super::parts::{CUT, EDGE, Place, Use, WIDTH, point_group, series_group};
use super::text::{BOLD, LINE, element, lines, lines_at_most, width};
use crate::escape::markup::plain;

/// The longest name on one line.
const NAME_ROOM: f64 = 140.0;
const THICKNESS: f64 = 15.0;
/// The height of a row with one line of text.
const ROW: f64 = 26.0;
const GROUP_GAP: f64 = 14.0;
/// Between a bar and what stands behind it.
const GAP: f64 = 7.0;
/// An interval is cut where it ends beyond this multiple of the longest bar, so that it does not flatten the others.
const INTERVAL_MOST: f64 = 1.5;
/// From this ratio of the longest bars of two groups on, the shorter bars could not be compared on the same scale.
const SAME_SCALE_UP_TO: f64 = 8.0;
/// Values within this ratio of each other need no scale of their own: there is nothing to compare.
const ALIKE: f64 = 1.25;
/// The longest bar has at least this share of the room. Where remarks need more, they go below the bars.
const BAR_SHARE_LEAST: f64 = 0.4;

/// The drawing, and what it needs as a note.
pub(super) struct Drawn {
    pub(super) svg: String,
    pub(super) bottom: f64,
    pub(super) note: Option<&'static str>,
}

/// What all rows have in common.
struct Columns {
    /// Where bars begin.
    left: f64,
    /// Whether remarks are on a line of their own.
    remarks_below: bool,
}

pub(super) fn draw(groups: &[Group], top: f64, used: Use) -> Drawn {
    let bars = || groups.iter().flat_map(|group| &group.bars);
    let names = bars().flat_map(|bar| lines_at_most(&bar.name, NAME_ROOM, 2));
    let left = EDGE + names.map(|name| width(&name)).fold(0.0, f64::max) + GAP;
    let own_scales = have_own_scales(groups);
    let groups_of_a_scale: Vec<Vec<&Group>> = if own_scales {
        groups.iter().map(|group| vec![group]).collect()
    } else {
        vec![groups.iter().collect()]
    };
    let remarks_below = groups_of_a_scale.iter().any(|groups| {
        let scale = PixelScale::build(groups, left, false);
        scale.longest() < BAR_SHARE_LEAST * (WIDTH - EDGE - left)
    });
    let columns = Columns { left, remarks_below };
    let scales: Vec<PixelScale> = groups_of_a_scale
        .iter()
        .map(|groups| PixelScale::build(groups, left, remarks_below))
        .collect();

    let mut rows: Vec<(Place<'_>, String)> = Vec::new();
    let (mut frame, mut y) = (String::new(), top);
    for (index, group) in groups.iter().enumerate() {
        let scale = &scales[index.min(scales.len() - 1)];
        if index > 0 {
            y += GROUP_GAP;
        }
        if !group.title.is_empty() {
            let title = lines(&plain(&group.title), (WIDTH - 2.0 * EDGE) / BOLD);
            frame += &element("heading", EDGE, y + 15.0, &title);
            y += title.len() as f64 * LINE + 5.0;
        }
        let start = y;
        for bar in &group.bars {
            let (row, height) = row(bar, group, &columns, scale, y, used);
            rows.push(((bar.place, &bar.name), row));
            y += height;
        }
        frame += &format!("<path class=\"axis\" d=\"M{left:.1} {start:.1}V{y:.1}\"/>\n");
    }
    Drawn {
        svg: frame + &by_model(rows),
        bottom: y,
        note: own_scales.then_some("Each group has a scale of its own."),
    }
}

/// A group for each model with all of its rows, so that a page can hide it.
fn by_model(mut rows: Vec<(Place<'_>, String)>) -> String {
    let mut models: Vec<Place<'_>> = rows.iter().map(|(place, _)| *place).collect();
    models.sort_unstable();
    models.dedup();
    // Rows stay in their order.
    rows.sort_by_key(|(place, _)| *place);
    models
        .into_iter()
        .map(|model| {
            let own = rows.iter().filter(|(place, _)| *place == model);
            series_group(model, &own.map(|(_, row)| &**row).collect::<String>())
        })
        .collect()
}

/// Whether the bars of some group would be too short to be compared beside those of another.
fn have_own_scales(groups: &[Group]) -> bool {
    let values = |group: &Group| -> Vec<f64> {
        let values = group.bars.iter().filter_map(|bar| bar.value);
        values
            .map(|value| value.middle)
            .filter(|value| value.is_finite())
            .collect()
    };
    let most = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    let longest = groups
        .iter()
        .map(|group| most(&values(group)))
        .fold(0.0, f64::max);
    groups.iter().any(|group| {
        let values = values(group);
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = most(&values);
        most > 0.0 && most * SAME_SCALE_UP_TO < longest && most > ALIKE * least
    })
}

/// How long values are.
struct PixelScale {
    per_unit: f64,
    /// The longest bar, as a value.
    most: f64,
}

impl PixelScale {
    /// As long as all bars, intervals and texts behind them fit.
    fn build(groups: &[&Group], left: f64, remarks_below: bool) -> Self {
        let bars = || groups.iter().flat_map(|group| &group.bars);
        let finite = |value: f64| if value.is_finite() { value.max(0.0) } else { 0.0 };
        let most = bars()
            .filter_map(|bar| bar.value)
            .map(|value| finite(value.middle))
            .fold(0.0, f64::max);
        let mut scale = Self { per_unit: 0.0, most };
        let room = WIDTH - EDGE - left;
        let fitting = bars().filter_map(|bar| {
            let reach = scale.reach(bar);
            let text = behind(bar, remarks_below);
            let needed = if text.is_empty() { 0.0 } else { GAP + width(&text) };
            (reach > 0.0).then(|| (room - needed).max(0.0) / reach)
        });
        let fitting = fitting.fold(f64::INFINITY, f64::min);
        scale.per_unit = if fitting.is_finite() { fitting } else { 0.0 };
        scale
    }

    /// The end of the bar, of its interval and of its prediction, whichever is the farthest.
    fn reach(&self, bar: &Bar) -> f64 {
        let within = |value: f64| value.clamp(0.0, INTERVAL_MOST * self.most);
        let ends = bar.value.map(|value| [value.middle, value.high]);
        let ends = ends.into_iter().flatten().chain(bar.expected);
        ends.filter(|end| !end.is_nan()).map(within).fold(0.0, f64::max)
    }

    fn longest(&self) -> f64 {
        if self.most > 0.0 {
            self.most * self.per_unit
        } else {
            f64::INFINITY
        }
    }

    /// The length of a value, and whether it is cut.
    fn length(&self, value: f64) -> (f64, bool) {
        let within = value.clamp(0.0, INTERVAL_MOST * self.most);
        (within * self.per_unit, value > within)
    }
}

/// What stands behind a bar.
fn behind(bar: &Bar, remarks_below: bool) -> String {
    match (&*bar.text, &*bar.remark) {
        (text, remark) if remarks_below && !text.is_empty() && !is_short(remark) => text.to_owned(),
        (text, "") => text.to_owned(),
        ("", remark) => remark.to_owned(),
        (text, remark) => format!("{text}, {remark}"),
    }
}

/// Whether a remark stays behind the bar even where others go below.
fn is_short(remark: &str) -> bool {
    remark.chars().count() <= 4
}

/// A row and its height.
fn row(
    bar: &Bar,
    group: &Group,
    columns: &Columns,
    scale: &PixelScale,
    top: f64,
    used: Use,
) -> (String, f64) {
    let left = columns.left;
    let middle = top + ROW / 2.0;
    let baseline = middle + 5.3;
    let name = lines_at_most(&bar.name, NAME_ROOM, 2);
    let mut out = element("end", left - GAP, baseline, &name);
    let mut height = ROW + (name.len().max(1) - 1) as f64 * LINE;
    let end = left + scale.reach(bar) * scale.per_unit + GAP;
    if let Some(value) = bar.value.filter(|value| !value.middle.is_nan()) {
        let mut marks = format!(
            "<path class=\"dot bar{}\" d=\"M{left:.1} {:.1}h{:.1}v{THICKNESS}H{left:.1}z\"/>",
            if bar.is_unranked { " unranked" } else { "" },
            middle - THICKNESS / 2.0,
            scale.length(value.middle).0,
        );
        if let Some(expected) = bar.expected {
            marks += &format!(
                "<path class=\"reference\" d=\"M{:.1} {:.1}v{:.1}\"/>",
                left + scale.length(expected).0,
                middle - THICKNESS / 2.0 - 3.0,
                THICKNESS + 6.0
            );
        }
        marks += &whisker(value, left, middle, scale);
        out += &point_group(&label(bar, group), &marks, used);
    }
    let behind = behind(bar, columns.remarks_below);
    let class = if bar.text.is_empty() { "quiet" } else { "value" };
    if bar.text.is_empty() {
        // Words alone may need several lines.
        let words = lines(&behind, WIDTH - EDGE - end);
        height = height.max(ROW + (words.len().max(1) - 1) as f64 * LINE);
        out += &element(class, end, baseline, &words);
    } else {
        out += &element(class, end, baseline, std::slice::from_ref(&behind));
        if !behind.contains(&bar.remark) {
            let words = lines(&bar.remark, WIDTH - EDGE - left - GAP);
            height = height.max(ROW + words.len() as f64 * LINE);
            out += &element("quiet", left + GAP, baseline + LINE, &words);
        }
    }
    (out, height)
}

fn whisker(value: Extent, left: f64, y: f64, scale: &PixelScale) -> String {
    let drawable = !value.low.is_nan() && !value.high.is_nan() && value.high > value.low;
    if !drawable {
        return String::new();
    }
    let (low, _) = scale.length(value.low);
    let (high, is_cut) = scale.length(value.high);
    let (low, high) = (left + low, left + high);
    let end = if is_cut {
        format!(
            "M{:.1} {:.1}L{high:.1} {y:.1}L{:.1} {:.1}",
            high - CUT,
            y - 3.5,
            high - CUT,
            y + 3.5
        )
    } else {
        format!("M{high:.1} {:.1}v7", y - 3.5)
    };
    let path = format!("M{low:.1} {:.1}v7M{low:.1} {y:.1}H{high:.1}{end}", y - 3.5);
    // The halo keeps it visible on the bar.
    format!("<path class=\"halo\" d=\"{path}\"/><path class=\"whisker ink\" d=\"{path}\"/>")
}

fn label(bar: &Bar, group: &Group) -> String {
    let interval = bar
        .value
        .map_or_else(String::new, |value| super::parts::interval(value.low, value.high));
    let group = if group.title.is_empty() {
        String::new()
    } else {
        format!("{}, ", group.title)
    };
    let remark = if bar.remark.is_empty() {
        String::new()
    } else {
        format!(", {}", bar.remark)
    };
    format!("{}: {group}{}{interval}{remark}", bar.name, bar.text)
}

/// The values in words, for screen readers.
pub(super) fn in_words(groups: &[Group]) -> String {
    let groups = groups.iter().map(|group| {
        let bars = group
            .bars
            .iter()
            .map(|bar| format!("{} {}", bar.name, behind(bar, false)));
        let bars = bars.collect::<Vec<_>>().join("; ");
        if group.title.is_empty() {
            bars
        } else {
            format!("{}: {bars}", group.title)
        }
    });
    groups.collect::<Vec<_>>().join(". ")
}
