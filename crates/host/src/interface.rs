//! What a trial asks of a host.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use loadgen::Plan;
use meter::Life;
use rand_chacha::ChaCha8Rng;
use schema::contender::Contender;
use schema::cost::{Footprint, Interference, Spent};
use schema::record::WorkerTally;
use schema::trace::{Marks, Source};
use trace::event::Recording;

use crate::fault::Fault;

/// A machine that starts servers, reads what they cost, and loads them.
pub trait Host {
    /// A server that it started.
    type Server: Server;

    /// Starts a server, and waits until it is ready and has done what it does when it starts.
    fn start(&self, start: &Start<'_>) -> Result<Self::Server, Fault>;

    /// The CPUs of the load generator.
    fn load_cpus(&self) -> Vec<usize>;

    /// Loads a server, and reads what it costs within the window.
    fn load(
        &self,
        plan: &Plan,
        server: &mut Self::Server,
        intervention: Intervention,
    ) -> Result<Loaded, Fault>;

    /// Loads a server, and records what its threads do meanwhile. Nothing else is read of it, so that nothing disturbs it. The
    /// plan has a number of requests, all of which have to be answered.
    fn trace(&self, plan: &Plan, server: &mut Self::Server, source: Source) -> Result<Traced, Fault>;
}

/// A server that is ready. Dropping it kills it and all processes below it.
pub trait Server {
    /// Where it listens.
    fn address(&self) -> SocketAddr;

    /// The command that started it: its program and the arguments.
    fn command(&self) -> &[String];

    /// From its start until it was ready.
    fn ready(&self) -> Duration;

    /// The reason why something failed: that the server ended, if it did, else this one. Its last line on stderr is added.
    fn explain(&mut self, when: &str, reason: String) -> String;

    /// Asks it to end, waits for that, and reports what it spent.
    fn stop(self) -> Result<Ended, Fault>;
}

/// Which server is started, and how.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// Whose server it is.
    pub contender: &'a Contender,
    /// Further flags, behind those of its command.
    pub flags: &'a [String],
    /// Whether its workers report what they served.
    pub tally: bool,
    /// The file that its output is kept in, if it is kept.
    pub output: Option<&'a Path>,
}

/// What is done to a server while it is loaded.
#[derive(Debug)]
pub enum Intervention {
    /// Nothing.
    None,
    /// One of its workers is killed.
    KillWorker {
        /// So long after the window opens.
        after: Duration,
        /// Draws the worker.
        draw: Box<ChaCha8Rng>,
    },
    /// Its system calls are counted.
    CountSystemCalls,
}

/// What a load came to.
#[derive(Debug)]
pub struct Loaded {
    /// The load generator's report.
    pub report: schema::load::Report,
    /// The latencies that it recorded.
    pub times: loadgen::slices::Times,
    /// Good replies since the server started.
    pub replies_in_life: u64,
    /// What the server spent within the window.
    pub spent: Spent,
    /// The share of the time of the server's CPUs that it spent.
    pub server_busy_share: f64,
    /// What other programs had of the CPUs.
    pub interference: Interference,
    /// What the server held before the load.
    pub at_ready: Footprint,
    /// The most that it held.
    pub peak: Footprint,
    /// Its system calls by name, if they were counted.
    pub system_calls: Option<BTreeMap<String, u64>>,
}

/// What was recorded of a server under a load.
#[derive(Debug)]
pub struct Traced {
    /// What its threads did.
    pub recording: Recording,
    /// The load as the client saw it.
    pub marks: Marks,
    /// The same load right before, while nothing was recorded.
    pub unrecorded: Marks,
}

/// How a server ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// What it and all processes below it spent in their whole life.
    pub life: Life,
    /// How long it took to end.
    pub drain: Duration,
    /// What its workers served, if they report it.
    pub workers: Vec<WorkerTally>,
}
