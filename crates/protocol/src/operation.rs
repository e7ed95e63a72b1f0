//! The six things that the service does, with their limits.
//!
//! What takes a clock (`spin`, `sleep`, `block`) is only named here, as [`Work`] for the caller or as a time to wait; what
//! is arithmetic is done here.

use std::time::Duration;

use serde_json::value::RawValue;

use crate::frame::FrameLimit;
use crate::message::{ErrorCode, Request, excerpt};

/// The most terms that `pi` sums: about 20 ms of one processor.
pub const PI_MOST_TERMS: u64 = 10_000_000;
/// The longest that `spin` keeps a processor busy.
pub const SPIN_MOST_US: u64 = 10_000_000;
/// The longest that `sleep` and `block` wait.
pub const WAIT_MOST_MS: u64 = 60_000;

/// A request that has been found good.
#[derive(Debug, Clone, Copy)]
pub enum Operation<'a> {
    /// Say it back, as it came.
    Ping(&'a RawValue),
    /// Approximate π with this many terms after the first.
    Pi(u64),
    /// Keep the processor busy for this many microseconds.
    Spin(u64),
    /// Wait for this many milliseconds, without holding the thread where the model can.
    Sleep(u64),
    /// Hold the thread for this many milliseconds, whatever the model.
    Block(u64),
    /// Send this many bytes.
    Blob(u64),
}

/// What holds the thread while it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Arithmetic that the session itself does in [`done`](crate::Session::done). It is told beforehand so that an event
    /// loop can let others have a turn behind it.
    Compute,
    /// Keep the processor busy for this long.
    Spin(Duration),
    /// Block the thread for this long, as a handler does that calls something slow.
    Block(Duration),
}

/// Why a request can't be done, for the peer to read.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
}

impl<'a> Operation<'a> {
    /// Reads the operation that a request asks for, and its parameters within their limits.
    pub(crate) fn of(request: &Request<'a>, limit: FrameLimit) -> Result<Self, Refusal> {
        let number = |unit: &str, most: u64| whole_number(request, unit, most);
        Ok(match &*request.operation {
            "ping" => Self::Ping(request.params),
            "pi" => Self::Pi(number("terms", PI_MOST_TERMS)?),
            "spin" => Self::Spin(number("microseconds", SPIN_MOST_US)?),
            "sleep" => Self::Sleep(number("milliseconds", WAIT_MOST_MS)?),
            "block" => Self::Block(number("milliseconds", WAIT_MOST_MS)?),
            "blob" => Self::Blob(number("bytes", limit.blob_bytes() as u64)?),
            unknown => {
                return Err(Refusal {
                    code: ErrorCode::UnknownOperation,
                    message: format!(
                        "there is no operation {:?}; there are ping, pi, spin, sleep, block and blob",
                        excerpt(unknown, 40)
                    ),
                });
            }
        })
    }
}

fn whole_number(request: &Request<'_>, unit: &str, most: u64) -> Result<u64, Refusal> {
    serde_json::from_str(request.params.get())
        .ok()
        .filter(|&n| n <= most)
        .ok_or_else(|| Refusal {
            code: ErrorCode::BadParams,
            message: format!(
                "{} takes a whole number of {unit} from 0 to {most}, not {}",
                request.operation,
                excerpt(request.params.get(), 40)
            ),
        })
}

/// sqrt(8 · Σ 1/(2i+1)² for i from 0 to `terms`), summed in that order as the original does, so that the last digit
/// agrees. It tends to π, since the sum of the reciprocal odd squares is π²/8.
#[must_use]
pub fn pi(terms: u64) -> f64 {
    let sum: f64 = (0..=terms)
        .map(|i| 1.0 / (2 * i + 1) as f64)
        .map(|odd| odd * odd)
        .sum();
    (8.0 * sum).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::float_cmp)]
    fn pi_agrees_with_the_original_to_the_last_digit() {
        assert_eq!(pi(0), 2.828_427_124_746_190_3);
        assert_eq!(pi(100), 3.138_439_513_938_545_5);
        assert!((pi(PI_MOST_TERMS) - std::f64::consts::PI).abs() < 1e-7);
    }

    #[test]
    fn a_number_has_to_be_whole_and_within_the_limit() {
        let limit = FrameLimit::default();
        let asked = |operation: &str, params: &str| {
            let body = format!(r#"{{"in":"{operation}","params":{params}}}"#);
            Operation::of(&Request::parse(body.as_bytes()).unwrap(), limit)
                .map(|_| ())
                .map_err(|refusal| refusal.code)
        };
        for (operation, most) in [
            ("pi", PI_MOST_TERMS),
            ("spin", SPIN_MOST_US),
            ("sleep", WAIT_MOST_MS),
            ("block", WAIT_MOST_MS),
            ("blob", (1 << 20) - 64),
        ] {
            assert_eq!(asked(operation, "0"), Ok(()));
            assert_eq!(asked(operation, &most.to_string()), Ok(()));
            for bad in [
                &*(most + 1).to_string(),
                "-1",
                "1.5",
                "\"1\"",
                "null",
                "[1]",
                "1e3",
                "99999999999999999999999",
            ] {
                assert_eq!(
                    asked(operation, bad),
                    Err(ErrorCode::BadParams),
                    "{operation} {bad}"
                );
            }
        }
        assert_eq!(asked("Ping", "0"), Err(ErrorCode::UnknownOperation));
    }
}
