//! A trace of a server of this machine under a load.

use std::sync::atomic::{AtomicBool, Ordering};

use loadgen::{LoadError, Plan};
use schema::cpus::Split;
use schema::load::Report;
use schema::trace::{Marks, Source};
use trace::Recorder;

use super::edges::settle;
use super::load::UNDER_LOAD;
use super::server::LocalServer;
use crate::fault::Fault;
use crate::interface::{Server, Traced};

/// How often a recording is tried: on a busy machine the kernel may lose events.
const ATTEMPTS_MOST: usize = 3;

/// Records the server while it is loaded.
///
/// The same load comes once before, without a recorder. What a server does only once, such as touching the pages of its stacks,
/// is not what its model costs. One that does not answer is found before it is traced. And the two loads show what recording
/// costs.
pub(super) fn run(
    plan: &Plan,
    server: &mut LocalServer,
    source: Source,
    cpus: &Split,
    cancel: &AtomicBool,
) -> Result<Traced, Fault> {
    let plan = Plan {
        marks: true,
        ..plan.clone()
    };
    let unrecorded = load(&plan, server, cancel)?;
    settle(|| server.meter().cpu(), cancel);
    let mut attempts = 1;
    loop {
        let recorder = Recorder::start(source, server.family(), cpus)?;
        let marks = load(&plan, server, cancel)?;
        // Its threads and processes still close what the client has closed, and end.
        settle(|| server.meter().cpu(), cancel);
        match recorder.stop(&marks.threads) {
            Ok(recording) => {
                return Ok(Traced {
                    recording,
                    marks,
                    unrecorded,
                });
            }
            Err(_) if attempts < ATTEMPTS_MOST && !cancel.load(Ordering::Relaxed) => attempts += 1,
            Err(reason) => return Err(reason.into()),
        }
    }
}

/// Loads the server once. Each request has to be answered well.
fn load(plan: &Plan, server: &mut LocalServer, cancel: &AtomicBool) -> Result<Marks, String> {
    let answered = loadgen::run(plan, cancel, &mut ())
        .map_err(|error: LoadError| format!("{:#}", anyhow::Error::from(error)))
        .and_then(|outcome| {
            all_answered(&outcome.report)?;
            Ok(outcome.marks.unwrap_or_default())
        });
    answered.map_err(|reason| server.explain(UNDER_LOAD, reason))
}

/// Why not every request had a good reply.
fn all_answered(report: &Report) -> Result<(), String> {
    if let Some(reason) = report.disqualification() {
        return Err(reason);
    }
    let (planned, ok) = (report.requests.planned, report.requests.ok);
    if ok == planned {
        return Ok(());
    }
    let first = report.failures.first();
    let first = first.map_or_else(String::new, |failures| {
        format!(
            "; {} × {}, the first: {}",
            failures.count, failures.kind, failures.first
        )
    });
    Err(format!("{ok} of {planned} requests were answered{first}"))
}
