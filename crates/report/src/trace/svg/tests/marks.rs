//! Everything of a trace is drawn, where and when it was.

use schema::trace::State;

use super::{all, attribute, dense, number, tags};
use crate::trace::axis::after_zero;
use crate::trace::svg::frame::{Frame, LEFT, RIGHT};
use crate::trace::svg::{picture, render};
use crate::trace::{Axis, sample};

#[test]
fn every_thread_and_every_request_is_drawn() {
    let trace = sample::trace();
    let drawn = render(&trace);
    let lanes = tags(&drawn, "lane");
    let lanes: Vec<_> = lanes
        .iter()
        .filter_map(|tag| attribute(tag, "data-lane"))
        .collect();
    assert_eq!(lanes, ["0", "1", "2"]);
    for name in ["main", "worker-1", "worker-2", "connection 1", "connection 2"] {
        assert!(drawn.contains(&format!(">{name}<")), "{name}");
    }
    let of = |class: &str, request: usize| {
        let tags = tags(&drawn, class).into_iter();
        let request = request.to_string();
        tags.filter(|tag| attribute(tag, "data-request") == Some(&request))
            .count()
    };
    for request in &trace.requests {
        let number = request.number;
        assert_eq!(of("pale", number), 1);
        assert_eq!(of("held", number), request.parts.len());
        assert_eq!(of("band", number), request.parts.len());
        assert_eq!(of("due", number), usize::from(request.due_ns < request.sent_ns));
        // To its first thread, from there to the worker, and back.
        assert_eq!(of("link", number), 3, "request {number}");
        assert!(drawn.contains(&format!("holds request {number} for")));
    }
}

#[test]
fn every_wake_up_has_its_mark() {
    let trace = sample::trace();
    let drawn = render(&trace);
    // The first one is before the axis begins.
    assert!(after_zero(&trace, trace.wakes[0].at_ns) < Axis::covering([&trace]).from_ns);
    for wake in &trace.wakes[1..] {
        let at = after_zero(&trace, wake.at_ns).to_string();
        let class = if wake.by == schema::trace::Waker::Kernel {
            "kernel-wake"
        } else {
            "head"
        };
        let found = tags(&drawn, class).into_iter().filter(|tag| {
            attribute(tag, "data-from") == Some(&at)
                && attribute(tag, "data-lane") == Some(&wake.lane.to_string())
        });
        assert_eq!(found.count(), 1, "{wake:?}");
    }
    for title in [
        "request 1 wakes main",
        "main wakes worker-2 for request 2",
        "the kernel wakes worker-1: a timer",
    ] {
        assert!(drawn.contains(&format!("<title>{title}")), "{title}");
    }
}

#[test]
fn bands_lie_within_the_marks_of_their_requests() {
    for trace in [sample::trace(), dense()] {
        let drawn = render(&trace);
        let bands = tags(&drawn, "band");
        assert!(bands.len() >= trace.requests.len());
        for band in bands {
            let request = number(band, "data-request") as usize;
            let request = trace.requests.iter().find(|one| one.number == request).unwrap();
            let (sent, received) = (
                after_zero(&trace, request.sent_ns),
                after_zero(&trace, request.received_ns),
            );
            assert!(
                number(band, "data-from") >= sent as f64 && number(band, "data-to") <= received as f64,
                "{band}"
            );
            let pale = tags(&drawn, "pale")
                .into_iter()
                .find(|tag| attribute(tag, "data-request") == Some(&request.number.to_string()));
            let (outer, inner) = (ends(pale.unwrap()), ends(band));
            assert!(
                inner.0 >= outer.0 - 0.02 && inner.1 <= outer.1 + 0.02,
                "{inner:?} in {outer:?}"
            );
        }
    }
}

/// The left and right ends of a bar.
fn ends(tag: &str) -> (f64, f64) {
    let path = attribute(tag, "d").unwrap();
    let left: f64 = path[1..].split(' ').next().unwrap().parse().unwrap();
    let wide: f64 = path
        .split('h')
        .nth(1)
        .unwrap()
        .split('v')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    (left, left + wide)
}

#[test]
fn marks_are_where_their_times_are() {
    let trace = sample::trace();
    let axis = Axis::covering([&trace]);
    let drawn = picture(&trace, axis).into_string();
    let root = drawn.split('>').next().unwrap();
    let (x0, x1) = (number(root, "data-x0"), number(root, "data-x1"));
    let (from, to) = (number(root, "data-from"), number(root, "data-to"));
    assert_eq!(
        (x0, x1, from as i64, to as i64),
        (LEFT, RIGHT, axis.from_ns, axis.to_ns)
    );
    let x = |ns: f64| x0 + ((ns - from) / (to - from)).clamp(0.0, 1.0) * (x1 - x0);
    for class in ["own", "kernel", "band", "pale", "held"] {
        let tags = tags(&drawn, class);
        assert!(!tags.is_empty(), "{class}");
        for tag in tags {
            let (left, right) = ends(tag);
            let (begins, stops) = (x(number(tag, "data-from")), x(number(tag, "data-to")));
            assert!(
                (left - begins).abs() < 0.02 && (right - stops).abs() < 0.02,
                "{tag}"
            );
        }
    }
}

