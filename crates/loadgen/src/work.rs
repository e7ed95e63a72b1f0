//! What a request says, and what its reply has to say.

use protocol::frame::PREFIX_BYTES;
use protocol::{FrameLimit, Reply, Request, operation};
use serde_json::Value;
use thiserror::Error;

/// The operations of the service, with what each is asked for when nothing else is said.
const DEFAULT_PARAMS: [(&str, &str); 5] = [
    ("pi", "100"),
    ("spin", "100"),
    ("sleep", "10"),
    ("block", "10"),
    ("blob", "1024"),
];

/// How many digits the number in a unique request has.
const STAMP_DIGITS: usize = 12;

/// What the requests of a run ask for.
#[derive(Debug, Clone)]
pub struct Work {
    operation: String,
    /// The params, if they are the same each time.
    fixed_params: Option<String>,
    request: Template,
    reply: Template,
}

/// What a request is asked with.
#[derive(Debug, Clone)]
pub enum Params {
    /// The operation's default: for `ping` a different string each time.
    Unique,
    /// This JSON text, each time.
    Json(String),
    /// A string of this many characters, for `ping`; different each time if there is room for a number.
    Payload(usize),
}

/// Why there can be no such work.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum WorkError {
    /// No such operation.
    #[error("there is no operation {0:?}: choose ping, pi, spin, sleep, block or blob")]
    UnknownOperation(String),
    /// The params are not JSON.
    #[error("the params {text:?} are not JSON: {reason}; a string needs its quotes: '\"text\"'")]
    NotJson {
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The service would refuse it.
    #[error("{operation} takes a whole number from 0 to {most}, not {params}")]
    BadParams {
        /// The operation.
        operation: String,
        /// Its largest number.
        most: u64,
        /// What was given.
        params: String,
    },
    /// No frame could hold it.
    #[error("a payload of {bytes} bytes does not fit a frame: give at most {most}")]
    PayloadTooLong {
        /// What was given.
        bytes: usize,
        /// The longest.
        most: usize,
    },
    /// Only `ping` has one.
    #[error("a payload goes with ping, not with {0}")]
    PayloadWithoutPing(String),
}

/// A frame that is the same each time but for a number in it.
#[derive(Debug, Clone)]
struct Template {
    frame: Vec<u8>,
    stamp_at: Option<usize>,
}

/// What a reply turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// What was asked for.
    Good,
    /// An error; its text.
    Error(String),
    /// Something else; what, and what was expected.
    Wrong(String),
}

impl Work {
    /// Requests for this operation.
    pub fn new(operation: &str, params: Params) -> Result<Self, WorkError> {
        if operation == "ping" {
            return match params {
                Params::Unique => Ok(Self::unique_ping("ireader ", 0)),
                Params::Payload(bytes) if bytes > FrameLimit::MOST.blob_bytes() => {
                    Err(WorkError::PayloadTooLong {
                        bytes,
                        most: FrameLimit::MOST.blob_bytes(),
                    })
                }
                Params::Payload(bytes) if bytes >= STAMP_DIGITS => {
                    Ok(Self::unique_ping("", bytes - STAMP_DIGITS))
                }
                Params::Payload(bytes) => Ok(Self::fixed(
                    "ping",
                    &format!("\"{}\"", "x".repeat(bytes)),
                    "pong",
                    None,
                )),
                Params::Json(text) => json(&text).map(|text| Self::fixed("ping", &text, "pong", None)),
            };
        }
        let default = DEFAULT_PARAMS.iter().find(|(name, _)| *name == operation);
        let Some((_, default)) = default else {
            return Err(WorkError::UnknownOperation(operation.to_owned()));
        };
        let params = match params {
            Params::Unique => (*default).to_owned(),
            Params::Json(text) => json(&text)?,
            Params::Payload(_) => return Err(WorkError::PayloadWithoutPing(operation.to_owned())),
        };
        let (kind, most) = match operation {
            "pi" => ("pi_r", operation::PI_MOST_TERMS),
            "spin" => ("spun", operation::SPIN_MOST_US),
            "sleep" => ("slept", operation::WAIT_MOST_MS),
            "block" => ("blocked", operation::WAIT_MOST_MS),
            _ => ("blob", FrameLimit::MOST.blob_bytes() as u64),
        };
        let number = params.parse().ok().filter(|&number: &u64| number <= most);
        let number = number.ok_or_else(|| WorkError::BadParams {
            operation: operation.to_owned(),
            most,
            params: params.clone(),
        })?;
        let result = match operation {
            "pi" => Some(operation::pi(number).to_string()),
            "blob" => Some(format!("\"{}\"", "x".repeat(number as usize))),
            _ => None,
        };
        Ok(Self::fixed(operation, &params, kind, result.as_deref()))
    }

