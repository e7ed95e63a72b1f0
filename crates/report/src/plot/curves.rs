//! Curves: fields with a series for each model, and names beside the ends of the lines or in a legend.

use super::data::{Curves, Series};
use super::field::Fields;
use super::legend::{self, Item, Label};
use super::parts::{EDGE, Place, Use, WIDTH, series_group};
use super::series::Canvas;
use super::text::{LINE, element, lines, width};
use crate::escape::markup::plain;
use crate::numbers::rounded;

/// The longest name beside the end of a line, the longest remark below it, and how many lines have room there.
const NAME_ROOM: f64 = 112.0;
const REMARK_ROOM: f64 = 140.0;
const NAMES_MOST: usize = 12;
/// Between two series at the same setting.
const ASIDE: f64 = 2.4;
const ASIDE_MOST: f64 = 13.0;

pub(super) struct Drawn {
    pub(super) svg: String,
    pub(super) bottom: f64,
}

pub(super) fn draw(curves: &Curves, models: &[Place<'_>], top: f64, used: Use) -> Drawn {
    let widest = models.iter().map(|(_, name)| width(name)).fold(0.0, f64::max);
    let has_labels = curves.panels.len() == 1 && widest <= NAME_ROOM && models.len() <= NAMES_MOST;
    let remarks = if has_labels {
        remarks(curves, models)
    } else {
        vec![""; models.len()]
    };
    let names = if has_labels {
        legend::NAME_GAP + remarks.iter().map(|remark| width(remark)).fold(widest, f64::max)
    } else {
        0.0
    };
    let fields = Fields::build(curves, top, names);

    let mut svg = fields.draw();
    let mut y = fields.bottom() + 20.0;
    let title = lines(&plain(&fields.x_title), WIDTH - 2.0 * EDGE);
    if !title.is_empty() {
        let (left, right) = fields.span();
        let half = title.iter().map(|line| width(line)).fold(0.0, f64::max) / 2.0;
        let middle = f64::midpoint(left, right).clamp(EDGE + half, (WIDTH - EDGE - half).max(EDGE + half));
        svg += &element("quiet middle", middle, y + LINE + 3.0, &title);
        y += 3.0 + title.len() as f64 * LINE;
    }

    let drawn = |series: &dyn Fn(&&Series) -> bool| -> (String, Option<(f64, f64)>) {
        let (mut svg, mut end) = (String::new(), None);
        for (panel, field) in curves.panels.iter().zip(&fields.all) {
            for one in panel.series.iter().filter(series) {
                let canvas = Canvas {
                    curves,
                    fields: &fields,
                    field,
                    panel: &panel.title,
                    aside: aside(models, one),
                };
                let drawn = canvas.draw(one, used);
                svg += &drawn.svg;
                end = end.or(drawn.end);
            }
        }
        (svg, end)
    };
    // References first, so that they hide no point.
    let mut has_references = false;
    for &(place, name) in models {
        let (marks, _) = drawn(&|series| series.is_reference && series.place == place);
        if !marks.is_empty() {
            has_references = true;
            svg += &series_group((place, name), &marks);
        }
    }
    let mut series: Vec<(String, Option<(f64, f64)>)> = models
        .iter()
        .map(|&(place, _)| {
            let (marks, end) = drawn(&|series| !series.is_reference && series.place == place);
            // A model with a prediction and without values has its name beside the prediction.
            let end = end.or_else(|| drawn(&|series| series.place == place).1);
            (marks, end)
        })
        .collect();

    let mut items = Vec::new();
    if has_labels && let Some(field) = fields.all.first() {
        let labels = Label::all(models, &remarks, series.iter().map(|(_, end)| *end), field);
        for (label, (marks, _)) in labels.iter().zip(&mut series) {
            marks.push_str(&label.draw(field));
        }
    } else {
        items.extend(models.iter().map(|&model| Item::Model(model)));
    }
    if has_references {
        items.push(Item::Reference(&curves.reference));
    }
    if curves.shown().any(|point| point.is_unranked) {
        items.push(Item::Unranked);
    }
    let rows = legend::rows(&items, y + LINE + 4.0);
    for (item, drawn) in items.iter().zip(&rows.items) {
        match item {
            Item::Model(model) => {
                let index = models.iter().position(|one| one == model);
                if let Some(index) = index {
                    series[index].0.push_str(drawn);
                }
            }
            Item::Reference(_) | Item::Unranked => svg += drawn,
        }
    }
    for (&model, (marks, _)) in models.iter().zip(&series) {
        svg += &series_group(model, marks);
    }
    Drawn {
        svg,
        bottom: if items.is_empty() { y } else { rows.bottom },
    }
}

/// The remark of each model; none if they have no room.
fn remarks<'a>(curves: &'a Curves, models: &[Place<'_>]) -> Vec<&'a str> {
    let series = || curves.panels.iter().flat_map(|panel| &panel.series);
    let of_model = |&(place, _): &Place<'_>| {
        let mut own = series().filter(|series| series.place == place && !series.is_reference);
        own.next().map_or("", |series| &*series.remark)
    };
    let mut remarks: Vec<&str> = models.iter().map(of_model).collect();
    let lines = models.len() + remarks.iter().filter(|remark| !remark.is_empty()).count();
    for remark in &mut remarks {
        if lines > NAMES_MOST || width(remark) > REMARK_ROOM {
            *remark = "";
        }
    }
    remarks
}

/// How far the dots of a series are moved aside.
fn aside(models: &[Place<'_>], series: &Series) -> f64 {
    let rank = models
        .iter()
        .position(|(place, _)| *place == series.place)
        .unwrap_or(0);
    let gaps = (models.len().max(1) - 1) as f64;
    let step = ASIDE.min(ASIDE_MOST / gaps.max(1.0));
    (rank as f64 - gaps / 2.0) * step
}

/// The values of the last setting that is shown, in words, for screen readers.
pub(super) fn in_words(curves: &Curves) -> String {
    let shown = curves.shown().filter(|point| point.y.is_finite());
    let last = shown.map(|point| point.x).fold(f64::NEG_INFINITY, f64::max);
    let Some((_, setting)) = curves.x.ticks.iter().find(|(x, _)| *x == last) else {
        return "no values".to_owned();
    };
    let panels = curves.panels.iter().map(|panel| {
        let series = panel.series.iter().filter(|series| !series.is_reference);
        let values = series.filter_map(|series| {
            let mut points = series.points.iter();
            let point = points.find(|point| point.x == last && point.y.is_finite())?;
            let remark = match &*series.remark {
                "" => String::new(),
                remark => format!(", {remark}"),
            };
            let bound = if point.is_at_least { "≥ " } else { "" };
            Some(format!("{} {bound}{}{remark}", series.name, rounded(point.y)))
        });
        let values = values.collect::<Vec<_>>().join("; ");
        let panel = match &*panel.title {
            "" => String::new(),
            title => format!("{title}, "),
        };
        format!("{panel}at {setting}: {values}")
    });
    format!(
        "by {}, {}",
        plain(&curves.x.title),
        panels.collect::<Vec<_>>().join(". ")
    )
}
