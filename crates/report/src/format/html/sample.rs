//! A page of invented values: nine models, one of them with a name that is markup.

use schema::trace::{Source, Trace};

use crate::numbers::rounded;
use crate::page::{
    Cell, DecisionLine, Grid, GridCell, GridRow, Interval, Mark, Page, Row, RowList, Section, Table,
};
use crate::plot::{Bar, Curves, Drawing, Extent, Group, Panel, Plot, Point, Scale, Series};

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
        "it waits without a thread",
        "it computes",
        "it blocks the thread (`block`)",
    ];
    Page {
        traces: traces(),
        title: "Nine ways to serve".to_owned(),
        run: "20260101T000000Z".to_owned(),
        introduction: vec![
            "Each model served the **same work** to the same client. A value is the median of five trials; under it \
             stands its 95 % interval, and a plot shows it as a whisker."
                .to_owned(),
        ],
        decision: vec![DecisionLine {
            when: "Many connections with little work each".to_owned(),
            choice: "`epoll, one thread`: 5.26 µs of CPU time per request with 64 connections.".to_owned(),
        }],
        grid: grid(),
        reading: vec!["A value is a median.".to_owned()],
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
                "A handler that blocks its thread",
                vec![plot("blocking-rate", "what the handler does", &[0.0, 1.0, 2.0], &names, false)],
            ),
        ],
        limits: vec!["A network.".to_owned()],
        caveats: vec!["The client had the same CPUs.".to_owned()],
        summary: vec!["Profile `smoke`.".to_owned()],
        metrics: vec![("rate".to_owned(), "Replies in a second, as `loadgen` counts them.".to_owned())],
        machine: vec!["4 CPUs, 16 GiB".to_owned()],
        method: vec!["Five trials of each, in random order.".to_owned()],
        command: "compare run --profile smoke && true".to_owned(),
    }
}

/// Three traces: one that the tests know, the same in half the time without wake-ups, and the same with further threads.
pub(super) fn traces() -> Vec<Trace> {
    let known = Trace {
        model: MODELS[5].to_owned(),
        ..crate::trace::sample::trace()
    };
    let mut quick = Trace {
        model: MODELS[8].to_owned(),
        source: Source::Strace,
        lacks: vec!["strace records `system calls` alone.".to_owned()],
        wakes: Vec::new(),
        length_ns: known.length_ns / 2,
        zero_ns: known.zero_ns / 2,
        ..known.clone()
    };
    for slice in quick.lanes.iter_mut().flat_map(|lane| &mut lane.slices) {
        slice.from_ns /= 2;
        slice.to_ns /= 2;
    }
    for connection in &mut quick.connections {
        connection.opens_ns /= 2;
    }
    for request in &mut quick.requests {
        for time in [
            &mut request.due_ns,
            &mut request.sent_ns,
            &mut request.received_ns,
        ] {
            *time /= 2;
        }
        for part in &mut request.parts {
            part.from_ns /= 2;
            part.to_ns /= 2;
        }
    }
    let mut wide = Trace {
        model: MODELS[4].to_owned(),
        ..known.clone()
    };
    wide.lanes.extend(crate::trace::sample::idle(4));
    vec![known, quick, wide]
}

/// A page of sixteen experiments and twelve models, with eighteen metrics in each of three settings: more than twice the
/// cells that a run has.
pub(super) fn large() -> Page {
    let mut page = page();
    let mut wide = page.sections[0].clone();
    for table in wide.details.iter_mut().chain([&mut wide.table]) {
        let more = (9..12).map(|index| Row {
            model: format!("further model {index}"),
            cells: table.rows[index - 9].cells.clone(),
        });
        let more: Vec<_> = more.collect();
        table.rows.extend(more);
    }
    for table in &mut wide.details {
        table.headings = (0..20)
            .map(|index| format!("metric {index}, µs per request"))
            .collect();
        for row in &mut table.rows {
            row.cells = row.cells.iter().cycle().take(18).cloned().collect();
        }
    }
    wide.details = vec![wide.details[0].clone(); 3];
    page.sections = (0..16)
        .map(|index| Section {
            key: format!("experiment-{index}"),
            ..wide.clone()
        })
        .collect();
    page
}

/// Ratios by model. A negative one is a tie, and 0 stands for a model that is not ranked.
const RATIOS: [(&str, &str, [f64; 9]); 6] = [
    (
        "request-cost",
        "1",
        [1.0, -1.01, -1.0, -1.02, -1.0, -1.03, -1.0, -1.01, -1.02],
    ),
    (
        "request-cost",
        "64",
        [0.0, 1.84, 1.6, 1.55, 1.5, 1.2, 1.0, -1.01, 3.1],
    ),
    (
        "request-cost",
        "1000",
        [0.0, 3.02, 0.0, 2.27, 1.9, 1.4, 1.0, -1.02, 4.0],
    ),
    (
        "blocking",
        "sleep",
        [83.0, 1.1, 1.2, 1.1, -1.05, 1.3, 1.0, -1.0, 2.0],
    ),
    (
        "blocking",
        "block",
        [79.0, -1.0, 1.0, -1.0, 1.4, 16.0, 16.2, 16.1, 20.0],
    ),
    ("blocking", "many", [0.0; 9]),
];

pub(super) fn grid() -> Grid {
    let rows = RATIOS.iter().map(|(experiment, setting, ratios)| GridRow {
        key: format!("{experiment}/{setting}"),
        experiment: (*experiment).to_owned(),
        title: format!("{setting} & more of `{experiment}`"),
        metric: "CPU time per request".to_owned(),
        best: Some("5.26 µs".to_owned()),
        cells: ratios.iter().map(|&ratio| grid_cell(ratio)).collect(),
        list: RowList::default(),
    });
    Grid {
        models: MODELS
            .iter()
            .enumerate()
            .map(|(place, &model)| (model.to_owned(), place))
            .collect(),
        rows: rows.collect(),
    }
}

fn grid_cell(ratio: f64) -> GridCell {
    let (text, mark) = match ratio {
        0.0 => ("9 of 10 never served".to_owned(), Mark::None),
        1.0 => ("best".to_owned(), Mark::Best),
        ..0.0 => ("tied".to_owned(), Mark::Tied),
        _ => (format!("{ratio:.2} ×"), Mark::None),
    };
    let middle = ratio.abs();
    GridCell {
        text,
        mark,
        ratio: (ratio != 0.0).then_some(Interval {
            middle,
            low: middle * 0.97,
            high: middle * 1.03,
        }),
        value: (ratio != 0.0).then(|| format!("{} µs", rounded(middle * 5.26))),
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
        caveats: vec!["The servers had one CPU.".to_owned()],
        findings: vec![
            "**epoll, one thread** serves most: 51,200 requests/s (50,100 – 52,000) with 64 connections."
                .to_owned(),
            "1 connection: all tied.".to_owned(),
        ],
        short: table("Requests/s"),
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
                    is_at_least: false,
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
                remark: String::new(),
                points: points(1.1),
            });
        }
        series.push(Series {
            place,
            name: (*model).to_owned(),
            is_reference: false,
            remark: String::new(),
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
