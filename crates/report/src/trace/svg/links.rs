//! Lines between the rows: who woke whom, and the way of each request. The lines are thin and behind the bars; the heads of
//! arrows are between the rows.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use schema::trace::{Part, Request, Wake, Waker};

use super::frame::{CLIENT_BAR, Frame, LEFT, RIGHT, Row, colour};
use crate::escape::markup::escape;

/// Wake-ups of the same thread by the same one that are nearer than this, in pixels, are one arrow.
const NEAR: f64 = 2.5;
/// The most arrows for wake-ups that pass no request on. With more, those that are further apart are one arrow.
const ARROWS_MOST: usize = 100;
/// A request that waits for longer than this between two threads, in pixels, has a dotted line.
const FAR: f64 = 20.0;
const HEAD: f64 = 7.0;

/// The lines, and the heads, which are in front of the bars.
#[derive(Debug, Default)]
pub(super) struct Links {
    pub(super) lines: String,
    pub(super) heads: String,
    pub(super) kinds: HashSet<Kind>,
}

/// What a line or a head stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// A thread or the client wakes a thread.
    Wake,
    /// The kernel wakes a thread.
    KernelWake,
    /// A thread takes a request without being woken for it.
    Take,
    Reply,
}

/// From where to where, in pixels.
struct Line {
    from: (f64, f64),
    to: (f64, f64),
}

pub(super) fn draw(frame: &Frame<'_>) -> Links {
    let mut links = Links::default();
    // Wake-ups that pass a request on have its colour.
    let mut used = HashSet::new();
    for request in &frame.trace.requests {
        links.request(frame, request, &mut used);
    }
    links.wakes(frame, &used);
    links
}

impl Links {
    /// The way of a request: to its first thread, from each to the next, and back.
    fn request(&mut self, frame: &Frame<'_>, request: &Request, used: &mut HashSet<usize>) {
        let Some(client) = frame.client(request.connection).map(|top| top + CLIENT_BAR) else {
            return;
        };
        if let Some(first) = request.parts.first() {
            self.arrival(frame, request, first, client, used);
        }
        for pair in request.parts.windows(2) {
            self.hand_over(frame, request, &pair[0], &pair[1], used);
        }
        if let Some(last) = request.parts.last() {
            self.reply(frame, request, last, client);
        }
    }

    fn arrival(
        &mut self,
        frame: &Frame<'_>,
        request: &Request,
        first: &Part,
        client: f64,
        used: &mut HashSet<usize>,
    ) {
        let Some(row) = frame.row(first.lane) else { return };
        let (number, name) = (request.number, frame.name(first.lane));
        let down = |at_ns: u64| {
            let x = frame.x(at_ns);
            Line {
                from: (x, client),
                to: (x, row.top),
            }
        };
        let within = request.sent_ns..=first.from_ns;
        if let Some(wake) = wake_within(frame, first.lane, Waker::Client, within, used) {
            let title = format!("request {number} wakes {name}");
            self.arrow(frame, &down(wake.at_ns), Some(number), wake, &title);
        } else if frame.shows(first.from_ns, first.from_ns) {
            self.kinds.insert(Kind::Take);
            let title = format!("{name} takes request {number}, without being woken for it");
            self.pass(
                frame,
                &down(first.from_ns),
                number,
                (request.sent_ns, first.from_ns),
                &title,
            );
        }
    }

