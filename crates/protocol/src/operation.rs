//! The seven operations of the service, with the limits of their parameters.
//!
//! Two of them are answered at once. The others are returned to whoever owns the thread: as [`Job`] to run, as a time to
//! wait, or as a job and then a time.

use serde_json::value::RawValue;

use crate::frame::FrameLimit;
use crate::job::Job;
pub use crate::job::pi;
use crate::limits::whole_number;
pub use crate::limits::{PI_MOST_TERMS, SPIN_MOST_US, WAIT_MOST_MS};
use crate::message::{ErrorCode, Request, excerpt};
use crate::work::Work;

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
    /// Compute, then wait, then send bytes.
    Work(Work),
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
        let bad_params = |message| Refusal {
            code: ErrorCode::BadParams,
            message,
        };
        let number = |unit: &str, most: u64| {
            let params = request.params.get();
            whole_number(params, most).ok_or_else(|| {
                let (operation, params) = (&request.operation, excerpt(params, 40));
                bad_params(format!(
                    "{operation} takes a whole number of {unit} from 0 to {most}, not {params}"
                ))
            })
        };
        let reply_most_bytes = limit.blob_bytes() as u64;
        Ok(match &*request.operation {
            "ping" => Self::Ping(request.params),
            "pi" => Self::Job(Job::pi(number("terms", PI_MOST_TERMS)?)),
            "spin" => Self::Job(Job::spin(number("microseconds", SPIN_MOST_US)?)),
            "sleep" => Self::Sleep(number("milliseconds", WAIT_MOST_MS)?),
            "block" => Self::Job(Job::block(number("milliseconds", WAIT_MOST_MS)?)),
            "blob" => Self::Blob(number("bytes", reply_most_bytes)?),
            "work" => Self::Work(Work::read(request.params.get(), reply_most_bytes).map_err(bad_params)?),
            unknown => {
                return Err(Refusal {
                    code: ErrorCode::UnknownOperation,
                    message: format!(
                        "there is no operation {:?}; there are ping, pi, spin, sleep, block, blob and work",
                        excerpt(unknown, 40)
                    ),
                });
            }
        })
    }
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
