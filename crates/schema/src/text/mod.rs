//! Text from outside (from files, and from what servers print): limits on its length, and escaping for a terminal.

pub mod terminal;
pub mod unseen;

use serde_json::Value;

/// How much of a string in a file is read, in characters.
pub const STORED_MOST: usize = 2000;
/// How much of a line that a server printed is quoted, in characters.
pub const QUOTED_MOST: usize = 300;

/// At most this many characters, with an ellipsis if something was cut off.
#[must_use]
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// Cuts every string in a value that was read from a file.
pub fn cut_all(value: &mut Value) {
    match value {
        Value::String(text) if text.len() > STORED_MOST => *text = cut(text, STORED_MOST),
        Value::Array(values) => values.iter_mut().for_each(cut_all),
        Value::Object(entries) => entries.values_mut().for_each(cut_all),
        _ => {}
    }
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
