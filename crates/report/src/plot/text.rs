//! Text in a plot, broken into lines by an estimate of its width.

use crate::escape::markup::escape;

/// The size of all text but titles, in pixels. A plot that is scaled down to 360 pixels has text of 12 pixels.
pub(crate) const SIZE: f64 = 15.0;
/// The size of a title.
pub(super) const TITLE_SIZE: f64 = 17.0;
/// How much wider bold text is.
pub(crate) const BOLD: f64 = 1.1;
/// From one line to the next.
pub(super) const LINE: f64 = 19.0;

/// The width at the usual size. System fonts differ, and this is for the widest of them, so that no text is cut.
pub(crate) fn width(text: &str) -> f64 {
    text.chars().map(letter).sum::<f64>() * SIZE
}

/// The width of a letter, as a share of the size: those of a font (`DejaVu Sans`) that is wider than most.
fn letter(letter: char) -> f64 {
    match letter {
        'i' | 'j' | 'l' | '\'' | '’' => 0.28,
        ' ' | '.' | ',' | ':' | ';' | '|' => 0.34,
        '-' | '(' | ')' | '[' | ']' | 'f' | 'r' | 't' | '/' | 'I' => 0.41,
        'c' | 's' | 'z' | '–' | '"' | '*' => 0.55,
        'm' | '%' | 'M' | 'W' | '…' | '—' => 1.0,
        'w' | '≥' | '≤' | '≈' | '×' | '+' | '<' | '>' | '=' => 0.84,
        'A'..='Z' => 0.72,
        'a'..='z' | '0'..='9' | 'µ' => 0.635,
        // Other scripts may have letters as wide as they are high.
        letter if letter.is_ascii() || letter < '\u{250}' => 0.7,
        _ => 1.0,
    }
}

/// The text cut to a width, with an ellipsis if something is missing.
pub(crate) fn shortened(text: &str, room: f64) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let mut kept = String::new();
    for letter in text.chars() {
        kept.push(letter);
        if width(&kept) + width("…") > room && kept.chars().count() > 1 {
            kept.pop();
            break;
        }
    }
    kept.trim_end().to_owned() + "…"
}

/// The text in lines of a width, broken between words. Longer words are shortened.
pub(crate) fn lines(text: &str, room: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(line) + width(word) + width(" ") <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(shortened(word, room)),
        }
    }
    lines
}

/// The same with at most `most` lines. The last one is shortened if something is missing.
pub(super) fn lines_at_most(text: &str, room: f64, most: usize) -> Vec<String> {
    let mut all = lines(text, room);
    if all.len() > most {
        let rest = all.split_off(most - 1).join(" ");
        all.push(shortened(&rest, room));
    }
    all
}

/// Text elements, one for each line.
pub(super) fn element<S: AsRef<str>>(class: &str, x: f64, y: f64, words: &[S]) -> String {
    let mut out = String::new();
    for (index, words) in words.iter().enumerate() {
        let y = y + index as f64 * LINE;
        out += &format!(
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>\n",
            escape(words.as_ref())
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_broken_between_words() {
        assert_eq!(lines("one two three", width("one two ")), ["one two", "three"]);
        assert_eq!(lines("incomprehensible", width("inco…")), ["inco…"]);
        assert!(lines("", 10.0).is_empty());
    }

    #[test]
    fn text_beyond_the_last_line_is_shortened() {
        assert_eq!(
            lines_at_most("one two three four", width("one two"), 2),
            ["one two", "three…"]
        );
    }

    #[test]
    fn no_letter_is_too_wide_for_a_shortened_text() {
        assert_eq!(shortened("WWWW", 1.0), "W…");
        assert_eq!(shortened("a", 20.0), "a");
    }
}
