//! The load generator: a row for each connection, with its requests from sent to received.

use schema::trace::Request;

use super::frame::{CLIENT_BAR, EDGE, Frame, LEFT, RIGHT, colour};
use super::label::{chip, chip_width, line};
use super::words;

/// The rows of all connections.
pub(super) fn draw(frame: &Frame<'_>) -> String {
    let mut out = line("heading", EDGE, frame.top + 13.0, "Client");
    for connection in &frame.trace.connections {
        let Some(top) = frame.client(connection.number) else {
            continue;
        };
        let base = top + CLIENT_BAR;
        out += &line(
            "name",
            EDGE,
            base - 4.0,
            &format!("connection {}", connection.number),
        );
        let opens = if frame.shows(connection.opens_ns, connection.opens_ns) {
            frame.x(connection.opens_ns)
        } else {
            LEFT
        };
        out += &format!("<path class=\"wire\" d=\"M{opens:.1} {base:.1}H{RIGHT:.1}\"/>\n");
        if opens > LEFT {
            let at = frame.after_zero(connection.opens_ns);
            out += &format!(
                "<path class=\"end-of-lane\" data-from=\"{at}\" data-to=\"{at}\" d=\"M{opens:.1} {top:.1}V{:.1}\"><title>\
                 connection {} is opened</title></path>\n",
                base + 2.0,
                connection.number
            );
        }
        let own = |request: &&Request| request.connection == connection.number;
        for request in frame.trace.requests.iter().filter(own) {
            out += &bars(frame, request, top);
        }
    }
    out
}

/// A request: pale from sent to received, with its colour while a thread holds it.
fn bars(frame: &Frame<'_>, request: &Request, top: f64) -> String {
    let number = request.number;
    let base = top + CLIENT_BAR;
    let data = |from_ns: u64, to_ns: u64| {
        format!(
            "data-request=\"{number}\" data-from=\"{}\" data-to=\"{}\"",
            frame.after_zero(from_ns),
            frame.after_zero(to_ns)
        )
    };
    let mut out = format!("<g class=\"request {}\">\n", colour(number));
    if request.due_ns < request.sent_ns && frame.shows(request.due_ns, request.sent_ns) {
        let (due, sent) = (frame.x(request.due_ns), frame.x(request.sent_ns));
        let waits = words::duration(request.sent_ns.saturating_sub(request.due_ns));
        out += &format!(
            "<path class=\"due\" {} d=\"M{due:.1} {:.1}v5M{due:.1} {:.1}H{sent:.1}\"><title>request {number} is due, and sent {waits} \
             later</title></path>\n",
            data(request.due_ns, request.sent_ns),
            base + 1.0,
            base + 3.5,
        );
    }
    if frame.shows(request.sent_ns, request.received_ns) {
        let (sent, received) = (frame.x(request.sent_ns), frame.x(request.received_ns));
        let lasts = words::duration(request.received_ns.saturating_sub(request.sent_ns));
        out += &format!(
            "<path class=\"pale\" {} d=\"{}\"><title>request {number}: {lasts} from sent to received</title></path>\n",
            data(request.sent_ns, request.received_ns),
            bar(sent, received, top + 0.5, CLIENT_BAR - 0.5),
        );
        for part in &request.parts {
            if frame.shows(part.from_ns, part.to_ns) {
                out += &format!(
                    "<path class=\"held\" data-lane=\"{}\" {} d=\"{}\"/>\n",
                    part.lane,
                    data(part.from_ns, part.to_ns),
                    bar(
                        frame.x(part.from_ns),
                        frame.x(part.to_ns),
                        top + 0.5,
                        CLIENT_BAR - 0.5
                    )
                );
            }
        }
        let words = number.to_string();
        let wide = chip_width(&words);
        if received - sent >= wide + 2.0 {
            out += &chip(
                &words,
                &colour(number),
                sent + wide / 2.0 + 2.0,
                top + CLIENT_BAR / 2.0,
            );
        }
    }
    out + "</g>\n"
}

fn bar(left: f64, right: f64, top: f64, height: f64) -> String {
    let wide = (right - left).max(0.0);
    format!("M{left:.2} {top:.1}h{wide:.2}v{height:.1}h-{wide:.2}z")
}
