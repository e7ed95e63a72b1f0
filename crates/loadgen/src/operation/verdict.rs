//! Whether a reply has the expected meaning, however it is written.

use protocol::Reply;

use super::value::{same_value, string};

/// The result of checking a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// What was asked for.
    Good,
    /// An error; its text.
    Error(String),
    /// Something else; its text, and what was expected.
    Wrong(String),
}

/// The slow way, for a server that writes the same JSON differently.
#[cold]
pub(super) fn judge_meaning(expected: &[u8], body: &[u8]) -> Verdict {
    let expected = Reply::parse(expected).expect("the expected body is a reply");
    let got = match Reply::parse(body) {
        Ok(got) => got,
        Err(reason) => return Verdict::Wrong(format!("not a reply: {reason}")),
    };
    if got.kind == "error" {
        return Verdict::Error(shortened(got.result.get()));
    }
    let (result, wanted) = (got.result.get(), expected.result.get());
    let same = got.kind == expected.kind
        && match &*expected.kind {
            // Any ASCII string of the same length is right.
            "blob" | "worked" => string(result)
                .zip(string(wanted))
                .is_some_and(|(got, wanted)| got.len() == wanted.len() && got.is_ascii()),
            _ => same_value(result, wanted),
        };
    if same {
        return Verdict::Good;
    }
    Verdict::Wrong(format!(
        "{} {} in place of {} {}",
        got.kind,
        shortened(result),
        expected.kind,
        shortened(wanted)
    ))
}

/// The beginning of a long text, for a message.
pub(crate) fn shortened(text: &str) -> String {
    const MOST_CHARS: usize = 100;
    match text.char_indices().nth(MOST_CHARS) {
        None => text.to_owned(),
        Some((cut, _)) => format!("{}… ({} bytes)", &text[..cut], text.len()),
    }
}