    fn hand_over(
        &mut self,
        frame: &Frame<'_>,
        request: &Request,
        from: &Part,
        to: &Part,
        used: &mut HashSet<usize>,
    ) {
        let (Some(giver), Some(taker)) = (frame.row(from.lane), frame.row(to.lane)) else {
            return;
        };
        if from.lane == to.lane {
            return;
        }
        let number = request.number;
        let (giver_name, taker_name) = (frame.name(from.lane), frame.name(to.lane));
        let within = from.from_ns..=to.from_ns;
        if let Some(wake) = wake_within(frame, to.lane, Waker::Lane(from.lane), within, used) {
            let title = format!("{giver_name} wakes {taker_name} for request {number}");
            let line = between(frame, wake.at_ns, giver, taker);
            self.arrow(frame, &line, Some(number), wake, &title);
        } else if frame.shows(from.to_ns, to.from_ns) {
            self.kinds.insert(Kind::Take);
            let mut line = between(frame, from.to_ns, giver, taker);
            line.to.0 = frame.x(to.from_ns);
            let title = format!("request {number} passes from {giver_name} to {taker_name}");
            self.pass(frame, &line, number, (from.to_ns, to.from_ns), &title);
        }
    }

    fn reply(&mut self, frame: &Frame<'_>, request: &Request, last: &Part, client: f64) {
        let Some(row) = frame.row(last.lane) else { return };
        if !frame.shows(last.to_ns, last.to_ns) {
            return;
        }
        self.kinds.insert(Kind::Reply);
        let (number, x) = (request.number, frame.x(last.to_ns));
        let line = Line {
            from: (x, row.top),
            to: (x, client),
        };
        let title = format!("{} has sent the reply to request {number}", frame.name(last.lane));
        self.pass(frame, &line, number, (last.to_ns, request.received_ns), &title);
        self.heads += &format!(
            "<path class=\"head {}\" d=\"{}\"/>\n",
            colour(number),
            reply_head(x, client)
        );
    }

    /// All wake-ups that passed no request on.
    fn wakes(&mut self, frame: &Frame<'_>, used: &HashSet<usize>) {
        for (wake, x, number) in together(frame, used) {
            let Some(row) = frame.row(wake.lane) else {
                continue;
            };
            let times = if number > 1 {
                format!(", {number} times")
            } else {
                String::new()
            };
            let name = frame.name(wake.lane);
            match wake.by {
                Waker::Kernel => {
                    let title =
                        format!("the kernel wakes {name}{times}: a timer, or a thread that has no row");
                    self.stub(frame, x, row, wake, &title);
                }
                Waker::Client => {
                    let line = Line {
                        from: (x, frame.client_bottom()),
                        to: (x, row.top),
                    };
                    let title = format!("the client wakes {name}{times}");
                    self.arrow(frame, &line, None, wake, &title);
                }
                Waker::Lane(by) => {
                    let Some(waker) = frame.row(by) else { continue };
                    let line = between(frame, wake.at_ns, waker, row);
                    let title = format!("{} wakes {name}{times}", frame.name(by));
                    self.arrow(frame, &line, None, wake, &title);
                }
            }
        }
    }

    fn arrow(&mut self, frame: &Frame<'_>, line: &Line, request: Option<usize>, wake: &Wake, title: &str) {
        self.kinds.insert(Kind::Wake);
        let (x, y) = line.to;
        let down = if line.from.1 <= y { 1.0 } else { -1.0 };
        let data = data(frame, wake, request);
        let class = request.map_or(String::new(), |number| format!(" {}", colour(number)));
        self.lines += &format!(
            "<path class=\"link{class}\" {data} d=\"M{:.1} {:.1}L{x:.1} {:.1}\"><title>{}</title></path>\n",
            line.from.0,
            line.from.1,
            y - down * HEAD,
            escape(title)
        );
        self.heads += &format!(
            "<path class=\"head{class}\" {data} d=\"M{x:.1} {y:.1}l-4 {:.1}h8z\"/>\n",
            -down * (HEAD + 1.0)
        );
    }

