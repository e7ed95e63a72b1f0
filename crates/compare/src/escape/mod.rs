//! Strings from outside: names and texts in files, commands, and what servers print. Each is escaped for where it goes, by
//! a module for each place, and cut.

pub(crate) mod csv;
pub(crate) mod markdown;
pub(crate) mod terminal;

use serde_json::Value;

/// So much of a string in a file is read, in characters.
pub(crate) const STORED_MOST: usize = 2000;
/// So much of a line that a server printed is quoted, in characters.
pub(crate) const QUOTED_MOST: usize = 300;

/// At most so many characters, with an ellipsis where something was cut off.
pub(crate) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// Cuts every string in a value that was read from a file.
pub(crate) fn cut_all(value: &mut Value) {
    match value {
        Value::String(text) if text.len() > STORED_MOST => *text = cut(text, STORED_MOST),
        Value::Array(values) => values.iter_mut().for_each(cut_all),
        Value::Object(entries) => entries.values_mut().for_each(cut_all),
        _ => {}
    }
}

/// Whether a character is not shown, or changes how others are shown: control characters, and those that set a direction.
pub(crate) fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn long_strings_are_cut_between_characters() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöü", 2), "äö…");
        let long = "é".repeat(1 << 20);
        let mut value = json!({"a": [long, "short"], "b": 1});
        cut_all(&mut value);
        assert_eq!(value["a"][0].as_str().unwrap().chars().count(), STORED_MOST + 1);
        assert_eq!(value["a"][1], "short");
    }
}
