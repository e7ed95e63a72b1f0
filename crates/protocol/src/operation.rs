//! The six operations of the service, with the limits of their parameters.
//!
//! Two of them are answered at once. The others are returned to whoever owns the thread: as [`Job`] to run, or as a time
//! to wait.

use serde_json::value::RawValue;

use crate::frame::FrameLimit;
use crate::job::Job;
pub use crate::job::pi;
use crate::message::{ErrorCode, Request, excerpt};

/// The most terms that `pi` sums: about 20 ms of one CPU.
pub const PI_MOST_TERMS: u64 = 10_000_000;
/// The longest that `spin` keeps a CPU busy.
pub const SPIN_MOST_US: u64 = 10_000_000;
/// The longest that `sleep` and `block` wait.
pub const WAIT_MOST_MS: u64 = 60_000;

/// A request whose parameters are within their limits.
#[derive(Debug)]
pub enum Operation<'a> {
    /// Send the value back, as it arrived.
    Ping(&'a RawValue),
    /// Run a job that holds its thread: `pi`, `spin` or `block`.
    Job(Job),
    /// Wait for this many milliseconds, without holding the thread where the model can.
    Sleep(u64),
    /// Send this many bytes.
    Blob(u64),
}

/// Why a request is refused, for the peer to read.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
}

impl<'a> Operation<'a> {
    /// Reads the operation that a request asks for, and its parameters within their limits.
    pub(crate) fn read(request: &Request<'a>, limit: FrameLimit) -> Result<Self, Refusal> {
        let number = |unit: &str, most: u64| whole_number(request, unit, most);
        Ok(match &*request.operation {
            "ping" => Self::Ping(request.params),
            "pi" => Self::Job(Job::pi(number("terms", PI_MOST_TERMS)?)),
            "spin" => Self::Job(Job::spin(number("microseconds", SPIN_MOST_US)?)),
            "sleep" => Self::Sleep(number("milliseconds", WAIT_MOST_MS)?),
            "block" => Self::Job(Job::block(number("milliseconds", WAIT_MOST_MS)?)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_to_be_whole_and_within_its_limit() {
        let limit = FrameLimit::default();
        let asked = |operation: &str, params: &str| {
            let body = format!(r#"{{"in":"{operation}","params":{params}}}"#);
            Operation::read(&Request::parse(body.as_bytes()).unwrap(), limit)
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
