//! The replies of a fake server, as frames.

use std::thread;
use std::time::Duration;

use protocol::{Reply, Request, Work, operation};

/// The right reply to a request, as a frame.
pub(super) fn answer(request: &Request<'_>) -> Vec<u8> {
    let params = request.params.get();
    let number = || params.parse::<u64>().expect("the operation takes a number");
    let (kind, result) = match &*request.operation {
        "ping" => ("pong", params.to_owned()),
        "pi" => ("pi_r", operation::pi(number()).to_string()),
        "blob" => ("blob", format!("\"{}\"", "b".repeat(number() as usize))),
        "work" => {
            let work = Work::read(params, 1 << 20).expect("the parameters are within their ranges");
            thread::sleep(Duration::from_millis(work.sleep_ms));
            let text = "w".repeat(work.reply_bytes as usize);
            ("worked", format!("\"{text}\""))
        }
        "sleep" => {
            thread::sleep(Duration::from_millis(number()));
            ("slept", params.to_owned())
        }
        _ => return error("unknown_operation"),
    };
    reply(kind, &result)
}

/// A reply of this kind, as a frame.
pub(crate) fn reply(kind: &str, result: &str) -> Vec<u8> {
    let mut reply = Vec::new();
    Reply::append(&mut reply, kind, |out| out.extend_from_slice(result.as_bytes()));
    reply
}

/// An error reply with this code, as a frame.
pub(crate) fn error(code: &str) -> Vec<u8> {
    reply(
        "error",
        &format!("{{\"code\":\"{code}\",\"message\":\"as scripted\"}}"),
    )
}
