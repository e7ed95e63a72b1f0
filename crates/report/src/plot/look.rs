//! How a series looks in all plots: a colour and, for readers with colour blindness, a shape.
//!
//! The colours are Okabe and Ito's and Paul Tol's "muted" ones, which differ for the common colour blindnesses, darker on white
//! and lighter on black. The numbers of colours and shapes have no common divisor, so each pair is unique up to place 69.

/// CSS variables for a light page, and for a dark one.
pub(crate) const LIGHT: &str = "color-scheme:light;--surface:#fff;--raised:#f5f7f9;--ink:#1b1f24;--muted:#57606a;\
    --grid:#e3e7eb;--edge:#d0d7de;--accent:#0a5cad;--best:#dcf2e4;--c0:#0072b2;--c1:#d55e00;--c2:#009e73;--c3:#aa4499;\
    --c4:#b07a00;--c5:#332288;--c6:#2f8fcb;--c7:#882255;--c8:#117733;--c9:#6b6b6b;";
pub(crate) const DARK: &str = "color-scheme:dark;--surface:#0d1117;--raised:#161b22;--ink:#e6edf3;--muted:#9aa5b1;\
    --grid:#252c35;--edge:#343c46;--accent:#6cb6ff;--best:#12351f;--c0:#4aa3df;--c1:#ff8a3d;--c2:#2fc79a;--c3:#d98acb;\
    --c4:#f2c14e;--c5:#9a8cff;--c6:#a6dcff;--c7:#e0637c;--c8:#8fbf3f;--c9:#b5b5b5;";

const COLOURS: usize = 10;

/// Outlines around (0, 0), all of about the same area.
const SHAPES: [&str; 7] = [
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
    "M-3.6-3.6h7.2v7.2h-7.2z",
    "M0-5.2L5.2 0 0 5.2-5.2 0z",
    "M0-5L4.9 3.6h-9.8z",
    "M0 5L4.9-3.6h-9.8z",
    "M-1.7-5h3.4v3.3h3.3v3.4h-3.3v3.3h-3.4v-3.3h-3.3v-3.4h3.3z",
    "M-5-3.2L-3.2-5 0-1.8 3.2-5 5-3.2 1.8 0 5 3.2 3.2 5 0 1.8-3.2 5-5 3.2-1.8 0z",
];

/// The class that gives a series its colour.
pub(crate) fn class(place: usize) -> String {
    format!("m{}", place % COLOURS)
}

/// The outline of its dots, as path data.
pub(crate) fn shape(place: usize) -> &'static str {
    SHAPES[place % SHAPES.len()]
}

/// The rules that give the classes their colours. Marks in plots use the current colour.
pub(crate) fn rules() -> String {
    (0..COLOURS)
        .map(|place| format!(".m{place}{{color:var(--c{place})}}"))
        .collect::<Vec<_>>()
        .concat()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn seventy_series_look_different() {
        let looks: HashSet<_> = (0..70).map(|place| (class(place), shape(place))).collect();
        assert_eq!(looks.len(), 70);
    }

    /// The value of a colour in a list of variables.
    pub(crate) fn colour(list: &str, name: &str) -> String {
        let value = list
            .split(&format!("--{name}:"))
            .nth(1)
            .and_then(|rest| rest.split(';').next());
        value.unwrap_or_else(|| panic!("no --{name}")).to_owned()
    }

    /// The relative luminance of a colour such as `#0d1117` or `#fff`, by WCAG 2.2.
    fn luminance(colour: &str) -> f64 {
        let digits: Vec<char> = colour.trim_start_matches('#').chars().collect();
        let each = digits.len() / 3;
        let channel = |index: usize| {
            let part: String = digits[index * each..(index + 1) * each].iter().collect();
            let part = part.repeat(2 / each);
            let value = f64::from(u8::from_str_radix(&part, 16).unwrap()) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * channel(0) + 0.7152 * channel(1) + 0.0722 * channel(2)
    }

    /// The contrast of two colours, by WCAG 2.2.
    pub(crate) fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn contrast_is_that_of_wcag() {
        assert!((contrast("#fff", "#000000") - 21.0).abs() < 1e-9);
        // The example of its guide: the darkest grey that fails on white.
        assert!(contrast("#777777", "#fff") < 4.5 && contrast("#767676", "#fff") > 4.5);
    }

    #[test]
    fn text_and_marks_stand_out_on_both_grounds() {
        for list in [LIGHT, DARK] {
            let on = |ground: &str, name: &str| contrast(&colour(list, name), &colour(list, ground));
            for ground in ["surface", "raised"] {
                for text in ["ink", "muted", "accent"] {
                    assert!(
                        on(ground, text) >= 4.5,
                        "{text} on {ground}: {}",
                        on(ground, text)
                    );
                }
            }
            for mark in (0..COLOURS).map(|place| format!("c{place}")) {
                assert!(on("surface", &mark) >= 3.0, "{mark}: {}", on("surface", &mark));
            }
            assert!(on("best", "ink") >= 4.5);
        }
        // Nothing is lighter than its colour.
        assert!(!include_str!("plot.css").contains("opacity"));
    }
}
