//! Verifies that a contender speaks the wire, before it is measured: no value in a report is of a server that does something
//! else.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use loadgen::{Params, Plan, Work};
use thiserror::Error;

use host::Fault;
use host::{Host, Server, Start};
use schema::contender::Contender;

/// Values of every kind that JSON has. A ping returns them.
const VALUES: [&str; 7] = [
    "null",
    "true",
    "-1.5e3",
    r#""é \" \\ \n""#,
    "[]",
    r#"[1,{"a":[]}]"#,
    r#"{"":{}}"#,
];

/// Starts a contender, sends it requests, and ends it. The error is why it can't be measured. Its output is kept in `output`.
pub(crate) fn verify(
    host: &impl Host,
    contender: &Contender,
    output: &Path,
    cancel: &AtomicBool,
) -> Result<(), Fault> {
    let mut server = host.start(&Start {
        contender,
        flags: &[],
        tally: false,
        output: Some(output),
    })?;
    let answered = answers(server.address(), &contender.operations, cancel);
    answered.map_err(|wrong| server.explain(&format!("at {}", wrong.what), wrong.to_string()))?;
    server.stop().map(drop)
}

/// A request that a contender failed, and how.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("{what}: {reason}")]
struct Wrong {
    what: String,
    reason: String,
}

/// Whether the server at this address answers these operations as the protocol requires.
fn answers(address: SocketAddr, operations: &[String], cancel: &AtomicBool) -> Result<(), Wrong> {
    let ask = |what: &str, work: Work, change: &dyn Fn(&mut Plan)| -> Result<(), Wrong> {
        let wrong = |reason| Wrong {
            what: what.to_owned(),
            reason,
        };
        let mut plan = Plan {
            warmup: Duration::ZERO,
            duration: Duration::from_millis(15),
            timeout: Duration::from_secs(2),
            ..Plan::closed_loop(address, 1, work)
        };
        change(&mut plan);
        let report = asked(&plan, cancel).map_err(wrong)?;
        match report.disqualification() {
            Some(reason) => Err(wrong(reason)),
            None => all_answered(&report).map_err(wrong),
        }
    };
    for value in VALUES {
        let params = Params::Json(value.to_owned());
        let work = Work::new("ping", params).expect("a ping takes any value");
        ask(&format!("a ping of {value}"), work, &|_| ())?;
    }
    let pings = || Work::new("ping", Params::Unique).expect("a ping takes any value");
    ask("pings in a pipeline", pings(), &|plan| plan.pipeline = 8)?;
    ask("a frame in two pieces", pings(), &|plan| {
        plan.two_writes = true;
        plan.duration = Duration::from_millis(120);
    })?;
    for op in operations {
        let params = match &**op {
            "ping" => continue,
            "blob" => "5000",
            "pi" => "100",
            "work" => r#"{"cpu_us": 10, "wait_ms": 1, "reply_bytes": 5000}"#,
            _ => "1",
        };
        let work = Work::new(op, Params::Json(params.to_owned())).expect("the operation is known");
        ask(op, work, &|_| ())?;
    }
    Ok(())
}

/// Runs a load. On a busy machine so short a window may pass without a request. That is not the server's fault, so it is tried
/// again for twice as long.
fn asked(plan: &Plan, cancel: &AtomicBool) -> Result<schema::load::Report, String> {
    const LONGEST: Duration = Duration::from_secs(1);
    let mut plan = plan.clone();
    loop {
        let done = loadgen::run(&plan, cancel, &mut ())
            .map_err(|error| format!("{:#}", anyhow::Error::from(error)))?;
        let report = done.report;
        let was_asked = report.requests.sent > 0 || report.ended_early.is_some();
        if was_asked || plan.duration > LONGEST || cancel.load(Ordering::Relaxed) {
            return Ok(report);
        }
        plan.duration *= 2;
    }
}

