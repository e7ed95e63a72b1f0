//! The picture of one trace: the client's requests, a row for each thread with its states, and arrows for wake-ups.
//!
//! `frame` has the places. From top to bottom, `client` draws the connections and `lane` the threads. `pieces` puts states
//! together that are too short to be seen, and `numbers` adds the numbers of requests. `links` draws the lines between the
//! rows, and `legend` what the marks mean. `words` and `label` have the texts.

#![allow(
    clippy::format_push_string,
    reason = "a drawing is small, and `write!` to a string returns an error that never comes"
)]

mod client;
mod frame;
mod label;
mod lane;
mod legend;
mod links;
mod numbers;
mod pieces;
#[cfg(test)]
mod tests;
mod words;

use maud::{Markup, PreEscaped};
use schema::trace::Trace;

use self::frame::{EDGE, Frame, LEFT, RIGHT, WIDTH};
use self::label::{LINE, SIZE, TITLE_SIZE};
use self::links::Links;
use self::pieces::Piece;
use super::axis::Axis;
use crate::escape::markup::escape;
use crate::plot::{look, text};

/// The style rules of a picture. They use the colours of the page or the file around it, and [`look::rules`].
pub(crate) const STYLE: &str = include_str!("trace.css");

/// A file of its own: with its colours for light and dark, and its background. It has the time axis that fits its requests.
#[must_use]
pub fn render(trace: &Trace) -> String {
    let style = format!(
        "<style>\n:root{{{}}}\n@media (prefers-color-scheme:dark){{:root{{{}}}}}\n{}\n{STYLE}</style>\n",
        look::LIGHT,
        look::DARK,
        look::rules(),
    );
    draw(trace, Axis::covering([trace]), &style)
}

/// A part of a page, which must have the colours, their rules and the style of pictures. The page has the words around it, and
/// one [`legend`] for all its pictures.
#[must_use]
pub fn picture(trace: &Trace, axis: Axis) -> Markup {
    let frame = Frame::build(trace, axis, 2.0);
    let rows = rows(&frame, &pieces::build(&frame), &links::draw(&frame));
    let height = frame.bottom + LINE + EDGE / 2.0;
    PreEscaped(format!("{}{rows}</svg>\n", opening(&frame, height)))
}

/// The legend of pictures in a page: the entries that occur in any of them.
#[must_use]
pub fn legend(traces: &[Trace], axis: Axis) -> Markup {
    let mut entries: Vec<legend::Entry> = Vec::new();
    for trace in traces {
        let frame = Frame::build(trace, axis, 0.0);
        for entry in legend::entries(trace, &pieces::build(&frame), &links::draw(&frame)) {
            if entries.iter().all(|(words, _)| *words != entry.0) {
                entries.push(entry);
            }
        }
    }
    let (drawn, bottom) = legend::draw(&entries, 4.0);
    let names: Vec<&str> = entries.iter().map(|(words, _)| *words).collect();
    PreEscaped(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"trace\" viewBox=\"0 0 {WIDTH} {bottom:.0}\" width=\"{WIDTH}\" \
         height=\"{bottom:.0}\" role=\"img\" aria-label=\"What the marks mean: {}\">\n{drawn}</svg>\n",
        escape(&names.join("; ")),
    ))
}