    /// The operation.
    #[must_use]
    pub fn operation(&self) -> &str {
        &self.operation
    }

    /// The params, if they are the same each time.
    #[must_use]
    pub fn fixed_params(&self) -> Option<&str> {
        self.fixed_params.as_deref()
    }

    /// Appends the request of this number to `out`.
    pub fn append_request(&mut self, number: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(self.request.stamped(number));
    }

    /// The longest frame that can be a reply: with room for one in many more words, or for an error, and yet far below
    /// what four bytes of text come to when they are taken for a length, so that garbage is known for what it is at once.
    pub(crate) fn reply_limit(&self) -> FrameLimit {
        const LEAST_BYTES: usize = 1 << 20;
        let bytes = self.reply.frame.len().saturating_mul(8).max(LEAST_BYTES);
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        FrameLimit::new(bytes).unwrap_or(FrameLimit::MOST)
    }

    /// Whether the body of a frame answers the request of this number.
    pub fn judge(&mut self, number: u64, body: &[u8]) -> Verdict {
        if body == &self.reply.stamped(number)[PREFIX_BYTES..] {
            return Verdict::Good;
        }
        self.judge_meaning(number, body)
    }

    /// The slow way, for a peer that writes the same JSON in other words.
    #[cold]
    fn judge_meaning(&mut self, number: u64, body: &[u8]) -> Verdict {
        let expected =
            Reply::parse(&self.reply.stamped(number)[PREFIX_BYTES..]).expect("the template is a reply");
        let got = match Reply::parse(body) {
            Ok(got) => got,
            Err(reason) => return Verdict::Wrong(format!("not a reply: {reason}")),
        };
        if got.kind == "error" {
            return Verdict::Error(shortened(got.result.get()));
        }
        let same = got.kind == expected.kind && {
            let value = |text: &str| serde_json::from_str::<Value>(text).ok();
            match (value(got.result.get()), value(expected.result.get())) {
                // Any string will do that is as long and ASCII.
                (Some(Value::String(got)), Some(Value::String(wanted))) if expected.kind == "blob" => {
                    got.len() == wanted.len() && got.is_ascii()
                }
                (Some(got), Some(wanted)) => got == wanted,
                _ => got.result.get() == expected.result.get(),
            }
        };
        if same {
            return Verdict::Good;
        }
        Verdict::Wrong(format!(
            "{} {} in place of {} {}",
            got.kind,
            shortened(got.result.get()),
            expected.kind,
            shortened(expected.result.get())
        ))
    }

    fn fixed(operation: &str, params: &str, kind: &str, result: Option<&str>) -> Self {
        let mut request = Vec::new();
        Request::append(&mut request, operation, params);
        let mut reply = Vec::new();
        Reply::append(&mut reply, kind, |out| {
            out.extend_from_slice(result.unwrap_or(params).as_bytes())
        });
        Self {
            operation: operation.to_owned(),
            fixed_params: Some(params.to_owned()),
            request: Template {
                frame: request,
                stamp_at: None,
            },
            reply: Template {
                frame: reply,
                stamp_at: None,
            },
        }
    }

    /// A ping whose string has a number between `before` and so many more characters.
    fn unique_ping(before: &str, filling: usize) -> Self {
        let params = format!("\"{before}{}{}\"", "0".repeat(STAMP_DIGITS), "x".repeat(filling));
        let mut work = Self::fixed("ping", &params, "pong", None);
        work.fixed_params = None;
        for template in [&mut work.request, &mut work.reply] {
            let after = filling + "\"}".len();
            template.stamp_at = Some(template.frame.len() - after - STAMP_DIGITS);
        }
        work
    }
}

