//! Where everything is: the rows from top to bottom, and times from left to right. All in pixels of the drawing.

use schema::trace::{Lane, State, Trace, Waker};

use crate::plot::look;
use crate::trace::axis::{self, Axis};

pub(super) const WIDTH: f64 = 900.0;
pub(super) const EDGE: f64 = 12.0;
/// The ends of the time axis. They are the same in all pictures, which a page may show below each other.
pub(super) const LEFT: f64 = 140.0;
pub(super) const RIGHT: f64 = 888.0;
/// The height of a bar: that of a running thread, which is the whole height of its row.
pub(super) const BAR: f64 = 22.0;
/// The height of the stripes of a runnable thread.
pub(super) const READY: f64 = 10.0;
/// The height of the row of a thread that is blocked all the time.
const THIN: f64 = 15.0;
/// Below the row of a thread, where the heads of arrows are.
const GAP: f64 = 12.0;
const THIN_GAP: f64 = 10.0;
/// The height of the bar of a request, and the place below it for the time that it was due.
pub(super) const CLIENT_BAR: f64 = 17.0;
const CLIENT_GAP: f64 = 8.0;
const HEADING: f64 = 21.0;
/// Up to this many threads that are blocked all the time have rows of their own.
const THIN_MOST: usize = 3;
/// The series of a plot whose colours requests have, so that neighbours differ most. The second one of a plot warns, and the
/// last one is grey.
const COLOURS: [usize; 8] = [0, 4, 3, 2, 7, 6, 5, 8];

/// The picture's frame.
pub(super) struct Frame<'a> {
    pub(super) trace: &'a Trace,
    pub(super) axis: Axis,
    /// Where the client's heading begins.
    pub(super) top: f64,
    /// The top of the bars of each connection.
    clients: Vec<f64>,
    /// Where the server's heading begins.
    pub(super) server: f64,
    pub(super) rows: Vec<Row>,
    /// How many threads have no row, as they are blocked all the time, and the row that stands for them.
    pub(super) folded: Option<(usize, Row)>,
    /// Below the last row.
    pub(super) bottom: f64,
}

/// The row of a thread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Row {
    /// The index of its lane.
    pub(super) lane: usize,
    pub(super) top: f64,
    /// The line of a blocked thread, on which bars stand.
    pub(super) base: f64,
}

impl<'a> Frame<'a> {
    pub(super) fn build(trace: &'a Trace, axis: Axis, top: f64) -> Self {
        let mut frame = Self {
            trace,
            axis,
            top,
            clients: Vec::new(),
            server: 0.0,
            rows: Vec::new(),
            folded: None,
            bottom: 0.0,
        };
        let mut y = top + HEADING;
        for _ in &trace.connections {
            frame.clients.push(y);
            y += CLIENT_BAR + CLIENT_GAP;
        }
        frame.server = y + 2.0;
        y = frame.server + HEADING + 3.0;
        let thin: Vec<bool> = (0..trace.lanes.len()).map(|lane| frame.is_idle(lane)).collect();
        // The first thread has its row, even if it only waits for the others.
        let others = thin.iter().skip(1).filter(|thin| **thin).count();
        let is_folded = others > THIN_MOST;
        for (lane, &is_thin) in thin.iter().enumerate() {
            if is_thin && is_folded && lane > 0 {
                continue;
            }
            let height = if is_thin { THIN } else { BAR };
            frame.rows.push(Row {
                lane,
                top: y,
                base: y + height,
            });
            y += height + if is_thin { THIN_GAP } else { GAP };
        }
        if is_folded {
            let row = Row {
                lane: trace.lanes.len(),
                top: y,
                base: y + THIN,
            };
            frame.folded = Some((others, row));
            y += THIN + THIN_GAP;
        }
        frame.bottom = y;
        frame
    }

    /// Whether a thread is blocked in all that the picture shows.
    fn is_idle(&self, index: usize) -> bool {
        let lane: &Lane = &self.trace.lanes[index];
        let shown = lane
            .slices
            .iter()
            .filter(|slice| self.shows(slice.from_ns, slice.to_ns));
        let mut shown = shown.peekable();
        let holds = || {
            let parts = self.trace.requests.iter().flat_map(|request| &request.parts);
            parts.into_iter().any(|part| part.lane == index)
        };
        let wakes = || {
            let mut wakes = self
                .trace
                .wakes
                .iter()
                .filter(|wake| self.shows(wake.at_ns, wake.at_ns));
            wakes.any(|wake| wake.lane == index || wake.by == Waker::Lane(index))
        };
        shown.peek().is_some() && shown.all(|slice| slice.state == State::Blocked) && !holds() && !wakes()
    }

    /// A time of the trace, in nanoseconds from the zero of its axis.
    pub(super) fn after_zero(&self, at_ns: u64) -> i64 {
        axis::after_zero(self.trace, at_ns)
    }

    /// The place of a time, at the end of the axis if it is beyond.
    pub(super) fn x(&self, at_ns: u64) -> f64 {
        LEFT + self.axis.share(self.after_zero(at_ns)) * (RIGHT - LEFT)
    }

    /// Whether any of a time is on the axis.
    pub(super) fn shows(&self, from_ns: u64, to_ns: u64) -> bool {
        self.after_zero(from_ns) <= self.axis.to_ns && self.after_zero(to_ns) >= self.axis.from_ns
    }

    /// The width of a time, anywhere on the axis.
    pub(super) fn width(&self, ns: u64) -> f64 {
        let length = (self.axis.to_ns - self.axis.from_ns).max(1) as f64;
        ns as f64 / length * (RIGHT - LEFT)
    }

    /// The row of a lane, if it has one.
    pub(super) fn row(&self, lane: usize) -> Option<&Row> {
        self.rows.iter().find(|row| row.lane == lane)
    }

    /// The top of the bars of the connection with this number, if it exists.
    pub(super) fn client(&self, number: usize) -> Option<f64> {
        let connections = &self.trace.connections;
        let index = connections
            .iter()
            .position(|connection| connection.number == number)?;
        self.clients.get(index).copied()
    }

    /// Below the bars of the last connection.
    pub(super) fn client_bottom(&self) -> f64 {
        self.clients.last().map_or(self.top, |top| top + CLIENT_BAR)
    }

    /// The name of a lane.
    pub(super) fn name(&self, lane: usize) -> &'a str {
        self.trace.lanes.get(lane).map_or("a thread", |lane| &lane.name)
    }
}

/// The class that gives a request its colour.
pub(super) fn colour(number: usize) -> String {
    look::class(COLOURS[number.saturating_sub(1) % COLOURS.len()])
}
