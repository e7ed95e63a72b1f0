//! Text in a plot, broken into lines by an estimate of its width.

use crate::escape::markup::escape;

/// The mean width of a letter at 12 pixels. System fonts differ, and this is rather wide.
const LETTER_PX: f64 = 6.7;

/// The text without the marks of bold and code.
pub(super) fn plain(text: &str) -> String {
    text.replace("**", "").replace('`', "")
}

pub(super) fn width(text: &str) -> f64 {
    text.chars().count() as f64 * LETTER_PX
}

/// The text cut to a width, with an ellipsis if something is missing.
pub(super) fn shortened(text: &str, room: f64) -> String {
    let letters = ((room / LETTER_PX) as usize).max(2);
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    let kept: String = text.chars().take(letters - 1).collect();
    kept.trim_end().to_owned() + "…"
}

/// The text in lines of a width, broken between words. Longer words are shortened.
pub(super) fn lines(text: &str, room: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(line) + width(word) + LETTER_PX <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(shortened(word, room)),
        }
    }
    lines
}

/// Text elements, one for each line.
pub(super) fn element(class: &str, x: f64, y: f64, line: f64, words: &[String]) -> String {
    let mut out = String::new();
    for (index, words) in words.iter().enumerate() {
        let y = y + index as f64 * line;
        out += &format!(
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>\n",
            escape(words)
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_broken_between_words() {
        assert_eq!(lines("one two three", 8.0 * LETTER_PX), ["one two", "three"]);
        assert_eq!(lines("incomprehensible", 5.0 * LETTER_PX), ["inco…"]);
        assert!(lines("", 10.0).is_empty());
    }
}