impl Template {
    /// The frame with this number in it.
    fn stamped(&mut self, mut number: u64) -> &[u8] {
        if let Some(at) = self.stamp_at {
            for digit in self.frame[at..at + STAMP_DIGITS].iter_mut().rev() {
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
        }
        &self.frame
    }
}

/// The JSON text of some params, without the white space around it.
fn json(text: &str) -> Result<String, WorkError> {
    serde_json::from_str::<&serde_json::value::RawValue>(text)
        .map(|raw| raw.get().to_owned())
        .map_err(|error| WorkError::NotJson {
            text: shortened(text),
            reason: error.to_string(),
        })
}

/// The beginning of a long text, for a message.
pub(crate) fn shortened(text: &str) -> String {
    const MOST_CHARS: usize = 100;
    match text.char_indices().nth(MOST_CHARS) {
        None => text.to_owned(),
        Some((cut, _)) => format!("{}… ({} bytes)", &text[..cut], text.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(kind: &str, result: &str) -> Vec<u8> {
        let mut out = Vec::new();
        Reply::append(&mut out, kind, |out| out.extend_from_slice(result.as_bytes()));
        out.split_off(PREFIX_BYTES)
    }

    #[test]
    fn a_unique_ping_accepts_its_own_number_and_no_other() {
        let mut work = Work::new("ping", Params::Unique).unwrap();
        let mut request = Vec::new();
        work.append_request(42, &mut request);
        assert!(request.ends_with(br#"{"in":"ping","params":"ireader 000000000042"}"#));
        assert_eq!(
            work.judge(42, &reply("pong", "\"ireader 000000000042\"")),
            Verdict::Good
        );
        assert!(matches!(
            work.judge(43, &reply("pong", "\"ireader 000000000042\"")),
            Verdict::Wrong(_)
        ));
        assert!(matches!(work.judge(42, b"{}"), Verdict::Wrong(_)));
    }

    #[test]
    fn a_reply_may_say_the_same_in_other_words() {
        let mut work = Work::new("ping", Params::Json(" [1e-7, \"é\"] ".to_owned())).unwrap();
        let other_words = "{ \"result\" : [1e-07,\"\\u00e9\"], \"out\" : \"pong\" }";
        assert_eq!(work.judge(0, other_words.as_bytes()), Verdict::Good);
        let mut blob = Work::new("blob", Params::Json("3".to_owned())).unwrap();
        assert_eq!(blob.judge(0, &reply("blob", "\"abc\"")), Verdict::Good);
        assert!(matches!(
            blob.judge(0, &reply("blob", "\"ab\"")),
            Verdict::Wrong(_)
        ));
    }

    #[test]
    fn every_operation_knows_its_reply() {
        for (operation, params, kind, result) in [
            ("pi", "100", "pi_r", "3.1384395139385455"),
            ("spin", "7", "spun", "7"),
            ("sleep", "7", "slept", "7"),
            ("block", "7", "blocked", "7"),
            ("blob", "2", "blob", "\"xx\""),
        ] {
            let mut work = Work::new(operation, Params::Json(params.to_owned())).unwrap();
            assert_eq!(work.judge(0, &reply(kind, result)), Verdict::Good);
            let error = work.judge(0, &reply("error", "{\"code\":\"bad_params\"}"));
            assert_eq!(error, Verdict::Error("{\"code\":\"bad_params\"}".to_owned()));
        }
    }

    #[test]
    fn a_payload_has_the_length_that_was_asked_for() {
        for bytes in [0, 1, STAMP_DIGITS, 1000] {
            let mut work = Work::new("ping", Params::Payload(bytes)).unwrap();
            let mut request = Vec::new();
            work.append_request(123_456, &mut request);
            let body: Value = serde_json::from_slice(&request[PREFIX_BYTES..]).unwrap();
            assert_eq!(body["params"].as_str().unwrap().len(), bytes);
            assert_eq!(
                work.judge(123_456, &reply("pong", &body["params"].to_string())),
                Verdict::Good
            );
        }
    }

    #[test]
    fn work_that_the_service_would_refuse_is_refused_here() {
        let error = |operation: &str, params| Work::new(operation, params).unwrap_err().to_string();
        assert!(error("pong", Params::Unique).contains("\"pong\""));
        assert!(error("ping", Params::Json("text".to_owned())).contains("quotes"));
        assert!(error("sleep", Params::Json("60001".to_owned())).contains("60000"));
        assert!(error("sleep", Params::Payload(3)).contains("payload"));
    }
}
