//! Texts can be read: they are large enough, inside the picture, and not on each other.

use crate::plot::parts::WIDTH;
use crate::plot::svg::{STYLE, file};
use crate::plot::text::{BOLD, SIZE, TITLE_SIZE, width};

use super::samples;

/// A text of a drawing with the edges of its box.
#[derive(Debug)]
struct Text {
    words: String,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

fn attribute<'a>(element: &'a str, name: &str) -> &'a str {
    let start = element.find(&format!(" {name}=\"")).unwrap() + name.len() + 3;
    &element[start..start + element[start..].find('"').unwrap()]
}

fn texts(drawn: &str) -> Vec<Text> {
    let elements = drawn.split("<text ").skip(1);
    let text = |element: &str| {
        let element = format!(" {element}");
        let (tag, rest) = element.split_once('>').unwrap();
        let words = rest[..rest.find("</text>").unwrap()]
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&amp;", "&");
        let number = |name| attribute(tag, name).parse::<f64>().unwrap();
        let (x, y, class) = (number("x"), number("y"), attribute(tag, "class").to_owned());
        let size = if class == "title" { TITLE_SIZE } else { SIZE };
        let bold = if ["title", "heading"].contains(&&*class) {
            BOLD
        } else {
            1.0
        };
        let wide = width(&words) * bold * size / SIZE;
        let left = match &*class {
            class if class.contains("middle") => x - wide / 2.0,
            class if class.contains("end") => x - wide,
            _ => x,
        };
        Text {
            words,
            left,
            right: left + wide,
            // Without the space above and below letters.
            top: y - 0.76 * size,
            bottom: y + 0.2 * size,
        }
    };
    elements.map(text).collect()
}

fn height(drawn: &str) -> f64 {
    attribute(drawn, "height").parse().unwrap()
}

#[track_caller]
fn is_legible(drawn: &str) {
    let texts = texts(drawn);
    let bottom = height(drawn);
    for (index, text) in texts.iter().enumerate() {
        let is_inside = text.left >= 0.0 && text.right <= WIDTH && text.top >= 0.0 && text.bottom <= bottom;
        assert!(is_inside, "{} is outside: {text:?} in {drawn}", text.words);
        for other in &texts[..index] {
            let is_apart = text.right <= other.left
                || other.right <= text.left
                || text.bottom <= other.top
                || other.bottom <= text.top;
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
        assert_eq!(attribute(&drawn, "width"), format!("{WIDTH}"));
        // No element has a size of its own, and no group is scaled.
        let body = drawn.split("</style>").nth(1).unwrap();
        assert!(!body.contains("font-size") && !body.contains("scale("));
    }
}
