//! The trace of one server.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use schema::cpus::Split;
use schema::environment::Commit;
use schema::trace::{Recorded, Source, Trace};
use trace::build::{self, About};
use trace::physics;

use super::asked::Asked;
use crate::contender::Contender;
use crate::contender::build::built;
use crate::traces::Folder;
use host::{Fault, Host, Server, Start};

/// What all traces of a command have in common.
pub(super) struct Bench<'a, H> {
    pub(super) host: &'a H,
    pub(super) asked: &'a Asked,
    pub(super) source: Source,
    /// The version of the kernel.
    pub(super) kernel: String,
    /// The state of the sources, if it is known.
    pub(super) commit: Option<Commit>,
    pub(super) cpus: &'a Split,
    /// Whether what each trace is made from is written.
    pub(super) keep_records: bool,
    /// Set when the command is to stop.
    pub(super) cancel: &'a AtomicBool,
}

/// Why there is no trace of a server.
pub(super) enum Untraced {
    /// The command is to stop.
    Interrupted,
    /// It does not have the operation.
    NotAsked(String),
    /// It failed, or can't be traced.
    LeftOut {
        reason: String,
        /// Whether it can't run on this machine.
        unavailable: bool,
    },
    /// The workbench can't go on.
    Own(String),
}

impl From<Fault> for Untraced {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Trial(reason) => Self::left_out(reason),
            Fault::Unavailable(reason) => Self::LeftOut {
                reason,
                unavailable: true,
            },
            Fault::Own(reason) => Self::Own(reason),
        }
    }
}

impl Untraced {
    fn left_out(reason: String) -> Self {
        Self::LeftOut {
            reason,
            unavailable: false,
        }
    }
}

impl<H: Host> Bench<'_, H> {
    /// Starts a server, traces it, and ends it.
    pub(super) fn trace(&self, contender: &Contender, folder: &Folder) -> Result<Trace, Untraced> {
        let operation = &self.asked.operation;
        if !contender.operations.contains(operation) {
            return Err(Untraced::NotAsked(format!("it does not answer {operation}")));
        }
        let recorded = self.record(contender, folder);
        if self.cancel.load(Ordering::Relaxed) {
            // That of a build which was ended.
            let _ = fs::remove_file(folder.build_output(contender));
            return Err(Untraced::Interrupted);
        }
        let (recorded, host::Traced { recording, marks, .. }) = recorded?;
        if self.keep_records {
            let kept = folder.write_records(&contender.name, &recording, &marks);
            kept.map_err(|error| Untraced::Own(format!("{error:#}")))?;
        }
        let about = About {
            model: contender.name.clone(),
            workload: self.asked.workload(),
            recorded,
        };
        let trace = build::trace(&recording, &marks, about);
        let trace =
            trace.map_err(|error| Untraced::left_out(format!("no trace can be made of it: {error}")))?;
        physics::check(&trace).map_err(|faults| Untraced::left_out(impossible(&faults)))?;
        Ok(trace)
    }

    fn record(&self, contender: &Contender, folder: &Folder) -> Result<(Recorded, host::Traced), Fault> {
        built(contender, &folder.build_output(contender), self.cancel)?;
        let workers = contender.capabilities.workers.is_some();
        let flags = if workers {
            vec!["--workers".to_owned(), self.asked.workers.to_string()]
        } else {
            Vec::new()
        };
        let mut server = self.host.start(&Start {
            contender,
            flags: &flags,
            tally: false,
            output: None,
        })?;
        let recorded = Recorded {
            at: Timestamp::now(),
            kernel: self.kernel.clone(),
            commit: self.commit.as_ref().map(|commit| commit.hash.clone()),
            command: server.command().to_vec(),
            server_cpus: self.cpus.server.clone(),
            client_cpus: self.cpus.client.clone(),
            unrecorded_ns: None,
        };
        let plan = self.asked.plan(server.address(), self.host.load_cpus());
        let traced = (0..RECORDINGS).map(|_| self.host.trace(&plan, &mut server, self.source));
        let traced = traced.collect::<Result<Vec<_>, _>>()?;
        server.stop()?;
        let (traced, unrecorded_ns) = typical(traced);
        let recorded = Recorded {
            unrecorded_ns,
            ..recorded
        };
        Ok((recorded, traced))
    }
}

/// How often a server is recorded. Whatever else happens on the machine can make one recording several times as long.
const RECORDINGS: usize = 3;

/// The recording whose requests took the median time, and the median of the times without a recorder.
fn typical(mut traced: Vec<host::Traced>) -> (host::Traced, Option<u64>) {
    let middle = traced.len() / 2;
    let mut unrecorded: Vec<_> = traced.iter().map(|traced| traced.unrecorded.span_ns()).collect();
    unrecorded.sort_unstable();
    traced.sort_by_key(|traced| traced.marks.span_ns());
    (traced.swap_remove(middle), unrecorded[middle])
}

/// A trace that contradicts physics, in words.
fn impossible(faults: &[String]) -> String {
    let first = faults.first().map_or("", |fault| fault);
    let more = match faults.len() {
        0 | 1 => String::new(),
        more => format!(" ({} more)", more - 1),
    };
    format!("its trace contradicts itself: {first}{more}; trace it again, or use another --source")
}

#[cfg(test)]
mod tests;
