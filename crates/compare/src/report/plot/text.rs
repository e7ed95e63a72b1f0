//! Text inside of markup: escaped, and broken into lines by an estimate of its width.

/// A letter's mean width at the 12 pixels that plots are written in. System fonts differ; this is on the wide side.
const LETTER_PX: f64 = 6.7;

pub(crate) use crate::escape::markup::escape;

/// Without the marks of bold and code, which a picture does not show.
pub(super) fn plain(text: &str) -> String {
    text.replace("**", "").replace('`', "")
}

pub(super) fn width(text: &str) -> f64 {
    text.chars().count() as f64 * LETTER_PX
}

/// At most so wide; what is cut off is told by an ellipsis.
pub(super) fn shortened(text: &str, room: f64) -> String {
    let letters = ((room / LETTER_PX) as usize).max(2);
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    let kept: String = text.chars().take(letters - 1).collect();
    kept.trim_end().to_owned() + "…"
}

/// In lines that are at most so wide, broken between words; a longer word is shortened.
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
