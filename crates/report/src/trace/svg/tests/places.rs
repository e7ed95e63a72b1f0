//! Nothing leaves the picture, and no text is on another.

use super::{all, tags};
use crate::drawn::{self, Letters, Text, attribute, number};
use crate::plot::text::BOLD;
use crate::trace::svg::frame::{LEFT, RIGHT, WIDTH};
use crate::trace::svg::label::{NUMBER_SIZE, SIZE, TITLE_SIZE};
use crate::trace::svg::{legend, picture, render};
use crate::trace::{Axis, sample};

fn texts(drawn: &str) -> Vec<Text> {
    let letters = |class: &str| match class {
        "title" => (TITLE_SIZE, BOLD),
        "number" => (NUMBER_SIZE, BOLD),
        "heading" => (SIZE, BOLD),
        _ => (SIZE, 1.0),
    };
    let letters = |class: &str| {
        let (size, bold) = letters(class);
        Letters { size, bold }
    };
    drawn::texts(drawn, letters, 0.74)
}

/// All places of a path: the ends of its lines.
fn path(data: &str) -> Vec<(f64, f64)> {
    let mut places = Vec::new();
    let (mut x, mut y): (f64, f64) = (0.0, 0.0);
    let mut rest = data;
    while let Some(command) = rest.chars().next() {
        let after = &rest[1..];
        let end = after
            .find(|letter: char| letter.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let spaced = after[..end].replace('-', " -");
        let numbers: Vec<f64> = spaced
            .split_whitespace()
            .map(|number| number.parse().unwrap())
            .collect();
        match (command, &numbers[..]) {
            ('M' | 'L', [to_x, to_y]) => (x, y) = (*to_x, *to_y),
            ('l', [by_x, by_y]) => (x, y) = (x + by_x, y + by_y),
            ('H', [to]) => x = *to,
            ('V', [to]) => y = *to,
            ('h', [by]) => x += by,
            ('v', [by]) => y += by,
            ('z', []) => {}
            other => panic!("{other:?} in {data}"),
        }
        places.push((x, y));
        rest = &after[end..];
    }
    places
}

#[track_caller]
fn is_inside(drawn: &str) {
    let height = number(drawn.split('>').next().unwrap(), "height");
    let is_in = |x: f64, y: f64| (0.0..=WIDTH).contains(&x) && (0.0..=height).contains(&y);
    for data in drawn
        .split(" d=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
    {
        for (x, y) in path(data) {
            assert!(is_in(x, y), "{x} {y} of {data} is outside");
        }
    }
    for tag in tags(drawn, "chip") {
        let (x, y) = (number(tag, "x"), number(tag, "y"));
        assert!(
            is_in(x, y) && is_in(x + number(tag, "width"), y + number(tag, "height")),
            "{tag} is outside"
        );
    }
    let texts = texts(drawn);
    for (index, text) in texts.iter().enumerate() {
        assert!(
            is_in(text.left, text.top) && is_in(text.right, text.bottom),
            "{text:?} is outside"
        );
        for other in &texts[..index] {
            let is_apart = text.is_apart_from(other);
            assert!(is_apart, "{} is on {other:?}: {text:?}", text.words);
        }
    }
}

#[test]
fn nothing_leaves_the_picture_or_covers_a_text() {
    for (name, trace) in all() {
        println!("{name}");
        is_inside(&render(&trace));
        for (from_ns, to_ns) in [
            (-500_000, 20_000_000),
            (100_000, 200_000),
            (5_000_000, 6_000_000),
            (0, 1),
        ] {
            let axis = Axis { from_ns, to_ns };
            is_inside(&picture(&trace, axis).into_string());
            is_inside(&legend(std::slice::from_ref(&trace), axis).into_string());
        }
    }
}

#[test]
#[should_panic(expected = "is outside")]
fn a_mark_outside_is_found() {
    is_inside(
        &render(&sample::trace()).replace("<path class=\"axis\" d=\"M140", "<path class=\"axis\" d=\"M-1"),
    );
}

#[test]
#[should_panic(expected = "is on")]
fn a_text_on_another_is_found() {
    is_inside(&render(&sample::trace()).replace(">main<", ">main and a long tail of words<"));
}

#[test]
fn states_and_arrows_stay_on_the_axis() {
    for (name, trace) in all() {
        let drawn = render(&trace);
        for class in [
            "own", "kernel", "ready", "blocked", "band", "pale", "held", "link", "due",
        ] {
            for tag in tags(&drawn, class)
                .into_iter()
                .filter(|tag| tag.contains("data-"))
            {
                for (x, _) in path(attribute(tag, "d").unwrap()) {
                    assert!((LEFT - 0.1..=RIGHT + 0.1).contains(&x), "{name}: {tag}");
                }
            }
        }
    }
}

#[test]
fn heads_of_arrows_are_between_the_rows() {
    let drawn = render(&sample::trace());
    let bars: Vec<(f64, f64)> = ["own", "kernel"]
        .iter()
        .flat_map(|class| tags(&drawn, class))
        .filter(|tag| tag.contains("data-"))
        .map(|tag| {
            let places = path(attribute(tag, "d").unwrap());
            (places[0].1, places[2].1)
        })
        .collect();
    for tag in tags(&drawn, "head")
        .into_iter()
        .filter(|tag| tag.contains("data-by"))
    {
        let places = path(attribute(tag, "d").unwrap());
        let (tip, tail) = (places[0].1.min(places[1].1), places[0].1.max(places[1].1));
        for (top, base) in &bars {
            assert!(
                tail <= *top || tip >= *base,
                "{tag} is on a bar from {top} to {base}"
            );
        }
    }
}
