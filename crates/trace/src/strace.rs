//! Records by strace(1) alone.

pub(crate) mod calls;
mod effects;
mod events;
mod line;
pub(crate) mod tracing;
mod watch;

use meter::{Family, Strace};
use schema::cpus::Split;
use schema::trace::Source;

use self::tracing::Tracing;
use crate::event::Recording;

/// What strace alone can't show.
const LACKS: &str = "strace records no context switch: it is unknown on which CPU a thread runs, when it waits for one, and \
                     who wakes it. A thread counts as blocked in a system call that may wait, and else as running, even \
                     while strace stops it.";

/// A recording that is being made.
#[derive(Debug)]
pub(crate) struct Session(Tracing);

impl Session {
    /// Starts to record a server.
    pub(crate) fn start(server: Family, _cpus: &Split) -> Result<Self, String> {
        Tracing::start(server).map(Self)
    }

    /// Stops recording.
    pub(crate) fn stop(self, _client_threads: &[i32]) -> Result<Recording, String> {
        let traced = self.0.stop()?;
        Ok(Recording {
            source: Source::Strace,
            lacks: [LACKS.to_owned()].into_iter().chain(traced.lacks()).collect(),
            from_ns: traced.from_ns,
            to_ns: traced.to_ns,
            events: events::events(&traced),
            threads: traced.threads,
        })
    }
}

/// Checks whether this source can be used here.
pub(crate) fn probe() -> Result<(), String> {
    Strace::probe(&tracing::OPTIONS)
}

#[cfg(test)]
mod recorded;
#[cfg(test)]
mod tests;
