//! Plots of invented values, with few models and with many.

use crate::plot::{Bar, Curves, Drawing, Extent, Group, Panel, Plot, Point, Scale, Series};

/// Names as short and as long as people give.
const NAMES: [&str; 12] = [
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "epsilon-delta",
    "a thread for each connection",
    "iterative",
    "io_uring, one ring for each CPU",
    "incomprehensibilities-of-naming",
    "<b>\"&",
    "epoll",
];

pub(super) fn point(x: f64, y: f64) -> Point {
    Point {
        x,
        y,
        low: y * 0.9,
        high: y * 1.1,
        is_unranked: false,
        is_at_least: false,
        is_beyond: false,
    }
}

pub(super) fn series(place: usize, name: &str, is_reference: bool, points: Vec<Point>) -> Series {
    Series {
        place,
        name: name.to_owned(),
        is_reference,
        remark: String::new(),
        points,
    }
}

fn scale(title: &str, is_logarithmic: bool, settings: &[f64]) -> Scale {
    Scale {
        title: title.to_owned(),
        is_logarithmic,
        ticks: settings.iter().map(|&x| (x, format!("{x}"))).collect(),
    }
}

/// A plot of these curves.
pub(super) fn of_curves(curves: Curves) -> Plot {
    Plot {
        key: "small".to_owned(),
        title: "Requests by `connections`".to_owned(),
        measure: "requests/s (more is better)".to_owned(),
        drawing: Drawing::Curves(curves),
        notes: Vec::new(),
    }
}

/// The curves of one panel over 1 and 64, or over these settings.
pub(super) fn curves(series: Vec<Series>, settings: &[f64]) -> Curves {
    Curves {
        x: scale("connections", true, settings),
        is_logarithmic: false,
        panels: vec![Panel {
            title: String::new(),
            series,
        }],
        reference: "theory".to_owned(),
    }
}

/// Two models and a prediction.
pub(super) fn small() -> Plot {
    let series = vec![
        series(0, "alpha", false, vec![point(1.0, 900.0), point(64.0, 5_200.0)]),
        series(0, "alpha", true, vec![point(1.0, 1_000.0), point(64.0, 5_500.0)]),
        series(1, "<b>", false, vec![point(1.0, 500.0), point(64.0, 3_000.0)]),
    ];
    of_curves(curves(series, &[1.0, 64.0]))
}

/// As many panels as titles, each with this many models.
pub(super) fn panels(titles: &[&str], models: usize, is_logarithmic: bool) -> Plot {
    let settings = [2_000.0, 4_000.0, 6_000.0, 8_000.0, 10_000.0];
    let panel = |(index, title): (usize, &&str)| {
        let one = |place: usize| {
            let points = settings.iter().enumerate().map(|(at, &x)| {
                let y = 150.0 * (index + 1) as f64 * (1.0 + (place % 5) as f64) * 1.9f64.powf(at as f64);
                Point {
                    is_unranked: at == 3,
                    is_beyond: at == 4,
                    ..point(x, y)
                }
            });
            series(place, NAMES[place], false, points.collect())
        };
        Panel {
            title: (*title).to_owned(),
            series: (0..models).map(one).collect(),
        }
    };
    let ticks = settings.iter().map(|&x| (x, format!("{},000/s", x / 1000.0)));
    let plot = of_curves(Curves {
        x: Scale {
            title: "offered rate, the same for all models".to_owned(),
            is_logarithmic: false,
            ticks: ticks.collect(),
        },
        is_logarithmic,
        panels: titles.iter().enumerate().map(panel).collect(),
        reference: "theory".to_owned(),
    });
    Plot {
        title: "Which share of the requests is answered in time when all models are offered the same rate"
            .to_owned(),
        notes: vec!["Arrows lead to 10,000/s, where all models are overloaded.".to_owned()],
        ..plot
    }
}

/// A bar with an interval of a tenth.
pub(super) fn bar(place: usize, value: f64, remark: &str) -> Bar {
    Bar {
        place,
        name: NAMES[place].to_owned(),
        value: Some(Extent {
            middle: value,
            low: value * 0.9,
            high: value * 1.1,
        }),
        text: format!("{} µs", crate::numbers::rounded(value)),
        remark: remark.to_owned(),
        is_unranked: false,
        expected: None,
    }
}

/// A plot of these groups.
pub(super) fn of_bars(groups: Vec<Group>) -> Plot {
    Plot {
        key: "bars".to_owned(),
        title: "A handler that blocks its thread".to_owned(),
        measure: "p99 latency of the pings, µs (less is better)".to_owned(),
        drawing: Drawing::Bars(groups),
        notes: vec!["Thin lines: 95 % intervals.".to_owned()],
    }
}

/// Groups with this many models: ranked, tied, not ranked, and without a value.
pub(super) fn groups(titles: &[&str], models: usize) -> Plot {
    let group = |(index, title): (usize, &&str)| {
        let bars = (0..models).map(|place| match place % 6 {
            4 => Bar {
                is_unranked: true,
                ..bar(place, 54.0, "54 of 64 never served")
            },
            5 => Bar {
                value: None,
                text: String::new(),
                ..bar(
                    place,
                    0.0,
                    "not back at full rate in every trial, and some more words",
                )
            },
            0 => bar(place, 170.0, "tied"),
            _ => bar(place, 170.0 + 900.0 * (place * (index + 1)) as f64, ""),
        });
        Group {
            title: (*title).to_owned(),
            bars: bars.collect(),
        }
    };
    of_bars(titles.iter().enumerate().map(group).collect())
}

/// Plots of each kind with 1, 6 and 12 models.
pub(super) fn all() -> Vec<Plot> {
    let mut plots = vec![small()];
    for models in [1, 6, 12] {
        plots.push(groups(&[""], models));
        plots.push(groups(
            &[
                "waits without a thread (`sleep`)",
                "blocks its thread (`block`), and has a title that needs more than one line",
            ],
            models,
        ));
        plots.push(panels(&[""], models, false));
        plots.push(panels(&[""], models, true));
        plots.push(panels(
            &["constant", "exponential", "bimodal: 1 in 100 is long"],
            models,
            true,
        ));
        plots.push(panels(&["a", "b", "c", "d"], models, false));
    }
    plots
}
