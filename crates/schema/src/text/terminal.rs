//! Escaping for a terminal, which obeys control characters.

use super::unseen::is_unseen;

/// The text with every control character as its code. Line ends and tabs stay.
#[must_use]
pub fn escape(text: &str) -> String {
    if !text.contains(|c| is_unseen(c) && c != '\n' && c != '\t') {
        return text.to_owned();
    }
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unseen(character) && character != '\n' && character != '\t' {
            escaped.extend(character.escape_default());
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// The same on one line.
#[must_use]
pub fn line(text: &str) -> String {
    escape(&text.replace('\r', "").replace(['\n', '\t'], " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown() {
        assert_eq!(
            escape("\u{1b}[31mred\u{7}\u{202e}\0"),
            "\\u{1b}[31mred\\u{7}\\u{202e}\\u{0}"
        );
        assert_eq!(escape("a\n\tb é ≈"), "a\n\tb é ≈");
        assert_eq!(line("a\r\nb\tc\r"), "a b c");
    }
}