    /// A line without a head.
    fn pass(
        &mut self,
        frame: &Frame<'_>,
        line: &Line,
        number: usize,
        (from_ns, to_ns): (u64, u64),
        title: &str,
    ) {
        let is_far = (line.to.0 - line.from.0).abs() > FAR;
        self.lines += &format!(
            "<path class=\"link{} {}\" data-request=\"{number}\" data-from=\"{}\" data-to=\"{}\" \
             d=\"M{:.1} {:.1}L{:.1} {:.1}\"><title>{}</title></path>\n",
            if is_far { " far" } else { "" },
            colour(number),
            frame.after_zero(from_ns),
            frame.after_zero(to_ns),
            line.from.0,
            line.from.1,
            line.to.0,
            line.to.1,
            escape(title)
        );
    }

    /// A hollow head without a line.
    fn stub(&mut self, frame: &Frame<'_>, x: f64, row: &Row, wake: &Wake, title: &str) {
        self.kinds.insert(Kind::KernelWake);
        self.heads += &format!(
            "<path class=\"kernel-wake\" {} d=\"M{x:.1} {:.1}l-3.5 -7h7z\"><title>{}</title></path>\n",
            data(frame, wake, None),
            row.top,
            escape(title)
        );
    }
}

/// Wake-ups that are not used, on the axis: each with its place, and how many it stands for.
fn together<'a>(frame: &Frame<'a>, used: &HashSet<usize>) -> Vec<(&'a Wake, f64, usize)> {
    let wakes = frame.trace.wakes.iter().enumerate();
    let wakes: Vec<&Wake> = wakes
        .filter(|(index, wake)| !used.contains(index) && frame.shows(wake.at_ns, wake.at_ns))
        .map(|(_, wake)| wake)
        .collect();
    let mut near = NEAR;
    loop {
        let mut arrows: Vec<(&Wake, f64, usize)> = Vec::new();
        for wake in &wakes {
            let x = frame.x(wake.at_ns);
            let same = arrows
                .iter_mut()
                .rfind(|(other, ..)| (other.lane, other.by) == (wake.lane, wake.by));
            match same {
                Some((_, first, number)) if x - *first < near => *number += 1,
                _ => arrows.push((wake, x, 1)),
            }
        }
        if arrows.len() <= ARROWS_MOST || near > RIGHT - LEFT {
            return arrows;
        }
        near *= 2.0;
    }
}

/// The head of a reply, which points to the client's row.
pub(super) fn reply_head(x: f64, y: f64) -> String {
    format!("M{x:.1} {y:.1}l-3 6h6z")
}

fn data(frame: &Frame<'_>, wake: &Wake, request: Option<usize>) -> String {
    let request = request.map_or(String::new(), |number| format!(" data-request=\"{number}\""));
    let by = match wake.by {
        Waker::Lane(lane) => lane.to_string(),
        Waker::Client => "client".to_owned(),
        Waker::Kernel => "kernel".to_owned(),
    };
    let at = frame.after_zero(wake.at_ns);
    format!(
        "data-lane=\"{}\" data-by=\"{by}\"{request} data-from=\"{at}\" data-to=\"{at}\"",
        wake.lane
    )
}

/// From the near edge of a row to the near edge of another, at a time.
fn between(frame: &Frame<'_>, at_ns: u64, from: &Row, to: &Row) -> Line {
    let x = frame.x(at_ns);
    if from.top < to.top {
        Line {
            from: (x, from.base),
            to: (x, to.top),
        }
    } else {
        Line {
            from: (x, from.top),
            to: (x, to.base + 2.0),
        }
    }
}

/// The first wake-up of a lane by this one in a time, unless it is another request's.
fn wake_within<'a>(
    frame: &Frame<'a>,
    lane: usize,
    by: Waker,
    within: RangeInclusive<u64>,
    used: &mut HashSet<usize>,
) -> Option<&'a Wake> {
    let wakes = frame.trace.wakes.iter().enumerate();
    let mut fitting =
        wakes.filter(|(_, wake)| within.contains(&wake.at_ns) && (wake.lane, wake.by) == (lane, by));
    let (index, wake) = fitting.find(|(index, _)| !used.contains(index))?;
    used.insert(index);
    frame.shows(wake.at_ns, wake.at_ns).then_some(wake)
}