/// Whether each request had its reply. Under load, missing replies are counted; here none may be missing.
fn all_answered(report: &schema::load::Report) -> Result<(), String> {
    let (ok, sent) = (report.requests.ok, report.requests.sent);
    if ok == sent && ok > 0 {
        return Ok(());
    }
    if sent == 0 {
        return Err("no request could be sent, because the machine is too busy; try again".to_owned());
    }
    let first = report.failures.first();
    let first = first.map_or_else(String::new, |failures| format!(": {}", failures.first));
    Err(format!("{} of {sent} requests had no reply{first}", sent - ok))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    use serde_json::{Value, json};

    use super::*;

    /// Takes the requests of one read, and whether a part of another is left over; returns the replies. None ends the
    /// connection.
    type Answer = fn(&[Value], bool) -> Option<Vec<Value>>;

    fn pong(request: &Value) -> Value {
        json!({"out": "pong", "result": request["params"]})
    }

    const WELL: Answer = |requests, _| Some(requests.iter().map(pong).collect());

    /// A server that answers so, on a free port. It lives as long as the tests.
    fn listening(answer: Answer) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                thread::spawn(move || serve(connection, answer));
            }
        });
        address
    }

    fn serve(mut connection: TcpStream, answer: Answer) -> Option<()> {
        let mut buffer = Vec::new();
        loop {
            let mut piece = [0; 4096];
            let count = connection.read(&mut piece).ok().filter(|&count| count > 0)?;
            buffer.extend_from_slice(&piece[..count]);
            let mut requests = Vec::new();
            while let Some(&prefix) = buffer.first_chunk::<4>() {
                let end = 4 + u32::from_le_bytes(prefix) as usize;
                let Some(body) = buffer.get(4..end) else {
                    break;
                };
                requests.push(serde_json::from_slice(body).ok()?);
                buffer.drain(..end);
            }
            let mut out = Vec::new();
            for reply in answer(&requests, !buffer.is_empty())? {
                let body = reply.to_string();
                out.extend(u32::try_from(body.len()).ok()?.to_le_bytes());
                out.extend(body.into_bytes());
            }
            connection.write_all(&out).ok()?;
        }
    }

    fn verdict(answer: Answer, operations: &[&str]) -> Result<(), String> {
        let operations: Vec<_> = operations.iter().map(|&op| op.to_owned()).collect();
        let answered = answers(listening(answer), &operations, &AtomicBool::new(false));
        answered.map_err(|wrong| wrong.to_string())
    }

    #[test]
    fn a_server_that_speaks_the_wire_passes() {
        assert_eq!(verdict(WELL, &["ping"]), Ok(()));
    }

    #[test]
    fn a_wrong_value_is_found_by_its_kind() {
        let nothing: Answer = |requests, _| {
            let replies = requests.iter().map(|_| json!({"out": "pong", "result": null}));
            Some(replies.collect())
        };
        let reason = verdict(nothing, &["ping"]).unwrap_err();
        assert!(
            reason.starts_with("a ping of true: ") && reason.contains("wrong_value"),
            "{reason}"
        );
    }

    #[test]
    fn swapped_replies_are_found_in_a_pipeline() {
        let swapped: Answer = |requests, rest| {
            let mut replies = WELL(requests, rest)?;
            if let [first, second, ..] = &mut replies[..] {
                std::mem::swap(first, second);
            }
            Some(replies)
        };
        let reason = verdict(swapped, &["ping"]).unwrap_err();
        assert!(
            reason.starts_with("pings in a pipeline: ") && reason.contains("wrong_value"),
            "{reason}"
        );
    }

    #[test]
    fn a_server_that_reads_half_a_frame_is_found() {
        let impatient: Answer = |requests, rest| if rest { None } else { WELL(requests, rest) };
        let reason = verdict(impatient, &["ping"]).unwrap_err();
        assert!(reason.starts_with("a frame in two pieces: "), "{reason}");
    }

    #[test]
    fn every_declared_operation_is_tried() {
        let reason = verdict(WELL, &["ping", "sleep"]).unwrap_err();
        assert!(reason.starts_with("sleep: "), "{reason}");
    }

    #[test]
    fn a_silent_server_is_found() {
        let silent: Answer = |_, _| Some(Vec::new());
        let reason = verdict(silent, &["ping"]).unwrap_err();
        assert!(reason.starts_with("a ping of null: "), "{reason}");
    }
}