#[test]
fn the_states_of_a_thread_have_their_words() {
    let drawn = render(&sample::trace());
    for words in [
        "runs on CPU 0 in its own code, 302 µs (request 2)",
        "runnable for 243 µs: it waits for a CPU",
        "blocked in clock_nanosleep for 1.00 ms (request 1)",
        "runs on CPU 0 in sendto, 9.0 µs (request 1)",
        "main: running 117 µs, runnable 27 µs, blocked 3.66 ms",
    ] {
        assert!(drawn.contains(&format!("<title>{words}")), "{words}");
    }
    for class in ["own", "kernel", "ready", "blocked", "band"] {
        for tag in tags(&drawn, class)
            .into_iter()
            .filter(|tag| tag.contains("data-"))
        {
            assert!(number(tag, "data-from") < number(tag, "data-to"), "{tag}");
            assert!(attribute(tag, "data-lane").is_some(), "{tag}");
        }
    }
}

#[test]
fn short_states_keep_their_share_of_the_picture() {
    let trace = dense();
    let drawn = render(&trace);
    let frame = Frame::build(&trace, Axis::covering([&trace]), 0.0);
    for lane in 0..trace.lanes.len() {
        let real = |state: State| {
            let slices = trace.lanes[lane]
                .slices
                .iter()
                .filter(|slice| slice.state == state);
            slices
                .map(|slice| frame.x(slice.to_ns) - frame.x(slice.from_ns))
                .sum::<f64>()
        };
        let own = |class: &str| {
            let all = drawn
                .split(&format!("<g class=\"lane\" data-lane=\"{lane}\""))
                .nth(1)
                .unwrap();
            let all = all
                .split("<g class=\"lane\"")
                .next()
                .unwrap()
                .split("class=\"legend\"")
                .next()
                .unwrap();
            tags(all, class).iter().map(|tag| area(tag)).sum::<f64>()
        };
        let running = (own("own") + own("kernel")) / crate::trace::svg::frame::BAR;
        let real = real(State::Running);
        assert!(
            (running - real).abs() < 0.03 * real,
            "{running} drawn, {real} real"
        );
    }
}

fn area(tag: &str) -> f64 {
    let path = attribute(tag, "d").unwrap();
    let (left, right) = ends(tag);
    let high: f64 = path
        .split('v')
        .nth(1)
        .unwrap()
        .split('h')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    (right - left) * high
}

#[test]
fn idle_threads_are_thin_and_many_of_them_are_folded() {
    let samples = all();
    let drawn = |name: &str| render(&samples.iter().find(|(own, _)| *own == name).unwrap().1);
    let some = drawn("some-idle");
    assert_eq!(tags(&some, "lane").len(), 6);
    assert!(some.contains(">idle-3<") && !some.contains("more threads"));
    let many = drawn("many-idle");
    assert_eq!(tags(&many, "lane").len(), 3);
    assert!(many.contains(">40 more threads, all blocked</text>") && !many.contains(">idle-1<"));
    let height = |drawn: &str| number(drawn.split('>').next().unwrap(), "height");
    let sample = drawn("sample");
    assert!(height(&some) - height(&sample) < 3.0 * 27.0);
    assert!(height(&many) - height(&sample) < 30.0);
}

#[test]
fn requests_held_at_once_lie_on_each_other() {
    let mut trace = sample::trace();
    let part = trace.requests[0].parts[1];
    trace.requests[1].parts = vec![part];
    trace.requests[1].received_ns = trace.requests[0].received_ns;
    let drawn = render(&trace);
    let base = |request: &str| {
        let bands = tags(&drawn, "band").into_iter();
        let mut own = bands.filter(|tag| {
            attribute(tag, "data-request") == Some(request) && attribute(tag, "data-lane") == Some("1")
        });
        let path = attribute(own.next().unwrap(), "d").unwrap().to_owned();
        path.split([' ', 'h']).nth(1).unwrap().parse::<f64>().unwrap()
    };
    assert!(
        (base("1") - base("2") - 5.0).abs() < 0.1,
        "{} {}",
        base("1"),
        base("2")
    );
    assert!(drawn.contains(">1, 2</text>"), "one frame for both");
    assert!(!render(&sample::trace()).contains(">1, 2</text>"));
}