fn draw(trace: &Trace, axis: Axis, style: &str) -> String {
    let room = WIDTH - 2.0 * EDGE;
    let title = label::lines(&words::title(trace), room / text::BOLD, TITLE_SIZE);
    let subtitle = label::lines(&words::subtitle(trace), room, SIZE);
    let title_y = EDGE + 13.0;
    let subtitle_y = title_y + (title.len() as f64 - 1.0) * LINE + 20.0;
    let top = subtitle_y + (subtitle.len().max(1) - 1) as f64 * LINE + 14.0;

    let frame = Frame::build(trace, axis, top);
    let pieces = pieces::build(&frame);
    let links = links::draw(&frame);
    let entries = legend::entries(trace, &pieces, &links);
    let (legend, legend_bottom) = legend::draw(&entries, frame.bottom + LINE + 14.0);
    let lacks = label::lines(&trace.lacks.join(" "), room, SIZE);
    let lacks_y = legend_bottom + LINE;
    let height = if lacks.is_empty() {
        legend_bottom + EDGE
    } else {
        lacks_y + (lacks.len() - 1) as f64 * LINE + EDGE
    };

    let mut out = opening(&frame, height);
    out += &format!(
        "<title>{}</title>\n{style}<rect class=\"surface\" width=\"{WIDTH}\" height=\"{height:.0}\"/>\n",
        escape(&words::title(trace))
    );
    out += &label::block("title", EDGE, title_y, &title);
    out += &label::block("quiet", EDGE, subtitle_y, &subtitle);
    out += &rows(&frame, &pieces, &links);
    out += &legend;
    out += &label::block("quiet", EDGE, lacks_y, &lacks);
    out + "</svg>\n"
}

/// The tag that begins a picture.
fn opening(frame: &Frame<'_>, height: f64) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"trace\" viewBox=\"0 0 {WIDTH} {height:.0}\" width=\"{WIDTH}\" \
         height=\"{height:.0}\" role=\"img\" aria-label=\"{}\" data-x0=\"{LEFT}\" data-x1=\"{RIGHT}\" data-from=\"{}\" data-to=\"{}\" \
         data-top=\"{:.1}\" data-bottom=\"{:.1}\">\n",
        escape(&words::description(frame.trace)),
        frame.axis.from_ns,
        frame.axis.to_ns,
        frame.top,
        frame.bottom,
    )
}

/// All rows, the arrows between them, and the axis below.
fn rows(frame: &Frame<'_>, pieces: &[Vec<Piece<'_>>], links: &Links) -> String {
    let mut out = beyond(frame);
    out += &ticks(frame);
    out += &links.lines;
    out += &label::line("heading", EDGE, frame.server + 13.0, "Server");
    out += &client::draw(frame);
    out += &lane::draw(frame, pieces);
    out + &links.heads
}

/// A ground where the trace has not begun or has ended, as other traces on the same axis last longer.
fn beyond(frame: &Frame<'_>) -> String {
    let (begin, end) = (frame.x(0), frame.x(frame.trace.length_ns));
    let mut out = String::new();
    for (left, right) in [(LEFT, begin), (end, RIGHT)] {
        if right - left > 1.0 {
            out += &format!(
                "<rect class=\"beyond\" x=\"{left:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>\n",
                frame.top + 6.0,
                right - left,
                frame.bottom - frame.top - 6.0,
            );
        }
    }
    let words = "the trace has ended";
    if RIGHT - end > label::width(words) + 24.0 {
        out += &label::line("call end", RIGHT - 6.0, frame.server + 13.0, words);
    }
    out
}

/// The time axis at the bottom, with a line through all rows at each tick.
fn ticks(frame: &Frame<'_>) -> String {
    let (top, bottom) = (frame.top + 6.0, frame.bottom);
    let mut out = String::new();
    let mut labels = String::new();
    for (at_ns, text) in frame.axis.ticks() {
        let x = LEFT + frame.axis.share(at_ns) * (RIGHT - LEFT);
        out += &format!("<path class=\"grid\" d=\"M{x:.1} {top:.1}V{bottom:.1}\"/>\n");
        let half = label::width(&text) / 2.0;
        if x - half >= LEFT && x + half <= WIDTH - 2.0 {
            labels += &label::line("tick middle", x, bottom + 16.0, &text);
        }
    }
    out += &format!("<path class=\"axis\" d=\"M{LEFT} {bottom:.1}H{RIGHT}\"/>\n");
    out + &labels + &label::line("tick", EDGE, bottom + 16.0, "ms since request 1")
}
