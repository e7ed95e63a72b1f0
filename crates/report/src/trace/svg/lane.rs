//! The threads: a row for each, with its states over time and the requests that it holds.

use schema::trace::{Part, Request, State};

use super::frame::{BAR, EDGE, Frame, LEFT, READY, Row, colour};
use super::label::{Places, line, name, width};
use super::numbers;
use super::pieces::{Piece, neighbours};
use super::words;
use crate::escape::markup::escape;

/// The height of the strip of a held request, at the bottom of the row.
const STRIP: f64 = 5.0;
/// Between a text and the ends of what it stands for.
const ROOM: f64 = 5.0;

/// The rows of all threads, in their order.
pub(super) fn draw(frame: &Frame<'_>, pieces: &[Vec<Piece<'_>>]) -> String {
    let mut out = String::new();
    for (row, pieces) in frame.rows.iter().zip(pieces) {
        out += &lane(frame, row, pieces);
    }
    if let Some((number, row)) = &frame.folded {
        let words = format!("{number} more threads, all blocked");
        out += &line("call", LEFT + ROOM, row.base - 4.0, &words);
    }
    out
}

fn lane(frame: &Frame<'_>, row: &Row, pieces: &[Piece<'_>]) -> String {
    let lane = &frame.trace.lanes[row.lane];
    let mut out = format!("<g class=\"lane\" data-lane=\"{}\">\n", row.lane);
    out += &format!(
        "<text class=\"name\" x=\"{EDGE}\" y=\"{:.1}\">{}<title>{}</title></text>\n",
        row.base - 4.0,
        escape(&name(&lane.name, LEFT - EDGE - 10.0)),
        escape(&words::totals(frame.trace, row.lane)),
    );
    for drawn in pieces {
        out += &piece(frame, row, drawn);
    }
    out += &bands(frame, row);
    out += &ends(frame, row);
    let mut places = Places::default();
    let held: Vec<_> = parts(frame, row.lane)
        .map(|(request, part)| (request.number, part))
        .collect();
    out += &numbers::draw(frame, row, pieces, &held, &mut places);
    out += &calls(frame, row, pieces, &mut places);
    out + "</g>\n"
}

/// The parts of requests that a lane holds and the axis shows, in the order of time.
fn parts<'a>(frame: &Frame<'a>, lane: usize) -> impl Iterator<Item = (&'a Request, &'a Part)> {
    let all = frame
        .trace
        .requests
        .iter()
        .flat_map(|request| request.parts.iter().map(move |part| (request, part)));
    let mut shown: Vec<_> = all
        .filter(|(_, part)| part.lane == lane && frame.shows(part.from_ns, part.to_ns))
        .collect();
    shown.sort_by_key(|(_, part)| part.from_ns);
    shown.into_iter()
}

/// The attributes that all marks have.
fn data(frame: &Frame<'_>, lane: usize, request: Option<usize>, from_ns: u64, to_ns: u64) -> String {
    let request = request.map_or(String::new(), |number| format!(" data-request=\"{number}\""));
    format!(
        "data-lane=\"{lane}\"{request} data-from=\"{}\" data-to=\"{}\"",
        frame.after_zero(from_ns),
        frame.after_zero(to_ns)
    )
}

fn bar(left: f64, right: f64, base: f64, height: f64) -> String {
    let wide = (right - left).max(0.0);
    format!(
        "M{left:.2} {:.1}h{wide:.2}v{height:.1}h-{wide:.2}z",
        base - height
    )
}

