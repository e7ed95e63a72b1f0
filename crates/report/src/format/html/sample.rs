//! A page of invented values: nine models, one of them with a name that is markup.

use crate::conclusions::Choice;
use crate::numbers::rounded;
use crate::page::{Cell, Grid, Mark, Page, Row, Section, Table};
use crate::plot::{Bar, Curves, Drawing, Extent, Group, Panel, Plot, Point, Scale, Series};
use crate::sign::Sign;

pub(super) const MODELS: [&str; 9] = [
    "iterative",
    "fork per connection",
    "preforked",
    "thread per connection",
    "thread pool",
    "poll",
    "epoll, one thread",
    "async runtime",
    "<b>\"&",
];

pub(super) fn page() -> Page {
    let connections = [1.0, 8.0, 64.0, 256.0, 1000.0];
    let names = [
        "it waits (`sleep`)",
        "it computes",
        "it blocks the thread (`block`)",
    ];
    Page {
        title: "Nine ways to serve".to_owned(),
        run: "20260101T000000Z".to_owned(),
        introduction: vec![
            "Each model served the **same work** to the same client. A value is the median of five trials; under it \
             stands its 95 % interval, and a plot shows it as a whisker."
                .to_owned(),
        ],
        decision: Vec::new(),
        grid: Grid::default(),
        choices: vec![Choice {
            title: "Idle connections".to_owned(),
            settings: vec!["200".to_owned(), "1,000".to_owned()],
            metric: "throughput".to_owned(),
            best: "`epoll, one thread`".to_owned(),
            values: vec!["51,200 requests/s".to_owned()],
            tied: vec!["`preforked`".to_owned()],
            worst: "`<b>`".to_owned(),
            factors: vec!["3.1 ×".to_owned()],
        }],
        open: vec![
            "Too close to call: `preforked` and `thread pool`.".to_owned(),
        ],
        sections: vec![
            section(
                "request-cost",
                "The cost of a request",
                vec![
                    plot("request-cost-rate", "connections", &connections, &[], false),
                    plot("request-cost-latency", "connections", &connections, &[], true),
                ],
            ),
            section(
                "blocking",
                "A handler that blocks",
                vec![plot("blocking-rate", "what the handler does", &[0.0, 1.0, 2.0], &names, false)],
            ),
        ],
        caveats: vec!["The client had the same CPUs.".to_owned()],
        metrics: vec![("rate".to_owned(), "Replies in a second, as `loadgen` counts them.".to_owned())],
        machine: vec!["4 CPUs, 16 GiB".to_owned()],
        method: vec!["Five trials of each, in random order.".to_owned()],
        command: "compare run --profile smoke && true".to_owned(),
    }
}

fn section(key: &str, title: &str, plots: Vec<Plot>) -> Section {
    Section {
        key: key.to_owned(),
        title: title.to_owned(),
        question: "How does the rate change with the number of connections?".to_owned(),
        setup: "Closed loop, a 64-byte `ping`, with the connections of the axis.".to_owned(),
        expected: Some("A model with one thread stays flat.".to_owned()),
        meaning: "**epoll, one thread** serves most.".to_owned(),
        caveats: Vec::new(),
        finding:
            "**epoll, one thread** serves most: 51,200 requests/s (50,100 – 52,000) with 64 connections."
                .to_owned(),
        table: table("Requests/s"),
        details: vec![table("All metrics with 1 connection")],
        plots,
    }
}

fn table(caption: &str) -> Table {
    let rows = MODELS.iter().enumerate().map(|(place, model)| Row {
        model: (*model).to_owned(),
        cells: (0..5)
            .map(|column| cell(place, measured(place, 4f64.powi(column)), column))
            .collect(),
    });
    Table {
        caption: caption.to_owned(),
        headings: ["1", "8", "64", "256", "1,000"].map(str::to_owned).to_vec(),
        rows: rows.collect(),
    }
}

fn cell(place: usize, value: f64, column: i32) -> Cell {
    if place == 0 && column == 4 {
        return Cell {
            median: "–".to_owned(),
            ..Cell::default()
        };
    }
    Cell {
        median: rounded(value),
        interval: Some(format!("{} – {}", rounded(value * 0.95), rounded(value * 1.04))),
        note: None,
        value: Some(value),
        mark: match place {
            6 => Mark::Best,
            7 => Mark::Tied,
            _ => Mark::None,
        },
        signs: if place == 1 {
            vec![Sign::NeverServed]
        } else {
            Vec::new()
        },
    }
}

/// Rises with the load until the model is full.
fn measured(place: usize, x: f64) -> f64 {
    let full = 9_000.0 + 6_500.0 * ((place * 5) % 9) as f64;
    full * x / (x + 4.0 + place as f64)
}

/// Curves over an axis, or bars for settings with names.
fn plot(key: &str, x: &str, settings: &[f64], names: &[&str], latency: bool) -> Plot {
    let value = |place: usize, x: f64| {
        if latency {
            1e6 * x / measured(place, x)
        } else {
            measured(place, x)
        }
    };
    let drawing = if names.is_empty() {
        Drawing::Curves(curves(x, settings, latency, value))
    } else {
        let groups = names.iter().zip(settings);
        Drawing::Bars(
            groups
                .map(|(name, &x)| group(name, |place| value(place, x * 9.0 + 2.0)))
                .collect(),
        )
    };
    Plot {
        key: key.to_owned(),
        title: format!("{} by {x}", if latency { "Latency" } else { "Requests served" }),
        measure: if latency {
            "99th percentile, µs (less is better)"
        } else {
            "requests/s (more is better)"
        }
        .to_owned(),
        drawing,
        notes: vec!["Thin lines: 95 % intervals.".to_owned()],
    }
}

fn curves(x: &str, settings: &[f64], latency: bool, value: impl Fn(usize, f64) -> f64) -> Curves {
    let mut series = Vec::new();
    for (place, model) in MODELS.iter().enumerate() {
        let points = |factor: f64| {
            let points = settings.iter().map(|&x| {
                let y = value(place, x) * factor;
                Point {
                    x,
                    y,
                    low: y * 0.93,
                    high: y * 1.05,
                    is_unranked: place == 1 && x > 100.0,
                    is_beyond: false,
                }
            });
            points.collect()
        };
        if place % 4 == 2 {
            series.push(Series {
                place,
                name: (*model).to_owned(),
                is_reference: true,
                points: points(1.1),
            });
        }
        series.push(Series {
            place,
            name: (*model).to_owned(),
            is_reference: false,
            points: points(1.0),
        });
    }
    Curves {
        x: Scale {
            title: x.to_owned(),
            is_logarithmic: true,
            ticks: settings.iter().map(|&x| (x, rounded(x))).collect(),
        },
        is_logarithmic: latency,
        panels: vec![Panel {
            title: String::new(),
            series,
        }],
        reference: "theory".to_owned(),
    }
}

fn group(name: &str, value: impl Fn(usize) -> f64) -> Group {
    let bars = MODELS.iter().enumerate().map(|(place, model)| {
        let y = value(place);
        Bar {
            place,
            name: (*model).to_owned(),
            value: (place != 2).then_some(Extent {
                middle: y,
                low: y * 0.93,
                high: y * 1.05,
            }),
            text: if place == 2 {
                String::new()
            } else {
                format!("{}/s", rounded(y))
            },
            remark: match place {
                2 => "stopped answering",
                3 => "54 of 64 never served",
                4 | 5 => "tied",
                _ => "",
            }
            .to_owned(),
            is_unranked: place == 3,
            expected: None,
        }
    });
    Group {
        title: name.to_owned(),
        bars: bars.collect(),
    }
}
