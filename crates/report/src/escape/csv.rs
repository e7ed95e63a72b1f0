//! For CSV, which spreadsheets open.

use super::unseen::is_unseen;

/// A text as a field. RFC 4180: what holds a separator is put in quotes, and a quote in it is doubled. A spreadsheet takes a
/// field that begins with one of a few characters for a formula, so that it gets an apostrophe in front.
pub(crate) fn field(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| if is_unseen(c) && c != '\n' { ' ' } else { c })
        .collect();
    let is_formula = text.trim_start().starts_with(['=', '+', '-', '@']);
    let text = if is_formula { format!("'{text}") } else { text };
    if text.contains([',', '"', '\n', ';']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_a_separator_is_quoted() {
        assert_eq!(field("plain"), "plain");
        assert_eq!(field("a, \"b\"\n"), "\"a, \"\"b\"\"\n\"");
        assert_eq!(field("a\0b\r\u{1b}"), "a b  ");
    }

    #[test]
    fn what_a_spreadsheet_would_compute_is_text() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r=1"] {
            let written = field(formula);
            assert!(written.starts_with('\''), "{written:?}");
        }
        assert_eq!(field("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\"");
    }
}
