//! What stands in a drawing, for tests that look at it.

use crate::plot::text;

/// A text of a drawing with the edges of its box.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) words: String,
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
}

/// The letters of a class of texts.
pub(crate) struct Letters {
    pub(crate) size: f64,
    /// How much wider than usual they are.
    pub(crate) bold: f64,
}

impl Text {
    /// Whether it is not on another.
    pub(crate) fn is_apart_from(&self, other: &Self) -> bool {
        self.right <= other.left
            || other.right <= self.left
            || self.bottom <= other.top
            || other.bottom <= self.top
    }
}

/// A text of an element as it was before it was escaped.
fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}

/// The value of an attribute.
pub(crate) fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let begin = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    tag[begin..].split('"').next()
}

/// The same as a number, which it has to be.
pub(crate) fn number(tag: &str, name: &str) -> f64 {
    let value = attribute(tag, name).unwrap_or_else(|| panic!("no {name} in {tag}"));
    value.parse().unwrap_or_else(|_| panic!("{name} in {tag}"))
}

/// All texts, by the letters of each class. The part of the size that is above the line leaves out the space above letters.
pub(crate) fn texts(drawn: &str, letters: impl Fn(&str) -> Letters, above: f64) -> Vec<Text> {
    let elements = drawn.split("<text").skip(1);
    let text = |element: &str| {
        let (tag, rest) = element.split_once('>').unwrap();
        let words = unescaped(rest.split('<').next().unwrap());
        let (x, y, class) = (
            number(tag, "x"),
            number(tag, "y"),
            attribute(tag, "class").unwrap(),
        );
        let Letters { size, bold } = letters(class);
        let wide = text::width(&words) * bold * size / text::SIZE;
        let left = match class {
            class if class == "number" || class.contains("middle") => x - wide / 2.0,
            class if class.contains("end") => x - wide,
            _ => x,
        };
        Text {
            words,
            left,
            right: left + wide,
            top: y - above * size,
            bottom: y + 0.2 * size,
        }
    };
    elements.map(text).collect()
}
