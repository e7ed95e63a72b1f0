//! One operation: its requests, and the replies that they have to get.

mod error;
mod params;
mod template;
mod value;
mod verdict;

use std::io::Write;

use protocol::frame::PREFIX_BYTES;
use protocol::{Reply, Request, Work, operation};

pub use self::error::WorkError;
pub use self::params::Params;
use self::template::{STAMP_DIGITS, Template};
pub use self::verdict::Verdict;
use self::verdict::judge_meaning;
pub(crate) use self::verdict::shortened;
use crate::distribution::{self, Distribution, random_point};

/// The operations other than `ping`, with their default parameters.
const DEFAULT_PARAMS: [(&str, &str); 6] = [
    ("pi", "100"),
    ("spin", "100"),
    ("sleep", "10"),
    ("block", "10"),
    ("blob", "1024"),
    ("work", r#"{"cpu_us": 100, "wait_ms": 10}"#),
];

/// An operation and its parameters.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    name: String,
    /// The length of the string of a ping, if one was given.
    payload_bytes: Option<usize>,
    content: Content,
}

/// What the requests have in common.
#[derive(Debug, Clone)]
enum Content {
    /// The same frame each time, except for a number in it that the reply repeats.
    Templates {
        request: Template,
        reply: Template,
        fixed: bool,
    },
    /// Each request asks for its own time, which the reply repeats.
    Timed {
        kind: &'static str,
        times: Distribution,
        most: u64,
        seed: u64,
        /// Memory for the expected reply.
        scratch: Vec<u8>,
    },
}

/// The longest string in a request or a reply. The client keeps several copies of it.
const STRING_MOST_BYTES: usize = 256 << 20;

impl Operation {
    /// Requests for this operation. Random times come from the seed.
    pub(crate) fn new(name: &str, params: Params, seed: u64) -> Result<Self, WorkError> {
        if name == "ping" {
            return Self::ping(params);
        }
        let default = DEFAULT_PARAMS.iter().find(|(known, _)| *known == name);
        let Some((_, default)) = default else {
            return Err(WorkError::UnknownOperation(name.to_owned()));
        };
        let (kind, most) = match name {
            "pi" => ("pi_r", operation::PI_MOST_TERMS),
            "spin" => ("spun", operation::SPIN_MOST_US),
            "sleep" => ("slept", operation::WAIT_MOST_MS),
            "block" => ("blocked", operation::WAIT_MOST_MS),
            _ => ("blob", STRING_MOST_BYTES as u64),
        };
        let params = match params {
            Params::Unique => (*default).to_owned(),
            Params::Json(text) => json(&text)?,
            Params::Payload(_) => return Err(WorkError::PayloadWithoutPing(name.to_owned())),
            Params::Times(times) => return Self::timed(name, kind, times, most, seed),
        };
        if name == "work" {
            let bytes = read_work(&params)?.reply_bytes;
            return Ok(Self::fixed(name, &params, "worked", Some(&text_of(bytes))));
        }
        let number = params.parse().ok().filter(|&number: &u64| number <= most);
        let number = number.ok_or_else(|| WorkError::BadParams {
            operation: name.to_owned(),
            most,
            params: params.clone(),
        })?;
        let result = match name {
            "pi" => Some(operation::pi(number).to_string()),
            "blob" => Some(text_of(number)),
            _ => None,
        };
        Ok(Self::fixed(name, &params, kind, result.as_deref()))
    }

    fn ping(params: Params) -> Result<Self, WorkError> {
        let payload_bytes = match params {
            Params::Payload(bytes) => Some(bytes),
            _ => None,
        };
        let ping = match params {
            Params::Unique => Ok(Self::unique_ping("ireader ", 0)),
            Params::Payload(bytes) if bytes > STRING_MOST_BYTES => Err(WorkError::PayloadTooLong {
                bytes,
                most: STRING_MOST_BYTES,
            }),
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
            Params::Times(_) => Err(WorkError::TimesWithoutWaiting("ping".to_owned())),
        };
        ping.map(|ping| Self {
            payload_bytes,
            ..ping
        })
    }

