//! A trial in which the system calls of the server are counted, and nothing else.

use super::Bench;
use crate::fault::Fault;
use crate::plan::Planned;
use meter::Tracer;
use schema::record::{Measured, SystemCalls};

impl Bench<'_> {
    pub(super) fn of_system_calls(&self, trial: Planned<'_>) -> Result<Measured, Fault> {
        let mut server = self.start(trial, None)?;
        let plan = self.plan(trial, &server, None)?;
        let tracer = Tracer::attach(server.family())
            .ok_or("its system calls can't be counted: there is no strace, or it may not trace (install it, or leave the experiment out)")?;
        let watched = self.watch(&plan, &mut server, None);
        let by_name = tracer
            .finish()
            .map_err(|error| format!("its system calls could not be counted: {error}"))?;
        let watched = watched?;
        let replies = watched.replies_in_life;
        let mut measured = super::measured(watched, server)?;
        measured.system_calls = Some(SystemCalls { by_name, replies });
        Ok(measured)
    }
}