/// The states of a piece: a bar of the whole height while it runs, of half of it while it could run, and a line while it is
/// blocked. Where a piece is in several states, heights have their shares.
fn piece(frame: &Frame<'_>, row: &Row, piece: &Piece<'_>) -> String {
    let (left, right) = (frame.x(piece.begin_ns()), frame.x(piece.end_ns()));
    let request = piece.request();
    let data = data(frame, row.lane, request, piece.begin_ns(), piece.end_ns());
    let title = format!("<title>{}</title>", escape(&words::piece(piece, request)));
    let held = request.map_or(" free".to_owned(), |number| format!(" {}", colour(number)));
    let in_call = piece.share(|stretch| stretch.state == State::Running && stretch.call.is_some());
    let running = piece.share(|stretch| stretch.state == State::Running);
    let run = if in_call > running / 2.0 { "kernel" } else { "own" };
    let base = row.base;
    match piece.state() {
        Some(State::Blocked) => {
            format!("<path class=\"blocked\" {data} d=\"M{left:.2} {base:.1}H{right:.2}\">{title}</path>\n")
        }
        Some(State::Runnable) => {
            let middle = base - READY / 2.0;
            format!("<path class=\"ready\" {data} d=\"M{left:.2} {middle:.1}H{right:.2}\">{title}</path>\n")
        }
        Some(State::Running) => {
            let path = bar(left, right, base, BAR);
            format!("<path class=\"{run}{held}\" {data} d=\"{path}\">{title}</path>\n")
        }
        None => {
            let runnable = piece.share(|stretch| stretch.state == State::Runnable);
            let high = running * BAR;
            let shape = |class: &str, base: f64, height: f64| {
                if height < 0.05 {
                    return String::new();
                }
                format!(
                    "<path class=\"{class}\" d=\"{}\"/>",
                    bar(left, right, base, height)
                )
            };
            let waits = shape("waits", base - high, runnable * READY);
            let runs = shape(&format!("{run}{held}"), base, high);
            format!(
                "<g class=\"mixed\" {data}>{title}{waits}{runs}<path class=\"blocked\" d=\"M{left:.2} {base:.1}H{right:.2}\"/></g>\n"
            )
        }
    }
}

/// The strips of all requests that a thread holds. Those that it holds at the same time lie on each other.
fn bands(frame: &Frame<'_>, row: &Row) -> String {
    // Until when each level is taken.
    let mut levels: Vec<u64> = Vec::new();
    let placed: Vec<_> = parts(frame, row.lane)
        .map(|(request, part)| {
            let free = levels.iter().position(|until| *until <= part.from_ns);
            let level = free.unwrap_or(levels.len());
            levels.resize(levels.len().max(level + 1), 0);
            levels[level] = part.to_ns;
            (request, part, level as f64)
        })
        .collect();
    let height = STRIP.min(BAR / levels.len().max(1) as f64);
    placed
        .into_iter()
        .map(|(request, part, level)| band(frame, row, (request, part), row.base - level * height, height))
        .collect()
}

/// A strip along the time that a thread holds a request.
fn band(frame: &Frame<'_>, row: &Row, (request, part): (&Request, &Part), base: f64, height: f64) -> String {
    let (left, right) = (frame.x(part.from_ns), frame.x(part.to_ns));
    let title = format!(
        "{} holds request {} for {}",
        frame.name(row.lane),
        request.number,
        words::duration(part.to_ns.saturating_sub(part.from_ns))
    );
    format!(
        "<path class=\"band {}\" {} d=\"{}\"><title>{}</title></path>\n",
        colour(request.number),
        data(frame, row.lane, Some(request.number), part.from_ns, part.to_ns),
        bar(left, right, base, height),
        escape(&title)
    )
}

/// Where a thread begins or ends.
fn ends(frame: &Frame<'_>, row: &Row) -> String {
    let Some((from_ns, to_ns)) = frame.trace.lanes[row.lane].span_ns() else {
        return String::new();
    };
    let mut out = String::new();
    for (at_ns, is_end, word) in [
        (from_ns, from_ns > 0, "begins"),
        (to_ns, to_ns < frame.trace.length_ns, "ends"),
    ] {
        if is_end && frame.shows(at_ns, at_ns) {
            out += &format!(
                "<path class=\"end-of-lane\" {} d=\"M{:.1} {:.1}V{:.1}\"><title>{} {word}</title></path>\n",
                data(frame, row.lane, None, at_ns, at_ns),
                frame.x(at_ns),
                row.base - BAR,
                row.base + 2.0,
                escape(frame.name(row.lane))
            );
        }
    }
    out
}

/// The system calls in which a thread is blocked for long enough, above its line.
fn calls(frame: &Frame<'_>, row: &Row, pieces: &[Piece<'_>], places: &mut Places) -> String {
    let blocked = neighbours(frame, pieces, |piece| match &piece.stretches[..] {
        [one] if one.state == State::Blocked => Some((one.call?, one.request.is_some())),
        _ => None,
    });
    let mut out = String::new();
    for (left, right, (call, is_held)) in blocked {
        let (left, right) = places.widest(left + ROOM, right - ROOM);
        let wide = width(call);
        if right - left >= wide + ROOM {
            let middle = f64::midpoint(left, right);
            places.take(middle - wide / 2.0, middle + wide / 2.0);
            out += &line(
                "call middle",
                middle,
                row.base - if is_held { 9.0 } else { 6.0 },
                call,
            );
        }
    }
    out
}