    fn timed(
        name: &str,
        kind: &'static str,
        times: Distribution,
        most: u64,
        seed: u64,
    ) -> Result<Self, WorkError> {
        if !matches!(name, "spin" | "sleep" | "block") {
            return Err(WorkError::TimesWithoutWaiting(name.to_owned()));
        }
        distribution::check(&times, most).map_err(|source| WorkError::BadTimes {
            operation: name.to_owned(),
            source,
        })?;
        Ok(Self {
            name: name.to_owned(),
            payload_bytes: None,
            content: Content::Timed {
                kind,
                times,
                most,
                seed,
                scratch: Vec::new(),
            },
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A short name with the parameters, such as `spin 20` or `ping of 100 bytes`.
    pub(crate) fn label(&self) -> String {
        /// What fits a row of a table.
        const PARAMS_MOST_CHARACTERS: usize = 20;
        if let Some(bytes) = self.payload_bytes {
            return format!("{} of {bytes} bytes", self.name);
        }
        if let Some(times) = self.times() {
            return format!("{} {times}", self.name);
        }
        let Some(params) = self.fixed_params() else {
            return self.name.clone();
        };
        let mut label = format!("{} ", self.name);
        label.extend(params.chars().take(PARAMS_MOST_CHARACTERS));
        label.extend(params.chars().nth(PARAMS_MOST_CHARACTERS).map(|_| '…'));
        label
    }

    pub(crate) fn payload_bytes(&self) -> Option<usize> {
        self.payload_bytes
    }

    /// The distribution of the times, if each request asks for its own.
    pub(crate) fn times(&self) -> Option<Distribution> {
        match &self.content {
            Content::Timed { times, .. } => Some(*times),
            Content::Templates { .. } => None,
        }
    }

    /// The parameters, if they are the same each time.
    pub(crate) fn fixed_params(&self) -> Option<String> {
        let Content::Templates {
            request, fixed: true, ..
        } = &self.content
        else {
            return None;
        };
        let request = Request::parse(&request.frame[PREFIX_BYTES..]).expect("the template is a request");
        Some(request.params.get().to_owned())
    }

    /// The time that the request of this number asks for, if each asks for its own.
    pub(crate) fn time(&self, number: u64) -> Option<u64> {
        match &self.content {
            Content::Timed {
                times, most, seed, ..
            } => Some(distribution::time_at(times, random_point(*seed, number), *most)),
            Content::Templates { .. } => None,
        }
    }

    /// The mean time that its requests ask the server to take, in microseconds: 0 for `ping`, none if it is unknown.
    pub(crate) fn mean_time_us(&self) -> Option<f64> {
        let unit_us = match &*self.name {
            "ping" => return Some(0.0),
            "spin" => 1.0,
            "sleep" | "block" => 1e3,
            "work" => {
                let work = read_work(&self.fixed_params()?).ok()?;
                return Some(work.cpu_us as f64 + (work.block_ms + work.sleep_ms) as f64 * 1e3);
            }
            _ => return None,
        };
        let own = self.times().map(|times| times.mean());
        let time = own.or_else(|| self.fixed_params()?.parse().ok())?;
        Some(time * unit_us)
    }

    /// About the length of its longest request.
    pub(crate) fn request_bytes(&self) -> usize {
        match &self.content {
            Content::Templates { request, .. } => request.frame.len(),
            Content::Timed { .. } => 64,
        }
    }

    /// About the length of its longest reply.
    pub(crate) fn reply_bytes(&self) -> usize {
        match &self.content {
            Content::Templates { reply, .. } => reply.frame.len(),
            // A kind and a number.
            Content::Timed { .. } => 64,
        }
    }

    /// Appends the request of this number to `out`.
    pub(crate) fn append_request(&mut self, number: u64, out: &mut Vec<u8>) {
        match &mut self.content {
            Content::Templates { request, .. } => out.extend_from_slice(request.stamped(number)),
            Content::Timed {
                times,
                most,
                seed,
                scratch,
                ..
            } => {
                write_number(
                    scratch,
                    distribution::time_at(times, random_point(*seed, number), *most),
                );
                let params = std::str::from_utf8(scratch).expect("digits are ASCII");
                Request::append(out, &self.name, params);
            }
        }
    }

    /// Whether the body of a frame answers the request of this number.
    pub(crate) fn judge(&mut self, number: u64, body: &[u8]) -> Verdict {
        let expected = self.expected(number);
        if body == expected {
            return Verdict::Good;
        }
        judge_meaning(expected, body)
    }

    /// The body of the reply to the request of this number, as the project's servers write it.
    fn expected(&mut self, number: u64) -> &[u8] {
        match &mut self.content {
            Content::Templates { reply, .. } => &reply.stamped(number)[PREFIX_BYTES..],
            Content::Timed {
                kind,
                times,
                most,
                seed,
                scratch,
            } => {
                scratch.clear();
                let time = distribution::time_at(times, random_point(*seed, number), *most);
                Reply::append(scratch, kind, |out| append_number(out, time));
                &scratch[PREFIX_BYTES..]
            }
        }
    }

    fn fixed(name: &str, params: &str, kind: &str, result: Option<&str>) -> Self {
        let mut request = Vec::new();
        Request::append(&mut request, name, params);
        let mut reply = Vec::new();
        Reply::append(&mut reply, kind, |out| {
            out.extend_from_slice(result.unwrap_or(params).as_bytes())
        });
        let template = |frame| Template {
            frame,
            stamp_at: None,
        };
        Self {
            name: name.to_owned(),
            payload_bytes: None,
            content: Content::Templates {
                request: template(request),
                reply: template(reply),
                fixed: true,
            },
        }
    }

    /// A ping whose string has a number between `before` and so many more characters.
    fn unique_ping(before: &str, filling: usize) -> Self {
        let params = format!("\"{before}{}{}\"", "0".repeat(STAMP_DIGITS), "x".repeat(filling));
        let mut ping = Self::fixed("ping", &params, "pong", None);
        if let Content::Templates {
            request,
            reply,
            fixed,
        } = &mut ping.content
        {
            *fixed = false;
            for template in [request, reply] {
                let after = filling + "\"}".len();
                template.stamp_at = Some(template.frame.len() - after - STAMP_DIGITS);
            }
        }
        ping
    }
}

/// The parts of a `work`.
fn read_work(params: &str) -> Result<Work, WorkError> {
    Work::read(params, STRING_MOST_BYTES as u64).map_err(WorkError::BadWork)
}

/// The JSON string of so many characters that the project's servers send.
fn text_of(bytes: u64) -> String {
    format!("\"{}\"", "x".repeat(bytes as usize))
}

fn write_number(scratch: &mut Vec<u8>, number: u64) {
    scratch.clear();
    append_number(scratch, number);
}

fn append_number(out: &mut Vec<u8>, number: u64) {
    write!(out, "{number}").expect("a vector takes all that is written to it");
}

/// The JSON text of the parameters, without surrounding white space.
fn json(text: &str) -> Result<String, WorkError> {
    serde_json::from_str::<&serde_json::value::RawValue>(text)
        .map(|raw| raw.get().to_owned())
        .map_err(|error| WorkError::NotJson {
            text: shortened(text),
            reason: error.to_string(),
        })
}

#[cfg(test)]
mod tests;
