//! Whether a contender speaks the wire: asked before it is measured, so that no figure is of a server that does something
//! else.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use loadgen::{Params, Plan, Work};

use super::Contender;
use crate::cpus::Split;
use crate::server::Server;
use crate::trial::disqualifies;

/// Values of every kind that JSON has, which a ping gives back.
const VALUES: [&str; 7] = [
    "null",
    "true",
    "-1.5e3",
    r#""é \" \\ \n""#,
    "[]",
    r#"[1,{"a":[]}]"#,
    r#"{"":{}}"#,
];

/// Why it does not, if so.
pub(crate) fn fault(contender: &Contender, cpus: &Split, cancel: &AtomicBool) -> Option<String> {
    let server = match Server::start(contender, &[], &cpus.server) {
        Ok(server) => server,
        Err(fault) => return Some(fault.to_string()),
    };
    let ask = |what: &str, work: Work, change: &dyn Fn(&mut Plan)| -> Result<(), String> {
        let mut plan = Plan {
            warmup: Duration::ZERO,
            duration: Duration::from_millis(15),
            timeout: Duration::from_secs(2),
            ..Plan::closed_loop(server.address(), 1, work)
        };
        change(&mut plan);
        let done = loadgen::run(&plan, cancel, &mut ())
            .map_err(|error| format!("{:#}", anyhow::Error::from(error)))?;
        match disqualifies(&done.report) {
            Some(reason) => Err(format!("{what}: {reason}")),
            None if done.report.requests.ok == 0 => Err(format!("{what}: no request was answered in time")),
            None => Ok(()),
        }
    };
    let asked = || -> Result<(), String> {
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
        for op in &contender.operations {
            let params = match &**op {
                "ping" => continue,
                "blob" => "5000",
                "pi" => "100",
                _ => "1",
            };
            let work = Work::new(op, Params::Json(params.to_owned())).map_err(|error| error.to_string())?;
            ask(op, work, &|_| ())?;
        }
        Ok(())
    };
    let verdict = asked().err();
    let mut server = server;
    let verdict = verdict.map(|reason| server.with_last_words(reason));
    match server.stop() {
        Ok(_) => verdict,
        Err(reason) => verdict.or(Some(reason)),
    }
}
