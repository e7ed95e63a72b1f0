//! The JSON in a frame: a request `{"in": OP, "params": ANY}`, a reply `{"out": KIND, "result": ANY}`.
//!
//! `params` and `result` keep the text in which they arrived, so that a number keeps all its digits and a string its
//! escapes. Key order and white space have no meaning. Unknown keys are ignored.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::frame;

/// A request, borrowed from its frame.
#[derive(Debug, Deserialize)]
pub struct Request<'a> {
    /// The operation that is asked for.
    #[serde(rename = "in", borrow)]
    pub operation: Cow<'a, str>,
    /// The parameters of the operation, as they arrived.
    #[serde(borrow)]
    pub params: &'a RawValue,
}

impl<'a> Request<'a> {
    /// Reads a request from the body of a frame.
    ///
    /// Nothing is allocated for a request whose `in` has no escapes and whose `params` nest at most one level deep. For
    /// deeper ones `serde_json` allocates a small vector.
    ///
    /// # Errors
    /// What is wrong with the body, and where, as a text for the peer.
    pub fn parse(body: &'a [u8]) -> Result<Self, String> {
        parse_object(body)
    }

    /// Appends a request frame to `out`. `params` must be one JSON value.
    pub fn append(out: &mut Vec<u8>, operation: &str, params: &str) {
        frame::append(out, |out| {
            out.extend_from_slice(b"{\"in\":");
            append_json(out, operation);
            out.extend_from_slice(b",\"params\":");
            out.extend_from_slice(params.as_bytes());
            out.push(b'}');
        });
    }
}

/// A reply, borrowed from its frame.
#[derive(Debug, Deserialize)]
pub struct Reply<'a> {
    /// The kind of the result, `error` for instance.
    #[serde(rename = "out", borrow)]
    pub kind: Cow<'a, str>,
    /// The result, as it arrived.
    #[serde(borrow)]
    pub result: &'a RawValue,
}

impl<'a> Reply<'a> {
    /// Reads a reply from the body of a frame.
    ///
    /// # Errors
    /// What is wrong with the body, and where.
    pub fn parse(body: &'a [u8]) -> Result<Self, String> {
        parse_object(body)
    }

    /// Appends a reply frame to `out`. `kind` must need no escapes, and `write_result` must append one JSON value.
    pub fn append(out: &mut Vec<u8>, kind: &str, write_result: impl FnOnce(&mut Vec<u8>)) {
        frame::append(out, |out| {
            out.extend_from_slice(b"{\"out\":\"");
            out.extend_from_slice(kind.as_bytes());
            out.extend_from_slice(b"\",\"result\":");
            write_result(out);
            out.push(b'}');
        });
    }

    /// Appends the error reply with this code and message to `out`.
    pub fn append_error(out: &mut Vec<u8>, code: ErrorCode, message: &str) {
        Self::append(out, "error", |out| {
            out.extend_from_slice(b"{\"code\":\"");
            out.extend_from_slice(code.name().as_bytes());
            out.extend_from_slice(b"\",\"message\":");
            append_json(out, &excerpt(message, MESSAGE_CHARS));
            out.push(b'}');
        });
    }
}

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// The service has no such operation.
    UnknownOperation,
    /// The body is not JSON, or not a request.
    BadRequest,
    /// The operation does not take these parameters.
    BadParams,
    /// The announced length is over the limit; the connection closes after this reply.
    FrameTooLarge,
}

impl ErrorCode {
    /// The code as a reply has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::UnknownOperation => "unknown_operation",
            Self::BadRequest => "bad_request",
            Self::BadParams => "bad_params",
            Self::FrameTooLarge => "frame_too_large",
        }
    }
}

/// An error's text is for people. It must not send a megabyte of a request back to its peer.
const MESSAGE_CHARS: usize = 200;

/// The first `most_chars` characters of `text`, with a mark if something was cut.
pub(crate) fn excerpt(text: &str, most_chars: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most_chars) {
        None => Cow::Borrowed(text),
        Some((cut, _)) => Cow::Owned(format!("{}…", &text[..cut])),
    }
}

fn parse_object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, String> {
    let text = std::str::from_utf8(body)
        .map_err(|error| format!("the body is not UTF-8 from byte {} on", error.valid_up_to()))?;
    // Serde would also accept an array with the fields in order.
    if !text.trim_ascii_start().starts_with(['{']) {
        return Err("the body is not a JSON object".to_owned());
    }
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn append_json(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("writing a string to memory can't fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_an_object_with_both_keys() {
        for good in [
            r#"{"in":"ping","params":null}"#,
            " {\n\"params\" : [1, 2] ,\t\"in\":\"ping\", \"id\": {\"x\": [1]}} ",
            r#"{"in":"p\u0069ng","params":1}"#,
        ] {
            assert_eq!(
                Request::parse(good.as_bytes()).unwrap().operation,
                "ping",
                "{good}"
            );
        }
        for bad in [
            "",
            " ",
            "{",
            "[]",
            "7",
            "null",
            r#"["ping",1]"#,
            r#"{"in":"ping"}"#,
            r#"{"params":1}"#,
            r#"{"in":1,"params":1}"#,
            r#"{"in":"ping","params":1}}"#,
            r#"{"in":"ping","params":}"#,
            r#"{"in":"ping","params":01}"#,
            r#"{"in":"ping","params":1,"params":2}"#,
            "{'in':'ping','params':1}",
        ] {
            assert!(Request::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(
            Request::parse(b"{\"in\":\"ping\",\"params\":\"\xff\"}")
                .unwrap_err()
                .contains("byte 23")
        );
    }

    #[test]
    fn params_keep_their_text() {
        for params in [
            "1e-7",
            "12345678901234567890",
            "1e400",
            "-0",
            r#""\ud83d\ude00 é \ud800""#,
            "[ 1,  {} ]",
        ] {
            let body = format!(r#"{{"in":"ping","params": {params} }}"#);
            assert_eq!(Request::parse(body.as_bytes()).unwrap().params.get(), params);
        }
    }

    #[test]
    fn an_error_message_is_escaped_and_cut() {
        let mut out = Vec::new();
        Reply::append_error(&mut out, ErrorCode::UnknownOperation, &"\"\n\u{1}é".repeat(1000));
        assert!(out.len() < 1024);
        let reply = Reply::parse(&out[frame::PREFIX_BYTES..]).unwrap();
        let result: serde_json::Value = serde_json::from_str(reply.result.get()).unwrap();
        assert_eq!(result["code"], "unknown_operation");
        assert!(result["message"].as_str().unwrap().ends_with('…'));
    }
}
