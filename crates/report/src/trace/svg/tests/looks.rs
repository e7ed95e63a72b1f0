//! Colours and sizes can be seen.

use crate::plot::look::tests::{colour, contrast};
use crate::plot::look::{DARK, LIGHT};
use crate::trace::svg::frame::WIDTH;
use crate::trace::svg::label::{NUMBER_SIZE, SIZE, TITLE_SIZE};
use crate::trace::svg::{STYLE, frame, render};

use super::all;

/// The colour that `color-mix(in srgb, ONE SHARE, OTHER)` gives.
fn mixed(one: &str, share: f64, other: &str) -> String {
    let channels = |colour: &str| -> Vec<f64> {
        let digits: Vec<char> = colour.trim_start_matches('#').chars().collect();
        let each = digits.len() / 3;
        let parts = digits
            .chunks(each)
            .map(|part| part.iter().collect::<String>().repeat(2 / each));
        parts
            .map(|part| f64::from(u8::from_str_radix(&part, 16).unwrap()))
            .collect()
    };
    let mix = channels(one).into_iter().zip(channels(other));
    let mix = mix.map(|(one, other)| format!("{:02x}", (one * share + other * (1.0 - share)).round() as u8));
    format!("#{}", mix.collect::<String>())
}

/// The share of the first colour of a mix in the style, in percent.
fn share(rule: &str) -> f64 {
    let begin = STYLE.find(rule).unwrap_or_else(|| panic!("no rule {rule}"));
    let mix = STYLE[begin..].split("color-mix(in srgb, ").nth(1).unwrap();
    let mix = mix.split('%').next().unwrap();
    mix.split_whitespace().last().unwrap().parse::<f64>().unwrap() / 100.0
}

#[test]
fn every_mark_stands_out_on_both_grounds() {
    for list in [LIGHT, DARK] {
        let value = |name: &str| colour(list, name);
        let (surface, ink) = (value("surface"), value("ink"));
        let free = mixed(&value("c9"), share(".trace .free"), &surface);
        let kernel = mixed(&free, share(".trace .kernel.free"), &ink);
        assert!(contrast(&free, &surface) >= 3.0, "{free} on {surface}");
        assert!(contrast(&kernel, &surface) >= 3.0);
        assert!(contrast(&kernel, &free) >= 1.5, "{kernel} beside {free}");
        for number in 1..=8 {
            let own = value(&frame::colour(number).replace('m', "c"));
            let kernel = mixed(&own, share(".trace .kernel {"), &ink);
            assert!(contrast(&own, &surface) >= 3.0);
            assert!(contrast(&kernel, &surface) >= 3.0);
            // Grey of the same lightness would not differ from it.
            assert_ne!(own, value("c9"));
            assert_ne!(own, value("c1"), "the colour of threads that wait for a CPU");
        }
        assert!(contrast(&value("c1"), &surface) >= 3.0);
        assert!(contrast(&value("muted"), &surface) >= 4.5);
    }
}

#[test]
fn a_mix_is_between_its_colours() {
    assert_eq!(mixed("#fff", 0.5, "#000000"), "#808080");
    assert_eq!(mixed("#102030", 1.0, "#fff"), "#102030");
}

#[test]
fn text_is_plain_and_large_enough_in_a_page() {
    assert!(!STYLE.contains("opacity"));
    let rules = STYLE.lines().filter(|line| line.contains("font"));
    let sizes: Vec<f64> = rules
        .filter_map(|line| line.split("px").next()?.rsplit([' ', ':']).next()?.parse().ok())
        .collect();
    assert_eq!(sizes, [SIZE, TITLE_SIZE, NUMBER_SIZE], "those of the layout");
    for size in sizes {
        assert!(size * 800.0 / WIDTH >= 11.0, "{size}");
    }
    for (name, trace) in all() {
        let drawn = render(&trace);
        let body = drawn.split("</style>").nth(1).unwrap();
        for own in ["font-size", "scale(", "style="] {
            assert!(!body.contains(own), "{own} in {name}");
        }
    }
}

#[test]
fn states_differ_in_shape_and_not_in_colour_alone() {
    let drawn = render(&crate::trace::sample::trace());
    let height = |class: &str| {
        let tags = super::tags(&drawn, class);
        let path = super::attribute(tags[0], "d").unwrap().to_owned();
        path.split('v').nth(1).map_or(0.0, |rest| {
            rest.split('h').next().unwrap().parse::<f64>().unwrap()
        })
    };
    assert!(height("own") > 2.0 * height("ready"));
    assert!(STYLE.contains(".trace .ready { stroke: var(--c1); stroke-width: 10; stroke-dasharray"));
    assert!((frame::READY - 10.0).abs() < 1e-9, "the width in the style");
}
