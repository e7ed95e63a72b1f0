//! A trial in which the system calls of the server are counted, and nothing else.

use schema::record::{Measured, SystemCalls};

use super::bench::{self, Bench};
use crate::plan::Planned;
use host::Fault;
use host::{Host, Intervention};

pub(super) fn run<H: Host>(bench: &Bench<'_, H>, trial: Planned<'_>) -> Result<Measured, Fault> {
    let mut server = bench.start(trial, false)?;
    let plan = bench.plan(trial, &server, None)?;
    let mut loaded = bench
        .host
        .load(&plan, &mut server, Intervention::CountSystemCalls)?;
    let by_name = loaded.system_calls.take().unwrap_or_default();
    let replies = loaded.replies_in_life;
    let mut measured = bench::measured(loaded, server)?;
    measured.system_calls = Some(SystemCalls { by_name, replies });
    Ok(measured)
}
