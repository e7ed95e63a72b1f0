//! This machine as a host.

mod edges;
mod intervention;
mod load;
mod priority;
mod server;
mod tally;
mod trace;

use std::sync::atomic::AtomicBool;

use loadgen::Plan;
use schema::cpus::Split;
use schema::trace::Source;

use crate::fault::Fault;
use crate::interface::{Host, Intervention, Loaded, Start, Traced};
use server::LocalServer;

/// This machine, with the CPUs of each side.
#[derive(Debug, Clone, Copy)]
pub struct Local<'a> {
    cpus: &'a Split,
    /// Set when the run is to stop.
    cancel: &'a AtomicBool,
}

impl<'a> Local<'a> {
    /// Servers get the CPUs of one side and the load generator those of the other. `cancel` is set when the run is to stop.
    #[must_use]
    pub fn new(cpus: &'a Split, cancel: &'a AtomicBool) -> Self {
        Self { cpus, cancel }
    }
}

impl Host for Local<'_> {
    type Server = LocalServer;

    fn start(&self, start: &Start<'_>) -> Result<LocalServer, Fault> {
        LocalServer::start(start, &self.cpus.server, self.cancel)
    }

    fn load_cpus(&self) -> Vec<usize> {
        self.cpus.client.numbers()
    }

    fn load(
        &self,
        plan: &Plan,
        server: &mut LocalServer,
        intervention: Intervention,
    ) -> Result<Loaded, Fault> {
        load::run(plan, server, intervention, self.cpus, self.cancel)
    }

    fn trace(&self, plan: &Plan, server: &mut LocalServer, source: Source) -> Result<Traced, Fault> {
        trace::run(plan, server, source, self.cpus, self.cancel)
    }
}
