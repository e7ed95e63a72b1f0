//! Texts can be read: they are large enough, inside the picture, and not on each other.

use crate::drawn::{self, Letters, Text, attribute, number};
use crate::plot::parts::WIDTH;
use crate::plot::svg::{STYLE, file};
use crate::plot::text::{BOLD, SIZE, TITLE_SIZE};

use super::samples;

fn texts(drawn: &str) -> Vec<Text> {
    let letters = |class: &str| Letters {
        size: if class == "title" { TITLE_SIZE } else { SIZE },
        bold: if ["title", "heading"].contains(&class) {
            BOLD
        } else {
            1.0
        },
    };
    drawn::texts(drawn, letters, 0.76)
}

fn height(drawn: &str) -> f64 {
    number(drawn, "height")
}

#[track_caller]
fn is_legible(drawn: &str) {
    let texts = texts(drawn);
    let bottom = height(drawn);
    for (index, text) in texts.iter().enumerate() {
        let is_inside = text.left >= 0.0 && text.right <= WIDTH && text.top >= 0.0 && text.bottom <= bottom;
        assert!(is_inside, "{} is outside: {text:?} in {drawn}", text.words);
        for other in &texts[..index] {
            let is_apart = text.is_apart_from(other);
            assert!(is_apart, "{} is on {other:?} in {drawn}", text.words);
        }
    }
}

#[test]
fn no_text_overlaps_another_or_leaves_the_picture() {
    for plot in samples::all() {
        is_legible(&file(&plot));
    }
}

#[test]
#[should_panic(expected = "outside")]
fn a_text_that_leaves_the_picture_is_found() {
    is_legible(&file(&samples::small()).replace(" x=\"12.0\"", " x=\"390.0\""));
}

#[test]
#[should_panic(expected = "is on")]
fn a_text_on_another_is_found() {
    is_legible(&file(&samples::small()).replace(" y=\"47.0\"", " y=\"30.0\""));
}

#[test]
fn text_has_twelve_pixels_at_a_width_of_400() {
    let sizes: Vec<f64> = STYLE
        .split(['{', '}'])
        .flat_map(|rules| rules.split(';'))
        .filter_map(|rule| {
            rule.trim()
                .strip_prefix("font-size:")
                .or_else(|| rule.trim().strip_prefix("font:"))
        })
        .map(|value| value.trim().split("px").next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(
        sizes,
        [SIZE, TITLE_SIZE],
        "the sizes of the style sheet are those of the layout"
    );
    // A page leaves 360 of 400 pixels on a phone.
    for size in sizes {
        assert!(size * 400.0 / WIDTH >= 12.0, "{size}");
        assert!(size * 360.0 / WIDTH >= 12.0, "{size} in a page");
    }
    for plot in samples::all() {
        let drawn = file(&plot);
        assert_eq!(attribute(&drawn, "width").unwrap(), format!("{WIDTH}"));
        // No element has a size of its own, and no group is scaled.
        let body = drawn.split("</style>").nth(1).unwrap();
        assert!(!body.contains("font-size") && !body.contains("scale("));
    }
}
