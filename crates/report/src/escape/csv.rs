//! Escaping for CSV files, which spreadsheets open.

use schema::text::unseen::is_unseen;

/// A text as a field. A text with a separator is quoted, and its quotes are doubled (RFC 4180). A spreadsheet would compute a
/// field that looks like a formula, so such a field gets an apostrophe in front.
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
    fn a_text_with_a_separator_is_quoted() {
        assert_eq!(field("plain"), "plain");
        assert_eq!(field("a, \"b\"\n"), "\"a, \"\"b\"\"\n\"");
        assert_eq!(field("a\0b\r\u{1b}"), "a b  ");
    }

    #[test]
    fn a_formula_stays_text() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r=1"] {
            let written = field(formula);
            assert!(written.starts_with('\''), "{written:?}");
        }
        assert_eq!(field("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\"");
    }
}
